package server

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/zclconf/go-cty/cty"

	"dip/tools/pulumi/aws/internal/catalog"
	"dip/tools/pulumi/aws/internal/tfprovider"
	"dip/tools/pulumi/aws/tfplugin5"
)

// CheckConfig validates the provider's settings, without network access.
func (p *Provider) CheckConfig(ctx context.Context, in resource.PropertyMap) error {
	t, err := p.catalog.Provider()
	if err != nil {
		return err
	}
	v, err := settings(t, in)
	if err == nil && v.IsWhollyKnown() {
		_, err = p.prepare(ctx, v, t)
	}
	return err
}

// Moves says no: resources stay where they are, under the new settings.
func (p *Provider) Moves(_, _ resource.PropertyMap) (bool, error) { return false, nil }

// Configure starts the Terraform provider with its settings. Settings that are
// not known yet (in a preview) leave it unconfigured.
func (p *Provider) Configure(ctx context.Context, in resource.PropertyMap) error {
	t, err := p.catalog.Provider()
	if err != nil {
		return err
	}
	v, err := settings(t, in)
	if err != nil || !v.IsWhollyKnown() {
		return err
	}
	prepared, err := p.prepare(ctx, v, t)
	if err != nil {
		return err
	}
	return p.provider.Configure(ctx, prepared)
}

// prepare has the provider validate its settings and add its defaults.
func (p *Provider) prepare(ctx context.Context, v cty.Value, t *catalog.Type) (*tfplugin5.DynamicValue, error) {
	config, err := pack(v, t.Node.Type)
	if err != nil {
		return nil, err
	}
	op := tfprovider.Op{What: "check the provider settings", Repeatable: true}
	err = p.provider.Do(ctx, op, func(c tfplugin5.ProviderClient) error {
		r, err := c.PrepareProviderConfig(ctx, &tfplugin5.PrepareProviderConfig_Request{Config: config})
		if err != nil {
			return err
		}
		if r.PreparedConfig != nil {
			config = r.PreparedConfig
		}
		return tfprovider.DiagError(r.Diagnostics)
	})
	return config, err
}

// settings encodes the provider's settings. The engine hands settings that are
// not text over as JSON text.
func settings(t *catalog.Type, in resource.PropertyMap) (cty.Value, error) {
	bare := resource.PropertyMap{}
	for k, v := range in {
		if k != "version" && k != "pluginDownloadURL" && !strings.HasPrefix(string(k), "__") {
			bare[k] = v
		}
	}
	for tf, f := range t.Fields {
		k := resource.PropertyKey(f.Name)
		if v, ok := bare[k]; ok && t.Node.Attrs[tf].Type != cty.String {
			bare[k] = parseText(v)
		}
	}
	return encode(t, bare)
}

func parseText(v resource.PropertyValue) resource.PropertyValue {
	if v.IsSecret() {
		return resource.MakeSecret(parseText(v.SecretValue().Element))
	}
	if !v.IsString() {
		return v
	}
	var x any
	if err := json.Unmarshal([]byte(v.StringValue()), &x); err != nil {
		return v // plain text; the encoder judges it
	}
	return resource.NewPropertyValue(x)
}
