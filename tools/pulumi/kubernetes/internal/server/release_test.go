package server

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"k8s.io/apimachinery/pkg/apis/meta/v1"

	"dip/tools/pulumi/kubernetes/internal/fakeapi"
	"dip/tools/pulumi/kubernetes/internal/object"
)

const keda = `{"chart": "keda", "version": "1.0", "name": "keda", "namespace": "default", "compat": "true",
"repositoryOpts": {"repo": "https://charts"}, "timeout": 60, "maxHistory": 5, "values": {"level": "info"}}`

// charts makes a folder with the chart keda-1.0.
func charts(t *testing.T) string {
	dir := t.TempDir()
	writeChart(t, dir, `apiVersion: dip/v1
kind: Scaler
metadata: {name: one}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {level: "{{ .Values.level }}"}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: "{{ .Name }}-operator", namespace: "{{ .Namespace }}"}
`)
	crds := filepath.Join(dir, "keda-1.0", "crds")
	if err := os.MkdirAll(crds, 0o755); err != nil {
		t.Fatal(err)
	}
	definition := `{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
"metadata": {"name": "scalers.dip"}, "spec": {"group": "dip", "scope": "Namespaced",
"names": {"kind": "Scaler", "plural": "scalers"}, "description": "{{ no template }}"}}`
	if err := os.WriteFile(filepath.Join(crds, "scalers.yaml"), []byte(definition), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func writeChart(t *testing.T, dir, manifests string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "keda-1.0"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "keda-1.0", "all.yaml"), []byte(manifests), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestReleaseFromCreationToEnd(t *testing.T) {
	dir := charts(t)
	e := newEngine(t, dir)
	st := e.mustCreate(releaseToken, props(keda))
	want := []string{"PATCH CustomResourceDefinition scalers.dip", "PATCH ServiceAccount keda-operator",
		"PATCH ConfigMap settings", "PATCH Scaler one"}
	if w := e.api.Writes(); !slices.Equal(w, want) || st.id != "default/keda" {
		t.Errorf("created %s by %q", st.id, w)
	}
	if ids, _ := object.At(st.out, "resourceNames", "Scaler/dip/v1"); !ids.IsArray() ||
		ids.ArrayValue()[0].StringValue() != "default/one" {
		t.Errorf("outputs %v", st.out)
	}
	if d := e.diff(st, props(keda)); d.Changes != none {
		t.Errorf("nothing changed, yet %v", d)
	}

	e.api.Change(t, "ConfigMap", "default", "settings",
		func(o *fakeapi.Object) { o.Object["data"] = map[string]any{"level": "drifted"} })
	if !e.refresh(st) {
		t.Error("gone")
	}
	if d := e.diff(st, props(keda)); d.Changes == none || len(d.Replaces) > 0 {
		t.Errorf("after a drift: %v", d)
	}

	writeChart(t, dir, `{apiVersion: v1, kind: ConfigMap, metadata: {name: settings},
  data: {level: "{{ .Values.level }}"}}`)
	if d := e.diff(st, props(keda)); d.Changes == none {
		t.Errorf("the chart has fewer objects, yet %v", d)
	}
	e.api.Writes()
	e.update(st, props(keda))
	want = []string{"PATCH ConfigMap settings", "DELETE Scaler one", "DELETE ServiceAccount keda-operator"}
	if w := e.api.Writes(); !slices.Equal(w, want) {
		t.Errorf("updated by %q", w)
	}

	if err := e.delete(st, 0); err != nil {
		t.Fatal(err)
	}
	want = []string{"DELETE ConfigMap settings", "DELETE CustomResourceDefinition scalers.dip"}
	if w := e.api.Writes(); !slices.Equal(w, want) {
		t.Errorf("deleted by %q", w)
	}
	if e.refresh(st) {
		t.Error("still there")
	}
}

// A release that stops halfway is recorded with all that it may have made, and resumes.
func TestReleaseThatFailsHalfway(t *testing.T) {
	e := newEngine(t, charts(t))
	e.api.Refuse = func(_ string, o *fakeapi.Object, _ bool) *v1.Status {
		if o.GetKind() == "ConfigMap" {
			return fakeapi.Status(http.StatusForbidden, v1.StatusReasonForbidden, "exceeded quota")
		}
		return nil
	}
	st, err := e.create(releaseToken, props(keda), 0)
	if err == nil || !strings.Contains(err.Error(), "release keda: create ConfigMap default/settings: exceeded quota") ||
		st == nil {
		t.Fatalf("created %v: %v", st, err)
	}
	e.api.Refuse = nil
	e.update(st, props(keda))
	if !e.api.Has("Scaler", "default", "one") {
		t.Error("it did not resume")
	}
	if err := e.delete(st, 0); err != nil || e.api.Has("CustomResourceDefinition", "", "scalers.dip") {
		t.Errorf("delete: %v", err)
	}
}

func TestReleaseUnderAnotherNameIsAnotherOne(t *testing.T) {
	e := newEngine(t, charts(t))
	st := e.mustCreate(releaseToken, props(keda))
	if d := e.diff(st, props(strings.Replace(keda, `"name": "keda"`, `"name": "other"`, 1))); len(d.Replaces) == 0 ||
		!d.DeleteBeforeReplace {
		t.Errorf("diff %v", d)
	}
}

func TestReleaseRefuses(t *testing.T) {
	for _, c := range []struct{ name, charts, in, path, reason string }{
		{"no charts", "", keda, "chart", "need Helm and Pulumi's own kubernetes plugin"},
		{"no such chart", t.TempDir(), keda, "chart", "no such chart among those in DIP_CHARTS"},
		{"missing value", charts(t), strings.Replace(keda, "level", "depth", 1), "chart", "level"},
		{"missing version", charts(t), `{"chart": "keda"}`, "version", "missing"},
		{"what only Helm can do", charts(t), `{"chart": "keda", "version": "1.0", "atomic": true}`, "atomic",
			"serves no such part"},
		{"wrong type", charts(t), `{"chart": "keda", "version": "1.0", "timeout": "60s"}`, "timeout", "cannot be a string"},
	} {
		e := newEngine(t, c.charts)
		resp, err := e.Check(context.Background(),
			&pulumirpc.CheckRequest{Urn: urnOf(releaseToken), News: e.marshal(props(c.in))})
		if err != nil || len(resp.Failures) != 1 || resp.Failures[0].Property != c.path ||
			!strings.Contains(resp.Failures[0].Reason, c.reason) {
			t.Errorf("%s: %v %v", c.name, resp, err)
		}
	}
}
