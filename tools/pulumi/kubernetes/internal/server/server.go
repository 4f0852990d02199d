// Package server is the Pulumi resource provider "kubernetes": it serves the tokens of the Pulumi kubernetes SDK with
// server-side apply.
package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	"dip/tools/pulumi/kubernetes/internal/cluster"
)

// patience is how long an operation may wait for the cluster when the program sets no limit of its own.
const patience = 10 * time.Minute

// Server implements pulumirpc.ResourceProviderServer.
type Server struct {
	pulumirpc.UnimplementedResourceProviderServer

	version string
	charts  string // folder of charts; empty: there are none
	// cluster is nil before Configure, and as long as the kubeconfig is unknown.
	cluster *cluster.Cluster
	// deleteUnreachable lets resources go whose cluster gives no answer.
	deleteUnreachable bool

	stop   context.Context
	cancel context.CancelCauseFunc
}

// New makes a server that reports version and takes the charts of releases from a folder.
func New(version, charts string) *Server {
	s := &Server{version: version, charts: charts}
	s.stop, s.cancel = context.WithCancelCause(context.Background())
	return s
}

// GetPluginInfo tells the version.
func (s *Server) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: s.version}, nil
}

// GetSchema gives name and version only: Go programs carry their own types.
func (s *Server) GetSchema(context.Context, *pulumirpc.GetSchemaRequest) (*pulumirpc.GetSchemaResponse, error) {
	b, err := json.Marshal(map[string]string{"name": "kubernetes", "version": s.version})
	if err != nil {
		return nil, err
	}
	return &pulumirpc.GetSchemaResponse{Schema: string(b)}, nil
}

// Attach is called when a debugger started the plugin; there is nothing to do.
func (s *Server) Attach(context.Context, *pulumirpc.PluginAttach) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

// Cancel ends running operations early.
func (s *Server) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	s.cancel(errors.New("the engine cancelled the operation"))
	return &emptypb.Empty{}, nil
}

// Invoke refuses: there are no functions.
func (s *Server) Invoke(_ context.Context, req *pulumirpc.InvokeRequest) (*pulumirpc.InvokeResponse, error) {
	return nil, status.Errorf(codes.NotFound, "this kubernetes plugin has no function %s", req.Tok)
}

// operation bounds ctx by the program's limit in seconds (0: none) and by the engine's wish to end.
func (s *Server) operation(ctx context.Context, seconds float64) (context.Context, context.CancelFunc) {
	limit := patience
	if seconds > 0 {
		limit = time.Duration(seconds * float64(time.Second))
	}
	ctx, end := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the time limit is over (customTimeouts sets it)"))
	ctx, cancel := context.WithCancelCause(ctx)
	unhook := context.AfterFunc(s.stop, func() { cancel(context.Cause(s.stop)) })
	return ctx, func() {
		unhook()
		cancel(nil)
		end()
	}
}

// configured returns the cluster, or an error when it is not known.
func (s *Server) configured() (*cluster.Cluster, error) {
	if s.cluster == nil {
		return nil, errors.New("the kubernetes provider's kubeconfig is not known")
	}
	return s.cluster, nil
}

func unmarshal(st *structpb.Struct, label string) (resource.PropertyMap, error) {
	m, err := plugin.UnmarshalProperties(st, plugin.MarshalOptions{
		Label: label, KeepUnknowns: true, KeepSecrets: true, SkipNulls: true,
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", label, err)
	}
	return m, nil
}

func marshal(m resource.PropertyMap) (*structpb.Struct, error) {
	return plugin.MarshalProperties(m, plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true, SkipNulls: true})
}
