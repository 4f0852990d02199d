package admission

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	document "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// Parse reads the objects of a file with YAML documents. A duplicate key is an error.
func Parse(text []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	documents := document.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		one, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("split a manifest: %w", err)
		}
		if len(bytes.TrimSpace(one)) == 0 {
			continue
		}
		object, err := parseOne(one)
		if err != nil {
			return nil, fmt.Errorf("object %d of a manifest: %w", len(objects)+1, err)
		}
		objects = append(objects, object)
	}
}

func parseOne(text []byte) (*unstructured.Unstructured, error) {
	data, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return nil, err
	}
	object := &unstructured.Unstructured{}
	if err := json.Unmarshal(data, &object.Object); err != nil {
		return nil, err
	}
	if object.GetAPIVersion() == "" || object.GetKind() == "" || object.GetName() == "" {
		return nil, errors.New("apiVersion, kind, metadata.name: want all of them")
	}
	return object, nil
}

// templates are where kinds keep the template of their pods.
var templates = map[string][]string{
	"Deployment":  {"spec", "template"},
	"DaemonSet":   {"spec", "template"},
	"StatefulSet": {"spec", "template"},
	"Job":         {"spec", "template"},
	"CronJob":     {"spec", "jobTemplate", "spec", "template"},
	"ScaledJob":   {"spec", "jobTargetRef", "template"},
}

// podOf returns the pod that a controller creates for an object; nil if it creates none.
func podOf(object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	path, ok := templates[object.GetKind()]
	if !ok {
		return nil, nil
	}
	template, found, err := unstructured.NestedMap(object.Object, path...)
	if err != nil || !found {
		return nil, fmt.Errorf("pod template of %s: %w", describe(object), errors.Join(err, errors.New("missing")))
	}
	pod := &unstructured.Unstructured{Object: template}
	pod.SetAPIVersion("v1")
	pod.SetKind("Pod")
	pod.SetNamespace(object.GetNamespace())
	pod.SetName(object.GetName() + "-pod")
	return pod, nil
}

func describe(object *unstructured.Unstructured) string {
	return fmt.Sprintf("%s %s/%s", object.GetKind(), object.GetNamespace(), object.GetName())
}
