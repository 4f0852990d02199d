// Package server is the Pulumi resource provider "aws": it serves the tokens of
// the Pulumi aws SDK by driving Terraform's AWS provider.
package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/msgpack"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	"dip/tools/pulumi/aws/internal/catalog"
	"dip/tools/pulumi/aws/internal/tfprovider"
	"dip/tools/pulumi/aws/tfplugin5"
)

// Server implements pulumirpc.ResourceProviderServer.
type Server struct {
	pulumirpc.UnimplementedResourceProviderServer

	version  string
	catalog  *catalog.Catalog
	provider *tfprovider.Provider
}

// New makes a server that reports version and serves what cat holds.
func New(version string, cat *catalog.Catalog, p *tfprovider.Provider) *Server {
	return &Server{version: version, catalog: cat, provider: p}
}

// GetPluginInfo tells the version.
func (s *Server) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: s.version}, nil
}

// GetSchema gives name and version only: Go programs carry their own types.
func (s *Server) GetSchema(context.Context, *pulumirpc.GetSchemaRequest) (*pulumirpc.GetSchemaResponse, error) {
	b, err := json.Marshal(map[string]string{"name": "aws", "version": s.version})
	if err != nil {
		return nil, err
	}
	return &pulumirpc.GetSchemaResponse{Schema: string(b)}, nil
}

// Attach is called when a debugger started the plugin; there is nothing to do.
func (s *Server) Attach(context.Context, *pulumirpc.PluginAttach) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

// Cancel asks running operations to end early.
func (s *Server) Cancel(ctx context.Context, _ *emptypb.Empty) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, s.provider.Stop(ctx)
}

// Invoke reads a data source.
func (s *Server) Invoke(ctx context.Context, req *pulumirpc.InvokeRequest) (*pulumirpc.InvokeResponse, error) {
	t, err := s.catalog.Function(req.Tok)
	if err != nil {
		return nil, unknownToken("function", req.Tok, err)
	}
	if !s.provider.Configured() {
		return nil, errors.New(req.Tok + ": the settings of the aws provider are not known yet")
	}
	args, err := unmarshal(req.Args, "args")
	if err != nil {
		return nil, err
	}
	config, err := encode(t, args)
	if err != nil {
		return invalid(err), nil
	}
	in, err := pack(config, t.Node.Type)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", req.Tok, err)
	}
	var diags []*tfplugin5.Diagnostic
	var state *tfplugin5.DynamicValue
	op := tfprovider.Op{What: "read data source", Resource: t.TF, Repeatable: true}
	err = s.provider.Do(ctx, op, func(c tfplugin5.ProviderClient) error {
		v, err := c.ValidateDataSourceConfig(ctx, &tfplugin5.ValidateDataSourceConfig_Request{TypeName: t.TF, Config: in})
		if err != nil {
			return err
		}
		if diags = v.Diagnostics; tfprovider.DiagError(diags) != nil {
			return nil
		}
		r, err := c.ReadDataSource(ctx, &tfplugin5.ReadDataSource_Request{TypeName: t.TF, Config: in})
		if err != nil {
			return err
		}
		diags, state = r.Diagnostics, r.State
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := tfprovider.DiagError(diags); err != nil {
		return invalid(err), nil
	}
	v, err := unpack(state, t.Node.Type)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", req.Tok, err)
	}
	out, err := marshal(decodeResult(t, v))
	if err != nil {
		return nil, err
	}
	return &pulumirpc.InvokeResponse{Return: out}, nil
}

func invalid(err error) *pulumirpc.InvokeResponse {
	return &pulumirpc.InvokeResponse{Failures: []*pulumirpc.CheckFailure{{Reason: err.Error()}}}
}

func unknownToken(kind, token string, err error) error {
	if errors.Is(err, catalog.ErrUnknown) {
		return status.Errorf(codes.NotFound, "the aws plugin has no %s %s", kind, token)
	}
	return err
}

func pack(v cty.Value, t cty.Type) (*tfplugin5.DynamicValue, error) {
	b, err := msgpack.Marshal(v, t)
	if err != nil {
		return nil, fmt.Errorf("encode for the AWS provider: %w", err)
	}
	return &tfplugin5.DynamicValue{Msgpack: b}, nil
}

func unpack(d *tfplugin5.DynamicValue, t cty.Type) (cty.Value, error) {
	if len(d.GetMsgpack()) == 0 {
		return cty.NullVal(t), nil
	}
	v, err := msgpack.Unmarshal(d.Msgpack, t)
	if err != nil {
		return cty.NilVal, fmt.Errorf("decode the AWS provider's answer: %w", err)
	}
	return v, nil
}

func unmarshal(st *structpb.Struct, label string) (resource.PropertyMap, error) {
	m, err := plugin.UnmarshalProperties(st, plugin.MarshalOptions{
		Label: label, KeepUnknowns: true, KeepSecrets: true, SkipNulls: true, ComputeAssetHashes: true,
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", label, err)
	}
	return m, nil
}

func marshal(m resource.PropertyMap) (*structpb.Struct, error) {
	return plugin.MarshalProperties(m, plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true, SkipNulls: true})
}
