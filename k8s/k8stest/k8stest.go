// Package k8stest renders the Kubernetes objects that a program registers.
package k8stest

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"gopkg.in/yaml.v3"

	"dip/components/componenttest"
)

// releases are types that are not objects of the API server.
const releases = "kubernetes:helm.sh/"

// Manifest is what a program registered with the API server, in an order in which it can be applied: one YAML document
// an object.
func Manifest(t testing.TB, r *componenttest.Recorder) []byte {
	t.Helper()
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	for _, object := range Objects(r) {
		if err := encoder.Encode(object); err != nil {
			t.Fatal(err)
		}
	}
	return text.Bytes()
}

// Objects are the objects, those first that others need.
func Objects(r *componenttest.Recorder) []map[string]any {
	var list []map[string]any
	for _, c := range r.Resources() {
		if strings.HasPrefix(c.Type, "kubernetes:") && !strings.HasPrefix(c.Type, releases) {
			list = append(list, plain(c.Inputs.Mappable()).(map[string]any))
		}
	}
	slices.SortStableFunc(list, func(a, b map[string]any) int { return cmp.Compare(rank(a), rank(b)) })
	return list
}

// rank is low for kinds that others need.
func rank(object map[string]any) int {
	return -slices.Index([]string{"TriggerAuthentication", "ConfigMap", "ServiceAccount", "PriorityClass", "Namespace"},
		object["kind"].(string))
}

// plain turns whole numbers, which the engine has as floats, into integers.
func plain(value any) any {
	switch v := value.(type) {
	case float64:
		if v == math.Trunc(v) {
			return int64(v)
		}
	case map[string]any:
		for key := range v {
			v[key] = plain(v[key])
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case *resource.Secret:
		return plain(v.Element.Mappable())
	}
	return value
}

// Changes are the objects of a program that another one did not register, each as one YAML document.
func Changes(t testing.TB, r, since *componenttest.Recorder) []byte {
	t.Helper()
	known := map[string]bool{}
	for document := range bytes.SplitSeq(Manifest(t, since), []byte("---\n")) {
		known[string(document)] = true
	}
	var text bytes.Buffer
	for document := range bytes.SplitSeq(Manifest(t, r), []byte("---\n")) {
		if !known[string(document)] {
			text.WriteString("---\n")
			text.Write(document)
		}
	}
	return text.Bytes()
}
