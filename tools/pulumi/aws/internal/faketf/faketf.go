// Package faketf is a Terraform provider for tests: one resource type, kept in files, that can be made to fail, to stop
// halfway and to crash. It runs as a process of its own, the test binary again:
//
//	func TestMain(m *testing.M) { faketf.Main(); os.Exit(m.Run()) }
package faketf

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
	"github.com/zclconf/go-cty/cty/msgpack"
	"google.golang.org/grpc"

	"dip/tools/pulumi/aws/internal/schema"
	"dip/tools/pulumi/aws/tfplugin5"
)

// EnvDir names the environment variable with the folder that holds the things.
const EnvDir = "FAKETF_DIR"

// Names of things that misbehave.
const (
	NameFails   = "fails"   // creation fails before there is an id
	NamePartial = "partial" // creation fails after there is an id
	NameCrash   = "crash"   // creation ends the process with a panic
)

// CrashOnce is a file in the folder; the first read that finds it removes it and
// panics.
const CrashOnce = "crash-once"

// Main serves and never returns when a plugin client started the process; else
// it does nothing.
func Main() {
	if os.Getenv("TF_PLUGIN_MAGIC_COOKIE") == "" {
		return
	}
	err := serve()
	fmt.Fprintln(os.Stderr, "faketf:", err)
	os.Exit(1)
}

func serve() error {
	if os.Getenv("FAKETF_GREETING") != "" { // a plugin of another protocol
		fmt.Println(os.Getenv("FAKETF_GREETING"))
		select {}
	}
	path := filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	n, err := schema.FromBlock(ThingSchema().Block)
	if err != nil {
		return err
	}
	g := grpc.NewServer()
	tfplugin5.RegisterProviderServer(g, &provider{dir: os.Getenv(EnvDir), node: n})
	fmt.Printf("1|5|unix|%s|grpc|\n", path)
	return g.Serve(l)
}

type provider struct {
	tfplugin5.UnimplementedProviderServer
	dir        string
	node       *schema.Node
	configured bool
}

func (p *provider) PrepareProviderConfig(
	_ context.Context, r *tfplugin5.PrepareProviderConfig_Request) (*tfplugin5.PrepareProviderConfig_Response, error,
) {
	n, err := schema.FromBlock(providerSchema().Block)
	if err != nil {
		return nil, err
	}
	v, err := msgpack.Unmarshal(r.Config.Msgpack, n.Type)
	if err != nil {
		return nil, err
	}
	resp := &tfplugin5.PrepareProviderConfig_Response{PreparedConfig: r.Config}
	if v.GetAttr("region").IsNull() {
		resp.Diagnostics = failure("no region")
	}
	return resp, nil
}

func (p *provider) Configure(context.Context, *tfplugin5.Configure_Request) (*tfplugin5.Configure_Response, error) {
	p.configured = true
	return &tfplugin5.Configure_Response{}, nil
}

func (p *provider) Stop(context.Context, *tfplugin5.Stop_Request) (*tfplugin5.Stop_Response, error) {
	return &tfplugin5.Stop_Response{}, nil
}

func (p *provider) ValidateResourceTypeConfig(_ context.Context,
	r *tfplugin5.ValidateResourceTypeConfig_Request) (*tfplugin5.ValidateResourceTypeConfig_Response, error) {
	v, err := p.value(r.Config)
	if err != nil {
		return nil, err
	}
	resp := &tfplugin5.ValidateResourceTypeConfig_Response{}
	if rule := v.GetAttr("rule"); rule.IsKnown() && rule.LengthInt() > 0 {
		if d := rule.AsValueSlice()[0].GetAttr("days"); d.IsKnown() && !d.IsNull() && d.AsBigFloat().Sign() < 0 {
			resp.Diagnostics = failure("days is negative")
			resp.Diagnostics[0].Attribute = &tfplugin5.AttributePath{Steps: []*tfplugin5.AttributePath_Step{
				{Selector: &tfplugin5.AttributePath_Step_AttributeName{AttributeName: "rule"}},
				{Selector: &tfplugin5.AttributePath_Step_ElementKeyInt{ElementKeyInt: 0}},
				{Selector: &tfplugin5.AttributePath_Step_AttributeName{AttributeName: "days"}},
			}}
		}
	}
	return resp, nil
}

