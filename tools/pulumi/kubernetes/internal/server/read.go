package server

import (
	"context"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"dip/tools/pulumi/kubernetes/internal/cluster"
	"dip/tools/pulumi/kubernetes/internal/object"
	"dip/tools/pulumi/plugin"
)

// Read returns the object as it is.
func (t *target) Read(
	ctx context.Context, op *plugin.Operation) (string, resource.PropertyMap, resource.PropertyMap, error,
) {
	live, err := t.live(ctx, op.ID)
	if err != nil || live == nil {
		return "", nil, nil, err
	}
	var in resource.PropertyMap
	if len(op.Olds) == 0 {
		in = t.imported(live)
	} else if in, err = t.refreshed(ctx, live, op.Inputs); err != nil {
		return "", nil, nil, err
	}
	return cluster.RefOf(live).ID(), in, t.outputs(live, in), nil
}

// imported are the inputs of a program that would have made the object.
func (t *target) imported(live *cluster.Object) resource.PropertyMap {
	return t.outputs(&cluster.Object{Object: object.Portable(live.Object)}, nil)
}

// refreshed brings inputs up to what the object has where an update would change it. Where the API server would not let
// them be applied any more, they stay as they are, and the next update reports that.
func (t *target) refreshed(
	ctx context.Context, live *cluster.Object, in resource.PropertyMap) (resource.PropertyMap, error,
) {
	o, err := t.object(in)
	if err != nil {
		return nil, err
	}
	planned, err := t.p.cluster.Plan(ctx, o)
	if cluster.IsRefused(err) {
		return in, nil
	}
	if err != nil {
		return nil, err
	}
	return object.Follow(in, live.Object, object.Changes(object.Desired(live.Object), object.Desired(planned.Object))), nil
}
