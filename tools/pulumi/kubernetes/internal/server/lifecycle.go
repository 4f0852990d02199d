package server

import (
	"context"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"dip/tools/pulumi/kubernetes/internal/cluster"
	"dip/tools/pulumi/kubernetes/internal/object"
	"dip/tools/pulumi/plugin"
)

// skipAwait is the annotation with which a program says that it does not wait for the object.
const skipAwait = "pulumi.com/skipAwait"

// Create makes the object; in a preview it only has it checked.
func (t *target) Create(ctx context.Context, op *plugin.Operation) (string, resource.PropertyMap, error) {
	o, err := t.object(op.Inputs)
	if err != nil {
		return "", nil, err
	}
	if op.Preview {
		// What the API server fills in for a dry run differs from what it will fill in: addresses, for example, or the uid.
		if err := t.p.cluster.Validate(ctx, o); err != nil && !cluster.IsMissing(err) {
			return "", nil, err
		}
		return "", op.Inputs, nil
	}
	made, err := t.p.cluster.Create(ctx, o)
	if err != nil {
		return "", nil, err
	}
	id := cluster.RefOf(made).ID()
	made, err = t.await(ctx, made)
	return id, t.outputs(made, op.Inputs), err
}

// await waits until the object is ready, unless the program opts out.
func (t *target) await(ctx context.Context, o *cluster.Object) (*cluster.Object, error) {
	if o.GetAnnotations()[skipAwait] == "true" {
		return o, nil
	}
	return t.p.cluster.AwaitReady(ctx, o)
}

// wanted is the object that inputs describe, with what the program wants to be ignored as it is in live (nil: none).
func (t *target) wanted(live *cluster.Object, in resource.PropertyMap, ignored []string) (*cluster.Object, error) {
	if live != nil {
		var err error
		if in, err = object.KeepIgnored(in, live.Object, ignored); err != nil {
			return nil, fmt.Errorf("%s %q: ignoreChanges: %w", t.kind.Kind, t.name, err)
		}
	}
	return t.object(in)
}

// live returns the object with an id, nil when there is none.
func (t *target) live(ctx context.Context, id string) (*cluster.Object, error) {
	ref, err := cluster.ParseID(t.kind, id)
	if err != nil {
		return nil, err
	}
	o, err := t.p.cluster.Get(ctx, ref)
	if cluster.IsMissing(err) {
		return nil, nil
	}
	return o, err
}

// Update changes the object in place; in a preview it only has the change checked.
func (t *target) Update(ctx context.Context, op *plugin.Operation) (resource.PropertyMap, error) {
	live, err := t.live(ctx, op.ID)
	if err != nil {
		return nil, err
	}
	o, err := t.wanted(live, op.Inputs, op.Ignored)
	if err != nil {
		return nil, err
	}
	if op.Preview {
		planned, err := t.p.cluster.Plan(ctx, o)
		switch {
		case cluster.IsMissing(err):
			return op.Inputs, nil
		case err != nil:
			return nil, err
		}
		return t.outputs(&cluster.Object{Object: object.Desired(planned.Object)}, op.Inputs), nil
	}
	made, err := t.p.cluster.Update(ctx, o)
	if err != nil {
		return nil, err
	}
	made, err = t.await(ctx, made)
	return t.outputs(made, op.Inputs), err
}

// Delete removes the object.
func (t *target) Delete(ctx context.Context, op *plugin.Operation) error {
	ref, err := cluster.ParseID(t.kind, op.ID)
	if err != nil {
		return err
	}
	if v, _ := object.At(op.Olds, "metadata", "annotations", skipAwait); v.IsString() && v.StringValue() == "true" {
		return t.p.cluster.Drop(ctx, ref)
	}
	return t.p.cluster.Delete(ctx, ref)
}
