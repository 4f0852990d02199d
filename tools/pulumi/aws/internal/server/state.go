package server

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"dip/tools/pulumi/aws/internal/convert"
	"dip/tools/pulumi/aws/internal/tfprovider"
	"dip/tools/pulumi/aws/tfplugin5"
)

const (
	metaKey     = "__meta"     // output: JSON text of meta
	defaultsKey = "__defaults" // input: names of the inputs that Check filled in
)

// meta is what the provider needs again and Pulumi's properties cannot carry.
type meta struct {
	SchemaVersion string          `json:"schema_version"`
	Private       []byte          `json:"private_data,omitempty"`
	State         json.RawMessage `json:"state,omitempty"`
}

func bare(v resource.PropertyValue) resource.PropertyValue {
	for v.IsSecret() {
		v = v.SecretValue().Element
	}
	return v
}

func readMeta(outs resource.PropertyMap) (meta, error) {
	var m meta
	if v, ok := outs[metaKey]; ok && bare(v).IsString() {
		if err := json.Unmarshal([]byte(bare(v).StringValue()), &m); err != nil {
			return m, fmt.Errorf("read %s of the state: %w", metaKey, err)
		}
	}
	return m, nil
}

// prior returns the Terraform state that outputs hold. Outputs that another aws
// plugin wrote have no such state in them; theirs is rebuilt from the properties.
func (t *target) prior(ctx context.Context, id string, outs resource.PropertyMap) (cty.Value, []byte, error) {
	m, err := readMeta(outs)
	if err != nil {
		return cty.NilVal, nil, fmt.Errorf("%s %q: %w", t.TF, t.name, err)
	}
	if m.State == nil {
		v, err := t.rebuild(id, outs)
		return v, m.Private, err
	}
	v, err := t.upgrade(ctx, m)
	return v, m.Private, err
}

// upgrade reads a kept state. The provider does it even when the schema's version
// is the same, as under Terraform: it also settles what the version does not tell
// (a block that is null in the state is an empty one to a plan).
func (t *target) upgrade(ctx context.Context, m meta) (cty.Value, error) {
	var version int64
	if _, err := fmt.Sscan(m.SchemaVersion, &version); err != nil {
		return cty.NilVal, fmt.Errorf("%s %q: the state's schema version %q: %w", t.TF, t.name, m.SchemaVersion, err)
	}
	var resp *tfplugin5.UpgradeResourceState_Response
	err := t.p.provider.Do(ctx, t.op("upgrade the state of", true), func(c tfplugin5.ProviderClient) (err error) {
		resp, err = c.UpgradeResourceState(ctx, &tfplugin5.UpgradeResourceState_Request{
			TypeName: t.TF, Version: version, RawState: &tfplugin5.RawState{Json: m.State},
		})
		return err
	})
	if err != nil {
		return cty.NilVal, err
	}
	if err := tfprovider.DiagError(resp.Diagnostics); err != nil {
		return cty.NilVal, fmt.Errorf("upgrade the state of %s %q: %w", t.TF, t.name, err)
	}
	return unpack(resp.UpgradedState, t.Node.Type)
}

func (t *target) rebuild(id string, outs resource.PropertyMap) (cty.Value, error) {
	known := resource.PropertyMap{}
	for _, f := range t.Fields {
		k := resource.PropertyKey(f.Name)
		if v, ok := outs[k]; ok {
			known[k] = v
		}
	}
	v, err := encode(t.Type, known)
	if err != nil {
		return cty.NilVal, fmt.Errorf("read the state of %s %q: %w", t.TF, t.name, err)
	}
	attrs := v.AsValueMap()
	attrs["id"] = cty.StringVal(id)
	return cty.ObjectVal(attrs), nil
}

// outputs builds the Pulumi outputs of a state. Properties whose input is secret
// stay secret; assets are taken over from the inputs.
func (t *target) outputs(v cty.Value, private []byte, in resource.PropertyMap) (resource.PropertyMap, error) {
	out := convert.Decode(v, t.Node, t.Fields)
	secret := out.ContainsSecrets()
	for k, iv := range in {
		if ov, ok := out[k]; ok && iv.ContainsSecrets() {
			out[k], secret = resource.MakeSecret(bare(ov)), true
		}
	}
	for _, f := range t.Fields {
		k := resource.PropertyKey(f.Name)
		if iv, ok := in[k]; ok && f.Asset != "" {
			out[k] = iv
		}
	}
	if !v.IsWhollyKnown() {
		return out, nil // a plan
	}
	state, err := ctyjson.Marshal(v, t.Node.Type)
	if err != nil {
		return nil, fmt.Errorf("keep the state of %s %q: %w", t.TF, t.name, err)
	}
	b, err := json.Marshal(meta{SchemaVersion: fmt.Sprint(t.Version), Private: private, State: state})
	if err != nil {
		return nil, fmt.Errorf("keep the state of %s %q: %w", t.TF, t.name, err)
	}
	out[metaKey] = resource.NewStringProperty(string(b))
	if secret {
		out[metaKey] = resource.MakeSecret(out[metaKey])
	}
	return out, nil
}
