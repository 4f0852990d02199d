package server

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"dip/tools/pulumi/plugin"
)

func TestTokens(t *testing.T) {
	for _, c := range []struct{ token, want string }{
		{"kubernetes:core/v1:ConfigMap", "/v1, Kind=ConfigMap"},
		{"kubernetes:apps/v1:Deployment", "apps/v1, Kind=Deployment"},
		{"kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", "rbac.authorization.k8s.io/v1, Kind=ClusterRole"},
		{"kubernetes:keda.sh/v1alpha1:ScaledObject", "keda.sh/v1alpha1, Kind=ScaledObject"},
		{"kubernetes:flowcontrol.apiserver.k8s.io/v1beta3:FlowSchema",
			"flowcontrol.apiserver.k8s.io/v1beta3, Kind=FlowSchema"},
		{"kubernetes:helm.sh/v3:Chart", ""},
		{"kubernetes:helm.sh/v4:Chart", ""},
		{"kubernetes:yaml/v2:ConfigFile", ""},
		{"kubernetes:yaml:ConfigFile", ""},
		{"kubernetes:kustomize/v2:Directory", ""},
		{"kubernetes:apps/latest:Deployment", ""},
		{"kubernetes:apps/v1:", ""},
		{"aws:s3/bucket:Bucket", ""},
		{"kubernetes:core/v1:ConfigMap:more", ""},
		{"kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition",
			"apiextensions.k8s.io/v1, Kind=CustomResourceDefinition"},
		{"kubernetes:admissionregistration.k8s.io/v1:ValidatingWebhook/x:y", ""},
	} {
		kind, err := parseToken(c.token)
		if c.want == "" {
			if !errors.Is(err, plugin.ErrUnknown) {
				t.Errorf("%s: %v %v", c.token, kind, err)
			}
		} else if err != nil || kind.String() != c.want {
			t.Errorf("%s: %v %v", c.token, kind, err)
		}
	}
}

func TestCheckFillsIn(t *testing.T) {
	e := newEngine(t, "")
	in := e.check(configMap, nil, props(`{"data": {"x": "1"}}`))
	name := text(in, "metadata", "name")
	if !strings.HasPrefix(name, "thing-") || len(name) != len("thing-12345678") ||
		text(in, "metadata", "annotations", autonamed) != "true" {
		t.Errorf("generated name: %v", in)
	}
	if text(in, "apiVersion") != "v1" || text(in, "kind") != "ConfigMap" ||
		text(in, "metadata", "namespace") != "default" {
		t.Errorf("inputs %v", in)
	}
	if again := e.check(configMap, in, props(`{"data": {"x": "2"}, "metadata": {"annotations": {"a": "b"}}}`)); text(again,
		"metadata", "name") != name || text(again, "metadata", "annotations", "a") != "b" {
		t.Errorf("the generated name is not kept: %v", again)
	}
	if chosen := e.check(configMap, in, props(`{"metadata": {"name": "chosen"}}`)); text(chosen, "metadata",
		"name") != "chosen" {
		t.Errorf("the chosen name is not taken: %v", chosen)
	}
	if other := e.check(configMap, props(`{"metadata": {"name": "chosen"}}`),
		props(`{}`)); !strings.HasPrefix(text(other, "metadata", "name"), "thing-") {
		t.Errorf("a name that is not chosen any more stays: %v", other)
	}
	if wide := e.check("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", nil, props(`{}`)); text(wide, "metadata",
		"namespace") != "" {
		t.Errorf("a cluster role is cluster-scoped: %v", wide)
	}
}

func TestCheckRefuses(t *testing.T) {
	e := newEngine(t, "")
	for _, c := range []struct{ token, in, path string }{
		{configMap, `{"kind": "Secret", "metadata": {"name": "a"}}`, "kind"},
		{"kubernetes:apps/v1:DeploymentPatch", `{"kind": "Deployment", "metadata": {"name": "a"}}`, "kind"},
		{configMap, `{"apiVersion": "v2", "metadata": {"name": "a"}}`, "apiVersion"},
		{configMap, `{"metadata": "a"}`, "metadata"},
		{configMap, `{"metadata": {"generateName": "a-"}}`, "metadata.generateName"},
		{"kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", `{"metadata": {"namespace": "a"}}`, "metadata.namespace"},
	} {
		resp, err := e.Check(context.Background(), &pulumirpc.CheckRequest{Urn: urnOf(c.token), News: e.marshal(props(c.in))})
		if err != nil || len(resp.Failures) != 1 || resp.Failures[0].Property != c.path || resp.Failures[0].Reason == "" {
			t.Errorf("%s: %v %v", c.in, resp, err)
		}
	}
}

