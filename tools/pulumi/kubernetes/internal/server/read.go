package server

import (
	"context"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"dip/tools/pulumi/kubernetes/internal/cluster"
	"dip/tools/pulumi/kubernetes/internal/object"
)

// Read refreshes the resource, or imports it when there is no state of it yet. An answer without an id says that it does
// not exist.
func (s *Server) Read(ctx context.Context, req *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	token, name, err := split(req.Urn)
	if err != nil {
		return nil, err
	}
	in, err := unmarshal(req.Inputs, "inputs")
	if err != nil {
		return nil, err
	}
	outs, err := unmarshal(req.Properties, "outputs")
	if err != nil {
		return nil, err
	}
	if _, err := s.configured(); err != nil {
		return nil, err
	}
	ctx, end := s.operation(ctx, 0)
	defer end()
	var id string
	if token == releaseToken {
		id, err = s.release(name).read(ctx, req.Id, outs)
	} else {
		id, in, outs, err = s.readObject(ctx, token, name, req.Id, in, len(outs) == 0)
	}
	if cluster.IsUnreachable(err) && s.deleteUnreachable {
		return &pulumirpc.ReadResponse{}, nil
	}
	if err != nil || id == "" {
		return &pulumirpc.ReadResponse{}, err
	}
	resp := &pulumirpc.ReadResponse{Id: id}
	if resp.Inputs, err = marshal(in); err != nil {
		return nil, err
	}
	resp.Properties, err = marshal(outs)
	return resp, err
}

func (s *Server) readObject(ctx context.Context, token, name, id string, in resource.PropertyMap, importing bool) (string, resource.PropertyMap, resource.PropertyMap, error) {
	t, err := s.target(token, name)
	if err != nil {
		return "", nil, nil, err
	}
	live, err := t.live(ctx, id)
	if err != nil || live == nil {
		return "", nil, nil, err
	}
	if importing {
		in = t.imported(live)
	} else if in, err = t.refreshed(ctx, live, in); err != nil {
		return "", nil, nil, err
	}
	return cluster.RefOf(live).ID(), in, t.outputs(live, in), nil
}

// imported are the inputs of a program that would have made the object.
func (t *target) imported(live *cluster.Object) resource.PropertyMap {
	return t.outputs(&cluster.Object{Object: object.Portable(live.Object)}, nil)
}

// refreshed brings inputs up to what the object has where an update would change it. Where the API server would not let
// them be applied any more, they stay as they are, for the next update to tell.
func (t *target) refreshed(ctx context.Context, live *cluster.Object, in resource.PropertyMap) (resource.PropertyMap, error) {
	o, err := t.object(in)
	if err != nil {
		return nil, err
	}
	planned, err := t.s.cluster.Plan(ctx, o)
	if cluster.IsRefused(err) {
		return in, nil
	}
	if err != nil {
		return nil, err
	}
	return object.Follow(in, live.Object, object.Changes(object.Desired(live.Object), object.Desired(planned.Object))), nil
}
