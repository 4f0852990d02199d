package server

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"dip/tools/pulumi/kubernetes/internal/cluster"
	"dip/tools/pulumi/kubernetes/internal/object"
	"dip/tools/pulumi/plugin"
)

// Diff returns what an update would change. The API server plans it: what is compared is the object as it is and as it
// would be.
func (t *target) Diff(ctx context.Context, op *plugin.Operation) (*pulumirpc.DiffResponse, error) {
	news := op.Inputs
	moved, err := t.moved(op.ID, news)
	if err != nil {
		return nil, err
	}
	if len(moved) > 0 {
		return replacement(moved), nil
	}
	if t.p.cluster == nil || news.ContainsUnknowns() {
		return ofInputs(op.OldInputs, news), nil
	}
	live, err := t.live(ctx, op.ID)
	if err != nil {
		return nil, err
	}
	if live == nil {
		return everything(news), nil // the update makes it again
	}
	o, err := t.wanted(live, news, op.Ignored)
	if err != nil {
		return nil, err
	}
	planned, err := t.p.cluster.Plan(ctx, o)
	switch {
	case errors.Is(err, cluster.ErrImmutable):
		resp := replacement(immutable(err, op.OldInputs, news))
		resp.DeleteBeforeReplace = true // it keeps its name, and two of one name cannot exist
		return resp, nil
	case err != nil:
		return nil, err
	}
	return response(object.Changes(object.Desired(live.Object), object.Desired(planned.Object))), nil
}

// moved returns the paths of what makes another object of the resource: name and namespace. What is unknown may.
func (t *target) moved(id string, news resource.PropertyMap) ([]string, error) {
	ref, err := cluster.ParseID(t.kind, id)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, c := range []struct{ field, is string }{{"name", ref.Name}, {"namespace", ref.Namespace}} {
		if v, ok := object.At(news, "metadata", c.field); ok && !(v.IsString() && v.StringValue() == c.is) {
			paths = append(paths, "metadata."+c.field)
		}
	}
	return paths, nil
}

// immutable returns the paths of what cannot be changed: what the API server names, else what the program changed.
func immutable(err error, oldIn, news resource.PropertyMap) []string {
	if fields := cluster.Fields(err); len(fields) > 0 {
		return fields
	}
	if d := ofInputs(oldIn, news); len(d.DetailedDiff) > 0 {
		return slices.Sorted(maps.Keys(d.DetailedDiff))
	}
	return []string{"spec"}
}

// replacement is a diff that only a new object can carry out.
func replacement(paths []string) *pulumirpc.DiffResponse {
	resp := some()
	for _, p := range paths {
		resp.DetailedDiff[p] = &pulumirpc.PropertyDiff{Kind: pulumirpc.PropertyDiff_UPDATE_REPLACE}
		top := p
		if path, err := resource.ParsePropertyPath(p); err == nil && len(path) > 0 {
			if name, ok := path[0].(string); ok {
				top = name
			}
		}
		resp.Diffs = appendNew(resp.Diffs, top)
	}
	resp.Replaces = resp.Diffs
	return resp
}

// everything is the diff from an object that no longer exists.
func everything(news resource.PropertyMap) *pulumirpc.DiffResponse {
	resp := some()
	for _, k := range news.StableKeys() {
		resp.Diffs = append(resp.Diffs, string(k))
		resp.DetailedDiff[string(k)] = &pulumirpc.PropertyDiff{Kind: pulumirpc.PropertyDiff_ADD}
	}
	return resp
}

func some() *pulumirpc.DiffResponse {
	return &pulumirpc.DiffResponse{
		Changes: pulumirpc.DiffResponse_DIFF_SOME, HasDetailedDiff: true, DetailedDiff: map[string]*pulumirpc.PropertyDiff{},
	}
}

var none = pulumirpc.DiffResponse_DIFF_NONE

func response(changes []object.Change) *pulumirpc.DiffResponse {
	if len(changes) == 0 {
		return &pulumirpc.DiffResponse{Changes: none}
	}
	resp := some()
	kinds := map[object.Kind]pulumirpc.PropertyDiff_Kind{
		object.Add: pulumirpc.PropertyDiff_ADD, object.Update: pulumirpc.PropertyDiff_UPDATE,
		object.Delete: pulumirpc.PropertyDiff_DELETE,
	}
	for _, c := range changes {
		resp.DetailedDiff[c.Path.String()] = &pulumirpc.PropertyDiff{Kind: kinds[c.Kind]}
		resp.Diffs = appendNew(resp.Diffs, c.Top())
	}
	return resp
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// ofInputs is the diff of inputs alone: all that is known without the cluster.
func ofInputs(olds, news resource.PropertyMap) *pulumirpc.DiffResponse {
	d := olds.Diff(news)
	if d == nil {
		return &pulumirpc.DiffResponse{Changes: none}
	}
	resp := some()
	for _, k := range d.ChangedKeys() {
		resp.Diffs = append(resp.Diffs, string(k))
	}
	slices.Sort(resp.Diffs)
	for path, p := range sdk.NewDetailedDiffFromObjectDiff(d, true) {
		resp.DetailedDiff[path] = &pulumirpc.PropertyDiff{Kind: kindOf(p.Kind), InputDiff: true}
	}
	return resp
}

func kindOf(k sdk.DiffKind) pulumirpc.PropertyDiff_Kind {
	switch k {
	case sdk.DiffAdd, sdk.DiffAddReplace:
		return pulumirpc.PropertyDiff_ADD
	case sdk.DiffDelete, sdk.DiffDeleteReplace:
		return pulumirpc.PropertyDiff_DELETE
	default:
		return pulumirpc.PropertyDiff_UPDATE
	}
}
