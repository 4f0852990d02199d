package server

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/zclconf/go-cty/cty"

	"dip/tools/pulumi/aws/internal/catalog"
	"dip/tools/pulumi/aws/internal/convert"
	"dip/tools/pulumi/aws/internal/schema"
	"dip/tools/pulumi/aws/internal/tfprovider"
	"dip/tools/pulumi/aws/tfplugin5"
	"dip/tools/pulumi/plugin"
)

// target is the resource that an operation works on.
type target struct {
	*catalog.Type
	p    *Provider
	name string // the program's name of it
}

// Resource finds a resource type in the catalog.
func (p *Provider) Resource(token, name string) (plugin.Resource, error) {
	t, err := p.catalog.Resource(token)
	if err != nil {
		return nil, unknownToken(err)
	}
	return &target{Type: t, p: p, name: name}, nil
}

func (t *target) op(what string, repeatable bool) tfprovider.Op {
	return tfprovider.Op{What: what, Resource: fmt.Sprintf("%s %q", t.TF, t.name), Repeatable: repeatable}
}

func encode(t *catalog.Type, in resource.PropertyMap) (cty.Value, error) {
	e := convert.Encoder{Asset: assetName}
	return e.Object(in, t.Node, t.Fields)
}

func decodeResult(t *catalog.Type, v cty.Value) resource.PropertyMap {
	return convert.Decode(v, t.Node, t.Fields)
}

// config encodes inputs; timeout (seconds, 0 = the provider's own) limits the
// operation that phase names.
func (t *target) config(in resource.PropertyMap, phase string, timeout float64) (cty.Value, error) {
	v, err := encode(t.Type, in)
	if err != nil {
		return cty.NilVal, fmt.Errorf("%s %q: %w", t.TF, t.name, err)
	}
	n := t.Node.Attrs["timeouts"]
	if timeout <= 0 || n == nil || n.Kind != schema.Object || n.Attrs[phase] == nil {
		return v, nil
	}
	limits := map[string]cty.Value{}
	for _, k := range n.Names {
		limits[k] = cty.NullVal(cty.String)
	}
	limits[phase] = cty.StringVal(seconds(timeout).String())
	attrs := v.AsValueMap()
	attrs["timeouts"] = cty.ObjectVal(limits)
	return cty.ObjectVal(attrs), nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// plan is what the provider answers to a configuration.
type plan struct {
	prior, config, state cty.Value
	private              []byte
	replace              []cty.Path
}

func (t *target) plan(ctx context.Context, prior, config cty.Value, private []byte) (*plan, error) {
	req := &tfplugin5.PlanResourceChange_Request{TypeName: t.TF, PriorPrivate: private}
	var err error
	for _, x := range []struct {
		to **tfplugin5.DynamicValue
		v  cty.Value
	}{
		{&req.PriorState, prior},
		{&req.ProposedNewState, convert.Proposed(prior, config, t.Node)},
		{&req.Config, config},
	} {
		if *x.to, err = pack(x.v, t.Node.Type); err != nil {
			return nil, fmt.Errorf("plan %s %q: %w", t.TF, t.name, err)
		}
	}
	var resp *tfplugin5.PlanResourceChange_Response
	err = t.p.provider.Do(ctx, t.op("plan", true), func(c tfplugin5.ProviderClient) error {
		resp, err = c.PlanResourceChange(ctx, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := tfprovider.DiagError(resp.Diagnostics); err != nil {
		return nil, err
	}
	p := &plan{prior: prior, config: config, private: resp.PlannedPrivate}
	if p.state, err = unpack(resp.PlannedState, t.Node.Type); err != nil {
		return nil, fmt.Errorf("plan %s %q: %w", t.TF, t.name, err)
	}
	for _, ap := range resp.RequiresReplace {
		p.replace = append(p.replace, path(ap))
	}
	return p, nil
}

// apply carries a plan out. Assets are the contents of the files that the plan
// names. A state may come back together with an error: what was done until then.
func (t *target) apply(
	ctx context.Context, what string, p *plan, assets resource.PropertyMap) (state cty.Value, private []byte, err error,
) {
	none := cty.NullVal(t.Node.Type)
	files, err := t.writeAssets(assets)
	if err != nil {
		return none, nil, fmt.Errorf("%s %s %q: %w", what, t.TF, t.name, err)
	}
	defer files.remove()
	req := &tfplugin5.ApplyResourceChange_Request{TypeName: t.TF, PlannedPrivate: p.private}
	for _, x := range []struct {
		to **tfplugin5.DynamicValue
		v  cty.Value
	}{{&req.PriorState, p.prior}, {&req.PlannedState, p.state}, {&req.Config, p.config}} {
		if *x.to, err = pack(files.place(x.v), t.Node.Type); err != nil {
			return none, nil, fmt.Errorf("%s %s %q: %w", what, t.TF, t.name, err)
		}
	}
	var resp *tfplugin5.ApplyResourceChange_Response
	err = t.p.provider.Do(ctx, t.op(what, false), func(c tfplugin5.ProviderClient) error {
		resp, err = c.ApplyResourceChange(ctx, req)
		return err
	})
	if err != nil {
		return none, nil, err
	}
	state, err = unpack(resp.NewState, t.Node.Type)
	if err != nil {
		return none, nil, fmt.Errorf("%s %s %q: %w", what, t.TF, t.name, err)
	}
	return files.unplace(state), resp.Private, tfprovider.DiagError(resp.Diagnostics)
}

func path(ap *tfplugin5.AttributePath) cty.Path {
	var p cty.Path
	for _, st := range ap.GetSteps() {
		switch x := st.Selector.(type) {
		case *tfplugin5.AttributePath_Step_AttributeName:
			p = append(p, cty.GetAttrStep{Name: x.AttributeName})
		case *tfplugin5.AttributePath_Step_ElementKeyString:
			p = append(p, cty.IndexStep{Key: cty.StringVal(x.ElementKeyString)})
		case *tfplugin5.AttributePath_Step_ElementKeyInt:
			p = append(p, cty.IndexStep{Key: cty.NumberIntVal(x.ElementKeyInt)})
		}
	}
	return p
}

// idOf returns the provider's id of a state, empty when there is none yet.
func idOf(v cty.Value) string {
	if v == cty.NilVal || v.IsNull() || !v.IsKnown() || !v.Type().HasAttribute("id") {
		return ""
	}
	id := v.GetAttr("id")
	if id.IsNull() || !id.IsKnown() {
		return ""
	}
	return id.AsString()
}

// timeoutsKey is where Terraform's SDK keeps time limits in private data.
const timeoutsKey = "e2bfb730-ecaa-11e6-8f88-34363bc7c4c0"

// withDeleteTimeout puts a limit on a deletion, which has no configuration that
// could say it.
func withDeleteTimeout(private []byte, timeout float64) ([]byte, error) {
	if timeout <= 0 {
		return private, nil
	}
	all := map[string]any{}
	if len(private) > 0 {
		if err := json.Unmarshal(private, &all); err != nil {
			return nil, fmt.Errorf("read the provider's private data: %w", err)
		}
	}
	limits, ok := all[timeoutsKey].(map[string]any)
	if !ok {
		limits = map[string]any{}
	}
	limits["delete"] = seconds(timeout).Nanoseconds()
	all[timeoutsKey] = limits
	return json.Marshal(all)
}
