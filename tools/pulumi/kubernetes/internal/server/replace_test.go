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

func refuse(message string, causes ...v1.StatusCause) *v1.Status {
	return fakeapi.Status(http.StatusUnprocessableEntity, v1.StatusReasonInvalid, message, causes...)
}

// What only a new object can be is refused for the one that is there, and accepted under another name.
func TestImmutableFieldsAskForReplacement(t *testing.T) {
	for _, c := range []struct {
		name    string
		refused func(name string) *v1.Status
		path    string
	}{
		{"the server says so", func(string) *v1.Status {
			return refuse("invalid",
				v1.StatusCause{Type: v1.CauseTypeFieldValueInvalid, Message: "field is immutable", Field: "data.x"})
		}, "data.x"},
		{"other words, valid if new", func(name string) *v1.Status {
			if name != "settings" {
				return nil
			}
			return refuse("cannot change roleRef")
		}, "data.x"},
	} {
		e := newEngine(t, "")
		st := e.mustCreate(configMap, props(settingsMap))
		e.api.Refuse = func(_ string, o *fakeapi.Object, dryRun bool) *v1.Status {
			if !dryRun {
				t.Errorf("%s: a diff writes", c.name)
			}
			return c.refused(o.GetName())
		}
		d := e.diff(st, props(`{"metadata": {"name": "settings", "labels": {"a": "1"}}, "data": {"x": "2", "y": "2"}}`))
		if len(d.Replaces) != 1 || d.Replaces[0] != "data" || !d.DeleteBeforeReplace ||
			d.DetailedDiff[c.path].GetKind() != pulumirpc.PropertyDiff_UPDATE_REPLACE {
			t.Errorf("%s: %v", c.name, d)
		}
	}
}

func TestWhatIsInvalidAnywayIsAnError(t *testing.T) {
	e := newEngine(t, "")
	st := e.mustCreate(configMap, props(settingsMap))
	e.api.Refuse = func(string, *fakeapi.Object, bool) *v1.Status { return refuse("data.x: too long") }
	_, err := e.Diff(context.Background(), &pulumirpc.DiffRequest{
		Urn: urnOf(configMap), Id: st.id, Olds: e.marshal(st.out), OldInputs: e.marshal(st.in), News: e.marshal(st.in),
	})
	if err == nil || !strings.Contains(err.Error(), "ConfigMap default/settings") ||
		!strings.Contains(err.Error(), "too long") {
		t.Errorf("diff: %v", err)
	}
	if !e.refresh(st) || text(st.in, "data", "x") != "1" {
		t.Errorf("a refresh reads it all the same: %v", st.in)
	}
}

func TestAnotherNameOrNamespaceIsAnotherObject(t *testing.T) {
	e := newEngine(t, "")
	st := e.mustCreate(configMap, props(settingsMap))
	for news, path := range map[string]string{
		`{"metadata": {"name": "other"}}`:                                "metadata.name",
		`{"metadata": {"name": "settings", "namespace": "other"}}`:       "metadata.namespace",
		`{"data": {"x": "1"}, "metadata": {"labels": {"without": "a"}}}`: "metadata.name",
	} {
		d := e.diff(st, props(news))
		if d.DetailedDiff[path].GetKind() != pulumirpc.PropertyDiff_UPDATE_REPLACE || len(d.Replaces) == 0 ||
			d.DeleteBeforeReplace {
			t.Errorf("%s: %v", news, d)
		}
	}
	d := e.diff(st, resource.PropertyMap{"metadata": resource.NewProperty(resource.PropertyMap{
		"name": resource.MakeComputed(resource.NewProperty(""))})})
	if len(d.Replaces) != 1 {
		t.Errorf("a name that is not known: %v", d)
	}
}

func TestUnknownInputsAreComparedWithTheOldOnes(t *testing.T) {
	e := newEngine(t, "")
	st := e.mustCreate(configMap, props(settingsMap))
	news := props(settingsMap)
	news["data"].ObjectValue()["x"] = resource.MakeComputed(resource.NewProperty(""))
	d := e.diff(st, news)
	if len(d.DetailedDiff) != 1 || !d.DetailedDiff["data.x"].GetInputDiff() || len(d.Replaces) > 0 {
		t.Errorf("diff %v", d)
	}
}