// UpgradeResourceState reads any version and makes null blocks empty.
func (p *provider) UpgradeResourceState(
	_ context.Context, r *tfplugin5.UpgradeResourceState_Request) (*tfplugin5.UpgradeResourceState_Response, error,
) {
	v, err := ctyjson.Unmarshal(r.RawState.Json, p.node.Type)
	if err != nil {
		return nil, err
	}
	m := v.AsValueMap()
	for name, n := range p.node.Attrs {
		if m[name].IsNull() {
			m[name] = n.Absent()
		}
	}
	d, err := p.pack(cty.ObjectVal(m))
	return &tfplugin5.UpgradeResourceState_Response{UpgradedState: d}, err
}

// PlanResourceChange leaves to be computed what a creation computes; another
// name needs another thing.
func (p *provider) PlanResourceChange(
	_ context.Context, r *tfplugin5.PlanResourceChange_Request) (*tfplugin5.PlanResourceChange_Response, error,
) {
	if !p.configured {
		return &tfplugin5.PlanResourceChange_Response{Diagnostics: failure("not configured")}, nil
	}
	prior, err := p.value(r.PriorState)
	if err != nil {
		return nil, err
	}
	next, err := p.value(r.ProposedNewState)
	if err != nil {
		return nil, err
	}
	resp := &tfplugin5.PlanResourceChange_Response{PlannedPrivate: r.PriorPrivate}
	if !next.IsNull() {
		m := next.AsValueMap()
		if prior.IsNull() {
			m["id"], m["arn"] = cty.UnknownVal(cty.String), cty.UnknownVal(cty.String)
		} else if a, b := prior.GetAttr("name"), m["name"]; !a.RawEquals(b) {
			m["arn"] = cty.UnknownVal(cty.String)
			resp.RequiresReplace = []*tfplugin5.AttributePath{{Steps: []*tfplugin5.AttributePath_Step{
				{Selector: &tfplugin5.AttributePath_Step_AttributeName{AttributeName: "name"}},
			}}}
		}
		next = cty.ObjectVal(m)
	}
	resp.PlannedState, err = p.pack(next)
	return resp, err
}

func (p *provider) ApplyResourceChange(
	_ context.Context, r *tfplugin5.ApplyResourceChange_Request) (*tfplugin5.ApplyResourceChange_Response, error,
) {
	prior, err := p.value(r.PriorState)
	if err != nil {
		return nil, err
	}
	next, err := p.value(r.PlannedState)
	if err != nil {
		return nil, err
	}
	resp := &tfplugin5.ApplyResourceChange_Response{NewState: r.PlannedState, Private: []byte(`{"applied":true}`)}
	if next.IsNull() {
		return resp, os.Remove(p.file(prior.GetAttr("id").AsString()))
	}
	m := next.AsValueMap()
	name := m["name"].AsString()
	switch name {
	case NameFails:
		resp.NewState, err = p.pack(cty.NullVal(p.node.Type))
		resp.Diagnostics = failure("the service said no")
		return resp, err
	case NameCrash:
		go panic("invalid memory address or nil pointer dereference")
		select {}
	case NamePartial:
		resp.Diagnostics = failure("tagging failed")
	}
	m["id"] = cty.StringVal("id-" + name)
	m["arn"] = cty.StringVal("arn:fake:" + name)
	if f := m["filename"]; !f.IsNull() && (prior.IsNull() || !prior.GetAttr("filename").RawEquals(f)) {
		b, err := os.ReadFile(f.AsString())
		if err != nil {
			resp.Diagnostics = failure(err.Error())
			return resp, nil
		}
		sum := sha256.Sum256(b)
		m["arn"] = cty.StringVal("arn:fake:" + name + ":" + hex.EncodeToString(sum[:4]))
	}
	next = cty.ObjectVal(m)
	if err := p.store(next); err != nil {
		return nil, err
	}
	resp.NewState, err = p.pack(next)
	return resp, err
}

