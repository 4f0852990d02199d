package server

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"k8s.io/apimachinery/pkg/apis/meta/v1"

	"dip/tools/pulumi/kubernetes/internal/fakeapi"
	"dip/tools/pulumi/kubernetes/internal/object"
)

const settingsMap = `{"metadata": {"name": "settings", "labels": {"a": "1"}}, "data": {"x": "1", "y": "2"}}`

func text(m resource.PropertyMap, path ...string) string {
	v, _ := object.At(m, path...)
	if !v.IsString() {
		return ""
	}
	return v.StringValue()
}

func TestObjectFromCreationToEnd(t *testing.T) {
	e := newEngine(t, "")
	st := e.mustCreate(configMap, props(settingsMap))
	if st.id != "default/settings" || text(st.out, "data", "x") != "1" || text(st.out, "metadata", "uid") == "" {
		t.Fatalf("created %+v", st)
	}
	if d := e.diff(st, props(settingsMap)); d.Changes != none {
		t.Errorf("nothing changed, yet %v", d)
	}
	if w := e.api.Writes(); !slices.Equal(w, []string{"PATCH ConfigMap settings"}) {
		t.Errorf("writes %q", w)
	}

	next := props(`{"metadata": {"name": "settings"}, "data": {"x": "2", "z": "3"}}`)
	d := e.diff(st, next)
	want := map[string]pulumirpc.PropertyDiff_Kind{
		"data.x": pulumirpc.PropertyDiff_UPDATE, "data.y": pulumirpc.PropertyDiff_DELETE,
		"data.z":          pulumirpc.PropertyDiff_ADD,
		"metadata.labels": pulumirpc.PropertyDiff_DELETE,
	}
	if len(d.Replaces) > 0 || len(d.DetailedDiff) != len(want) || !slices.Equal(d.Diffs, []string{"data", "metadata"}) {
		t.Errorf("diff %v", d)
	}
	for path, kind := range want {
		if d.DetailedDiff[path].GetKind() != kind {
			t.Errorf("%s: %v, want %v", path, d.DetailedDiff[path], kind)
		}
	}
	e.update(st, next)
	if d := e.diff(st, next); d.Changes != none || text(st.out, "data", "z") != "3" {
		t.Errorf("after the update: %v %v", d, st.out)
	}

	if err := e.delete(st, 0); err != nil || e.api.Has("ConfigMap", "default", "settings") {
		t.Errorf("delete: %v", err)
	}
	if e.refresh(st) {
		t.Error("still there")
	}
	if err := e.delete(st, 0); err != nil {
		t.Errorf("delete again: %v", err)
	}
}

// A refresh shows what another client changed, and the next update reverts it; what the client added stays.
func TestDrift(t *testing.T) {
	e := newEngine(t, "")
	st := e.mustCreate(configMap, props(settingsMap))
	e.api.Change(t, "ConfigMap", "default", "settings", func(o *fakeapi.Object) {
		o.Object["data"] = map[string]any{"x": "drifted", "added": "by others"}
	})
	if !e.refresh(st) {
		t.Fatal("gone")
	}
	if text(st.in, "data", "x") != "drifted" || text(st.in, "data", "added") != "" ||
		st.in["data"].ObjectValue().HasValue("y") {
		t.Errorf("inputs after the refresh: %v", st.in)
	}
	d := e.diff(st, props(settingsMap))
	if len(d.DetailedDiff) != 2 || d.DetailedDiff["data.x"] == nil || d.DetailedDiff["data.y"] == nil {
		t.Errorf("diff %v", d)
	}
	e.update(st, props(settingsMap))
	if text(st.out, "data", "x") != "1" || text(st.out, "data", "added") != "by others" {
		t.Errorf("after the update: %v", st.out)
	}
}

