package server

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"k8s.io/apimachinery/pkg/apis/meta/v1"

	"dip/tools/pulumi/kubernetes/internal/fakeapi"
)

func (e *engine) preview(token string, in resource.PropertyMap) (resource.PropertyMap, error) {
	e.t.Helper()
	resp, err := e.Create(context.Background(),
		&pulumirpc.CreateRequest{Urn: urnOf(token), Properties: e.marshal(e.check(token, nil, in)), Preview: true})
	if err != nil {
		return nil, err
	}
	return e.unmarshal(resp.Properties), nil
}

func TestPreviewOfACreation(t *testing.T) {
	for _, c := range []struct {
		name, token, in string
	}{
		{"valid", configMap, settingsMap},
		{"in a namespace to come", configMap, `{"metadata": {"name": "a", "namespace": "to-come"}}`},
		{"of a kind to come", "kubernetes:keda.sh/v1alpha1:ScaledObject", `{"metadata": {"name": "a"}}`},
	} {
		e := newEngine(t, "")
		outs, err := e.preview(c.token, props(c.in))
		if err != nil || text(outs, "metadata", "name") == "" || text(outs, "metadata", "uid") != "" {
			t.Errorf("%s: %v %v", c.name, outs, err)
		}
		if w := e.api.Writes(); len(w) > 0 {
			t.Errorf("%s: a preview writes %q", c.name, w)
		}
	}
}

func TestPreviewShowsWhatTheServerRefuses(t *testing.T) {
	e := newEngine(t, "")
	e.api.Refuse = func(string, *fakeapi.Object, bool) *v1.Status {
		return fakeapi.Status(http.StatusBadRequest, v1.StatusReasonBadRequest, `strict decoding error: unknown field "dta"`)
	}
	_, err := e.preview(configMap, props(settingsMap))
	if err == nil || !strings.Contains(err.Error(), "validate ConfigMap default/settings") ||
		!strings.Contains(err.Error(), "dta") {
		t.Errorf("preview: %v", err)
	}
}

// A replacement is previewed while the object that it replaces is still there. Another client's object is not.
func TestPreviewOfAReplacement(t *testing.T) {
	for _, ours := range []bool{true, false} {
		e := newEngine(t, "")
		if ours {
			e.mustCreate(configMap, props(settingsMap))
		} else {
			e.api.Put(&fakeapi.Object{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap",
				"metadata": map[string]any{"name": "settings", "namespace": "default"}}})
		}
		for _, status := range []*v1.Status{
			refuse("value: Forbidden: may not be changed in an update"),
			fakeapi.Status(http.StatusConflict, v1.StatusReasonConflict, "conflict",
				v1.StatusCause{Type: v1.CauseTypeFieldManagerConflict}),
		} {
			e.api.Refuse = func(_ string, o *fakeapi.Object, _ bool) *v1.Status {
				if o.GetName() != "settings" {
					return nil
				}
				return status
			}
			if _, err := e.preview(configMap, props(settingsMap)); (err == nil) != ours {
				t.Errorf("ours %v, %s: %v", ours, status.Message, err)
			}
		}
	}
}

// Before there is a cluster, a preview takes the inputs as they are.
func TestPreviewWithoutCluster(t *testing.T) {
	e := newEngine(t, "")
	e.serve("")
	e.configure(resource.PropertyMap{"kubeconfig": resource.MakeComputed(resource.NewProperty(""))})
	outs, err := e.preview(configMap, props(settingsMap))
	if err != nil || text(outs, "data", "x") != "1" {
		t.Errorf("preview: %v %v", outs, err)
	}
	if _, err := e.create(configMap, props(settingsMap), 0); err == nil ||
		!strings.Contains(err.Error(), "kubeconfig is not known") {
		t.Errorf("create: %v", err)
	}
	st := &state{token: configMap, id: "default/settings", in: props(settingsMap)}
	if err := e.delete(st, 0); err == nil || !strings.Contains(err.Error(), "kubeconfig is not known") {
		t.Errorf("delete: %v", err)
	}
}

func TestPreviewOfAnUpdate(t *testing.T) {
	e := newEngine(t, "")
	st := e.mustCreate(configMap, props(settingsMap))
	e.api.Writes()
	news := e.check(configMap, st.in, props(`{"metadata": {"name": "settings"}, "data": {"x": "2"}}`))
	resp, err := e.Update(context.Background(), &pulumirpc.UpdateRequest{Urn: urnOf(configMap), Id: st.id,
		Olds: e.marshal(st.out), News: e.marshal(news), Preview: true})
	if err != nil {
		t.Fatal(err)
	}
	outs := e.unmarshal(resp.Properties)
	if text(outs, "data", "x") != "2" || text(outs, "metadata", "uid") != text(st.out, "metadata", "uid") ||
		text(outs, "metadata", "resourceVersion") != "" {
		t.Errorf("outputs %v", outs)
	}
	if w := e.api.Writes(); len(w) > 0 {
		t.Errorf("a preview writes %q", w)
	}
}
