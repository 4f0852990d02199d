package object

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

func fieldsOf(t *testing.T, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	got, err := FromProperties(resource.NewPropertyMapFromMap(m))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestFromProperties(t *testing.T) {
	got, err := FromProperties(resource.PropertyMap{
		"replicas": resource.NewProperty(3.0), "ratio": resource.NewProperty(0.5), "huge": resource.NewProperty(1e300),
		"secret": resource.MakeSecret(resource.NewProperty("s")), "__hidden": resource.NewProperty("h"),
		"null":  resource.NewNullProperty(),
		"empty": resource.NewProperty(resource.PropertyMap{}), "none": resource.NewProperty([]resource.PropertyValue{}),
		"output": resource.NewProperty(resource.Output{Element: resource.NewProperty(true), Known: true}),
	})
	want := map[string]any{
		"replicas": int64(3), "ratio": 0.5, "huge": 1e300, "secret": "s", "empty": map[string]any{}, "none": []any{},
		"output": true,
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v (%v), want %v", got, err, want)
	}
	_, err = FromProperties(resource.PropertyMap{"spec": resource.NewProperty(resource.PropertyMap{
		"list": resource.NewProperty([]resource.PropertyValue{resource.MakeComputed(resource.NewProperty(""))}),
	})})
	if err == nil || !strings.Contains(err.Error(), "spec.list[0]") {
		t.Errorf("an unknown value: %v", err)
	}
}

func TestFieldsComeBackAsTheyWere(t *testing.T) {
	fields := fieldsOf(t, `{"a": 1, "b": {"c": [true, "x", 0.25, {}]}}`)
	again, err := FromProperties(ToProperties(fields))
	if err != nil || !reflect.DeepEqual(again, fields) {
		t.Errorf("got %v (%v), want %v", again, err, fields)
	}
}

func TestChanges(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{`{"a": 1, "b": {"c": []}}`, `{"a": 1, "b": {"c": []}}`, ""},
		{`{"a": 1}`, `{"a": 2}`, "~a"},
		{`{"a": 1}`, `{"b": 2}`, "-a +b"},
		{`{"a": {"x.y": 1}}`, `{"a": {"x.y": 2, "z": 3}}`, `~a["x.y"] +a.z`},
		{`{"a": [1, {"b": 1}]}`, `{"a": [1, {"b": 2}, 3]}`, "~a[1].b +a[2]"},
		{`{"a": [1, 2]}`, `{"a": [1]}`, "-a[1]"},
		{`{"a": {"b": 1}}`, `{"a": "text"}`, "~a"},
	} {
		var got []string
		for _, change := range Changes(fieldsOf(t, c.from), fieldsOf(t, c.to)) {
			got = append(got, map[Kind]string{Add: "+", Update: "~", Delete: "-"}[change.Kind]+change.Path.String())
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s to %s: %q, want %q", c.from, c.to, got, c.want)
		}
	}
}

func TestDesiredAndPortable(t *testing.T) {
	full := fieldsOf(t, `{"spec": {}, "status": {}, "metadata": {"name": "a", "uid": "u",
		"creationTimestamp": "t", "generation": 1, "resourceVersion": "1", "managedFields": []}}`)
	if got := Desired(full); !reflect.DeepEqual(got,
		fieldsOf(t, `{"spec": {}, "metadata": {"name": "a", "uid": "u", "creationTimestamp": "t"}}`)) {
		t.Errorf("desired %v", got)
	}
	if got := Portable(full); !reflect.DeepEqual(got, fieldsOf(t, `{"spec": {}, "metadata": {"name": "a"}}`)) {
		t.Errorf("portable %v", got)
	}
	if full["status"] == nil || len(full["metadata"].(map[string]any)) != 6 {
		t.Error("the object itself is changed")
	}
}

func TestFollow(t *testing.T) {
	said := resource.NewPropertyMapFromMap(fieldsOf(t,
		`{"spec": {"replicas": 2, "list": [{"name": "a", "image": "1"}], "kept": "x", "gone": 1}}`))
	said["secret"] = resource.MakeSecret(resource.NewProperty("s"))
	has := fieldsOf(t, `{"spec": {"replicas": 5, "list": [{"name": "a", "image": "2", "default": true}], "kept": "x"},
		"secret": "t"}`)
	want := fieldsOf(t, `{"spec": {"replicas": 2, "list": [{"name": "a", "image": "1", "default": true}],
		"kept": "x", "gone": 1, "filled": true}, "secret": "s"}`)
	before := resource.NewProperty(said).String()
	got := Follow(said, has, Changes(has, want))
	if !got["secret"].IsSecret() {
		t.Error("a secret is shown")
	}
	fields, err := FromProperties(got)
	if err != nil || !reflect.DeepEqual(fields,
		fieldsOf(t, `{"spec": {"replicas": 5, "list": [{"name": "a", "image": "2"}], "kept": "x"}, "secret": "t"}`)) {
		t.Errorf("got %v (%v)", fields, err)
	}
	if after := resource.NewProperty(said).String(); after != before {
		t.Errorf("the inputs given are changed: %s, were %s", after, before)
	}
}

func TestKeepIgnored(t *testing.T) {
	said := resource.NewPropertyMapFromMap(fieldsOf(t, `{"spec": {"replicas": 2, "image": "a"}}`))
	has := fieldsOf(t, `{"spec": {"replicas": 5, "image": "b", "other": 1}}`)
	got, err := KeepIgnored(said, has, []string{"spec.replicas", "spec.other", "status"})
	if err != nil {
		t.Fatal(err)
	}
	if fields, _ := FromProperties(got); !reflect.DeepEqual(fields,
		fieldsOf(t, `{"spec": {"replicas": 5, "image": "a"}}`)) {
		t.Errorf("got %v", fields)
	}
	if _, err := KeepIgnored(said, has, []string{`spec["`}); err == nil {
		t.Error("an invalid path is accepted")
	}
}
