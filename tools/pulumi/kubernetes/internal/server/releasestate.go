package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"dip/tools/pulumi/kubernetes/internal/chart"
	"dip/tools/pulumi/kubernetes/internal/cluster"
	"dip/tools/pulumi/kubernetes/internal/object"
	"dip/tools/pulumi/plugin"
)

// objectsKey is the hidden output that lists a release's objects, in the order in which they were applied.
const objectsKey = "__objects"

func isHidden(k resource.PropertyKey) bool { return strings.HasPrefix(string(k), "__") }

// outputs are the inputs, the release's place and what it consists of.
func (r *releaseTarget) outputs(s spec, in resource.PropertyMap, objects []cluster.Ref) resource.PropertyMap {
	outs := in.Copy()
	outs["name"], outs["namespace"] = resource.NewStringProperty(s.Name), resource.NewStringProperty(s.Namespace)
	outs["status"] = resource.NewObjectProperty(resource.NewPropertyMapFromMap(map[string]any{
		"name": s.Name, "namespace": s.Namespace, "chart": s.chart, "version": s.version, "status": "deployed",
	}))
	names, list := map[string]any{}, []any{}
	for _, ref := range objects {
		kind := ref.Kind.Kind + "/" + ref.Kind.GroupVersion().String()
		ids, _ := names[kind].([]any)
		names[kind] = append(ids, ref.ID())
		list = append(list, map[string]any{
			"apiVersion": ref.Kind.GroupVersion().String(), "kind": ref.Kind.Kind, "namespace": ref.Namespace, "name": ref.Name,
		})
	}
	outs["resourceNames"] = resource.NewObjectProperty(resource.NewPropertyMapFromMap(names))
	outs[objectsKey] = resource.NewPropertyValue(list)
	return outs
}

// objectsOf returns the objects of a release that outputs list.
func objectsOf(outs resource.PropertyMap) ([]cluster.Ref, error) {
	v, ok := object.At(outs, objectsKey)
	if !ok || !v.IsArray() {
		return nil, errors.New("the state of the release does not list its objects: another kubernetes plugin wrote it")
	}
	var all []cluster.Ref
	for i, e := range v.ArrayValue() {
		if !e.IsObject() {
			return nil, fmt.Errorf("the state of the release: %s[%d] is not an object", objectsKey, i)
		}
		field := func(name string) string {
			if f, _ := object.At(e.ObjectValue(), name); f.IsString() {
				return f.StringValue()
			}
			return ""
		}
		all = append(all, cluster.Ref{
			Kind: schema.FromAPIVersionAndKind(field("apiVersion"), field("kind")), Namespace: field("namespace"),
			Name: field("name"),
		})
	}
	return all, nil
}

func refs(objects []*chart.Object) []cluster.Ref {
	var all []cluster.Ref
	for _, o := range objects {
		all = append(all, cluster.RefOf(o))
	}
	return all
}

// contains reports whether a list has an object, in whatever version of its kind.
func contains(all []cluster.Ref, ref cluster.Ref) bool {
	return slices.ContainsFunc(all, func(r cluster.Ref) bool {
		return r.Kind.GroupKind() == ref.Kind.GroupKind() && r.Namespace == ref.Namespace && r.Name == ref.Name
	})
}

// Diff compares each of the release's objects with what an update would make of it.
func (r *releaseTarget) Diff(ctx context.Context, op *plugin.Operation) (*pulumirpc.DiffResponse, error) {
	news := op.Inputs
	inputs := ofInputs(op.OldInputs, news)
	if r.p.cluster == nil || news.ContainsUnknowns() {
		return inputs, nil
	}
	s, objects, err := r.render(news)
	if err != nil {
		return nil, err
	}
	if op.ID != s.Namespace+"/"+s.Name {
		resp := replacement([]string{"name", "namespace"})
		resp.DeleteBeforeReplace = true // its objects of the cluster as a whole have the names they had
		return resp, nil
	}
	if inputs.Changes != none {
		return inputs, nil
	}
	changed, err := r.changed(ctx, op.Olds, objects)
	if err != nil || !changed {
		return inputs, err
	}
	resp := some()
	resp.Diffs = []string{"resourceNames"}
	resp.DetailedDiff["resourceNames"] = &pulumirpc.PropertyDiff{Kind: pulumirpc.PropertyDiff_UPDATE}
	return resp, nil
}

func (r *releaseTarget) changed(ctx context.Context, olds resource.PropertyMap, objects []*chart.Object) (bool, error) {
	had, err := objectsOf(olds)
	if err != nil {
		return false, err
	}
	has := refs(objects)
	for _, ref := range had {
		if !contains(has, ref) {
			return true, nil
		}
	}
	for i, o := range objects {
		live, err := r.p.cluster.Get(ctx, has[i])
		if cluster.IsMissing(err) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		planned, err := r.p.cluster.Plan(ctx, o)
		if err != nil {
			return false, err
		}
		if len(object.Changes(object.Desired(live.Object), object.Desired(planned.Object))) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// Read reports whether anything of the release exists. The diff finds what is not as it should be.
func (r *releaseTarget) Read(
	ctx context.Context, op *plugin.Operation) (string, resource.PropertyMap, resource.PropertyMap, error,
) {
	if len(op.Olds) == 0 {
		return "", nil, nil, fmt.Errorf("import of the release %s: this kubernetes plugin imports objects alone", op.ID)
	}
	had, err := objectsOf(op.Olds)
	if err != nil {
		return "", nil, nil, err
	}
	for _, ref := range had {
		_, err := r.p.cluster.Get(ctx, ref)
		if err == nil {
			return op.ID, op.Inputs, op.Olds, nil
		}
		if !cluster.IsMissing(err) {
			return "", nil, nil, err
		}
	}
	return "", nil, nil, nil
}
