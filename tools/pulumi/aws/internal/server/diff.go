package server

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/zclconf/go-cty/cty"

	"dip/tools/pulumi/aws/internal/convert"
	"dip/tools/pulumi/plugin"
)

// Diff has the provider plan the change and translates the plan.
func (t *target) Diff(ctx context.Context, op *plugin.Operation) (*pulumirpc.DiffResponse, error) {
	if !t.p.provider.Configured() {
		return &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_UNKNOWN}, nil
	}
	p, err := t.planUpdate(ctx, op, "")
	if err != nil {
		return nil, err
	}
	resp := t.diff(p)
	if len(resp.Replaces) > 0 && t.fixedName(op.OldInputs, op.Inputs) {
		resp.DeleteBeforeReplace = true
	}
	return resp, nil
}

// planUpdate plans from the state in the outputs to new inputs.
func (t *target) planUpdate(ctx context.Context, op *plugin.Operation, phase string) (*plan, error) {
	prior, private, err := t.prior(ctx, op.ID, op.Olds)
	if err != nil {
		return nil, err
	}
	news, err := t.keepIgnored(op.Ignored, prior, op.Inputs)
	if err != nil {
		return nil, err
	}
	config, err := t.config(news, phase, op.Timeout)
	if err != nil {
		return nil, err
	}
	return t.plan(ctx, prior, config, private)
}

// keepIgnored gives ignored properties the values that the resource has. The
// engine resets only those that the program once set.
func (t *target) keepIgnored(
	ignore []string, prior cty.Value, news resource.PropertyMap) (resource.PropertyMap, error,
) {
	if len(ignore) == 0 {
		return news, nil
	}
	has := resource.NewObjectProperty(convert.DecodeInputs(prior, t.Node, t.Fields))
	want := resource.NewObjectProperty(news.Copy())
	for _, ig := range ignore {
		path, err := resource.ParsePropertyPath(ig)
		if err != nil {
			return nil, fmt.Errorf("%s %q: ignoreChanges %q: %w", t.TF, t.name, ig, err)
		}
		if _, set := path.Get(want); set {
			continue
		}
		if v, ok := path.Get(has); ok {
			path.Set(want, v)
		}
	}
	return want.ObjectValue(), nil
}

func (t *target) diff(p *plan) *pulumirpc.DiffResponse {
	resp := &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_NONE}
	changes := convert.Changes(p.prior, p.state, t.Node, t.Fields)
	// What follows from a change of inputs is not shown beside it.
	if slices.ContainsFunc(changes, func(c convert.Change) bool { return c.Input }) {
		changes = slices.DeleteFunc(changes, func(c convert.Change) bool { return !c.Input })
	}
	if len(changes) == 0 {
		return resp
	}
	resp.Changes = pulumirpc.DiffResponse_DIFF_SOME
	resp.HasDetailedDiff = true
	resp.DetailedDiff = map[string]*pulumirpc.PropertyDiff{}
	replaces, diffs := map[string]bool{}, map[string]bool{}
	for _, c := range changes {
		replace := slices.ContainsFunc(p.replace, func(r cty.Path) bool { return overlap(c.TF, r) })
		resp.DetailedDiff[c.Path] = &pulumirpc.PropertyDiff{Kind: diffKind(c.Kind, replace)}
		diffs[c.Top] = true
		if replace {
			replaces[c.Top] = true
		}
	}
	resp.Replaces = slices.Sorted(maps.Keys(replaces))
	resp.Diffs = slices.Sorted(maps.Keys(diffs))
	return resp
}

func diffKind(k convert.ChangeKind, replace bool) pulumirpc.PropertyDiff_Kind {
	kinds := map[convert.ChangeKind][2]pulumirpc.PropertyDiff_Kind{
		convert.Add:    {pulumirpc.PropertyDiff_ADD, pulumirpc.PropertyDiff_ADD_REPLACE},
		convert.Delete: {pulumirpc.PropertyDiff_DELETE, pulumirpc.PropertyDiff_DELETE_REPLACE},
		convert.Update: {pulumirpc.PropertyDiff_UPDATE, pulumirpc.PropertyDiff_UPDATE_REPLACE},
	}
	if replace {
		return kinds[k][1]
	}
	return kinds[k][0]
}

// overlap reports whether one path is the other or leads to it.
func overlap(a, b cty.Path) bool {
	n := min(len(a), len(b))
	return a[:n].Equals(b[:n])
}

// fixedName reports whether the program chose the resource's name and keeps it:
// then two of them cannot exist at once.
func (t *target) fixedName(oldIn, news resource.PropertyMap) bool {
	if t.AutoName == nil {
		return false
	}
	prop := t.Fields[t.AutoName.Attr].Name
	k := resource.PropertyKey(prop)
	if isDefault(news, prop) || isDefault(oldIn, prop) || !news.HasValue(k) {
		return false
	}
	return bare(oldIn[k]).DeepEquals(bare(news[k]))
}
