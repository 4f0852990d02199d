package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"dip/tools/pulumi/kubernetes/internal/object"
)

// Check fills in what the program leaves out: apiVersion and kind, a name, the namespace. What is in the object is for
// the API server to judge, in a preview already.
func (s *Server) Check(_ context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	token, name, err := split(req.Urn)
	if err != nil {
		return nil, err
	}
	olds, err := unmarshal(req.Olds, "old inputs")
	if err != nil {
		return nil, err
	}
	news, err := unmarshal(req.News, "new inputs")
	if err != nil {
		return nil, err
	}
	var check func(olds, news resource.PropertyMap, seed []byte) error
	if token == releaseToken {
		check = s.release(name).complete
	} else {
		t, err := s.target(token, name)
		if err != nil {
			return nil, err
		}
		check = t.complete
	}
	resp := &pulumirpc.CheckResponse{}
	if err := check(olds, news, req.RandomSeed); err != nil {
		resp.Failures = failures(err)
	}
	resp.Inputs, err = marshal(news)
	return resp, err
}

// invalid is what is wrong with a property.
type invalid struct{ path, reason string }

func (e *invalid) Error() string { return e.path + ": " + e.reason }

// failures turns joined errors into the engine's form.
func failures(err error) []*pulumirpc.CheckFailure {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*pulumirpc.CheckFailure
		for _, e := range joined.Unwrap() {
			all = append(all, failures(e)...)
		}
		return all
	}
	var e *invalid
	if errors.As(err, &e) {
		return []*pulumirpc.CheckFailure{{Property: e.path, Reason: e.reason}}
	}
	return []*pulumirpc.CheckFailure{{Reason: err.Error()}}
}

func (t *target) complete(olds, news resource.PropertyMap, seed []byte) error {
	var problems []error
	for key, want := range map[resource.PropertyKey]string{"apiVersion": t.kind.GroupVersion().String(), "kind": t.kind.Kind} {
		v := object.Bare(news[key])
		if news.HasValue(key) && !v.ContainsUnknowns() && !(v.IsString() && v.StringValue() == want) {
			problems = append(problems, &invalid{string(key), fmt.Sprintf("%v is not the %q of the resource's type; this plugin has no patches or lists of objects", v, want)})
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
		return errors.Join(append(problems, &invalid{"metadata", "it is no object"})...)
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
		return &invalid{"metadata.generateName", "it is not served; leave out the name to have one generated"}
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
		return &invalid{"metadata.name", err.Error()}
	}
	meta["name"] = resource.NewStringProperty(unique)
	return nil
}

// completeNamespace gives an object the provider's namespace when it has none and its kind needs one. A cluster that
// cannot tell yet will use the same one later.
func (t *target) completeNamespace(meta resource.PropertyMap) error {
	if t.s.cluster == nil || meta.HasValue("namespace") && object.Bare(meta["namespace"]).ContainsUnknowns() {
		return nil
	}
	namespaced, err := t.s.cluster.Namespaced(t.kind)
	switch {
	case err != nil:
		return nil // the operation itself will say what is wrong, if it still is
	case namespaced && !meta.HasValue("namespace"):
		meta["namespace"] = resource.NewStringProperty(t.s.cluster.Namespace)
	case !namespaced && meta.HasValue("namespace"):
		return &invalid{"metadata.namespace", "objects of the kind " + t.kind.Kind + " are in no namespace"}
	}
	return nil
}
