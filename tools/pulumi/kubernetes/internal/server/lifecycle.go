package server

import (
	"context"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	"dip/tools/pulumi/kubernetes/internal/cluster"
	"dip/tools/pulumi/kubernetes/internal/object"
)

// skipAwait is the annotation with which a program says that it does not wait for the object.
const skipAwait = "pulumi.com/skipAwait"

// kindOfResource is what resources of one sort do; Server speaks the engine's protocol for it.
type kindOfResource interface {
	// preview returns the outputs of a creation that is not made.
	preview(ctx context.Context, in resource.PropertyMap) (resource.PropertyMap, error)
	// create makes the resource. With an id and an error, it exists but is not what it should be.
	create(ctx context.Context, in resource.PropertyMap) (id string, outs resource.PropertyMap, err error)
	// previewUpdate returns the outputs of an update that is not made.
	previewUpdate(ctx context.Context, id string, in resource.PropertyMap, ignored []string) (resource.PropertyMap, error)
	// update changes the resource. With outputs and an error, it is changed but is not what it should be.
	update(ctx context.Context, id string, olds, in resource.PropertyMap, ignored []string) (resource.PropertyMap, error)
	// remove deletes the resource, and succeeds when there is none.
	remove(ctx context.Context, id string, outs resource.PropertyMap) error
}

func (s *Server) resource(u string) (kindOfResource, error) {
	token, name, err := split(u)
	if err != nil {
		return nil, err
	}
	if token == releaseToken {
		return s.release(name), nil
	}
	return s.target(token, name)
}

// Create makes the resource; in a preview it only has it checked.
func (s *Server) Create(ctx context.Context, req *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	r, err := s.resource(req.Urn)
	if err != nil {
		return nil, err
	}
	in, err := unmarshal(req.Properties, "inputs")
	if err != nil {
		return nil, err
	}
	ctx, end := s.operation(ctx, req.Timeout)
	defer end()
	if req.Preview {
		if s.cluster == nil || in.ContainsUnknowns() {
			return &pulumirpc.CreateResponse{Properties: req.Properties}, nil
		}
		outs, err := r.preview(ctx, in)
		if err != nil {
			return nil, err
		}
		props, err := marshal(outs)
		return &pulumirpc.CreateResponse{Properties: props}, err
	}
	if _, err := s.configured(); err != nil {
		return nil, err
	}
	id, outs, failed := r.create(ctx, in)
	if id == "" {
		return nil, failed
	}
	props, err := marshal(outs)
	if err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, partial(id, props, req.Properties, failed)
	}
	return &pulumirpc.CreateResponse{Id: id, Properties: props}, nil
}

// Update changes the resource in place; in a preview it only has the change checked.
func (s *Server) Update(ctx context.Context, req *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	r, err := s.resource(req.Urn)
	if err != nil {
		return nil, err
	}
	olds, err := unmarshal(req.Olds, "old outputs")
	if err != nil {
		return nil, err
	}
	in, err := unmarshal(req.News, "new inputs")
	if err != nil {
		return nil, err
	}
	ctx, end := s.operation(ctx, req.Timeout)
	defer end()
	if req.Preview {
		if s.cluster == nil || in.ContainsUnknowns() {
			return &pulumirpc.UpdateResponse{Properties: req.News}, nil
		}
		outs, err := r.previewUpdate(ctx, req.Id, in, req.IgnoreChanges)
		if err != nil {
			return nil, err
		}
		props, err := marshal(outs)
		return &pulumirpc.UpdateResponse{Properties: props}, err
	}
	if _, err := s.configured(); err != nil {
		return nil, err
	}
	outs, failed := r.update(ctx, req.Id, olds, in, req.IgnoreChanges)
	if outs == nil {
		return nil, failed
	}
	props, err := marshal(outs)
	if err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, partial(req.Id, props, req.News, failed)
	}
	return &pulumirpc.UpdateResponse{Properties: props}, nil
}

// Delete removes the resource.
func (s *Server) Delete(ctx context.Context, req *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
	r, err := s.resource(req.Urn)
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
	ctx, end := s.operation(ctx, req.Timeout)
	defer end()
	err = r.remove(ctx, req.Id, outs)
	if cluster.IsUnreachable(err) {
		if s.deleteUnreachable {
			return &emptypb.Empty{}, nil
		}
		err = fmt.Errorf("%w; if the cluster is gone for good, set the provider's deleteUnreachable", err)
	}
	if err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

// partial tells the engine that the resource exists although the operation failed.
func partial(id string, props, inputs *structpb.Struct, err error) error {
	return rpcerror.WithDetails(rpcerror.New(codes.Unknown, err.Error()), &pulumirpc.ErrorResourceInitFailed{
		Id: id, Properties: props, Inputs: inputs, Reasons: []string{err.Error()},
	})
}

func (t *target) preview(ctx context.Context, in resource.PropertyMap) (resource.PropertyMap, error) {
	o, err := t.object(in)
	if err != nil {
		return nil, err
	}
	// What the API server would fill in is not what it will fill in: addresses, say, or the uid.
	if err := t.s.cluster.Validate(ctx, o); err != nil && !cluster.IsMissing(err) {
		return nil, err
	}
	return in, nil
}

func (t *target) create(ctx context.Context, in resource.PropertyMap) (string, resource.PropertyMap, error) {
	o, err := t.object(in)
	if err != nil {
		return "", nil, err
	}
	made, err := t.s.cluster.Create(ctx, o)
	if err != nil {
		return "", nil, err
	}
	id := cluster.RefOf(made).ID()
	made, err = t.await(ctx, made)
	return id, t.outputs(made, in), err
}

// await waits for what the object is for, unless the program does not want it.
func (t *target) await(ctx context.Context, o *cluster.Object) (*cluster.Object, error) {
	if o.GetAnnotations()[skipAwait] == "true" {
		return o, nil
	}
	return t.s.cluster.AwaitReady(ctx, o)
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
	o, err := t.s.cluster.Get(ctx, ref)
	if cluster.IsMissing(err) {
		return nil, nil
	}
	return o, err
}

func (t *target) previewUpdate(ctx context.Context, id string, in resource.PropertyMap, ignored []string) (resource.PropertyMap, error) {
	live, err := t.live(ctx, id)
	if err != nil {
		return nil, err
	}
	o, err := t.wanted(live, in, ignored)
	if err != nil {
		return nil, err
	}
	planned, err := t.s.cluster.Plan(ctx, o)
	switch {
	case cluster.IsMissing(err):
		return in, nil
	case err != nil:
		return nil, err
	}
	return t.outputs(&cluster.Object{Object: object.Desired(planned.Object)}, in), nil
}

func (t *target) update(ctx context.Context, id string, _, in resource.PropertyMap, ignored []string) (resource.PropertyMap, error) {
	live, err := t.live(ctx, id)
	if err != nil {
		return nil, err
	}
	o, err := t.wanted(live, in, ignored)
	if err != nil {
		return nil, err
	}
	made, err := t.s.cluster.Update(ctx, o)
	if err != nil {
		return nil, err
	}
	made, err = t.await(ctx, made)
	return t.outputs(made, in), err
}

func (t *target) remove(ctx context.Context, id string, outs resource.PropertyMap) error {
	ref, err := cluster.ParseID(t.kind, id)
	if err != nil {
		return err
	}
	if v, _ := object.At(outs, "metadata", "annotations", skipAwait); v.IsString() && v.StringValue() == "true" {
		return t.s.cluster.Drop(ctx, ref)
	}
	return t.s.cluster.Delete(ctx, ref)
}
