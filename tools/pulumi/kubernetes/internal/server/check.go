package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"dip/tools/pulumi/kubernetes/internal/object"
	"dip/tools/pulumi/plugin"
)

// Check fills in what the program leaves out: apiVersion and kind, a name, the namespace. The API server judges the
// object's content, already in a preview.
func (t *target) Check(_ context.Context, olds, news resource.PropertyMap, seed []byte) error {
	var problems []error
	for key, want := range map[resource.PropertyKey]string{"apiVersion": t.kind.GroupVersion().String(),
		"kind": t.kind.Kind} {
		v := object.Bare(news[key])
		if news.HasValue(key) && !v.ContainsUnknowns() && !(v.IsString() && v.StringValue() == want) {
			problems = append(problems,
				&plugin.Failure{Property: string(key),
					Reason: fmt.Sprintf("%v is not the %q of the resource's type; this plugin has no patches or lists of objects", v,
						want)})
		}
		news[key] = resource.NewStringProperty(want)
	}
	meta := object.Bare(news["metadata"])
	switch {
	case !news.HasValue("metadata"):
		meta = resource.NewObjectProperty(resource.PropertyMap{})
	case meta.IsComputed() || meta.IsOutput():
		return errors.Join(problems...)
	case !meta.IsObject():
		return errors.Join(append(problems, &plugin.Failure{Property: "metadata", Reason: "it is not an object"})...)
	}
	fields := meta.ObjectValue().Copy()
	problems = append(problems, t.completeName(olds, fields, seed), t.completeNamespace(fields))
	done := resource.NewObjectProperty(fields)
	if news["metadata"].IsSecret() {
		done = resource.MakeSecret(done)
	}
	news["metadata"] = done
	if t.isSecret() {
		hide(news)
	}
	return errors.Join(problems...)
}

// autonamed is the annotation that tells a generated name from a chosen one. It is the one of Pulumi's own plugin.
const autonamed = "pulumi.com/autonamed"

const suffixDigits = 8 // random hexadecimal digits of a generated name

// completeName gives an object a name: the one it already has when that was generated, else the program's name of the
// resource and random digits.
func (t *target) completeName(olds, meta resource.PropertyMap, seed []byte) error {
	if meta.HasValue("generateName") {
		return &plugin.Failure{Property: "metadata.generateName",
			Reason: "it is not served; leave out the name to have one generated"}
	}
	if meta.HasValue("name") {
		return nil
	}
	notes := resource.PropertyMap{}
	if v := object.Bare(meta["annotations"]); v.IsObject() {
		notes = v.ObjectValue().Copy()
	}
	notes[autonamed] = resource.NewStringProperty("true")
	meta["annotations"] = resource.NewObjectProperty(notes)

	name, named := object.At(olds, "metadata", "name")
	if _, ok := object.At(olds, "metadata", "annotations", autonamed); ok && named {
		meta["name"] = name
		return nil
	}
	unique, err := resource.NewUniqueName(seed, t.name+"-", suffixDigits, 0, nil)
	if err != nil {
		return &plugin.Failure{Property: "metadata.name", Reason: err.Error()}
	}
	meta["name"] = resource.NewStringProperty(unique)
	return nil
}

// completeNamespace gives an object the provider's namespace when it has none and its kind needs one. A cluster that
// does not know the kind yet will use the same one later.
func (t *target) completeNamespace(meta resource.PropertyMap) error {
	if t.p.cluster == nil || meta.HasValue("namespace") && object.Bare(meta["namespace"]).ContainsUnknowns() {
		return nil
	}
	namespaced, err := t.p.cluster.Namespaced(t.kind)
	switch {
	case err != nil:
		return nil // the operation itself will say what is wrong, if it still is
	case namespaced && !meta.HasValue("namespace"):
		meta["namespace"] = resource.NewStringProperty(t.p.cluster.Namespace)
	case !namespaced && meta.HasValue("namespace"):
		return &plugin.Failure{Property: "metadata.namespace",
			Reason: "objects of the kind " + t.kind.Kind + " are cluster-scoped"}
	}
	return nil
}
