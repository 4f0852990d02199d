// Package chart renders charts: folders of manifests, which hold templates. They are simpler than Helm's.
package chart

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"
)

// Object is an object of any kind.
type Object = unstructured.Unstructured

// Release is what a chart is rendered for.
type Release struct {
	Name      string
	Namespace string // of objects that name none
	Values    map[string]any
}

// Dir is the folder of a chart below the one that holds all.
func Dir(charts, name, version string) string { return filepath.Join(charts, name+"-"+version) }

// Render returns the objects of the chart in a folder, in the order in which they can be applied. The files *.yaml are
// templates over the release (text/template, with Helm's toJson; a value that is missing is an error, except through
// index); those in crds/ are taken as they are.
func Render(dir string, r Release) ([]*Object, error) {
	plain, err := filepath.Glob(filepath.Join(dir, "crds", "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("chart %s: %w", dir, err)
	}
	templates, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("chart %s: %w", dir, err)
	}
	var all []*Object
	for _, file := range append(plain, templates...) {
		text, err := os.ReadFile(file)
		if err == nil && filepath.Dir(file) == filepath.Clean(dir) {
			text, err = expand(file, string(text), r)
		}
		if err != nil {
			return nil, fmt.Errorf("chart %s: %w", dir, err)
		}
		objects, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("chart %s: %s: %w", dir, filepath.Base(file), err)
		}
		all = append(all, objects...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("chart %s: no manifests in it", dir)
	}
	place(all, r.Namespace)
	if err := unique(all); err != nil {
		return nil, fmt.Errorf("chart %s: %w", dir, err)
	}
	arrange(all)
	return all, nil
}

func expand(file, text string, r Release) ([]byte, error) {
	funcs := template.FuncMap{"toJson": func(v any) (string, error) {
		b, err := json.Marshal(v)
		return string(b), err
	}}
	t, err := template.New(filepath.Base(file)).Option("missingkey=error").Funcs(funcs).Parse(text)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, r)
	return out.Bytes(), err
}

// parse reads a file of YAML documents, each an object or empty.
func parse(text []byte) ([]*Object, error) {
	var all []*Object
	docs := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for n := 1; ; n++ {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", n, err)
		}
		o, err := parseObject(doc)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", n, err)
		}
		if o != nil {
			all = append(all, o)
		}
	}
}

func parseObject(doc []byte) (*Object, error) {
	text, err := sigsyaml.YAMLToJSONStrict(doc)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(string(text)) == "null" {
		return nil, nil
	}
	o := &Object{}
	if err := o.UnmarshalJSON(text); err != nil {
		return nil, err
	}
	if o.GetAPIVersion() == "" || o.GetName() == "" {
		return nil, errors.New("an object needs apiVersion, kind and metadata.name")
	}
	return o, nil
}

func unique(all []*Object) error {
	seen := map[string]bool{}
	for _, o := range all {
		id := o.GroupVersionKind().GroupKind().String() + " " + o.GetNamespace() + "/" + o.GetName()
		if seen[id] {
			return fmt.Errorf("%s appears twice", id)
		}
		seen[id] = true
	}
	return nil
}
