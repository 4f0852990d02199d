package server

import (
	"os"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/structpb"

	"dip/tools/pulumi/aws/internal/faketf"
	"dip/tools/pulumi/aws/internal/tfprovider"
	"dip/tools/pulumi/plugin"
)

func TestMain(m *testing.M) {
	faketf.Main()
	os.Exit(m.Run())
}

// rig is a configured server over a fake provider process.
type rig struct {
	*testing.T
	s   *plugin.Server
	p   *Provider
	dir string // the fake provider's things
}

func newRig(t *testing.T) *rig {
	t.Helper()
	dir := t.TempDir()
	t.Setenv(faketf.EnvDir, dir)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := tfprovider.New(exe, nil)
	t.Cleanup(p.Close)
	served := New(faketf.Contents().Catalog(), p)
	r := &rig{T: t, s: plugin.NewServer("aws", "6.83.2", served), p: served, dir: dir}
	_, err = r.s.Configure(t.Context(), &pulumirpc.ConfigureRequest{Args: r.pack(props{"region": "eu-west-1"})})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

type props map[string]any

func (r *rig) pack(p props) *structpb.Struct {
	r.Helper()
	return r.packMap(resource.NewPropertyMapFromMap(p))
}

func (r *rig) packMap(m resource.PropertyMap) *structpb.Struct {
	r.Helper()
	st, err := plugin.Marshal(m)
	if err != nil {
		r.Fatal(err)
	}
	return st
}

func (r *rig) unpack(st *structpb.Struct) resource.PropertyMap {
	r.Helper()
	m, err := plugin.Unmarshal(st, "test")
	if err != nil {
		r.Fatal(err)
	}
	return m
}

func urnOf(name string) string {
	return string(urn.New("dev", "proj", "", faketf.ThingToken, name))
}

// thing is a created resource.
type thing struct {
	id   string
	urn  string
	in   *structpb.Struct
	outs *structpb.Struct
}

func (r *rig) check(name string, olds *structpb.Struct, in *structpb.Struct) *pulumirpc.CheckResponse {
	r.Helper()
	resp, err := r.s.Check(r.Context(), &pulumirpc.CheckRequest{Urn: urnOf(name), Olds: olds, News: in,
		RandomSeed: []byte("a seed of 32 bytes, more or less")})
	if err != nil {
		r.Fatal(err)
	}
	return resp
}

func (r *rig) create(name string, in *structpb.Struct) thing {
	r.Helper()
	checked := r.check(name, nil, in)
	if len(checked.Failures) > 0 {
		r.Fatalf("check: %v", checked.Failures)
	}
	resp, err := r.s.Create(r.Context(), &pulumirpc.CreateRequest{Urn: urnOf(name), Properties: checked.Inputs})
	if err != nil {
		r.Fatal(err)
	}
	return thing{id: resp.Id, urn: urnOf(name), in: checked.Inputs, outs: resp.Properties}
}

func (r *rig) diff(t thing, in *structpb.Struct, ignore ...string) *pulumirpc.DiffResponse {
	r.Helper()
	resp, err := r.s.Diff(r.Context(),
		&pulumirpc.DiffRequest{Id: t.id, Urn: t.urn, Olds: t.outs, OldInputs: t.in, News: in, IgnoreChanges: ignore})
	if err != nil {
		r.Fatal(err)
	}
	return resp
}

func (r *rig) read(t thing) *pulumirpc.ReadResponse {
	r.Helper()
	resp, err := r.s.Read(r.Context(), &pulumirpc.ReadRequest{Id: t.id, Urn: t.urn, Properties: t.outs, Inputs: t.in})
	if err != nil {
		r.Fatal(err)
	}
	return resp
}

// initFailure returns what a failed operation reports of the resource that it left.
func initFailure(t *testing.T, err error) *pulumirpc.ErrorResourceInitFailed {
	t.Helper()
	rpcErr, ok := rpcerror.FromError(err)
	if !ok {
		t.Fatalf("not an RPC error: %v", err)
	}
	for _, d := range rpcErr.Details() {
		if f, ok := d.(*pulumirpc.ErrorResourceInitFailed); ok {
			return f
		}
	}
	t.Fatalf("the error does not carry the resource: %v", err)
	return nil
}
