package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Server implements pulumirpc.ResourceProviderServer for a Provider.
type Server struct {
	pulumirpc.UnimplementedResourceProviderServer

	name, version string
	provider      Provider
}

// NewServer serves a provider under the name and the version of its SDK.
func NewServer(name, version string, p Provider) *Server {
	return &Server{name: name, version: version, provider: p}
}

// GetPluginInfo returns the version.
func (s *Server) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: s.version}, nil
}

// GetSchema gives name and version only: Go programs carry their own types.
func (s *Server) GetSchema(context.Context, *pulumirpc.GetSchemaRequest) (*pulumirpc.GetSchemaResponse, error) {
	b, err := json.Marshal(map[string]string{"name": s.name, "version": s.version})
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
	return &emptypb.Empty{}, s.provider.Cancel(ctx)
}

// CheckConfig validates the provider's settings.
func (s *Server) CheckConfig(ctx context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	settings, err := Unmarshal(req.News, "provider settings")
	if err != nil {
		return nil, err
	}
	resp := &pulumirpc.CheckResponse{Inputs: req.News}
	if err := s.provider.CheckConfig(ctx, settings); err != nil {
		resp.Failures = []*pulumirpc.CheckFailure{{Reason: s.name + " provider: " + err.Error()}}
	}
	return resp, nil
}

// DiffConfig asks for replacement when the settings lead elsewhere. Otherwise resources stay, under the new settings.
func (s *Server) DiffConfig(_ context.Context, req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	var r reader
	olds, news := r.read(req.OldInputs, "old provider settings"), r.read(req.News, "new provider settings")
	if r.err != nil {
		return nil, r.err
	}
	resp := &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_NONE}
	d := olds.Diff(news)
	if d == nil {
		return resp, nil
	}
	resp.Changes = pulumirpc.DiffResponse_DIFF_SOME
	for _, k := range d.ChangedKeys() {
		resp.Diffs = append(resp.Diffs, string(k))
	}
	moves, err := s.provider.Moves(olds, news)
	if err != nil {
		return nil, fmt.Errorf("%s provider: %w", s.name, err)
	}
	if moves {
		resp.Replaces = resp.Diffs
	}
	return resp, nil
}

// Configure hands the settings over.
func (s *Server) Configure(ctx context.Context, req *pulumirpc.ConfigureRequest) (*pulumirpc.ConfigureResponse, error) {
	settings, err := Unmarshal(req.Args, "provider settings")
	if err != nil {
		return nil, err
	}
	if err := s.provider.Configure(ctx, settings); err != nil {
		return nil, fmt.Errorf("%s provider: %w", s.name, err)
	}
	return &pulumirpc.ConfigureResponse{AcceptSecrets: true, SupportsPreview: true}, nil
}

// Invoke calls a function.
func (s *Server) Invoke(ctx context.Context, req *pulumirpc.InvokeRequest) (*pulumirpc.InvokeResponse, error) {
	args, err := Unmarshal(req.Args, "args")
	if err != nil {
		return nil, err
	}
	outs, err := s.provider.Invoke(ctx, req.Tok, args)
	if errors.Is(err, ErrUnknown) {
		return nil, s.unknown("function", req.Tok)
	}
	failed, err := failures(err)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", req.Tok, err)
	}
	if len(failed) > 0 {
		return &pulumirpc.InvokeResponse{Failures: failed}, nil
	}
	result, err := Marshal(outs)
	return &pulumirpc.InvokeResponse{Return: result}, err
}

// resource finds the resource of a URN.
func (s *Server) resource(u string) (Resource, error) {
	parsed, err := urn.Parse(u)
	if err != nil {
		return nil, fmt.Errorf("read the resource's URN %q: %w", u, err)
	}
	r, err := s.provider.Resource(string(parsed.Type()), parsed.Name())
	if errors.Is(err, ErrUnknown) {
		return nil, s.unknown("resource type", string(parsed.Type()))
	}
	return r, err
}

func (s *Server) unknown(kind, token string) error {
	return status.Errorf(codes.NotFound, "this %s plugin has no %s %s", s.name, kind, token)
}