func TestIgnoredChangesStayAsTheyAre(t *testing.T) {
	e := newEngine(t, "")
	st := e.mustCreate(configMap, props(settingsMap))
	e.api.Change(t, "ConfigMap", "default", "settings", func(o *fakeapi.Object) {
		o.Object["data"] = map[string]any{"x": "scaled", "y": "2"}
	})
	if d := e.diff(st, props(settingsMap), "data.x"); d.Changes != none {
		t.Errorf("diff %v", d)
	}
	e.update(st, props(settingsMap), "data.x")
	if text(st.out, "data", "x") != "scaled" {
		t.Errorf("after the update: %v", st.out)
	}
}

func TestAnObjectThatIsGoneIsMadeAnew(t *testing.T) {
	e := newEngine(t, "")
	st := e.mustCreate(configMap, props(settingsMap))
	if err := e.delete(st, 0); err != nil {
		t.Fatal(err)
	}
	if d := e.diff(st, props(settingsMap)); d.Changes != pulumirpc.DiffResponse_DIFF_SOME || len(d.Replaces) > 0 {
		t.Errorf("diff %v", d)
	}
	e.update(st, props(settingsMap))
	if !e.api.Has("ConfigMap", "default", "settings") {
		t.Error("it was not made")
	}
}

// A creation whose answer got lost is repeated.
func TestCreateTwice(t *testing.T) {
	e := newEngine(t, "")
	first := e.mustCreate(configMap, props(settingsMap))
	second := e.mustCreate(configMap, props(settingsMap))
	if first.id != second.id || text(first.out, "metadata", "uid") != text(second.out, "metadata", "uid") {
		t.Errorf("%v and %v", first, second)
	}
}

func TestCreateTakesNothingFromOthers(t *testing.T) {
	e := newEngine(t, "")
	attempts := 0
	e.api.Refuse = func(string, *fakeapi.Object, bool) *v1.Status {
		attempts++
		return fakeapi.Status(http.StatusConflict, v1.StatusReasonConflict, `conflict with "kubectl": .data.x`,
			v1.StatusCause{Type: v1.CauseTypeFieldManagerConflict, Field: ".data.x"})
	}
	_, err := e.create(configMap, props(settingsMap), 0)
	if err == nil || !strings.Contains(err.Error(), "import it") || !strings.Contains(err.Error(), "kubectl") ||
		attempts != 1 {
		t.Errorf("after %d attempts: %v", attempts, err)
	}
}

func TestWritesAreTriedAgainWhenTheReasonPasses(t *testing.T) {
	for _, status := range []*v1.Status{
		fakeapi.Status(http.StatusConflict, v1.StatusReasonConflict, "the object has been modified"),
		fakeapi.Status(http.StatusServiceUnavailable, v1.StatusReasonServiceUnavailable, "not now"),
		fakeapi.Status(http.StatusInternalServerError, v1.StatusReasonInternalError, "failed calling webhook"),
	} {
		e := newEngine(t, "")
		attempts := 0
		e.api.Refuse = func(string, *fakeapi.Object, bool) *v1.Status {
			if attempts++; attempts <= 2 {
				return status
			}
			return nil
		}
		if _, err := e.create(configMap, props(settingsMap), 0); err != nil || attempts != 3 {
			t.Errorf("%s: %d attempts, %v", status.Message, attempts, err)
		}
	}
}

// The API server takes longer to serve a kind than to announce it.
func TestAKindMayStillBeComing(t *testing.T) {
	e := newEngine(t, "")
	definition := props(`{"metadata": {"name": "scalers.dip"}, "spec": {"group": "dip", "scope": "Namespaced", 
		"names": {"kind": "Scaler", "plural": "scalers"}}}`)
	done := make(chan error, 1)
	go func() {
		_, err := e.create("kubernetes:dip/v1:Scaler", props(`{"metadata": {"name": "s"}}`), 0)
		done <- err
	}()
	e.mustCreate("kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition", definition)
	if err := <-done; err != nil || !e.api.Has("Scaler", "default", "s") {
		t.Errorf("create: %v", err)
	}
	st := &state{token: "kubernetes:dip/v1:Scaler", id: "default/s"}
	e.api.Forget("Scaler")
	if e.refresh(st) {
		t.Error("its kind is gone, it is not")
	}
	if err := e.delete(st, 0); err != nil {
		t.Errorf("delete after the kind: %v", err)
	}
}
