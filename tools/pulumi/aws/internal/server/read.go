package server

import (
	"context"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/zclconf/go-cty/cty"

	"dip/tools/pulumi/aws/internal/convert"
	"dip/tools/pulumi/aws/internal/tfprovider"
	"dip/tools/pulumi/aws/tfplugin5"
	"dip/tools/pulumi/plugin"
)

// Read refreshes the resource, or imports it when there is no state of it yet.
func (t *target) Read(ctx context.Context, op *plugin.Operation) (id string, in, outs resource.PropertyMap, err error) {
	var cur cty.Value
	var private []byte
	importing := len(op.Olds) == 0
	if importing {
		cur, private, err = t.importState(ctx, op.ID)
	} else {
		cur, private, err = t.prior(ctx, op.ID, op.Olds)
	}
	if err != nil {
		return "", nil, nil, err
	}
	state, private, err := t.read(ctx, cur, private)
	if err != nil {
		return "", nil, nil, err
	}
	if id = idOf(state); id == "" {
		return "", nil, nil, nil
	}
	if importing {
		in = t.importedInputs(state)
	} else if in, err = t.refreshedInputs(ctx, op.Inputs, state, private); err != nil {
		return "", nil, nil, err
	}
	outs, err = t.outputs(state, private, in)
	return id, in, outs, err
}

func (t *target) importState(ctx context.Context, id string) (cty.Value, []byte, error) {
	var resp *tfplugin5.ImportResourceState_Response
	err := t.p.provider.Do(ctx, t.op("import", true), func(c tfplugin5.ProviderClient) (err error) {
		resp, err = c.ImportResourceState(ctx, &tfplugin5.ImportResourceState_Request{TypeName: t.TF, Id: id})
		return err
	})
	if err != nil {
		return cty.NilVal, nil, err
	}
	if err := tfprovider.DiagError(resp.Diagnostics); err != nil {
		return cty.NilVal, nil, fmt.Errorf("import %s %q: %w", t.TF, id, err)
	}
	for _, r := range resp.ImportedResources {
		if r.TypeName == t.TF {
			v, err := unpack(r.State, t.Node.Type)
			return v, r.Private, err
		}
	}
	return cty.NilVal, nil, fmt.Errorf("import %s %q: the provider found nothing under that id", t.TF, id)
}

func (t *target) read(ctx context.Context, cur cty.Value, private []byte) (cty.Value, []byte, error) {
	in, err := pack(cur, t.Node.Type)
	if err != nil {
		return cty.NilVal, nil, fmt.Errorf("read %s %q: %w", t.TF, t.name, err)
	}
	var resp *tfplugin5.ReadResource_Response
	err = t.p.provider.Do(ctx, t.op("read", true), func(c tfplugin5.ProviderClient) (err error) {
		resp, err = c.ReadResource(ctx, &tfplugin5.ReadResource_Request{TypeName: t.TF, CurrentState: in, Private: private})
		return err
	})
	if err != nil {
		return cty.NilVal, nil, err
	}
	if err := tfprovider.DiagError(resp.Diagnostics); err != nil {
		return cty.NilVal, nil, err
	}
	v, err := unpack(resp.NewState, t.Node.Type)
	return v, resp.Private, err
}

// importedInputs are the inputs that a program would have given. The name counts
// though the provider could compute it: without it the program's resource would
// get another one.
func (t *target) importedInputs(state cty.Value) resource.PropertyMap {
	in := resource.PropertyMap{defaultsKey: resource.NewArrayProperty([]resource.PropertyValue{})}
	name := ""
	if t.AutoName != nil {
		name = t.AutoName.Attr
	}
	all := convert.DecodeInputs(state, t.Node, t.Fields)
	for tf, f := range t.Fields {
		attr := t.Node.Attrs[tf]
		k := resource.PropertyKey(f.Name)
		if v, ok := all[k]; ok && (!attr.Computed || tf == name) {
			in[k] = v
		}
	}
	return in
}

// refreshedInputs brings inputs up to the state that was read. An input from
// which the provider would plan no change stays exactly as it is, however the
// service writes it (order of sets, layout of JSON, defaults).
func (t *target) refreshedInputs(
	ctx context.Context, in resource.PropertyMap, state cty.Value, private []byte) (resource.PropertyMap, error,
) {
	config, err := t.config(in, "", 0)
	if err != nil {
		return nil, err
	}
	p, err := t.plan(ctx, state, config, private)
	if err != nil {
		return nil, err
	}
	is := convert.Decode(state, t.Node, t.Fields)
	out := in.Copy()
	for _, c := range convert.Changes(state, p.state, t.Node, t.Fields) {
		k := resource.PropertyKey(c.Top)
		said, ok := in[k]
		if !ok || !c.Input || bare(said).IsAsset() || bare(said).IsArchive() {
			continue
		}
		if now, ok := is[k]; ok {
			out[k] = follow(said, now)
		} else {
			delete(out, k)
		}
	}
	return out, nil
}

// follow brings an input up to what was read, within what the input says: parts
// that only the provider fills in stay out.
func follow(said, now resource.PropertyValue) resource.PropertyValue {
	if said.IsSecret() {
		return resource.MakeSecret(follow(bare(said), now))
	}
	now = bare(now)
	switch {
	case said.IsObject() && now.IsObject():
		m := resource.PropertyMap{}
		for k, v := range said.ObjectValue() {
			if is, ok := now.ObjectValue()[k]; ok {
				m[k] = follow(v, is)
			} else if strings.HasPrefix(string(k), "__") {
				m[k] = v
			}
		}
		return resource.NewObjectProperty(m)
	case said.IsArray() && now.IsArray() && len(said.ArrayValue()) == len(now.ArrayValue()):
		arr := make([]resource.PropertyValue, 0, len(now.ArrayValue()))
		for i, v := range said.ArrayValue() {
			arr = append(arr, follow(v, now.ArrayValue()[i]))
		}
		return resource.NewArrayProperty(arr)
	}
	return now
}
