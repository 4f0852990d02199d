package server

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/structpb"

	"dip/tools/pulumi/kubernetes/internal/fakeapi"
	"dip/tools/pulumi/plugin"
)

// engine calls a server as Pulumi's engine does.
type engine struct {
	*plugin.Server
	p   *Provider
	t   *testing.T
	api *fakeapi.API
}

const configMap = "kubernetes:core/v1:ConfigMap"

func newEngine(t *testing.T, charts string) *engine {
	e := &engine{t: t, api: fakeapi.New(t)}
	e.serve(charts)
	e.configure(resource.PropertyMap{"kubeconfig": resource.NewProperty(e.api.Kubeconfig())})
	if e.p.cluster != nil {
		e.p.cluster.Poll, e.p.cluster.Retry = time.Millisecond, 5*time.Second
	}
	return e
}

// serve starts a provider without settings.
func (e *engine) serve(charts string) {
	e.p = New(charts)
	e.Server = plugin.NewServer("kubernetes", "4.23.0", e.p)
}

func (e *engine) configure(settings resource.PropertyMap) {
	e.t.Helper()
	if _, err := e.Configure(context.Background(), &pulumirpc.ConfigureRequest{Args: e.marshal(settings)}); err != nil {
		e.t.Fatal(err)
	}
}

func (e *engine) marshal(m resource.PropertyMap) *structpb.Struct {
	e.t.Helper()
	st, err := plugin.Marshal(m)
	if err != nil {
		e.t.Fatal(err)
	}
	return st
}

func (e *engine) unmarshal(st *structpb.Struct) resource.PropertyMap {
	e.t.Helper()
	m, err := plugin.Unmarshal(st, "test")
	if err != nil {
		e.t.Fatal(err)
	}
	return m
}

func urnOf(token string) string { return "urn:pulumi:dev::dip::" + token + "::thing" }

// state is what the engine keeps of a resource.
type state struct {
	token   string
	id      string
	in, out resource.PropertyMap
}

// check returns checked inputs; failures end the test.
func (e *engine) check(token string, olds, news resource.PropertyMap) resource.PropertyMap {
	e.t.Helper()
	resp, err := e.Check(context.Background(),
		&pulumirpc.CheckRequest{Urn: urnOf(token), Olds: e.marshal(olds), News: e.marshal(news)})
	if err != nil || len(resp.Failures) > 0 {
		e.t.Fatalf("check: %v %v", err, resp.GetFailures())
	}
	return e.unmarshal(resp.Inputs)
}

// create makes a resource. The engine keeps it also when only its initialization failed: err is then that.
func (e *engine) create(token string, in resource.PropertyMap, timeout float64) (*state, error) {
	e.t.Helper()
	checked := e.check(token, nil, in)
	resp, err := e.Create(context.Background(),
		&pulumirpc.CreateRequest{Urn: urnOf(token), Properties: e.marshal(checked), Timeout: timeout})
	if err != nil {
		if r, ok := rpcerror.FromError(err); ok && len(r.Details()) == 1 {
			failed := r.Details()[0].(*pulumirpc.ErrorResourceInitFailed)
			return &state{token, failed.Id, checked, e.unmarshal(failed.Properties)}, err
		}
		return nil, err
	}
	return &state{token, resp.Id, checked, e.unmarshal(resp.Properties)}, nil
}

func (e *engine) mustCreate(token string, in resource.PropertyMap) *state {
	e.t.Helper()
	st, err := e.create(token, in, 0)
	if err != nil {
		e.t.Fatal(err)
	}
	return st
}

func (e *engine) diff(st *state, news resource.PropertyMap, ignored ...string) *pulumirpc.DiffResponse {
	e.t.Helper()
	resp, err := e.Diff(context.Background(), &pulumirpc.DiffRequest{
		Urn: urnOf(st.token), Id: st.id, Olds: e.marshal(st.out), OldInputs: e.marshal(st.in),
		News: e.marshal(e.check(st.token, st.in, news)), IgnoreChanges: ignored,
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return resp
}

func (e *engine) update(st *state, news resource.PropertyMap, ignored ...string) {
	e.t.Helper()
	checked := e.check(st.token, st.in, news)
	resp, err := e.Update(context.Background(), &pulumirpc.UpdateRequest{
		Urn: urnOf(st.token), Id: st.id, Olds: e.marshal(st.out), OldInputs: e.marshal(st.in), News: e.marshal(checked),
		IgnoreChanges: ignored,
	})
	if err != nil {
		e.t.Fatal(err)
	}
	st.in, st.out = checked, e.unmarshal(resp.Properties)
}

// refresh reads a resource, and reports whether it is there.
func (e *engine) refresh(st *state) bool {
	e.t.Helper()
	resp, err := e.Read(context.Background(),
		&pulumirpc.ReadRequest{Urn: urnOf(st.token), Id: st.id, Properties: e.marshal(st.out), Inputs: e.marshal(st.in)})
	if err != nil {
		e.t.Fatal(err)
	}
	if resp.Id == "" {
		return false
	}
	st.id, st.in, st.out = resp.Id, e.unmarshal(resp.Inputs), e.unmarshal(resp.Properties)
	return true
}

func (e *engine) delete(st *state, timeout float64) error {
	_, err := e.Delete(context.Background(),
		&pulumirpc.DeleteRequest{Urn: urnOf(st.token), Id: st.id, Properties: e.marshal(st.out), Timeout: timeout})
	return err
}

// props reads properties from JSON.
func props(text string) resource.PropertyMap {
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		panic(err)
	}
	return resource.NewPropertyMapFromMap(m)
}
