package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var kind = schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}

func TestIDs(t *testing.T) {
	for _, r := range []Ref{{kind, "", "a"}, {kind, "ns", "a"}} {
		if got, err := ParseID(kind, r.ID()); err != nil || got != r {
			t.Errorf("%s is read as %v: %v", r.ID(), got, err)
		}
	}
	for _, id := range []string{"", "/", "/a", "ns/", "ns/a/b"} {
		if r, err := ParseID(kind, id); err == nil {
			t.Errorf("%q is read as %v", id, r)
		}
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("default/settings")
	f.Fuzz(func(t *testing.T, id string) {
		if r, err := ParseID(kind, id); err == nil && r.ID() != id {
			t.Errorf("%q comes back as %q", id, r.ID())
		}
	})
}

const kubeconfig = `apiVersion: v1
kind: Config
current-context: a
clusters: [{name: a, cluster: {server: "https://a"}}, {name: b, cluster: {server: "https://b"}}]
users: [{name: u, user: {}}]
contexts: [{name: a, context: {cluster: a, user: u}}, {name: b, context: {cluster: b, user: u, namespace: of-b}}]
`

func TestSettingsFromContentsOrFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(kubeconfig), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		in        Settings
		server    string
		namespace string
	}{
		{Settings{Kubeconfig: kubeconfig}, "https://a", "default"},
		{Settings{Kubeconfig: file}, "https://a", "default"},
		{Settings{Kubeconfig: file, Context: "b"}, "https://b", "of-b"},
		{Settings{Kubeconfig: file, Context: "b", Namespace: "mine"}, "https://b", "mine"},
	} {
		id, err := c.in.Identity()
		if err != nil || id.Server != c.server {
			t.Errorf("%+v: %v %v", c.in, id, err)
		}
		if made, err := New(c.in); err != nil || made.Namespace != c.namespace {
			t.Errorf("%+v: %v %v", c.in, made, err)
		}
	}
}

// The same address may belong to another cluster, which then has another CA.
func TestIdentityHoldsTheCA(t *testing.T) {
	other := strings.Replace(kubeconfig, `server: "https://a"`, `server: "https://a", certificate-authority-data: Y2E=`, 1)
	is, err := Settings{Kubeconfig: kubeconfig}.Identity()
	if err != nil {
		t.Fatal(err)
	}
	if was, err := (Settings{Kubeconfig: other}).Identity(); err != nil || was == is {
		t.Errorf("%v and %v: %v", was, is, err)
	}
}

func TestErrorClasses(t *testing.T) {
	group := schema.GroupResource{Resource: "configmaps"}
	_, refused := New(Settings{Kubeconfig: kubeconfig})
	if refused != nil {
		t.Fatal(refused)
	}
	closed, err := New(Settings{Kubeconfig: strings.Replace(kubeconfig, "https://a", "https://127.0.0.1:1", 1)})
	if err != nil {
		t.Fatal(err)
	}
	_, dial := closed.Get(context.Background(), Ref{kind, "default", "a"})
	for _, c := range []struct {
		name                          string
		err                           error
		missing, unreachable, passing bool
	}{
		{"no object", apierrors.NewNotFound(group, "a"), true, false, false},
		{"no kind", fmt.Errorf("read: %w", &meta.NoKindMatchError{GroupKind: kind.GroupKind()}), true, false, true},
		{"nothing listens", dial, false, true, true},
		{"no credentials", &url.Error{Op: "Get", URL: "https://a", Err: errors.New("getting credentials: exec: not found")},
			false, false, false},
		{"cancelled", &url.Error{Op: "Get", URL: "https://a", Err: context.Canceled}, false, false, false},
		{"busy", apierrors.NewTooManyRequests("", 1), false, false, true},
		{"forbidden", apierrors.NewForbidden(group, "a", errors.New("no")), false, false, false},
	} {
		if IsMissing(c.err) != c.missing || IsUnreachable(c.err) != c.unreachable || passing(c.err) != c.passing {
			t.Errorf("%s: missing %v, unreachable %v, passing %v: %v", c.name, IsMissing(c.err), IsUnreachable(c.err),
				passing(c.err), c.err)
		}
	}
	if !strings.Contains(dial.Error(), "read ConfigMap default/a: reach the cluster at https://127.0.0.1:1") {
		t.Error(dial)
	}
}