func TestSettings(t *testing.T) {
	e := newEngine(t, "")
	good := resource.NewProperty(e.api.Kubeconfig())
	for _, c := range []struct {
		name string
		in   resource.PropertyMap
		want []string // parts of the one message; none: it is good
	}{
		{"contents", resource.PropertyMap{"kubeconfig": good, "enableServerSideApply": resource.NewProperty("true"),
			"version": resource.NewProperty("4.23.0")}, nil},
		{"secret contents", resource.PropertyMap{"kubeconfig": resource.MakeSecret(good),
			"context": resource.NewProperty("c")}, nil},
		{"not known yet", resource.PropertyMap{"kubeconfig": resource.MakeComputed(good)}, nil},
		{"before there is a cluster", resource.PropertyMap{"kubeconfig": resource.NewProperty("{}")}, nil},
		{"none", resource.PropertyMap{}, []string{"kubeconfig: it is empty"}},
		{"all that is wrong at once", resource.PropertyMap{"kubconfig": good, "strictMode": resource.NewProperty("true"),
			"enableServerSideApply": resource.NewProperty(false)},
			[]string{"kubconfig: ", "strictMode: ", "enableServerSideApply: "}},
		{"no such file", resource.PropertyMap{"kubeconfig": resource.NewProperty("/nowhere/kubeconfig")},
			[]string{"kubeconfig: open /nowhere/kubeconfig"}},
		{"no such context", resource.PropertyMap{"kubeconfig": good, "context": resource.NewProperty("prod")},
			[]string{`context: the kubeconfig has no context "prod"`}},
		{"no kubeconfig", resource.PropertyMap{"kubeconfig": resource.NewProperty("{]")}, []string{"kubeconfig: "}},
		{"an invalid flag", resource.PropertyMap{"kubeconfig": good, "deleteUnreachable": resource.NewProperty("maybe")},
			[]string{`deleteUnreachable: "maybe"`}},
		{"a list", resource.PropertyMap{"kubeconfig": resource.NewProperty([]resource.PropertyValue{})},
			[]string{"kubeconfig: "}},
	} {
		resp, err := e.CheckConfig(context.Background(), &pulumirpc.CheckRequest{News: e.marshal(c.in)})
		if err != nil {
			t.Fatal(err)
		}
		if len(c.want) == 0 {
			if len(resp.Failures) > 0 {
				t.Errorf("%s: %v", c.name, resp.Failures)
			}
			continue
		}
		if len(resp.Failures) != 1 {
			t.Errorf("%s: %v", c.name, resp.Failures)
			continue
		}
		for _, part := range c.want {
			if !strings.Contains(resp.Failures[0].Reason, part) {
				t.Errorf("%s: %q lacks %q", c.name, resp.Failures[0].Reason, part)
			}
		}
	}
}

func TestAnotherClusterReplacesTheProvider(t *testing.T) {
	e := newEngine(t, "")
	old := e.api.Kubeconfig()
	for _, c := range []struct {
		name    string
		next    resource.PropertyValue
		replace bool
	}{
		{"other credentials", resource.NewProperty(strings.Replace(old, `"token": "t"`, `"token": "u"`, 1)), false},
		{"other server", resource.NewProperty(strings.Replace(old, "https://127.0.0.1", "https://127.0.0.2", 1)), true},
		{"not known", resource.MakeComputed(resource.NewProperty("")), true},
	} {
		d, err := e.DiffConfig(context.Background(), &pulumirpc.DiffRequest{
			OldInputs: e.marshal(resource.PropertyMap{"kubeconfig": resource.NewProperty(old)}),
			News:      e.marshal(resource.PropertyMap{"kubeconfig": c.next}),
		})
		if err != nil || d.Changes != pulumirpc.DiffResponse_DIFF_SOME || (len(d.Replaces) > 0) != c.replace {
			t.Errorf("%s: %v %v", c.name, d, err)
		}
	}
}

func TestSecretsStaySecret(t *testing.T) {
	e := newEngine(t, "")
	const token = "kubernetes:core/v1:Secret"
	in := props(`{"metadata": {"name": "s"}, "stringData": {"password": "hidden"}, "data": {"key": "azE="}}`)
	st := e.mustCreate(token, in)
	for where, m := range map[string]resource.PropertyMap{"inputs": st.in, "outputs": st.out} {
		for _, k := range []resource.PropertyKey{"data", "stringData"} {
			if !m[k].IsSecret() {
				t.Errorf("%s of the %s: %v", k, where, m[k])
			}
		}
	}
	if text(st.out, "data", "password") != "aGlkZGVu" || text(st.out, "data", "key") != "azE=" ||
		text(st.out, "stringData", "password") != "hidden" {
		t.Errorf("outputs %v", st.out)
	}
	if d := e.diff(st, in); d.Changes != none {
		t.Errorf("diff %v", d)
	}
	if !e.refresh(st) || !st.out["data"].IsSecret() {
		t.Errorf("after a refresh: %v", st.out)
	}
	imported := &state{token: token, id: "default/s"}
	if !e.refresh(imported) || !imported.in["data"].IsSecret() || text(imported.in, "metadata", "uid") != "" {
		t.Errorf("imported: %v", imported.in)
	}
	settings := props(settingsMap)
	settings["data"].ObjectValue()["x"] = resource.MakeSecret(resource.NewProperty("1"))
	if st := e.mustCreate(configMap, settings); !st.out["data"].ObjectValue()["x"].IsSecret() ||
		st.out["data"].ObjectValue()["y"].IsSecret() {
		t.Errorf("a secret input comes back as %v", st.out["data"])
	}
}

// An update of other resources, before there is a cluster, configures the provider: only what needs a cluster fails.
func TestConfigureBeforeThereIsACluster(t *testing.T) {
	e := &engine{t: t}
	e.serve("")
	e.configure(resource.PropertyMap{"kubeconfig": resource.NewProperty("{}")})
	if err := e.p.Configured(); err == nil {
		t.Error("it has a cluster")
	}
}
