package chart

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestRender(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "b.yaml", `
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Name }}"}
spec:
  replicas: {{ .Values.replicas }}
  template: {spec: {nodeSelector: {{ toJson .Values.nodeSelector }}}}
---
# nothing but a comment
---
{{- with index .Values "extra" }}
{apiVersion: v1, kind: ConfigMap, metadata: {name: extra}}
{{- end }}
---
{apiVersion: dip/v1, kind: Wide, metadata: {name: w}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: a, namespace: other}}
`)
	write(t, dir, "a.yaml", `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: r}}`)
	write(t, dir, "crds/wide.yaml", `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: wides.dip, annotations: {text: "{{ not a template }}"}}
spec: {group: dip, scope: Cluster, names: {kind: Wide, plural: wides}}
`)
	values := map[string]any{"replicas": int64(2), "nodeSelector": map[string]any{"dip/group": "services"}}
	objects, err := Render(dir, Release{Name: "keda", Namespace: "keda", Values: values})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range objects {
		got = append(got, o.GetKind()+" "+o.GetNamespace()+"/"+o.GetName())
	}
	want := "CustomResourceDefinition /wides.dip, ServiceAccount other/a, ClusterRole /r, Deployment keda/keda, Wide /w"
	if strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
	spec := objects[3].Object["spec"].(map[string]any)
	if spec["replicas"] != int64(2) {
		t.Errorf("replicas %v", spec["replicas"])
	}
}

func TestRenderRefuses(t *testing.T) {
	const one = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "no manifests"},
		{"missing value", "{{ .Values.depth }}", "depth"},
		{"broken template", "{{ .Values", "unclosed action"},
		{"broken YAML", one + "\n---\n{", "document 2"},
		{"a key twice", "apiVersion: v1\napiVersion: v1", "document 1"},
		{"no name", "{apiVersion: v1, kind: ConfigMap}", "metadata.name"},
		{"no kind", "{apiVersion: v1, metadata: {name: a}}", "document 1"},
		{"twice", one + "\n---\n" + one, "ConfigMap ns/a appears twice"},
	} {
		dir := t.TempDir()
		write(t, dir, "all.yaml", c.text)
		_, err := Render(dir, Release{Namespace: "ns"})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n---\n---\nnull")
	f.Add("--- \n- a\n...\n%YAML 1.2")
	f.Fuzz(func(t *testing.T, text string) {
		objects, err := parse([]byte(text))
		for _, o := range objects {
			if o.GetName() == "" || o.GetKind() == "" || o.GetAPIVersion() == "" {
				t.Errorf("%q: an object without a name or a kind: %v, %v", text, o, err)
			}
		}
	})
}