func (p *provider) ReadResource(
	_ context.Context, r *tfplugin5.ReadResource_Request) (*tfplugin5.ReadResource_Response, error,
) {
	if os.Remove(filepath.Join(p.dir, CrashOnce)) == nil {
		go panic("assignment to entry in nil map")
		select {}
	}
	cur, err := p.value(r.CurrentState)
	if err != nil {
		return nil, err
	}
	resp := &tfplugin5.ReadResource_Response{Private: r.Private}
	b, err := os.ReadFile(p.file(cur.GetAttr("id").AsString()))
	if errors.Is(err, os.ErrNotExist) {
		resp.NewState, err = p.pack(cty.NullVal(p.node.Type))
		return resp, err
	}
	if err != nil {
		return nil, err
	}
	v, err := ctyjson.Unmarshal(b, p.node.Type)
	if err != nil {
		return nil, err
	}
	resp.NewState, err = p.pack(v)
	return resp, err
}

func (p *provider) ImportResourceState(
	_ context.Context, r *tfplugin5.ImportResourceState_Request) (*tfplugin5.ImportResourceState_Response, error,
) {
	m := map[string]cty.Value{}
	for name, n := range p.node.Attrs {
		m[name] = n.Absent()
	}
	m["id"] = cty.StringVal(r.Id)
	d, err := p.pack(cty.ObjectVal(m))
	return &tfplugin5.ImportResourceState_Response{ImportedResources: []*tfplugin5.ImportResourceState_ImportedResource{
		{TypeName: r.TypeName, State: d},
	}}, err
}

func (p *provider) ValidateDataSourceConfig(
	context.Context, *tfplugin5.ValidateDataSourceConfig_Request) (*tfplugin5.ValidateDataSourceConfig_Response, error,
) {
	return &tfplugin5.ValidateDataSourceConfig_Response{}, nil
}

func (p *provider) ReadDataSource(
	_ context.Context, r *tfplugin5.ReadDataSource_Request) (*tfplugin5.ReadDataSource_Response, error,
) {
	n, err := schema.FromBlock(dataSchema().Block)
	if err != nil {
		return nil, err
	}
	v, err := msgpack.Unmarshal(r.Config.Msgpack, n.Type)
	if err != nil {
		return nil, err
	}
	m := v.AsValueMap()
	name := m["name"].AsString()
	if name == NameFails {
		return &tfplugin5.ReadDataSource_Response{Diagnostics: failure("no such thing")}, nil
	}
	m["id"], m["arn"] = cty.StringVal("id-"+name), cty.StringVal("arn:fake:"+name)
	b, err := msgpack.Marshal(cty.ObjectVal(m), n.Type)
	return &tfplugin5.ReadDataSource_Response{State: &tfplugin5.DynamicValue{Msgpack: b}}, err
}

func (p *provider) file(id string) string { return filepath.Join(p.dir, id+".json") }

func (p *provider) store(v cty.Value) error {
	b, err := ctyjson.Marshal(v, p.node.Type)
	if err != nil {
		return err
	}
	return os.WriteFile(p.file(v.GetAttr("id").AsString()), b, 0o600)
}

// Edit changes a stored thing behind the provider's back.
func Edit(dir, id string, change func(map[string]any)) error {
	path := filepath.Join(dir, id+".json")
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	m := map[string]any{}
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	change(m)
	if b, err = json.Marshal(m); err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o600)
}

func (p *provider) value(d *tfplugin5.DynamicValue) (cty.Value, error) {
	return msgpack.Unmarshal(d.Msgpack, p.node.Type)
}

func (p *provider) pack(v cty.Value) (*tfplugin5.DynamicValue, error) {
	b, err := msgpack.Marshal(v, p.node.Type)
	return &tfplugin5.DynamicValue{Msgpack: b}, err
}

func failure(text string) []*tfplugin5.Diagnostic {
	return []*tfplugin5.Diagnostic{{Severity: tfplugin5.Diagnostic_ERROR, Summary: text}}
}
