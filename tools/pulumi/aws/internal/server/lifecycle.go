package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/zclconf/go-cty/cty"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// Create makes the resource; in a preview it only plans. When the creation fails
// after the resource got its id, the engine learns both, so that the next update
// goes on from there.
func (s *Server) Create(ctx context.Context, req *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	t, err := s.target(req.Urn)
	if err != nil {
		return nil, err
	}
	in, err := unmarshal(req.Properties, "inputs")
	if err != nil {
		return nil, err
	}
	if !s.provider.Configured() {
		if req.Preview {
			return &pulumirpc.CreateResponse{Properties: req.Properties}, nil
		}
		return nil, errors.New("the settings of the aws provider are not known")
	}
	config, err := t.config(in, "create", req.Timeout)
	if err != nil {
		return nil, err
	}
	p, err := t.plan(ctx, cty.NullVal(t.Node.Type), config, nil)
	if err != nil {
		return nil, err
	}
	if req.Preview {
		props, err := t.marshalOutputs(p.state, nil, in)
		return &pulumirpc.CreateResponse{Properties: props}, err
	}
	state, private, applyErr := t.apply(ctx, "create", p, in)
	id := idOf(state)
	if id == "" {
		if applyErr == nil {
			applyErr = fmt.Errorf("create %s %q: the provider gave no id", t.TF, t.name)
		}
		return nil, applyErr
	}
	props, err := t.marshalOutputs(state, private, in)
	if err != nil {
		return nil, errors.Join(applyErr, err)
	}
	if applyErr != nil {
		return nil, partial(id, props, req.Properties, applyErr)
	}
	return &pulumirpc.CreateResponse{Id: id, Properties: props}, nil
}

// Update changes the resource in place; in a preview it only plans.
func (s *Server) Update(ctx context.Context, req *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	t, err := s.target(req.Urn)
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
	if !s.provider.Configured() {
		if req.Preview {
			return &pulumirpc.UpdateResponse{Properties: req.News}, nil
		}
		return nil, errors.New("the settings of the aws provider are not known")
	}
	p, err := t.planUpdate(ctx, req.Id, olds, in, req.IgnoreChanges, "update", req.Timeout)
	if err != nil {
		return nil, err
	}
	if req.Preview {
		props, err := t.marshalOutputs(p.state, nil, in)
		return &pulumirpc.UpdateResponse{Properties: props}, err
	}
	state, private, applyErr := t.apply(ctx, "update", p, in)
	if state.IsNull() {
		if applyErr == nil {
			applyErr = fmt.Errorf("update %s %q: the provider gave no state", t.TF, t.name)
		}
		return nil, applyErr
	}
	props, err := t.marshalOutputs(state, private, in)
	if err != nil {
		return nil, errors.Join(applyErr, err)
	}
	if applyErr != nil {
		return nil, partial(req.Id, props, req.News, applyErr)
	}
	return &pulumirpc.UpdateResponse{Properties: props}, nil
}

// Delete removes the resource.
func (s *Server) Delete(ctx context.Context, req *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
	t, err := s.target(req.Urn)
	if err != nil {
		return nil, err
	}
	outs, err := unmarshal(req.Properties, "outputs")
	if err != nil {
		return nil, err
	}
	prior, private, err := t.prior(ctx, req.Id, outs)
	if err != nil {
		return nil, err
	}
	if private, err = withDeleteTimeout(private, req.Timeout); err != nil {
		return nil, fmt.Errorf("delete %s %q: %w", t.TF, t.name, err)
	}
	none := cty.NullVal(t.Node.Type)
	p := &plan{prior: prior, config: none, state: none, private: private}
	if _, _, err := t.apply(ctx, "delete", p, nil); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

func (t *target) marshalOutputs(v cty.Value, private []byte, in resource.PropertyMap) (*structpb.Struct, error) {
	out, err := t.outputs(v, private, in)
	if err != nil {
		return nil, err
	}
	return marshal(out)
}

// partial tells the engine that the resource exists although the operation failed.
func partial(id string, props, inputs *structpb.Struct, err error) error {
	return rpcerror.WithDetails(rpcerror.New(codes.Unknown, err.Error()), &pulumirpc.ErrorResourceInitFailed{
		Id: id, Properties: props, Inputs: inputs, Reasons: []string{err.Error()},
	})
}
