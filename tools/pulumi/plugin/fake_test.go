package plugin

import (
	"context"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/structpb"
)

// fake is a provider, and the one resource that it has. It records its calls, and answers by its fields.
type fake struct {
	configErr, unconfigured, err error // of settings, of Configured, of operations
	moves, previews              bool
	id                           string
	outs                         resource.PropertyMap

	calls []string
	op    *Operation // the last one
	open  int        // operations that have begun and not ended
	limit float64    // of the last one that began
}

func (f *fake) note(call string, op *Operation) {
	f.calls, f.op = append(f.calls, call), op
}

func (f *fake) CheckConfig(context.Context, resource.PropertyMap) error { return f.configErr }

func (f *fake) Moves(_, _ resource.PropertyMap) (bool, error) { return f.moves, f.configErr }

func (f *fake) Configure(context.Context, resource.PropertyMap) error { return f.configErr }

func (f *fake) Configured() error { return f.unconfigured }

func (f *fake) Previews(resource.PropertyMap) bool { return f.previews }

func (f *fake) Begin(ctx context.Context, timeout float64) (context.Context, context.CancelFunc) {
	f.open++
	f.limit = timeout
	return ctx, func() { f.open-- }
}

func (f *fake) Resource(token, name string) (Resource, error) {
	if token != "fake:a:Thing" || name != "thing" {
		return nil, ErrUnknown
	}
	return f, nil
}

func (f *fake) Invoke(_ context.Context, token string, _ resource.PropertyMap) (resource.PropertyMap, error) {
	if token != "fake:a:get" {
		return nil, ErrUnknown
	}
	return f.outs, f.err
}

func (f *fake) Cancel(context.Context) error {
	f.note("cancel", nil)
	return nil
}

func (f *fake) Check(_ context.Context, _, news resource.PropertyMap, seed []byte) error {
	news["name"] = resource.NewStringProperty("thing-" + string(seed))
	return f.err
}

func (f *fake) Diff(_ context.Context, op *Operation) (*pulumirpc.DiffResponse, error) {
	f.note("diff", op)
	return &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_SOME}, f.err
}

func (f *fake) Create(_ context.Context, op *Operation) (string, resource.PropertyMap, error) {
	f.note("create", op)
	return f.id, f.outs, f.err
}

func (f *fake) Update(_ context.Context, op *Operation) (resource.PropertyMap, error) {
	f.note("update", op)
	return f.outs, f.err
}

func (f *fake) Read(_ context.Context, op *Operation) (string, resource.PropertyMap, resource.PropertyMap, error) {
	f.note("read", op)
	return f.id, resource.PropertyMap{"in": resource.NewBoolProperty(true)}, f.outs, f.err
}

func (f *fake) Delete(_ context.Context, op *Operation) error {
	f.note("delete", op)
	return f.err
}

const thing = "urn:pulumi:dev::dip::fake:a:Thing::thing"

// text are properties of one text, for the engine and for the provider.
func text(name, value string) resource.PropertyMap {
	return resource.PropertyMap{resource.PropertyKey(name): resource.NewStringProperty(value)}
}

func pack(t *testing.T, m resource.PropertyMap) *structpb.Struct {
	t.Helper()
	st, err := Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func unpack(t *testing.T, st *structpb.Struct) resource.PropertyMap {
	t.Helper()
	m, err := Unmarshal(st, "test")
	if err != nil {
		t.Fatal(err)
	}
	return m
}
