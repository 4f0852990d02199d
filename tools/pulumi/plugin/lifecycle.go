package plugin

import (
	"context"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// Check completes and validates a resource's inputs.
func (s *Server) Check(ctx context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	res, err := s.resource(req.Urn)
	if err != nil {
		return nil, err
	}
	var r reader
	olds, news := r.read(req.Olds, "old inputs"), r.read(req.News, "new inputs")
	if r.err != nil {
		return nil, r.err
	}
	resp := &pulumirpc.CheckResponse{}
	if resp.Failures, err = failures(res.Check(ctx, olds, news, req.RandomSeed)); err != nil {
		return nil, err
	}
	resp.Inputs, err = Marshal(news)
	return resp, err
}

// Diff returns what an update would change.
func (s *Server) Diff(ctx context.Context, req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	res, err := s.resource(req.Urn)
	if err != nil {
		return nil, err
	}
	var r reader
	op := &Operation{
		ID: req.Id, Olds: r.read(req.Olds, "old outputs"), OldInputs: r.read(req.OldInputs, "old inputs"),
		Inputs: r.read(req.News, "new inputs"), Ignored: req.IgnoreChanges,
	}
	if r.err != nil {
		return nil, r.err
	}
	ctx, end := s.provider.Begin(ctx, 0)
	defer end()
	return res.Diff(ctx, op)
}

// Create makes the resource; in a preview it only plans. When the creation fails after the resource got its id, the
// engine learns both, so that the next update continues from there.
func (s *Server) Create(ctx context.Context, req *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	res, err := s.resource(req.Urn)
	if err != nil {
		return nil, err
	}
	var r reader
	op := &Operation{Inputs: r.read(req.Properties, "inputs"), Timeout: req.Timeout, Preview: req.Preview}
	if r.err != nil {
		return nil, r.err
	}
	if req.Preview && !s.provider.Previews(op.Inputs) {
		return &pulumirpc.CreateResponse{Properties: req.Properties}, nil
	}
	ctx, end, err := s.begin(ctx, req.Timeout)
	if err != nil {
		return nil, err
	}
	defer end()
	id, outs, failed := res.Create(ctx, op)
	if failed != nil && (id == "" || req.Preview) {
		return nil, failed
	}
	props, err := Marshal(outs)
	if err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, partial(id, props, req.Properties, failed)
	}
	return &pulumirpc.CreateResponse{Id: id, Properties: props}, nil
}

// Update changes the resource in place; in a preview it only plans.
func (s *Server) Update(ctx context.Context, req *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	res, err := s.resource(req.Urn)
	if err != nil {
		return nil, err
	}
	var r reader
	op := &Operation{
		ID: req.Id, Olds: r.read(req.Olds, "old outputs"), OldInputs: r.read(req.OldInputs, "old inputs"),
		Inputs: r.read(req.News, "new inputs"), Ignored: req.IgnoreChanges, Timeout: req.Timeout, Preview: req.Preview,
	}
	if r.err != nil {
		return nil, r.err
	}
	if req.Preview && !s.provider.Previews(op.Inputs) {
		return &pulumirpc.UpdateResponse{Properties: req.News}, nil
	}
	ctx, end, err := s.begin(ctx, req.Timeout)
	if err != nil {
		return nil, err
	}
	defer end()
	outs, failed := res.Update(ctx, op)
	if failed != nil && (outs == nil || req.Preview) {
		return nil, failed
	}
	props, err := Marshal(outs)
	if err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, partial(req.Id, props, req.News, failed)
	}
	return &pulumirpc.UpdateResponse{Properties: props}, nil
}

// Read refreshes the resource, or imports it when there is no state of it yet. An answer without an id says that it
// does not exist.
func (s *Server) Read(ctx context.Context, req *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	res, err := s.resource(req.Urn)
	if err != nil {
		return nil, err
	}
	var r reader
	op := &Operation{ID: req.Id, Olds: r.read(req.Properties, "outputs"), Inputs: r.read(req.Inputs, "inputs")}
	if r.err != nil {
		return nil, r.err
	}
	ctx, end, err := s.begin(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer end()
	id, in, outs, err := res.Read(ctx, op)
	if err != nil || id == "" {
		return &pulumirpc.ReadResponse{}, err
	}
	resp := &pulumirpc.ReadResponse{Id: id}
	if resp.Inputs, err = Marshal(in); err != nil {
		return nil, err
	}
	resp.Properties, err = Marshal(outs)
	return resp, err
}

// Delete removes the resource.
func (s *Server) Delete(ctx context.Context, req *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
	res, err := s.resource(req.Urn)
	if err != nil {
		return nil, err
	}
	var r reader
	op := &Operation{ID: req.Id, Olds: r.read(req.Properties, "outputs"), Timeout: req.Timeout}
	if r.err != nil {
		return nil, r.err
	}
	ctx, end, err := s.begin(ctx, req.Timeout)
	if err != nil {
		return nil, err
	}
	defer end()
	if err := res.Delete(ctx, op); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

// begin begins an operation that needs the provider's settings.
func (s *Server) begin(ctx context.Context, timeout float64) (context.Context, context.CancelFunc, error) {
	if err := s.provider.Configured(); err != nil {
		return nil, nil, err
	}
	ctx, end := s.provider.Begin(ctx, timeout)
	return ctx, end, nil
}

// partial tells the engine that the resource exists although the operation failed.
func partial(id string, props, inputs *structpb.Struct, err error) error {
	return rpcerror.WithDetails(rpcerror.New(codes.Unknown, err.Error()), &pulumirpc.ErrorResourceInitFailed{
		Id: id, Properties: props, Inputs: inputs, Reasons: []string{err.Error()},
	})
}
