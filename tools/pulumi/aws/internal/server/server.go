// Package server is the Pulumi resource provider "aws": it serves the tokens of
// the Pulumi aws SDK by driving Terraform's AWS provider.
package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/msgpack"

	"dip/tools/pulumi/aws/internal/catalog"
	"dip/tools/pulumi/aws/internal/tfprovider"
	"dip/tools/pulumi/aws/tfplugin5"
	"dip/tools/pulumi/plugin"
)

// Provider implements plugin.Provider.
type Provider struct {
	catalog  *catalog.Catalog
	provider *tfprovider.Provider
}

// New makes a provider that serves what cat holds.
func New(cat *catalog.Catalog, p *tfprovider.Provider) *Provider {
	return &Provider{catalog: cat, provider: p}
}

// Cancel asks running operations to end early.
func (p *Provider) Cancel(ctx context.Context) error { return p.provider.Stop(ctx) }

// Begin leaves the time to Terraform's provider, whose limits are part of a resource's configuration.
func (p *Provider) Begin(ctx context.Context, _ float64) (context.Context, context.CancelFunc) {
	return ctx, func() {}
}

// Configured is an error when the settings are not known.
func (p *Provider) Configured() error {
	if !p.provider.Configured() {
		return errors.New("the settings of the aws provider are not known")
	}
	return nil
}

// Previews reports whether the provider can plan. It plans with unknown inputs too.
func (p *Provider) Previews(resource.PropertyMap) bool { return p.provider.Configured() }

// Invoke reads a data source.
func (p *Provider) Invoke(ctx context.Context, token string, args resource.PropertyMap) (resource.PropertyMap, error) {
	t, err := p.catalog.Function(token)
	if err != nil {
		return nil, unknownToken(err)
	}
	if err := p.Configured(); err != nil {
		return nil, err
	}
	config, err := encode(t, args)
	if err != nil {
		return nil, &plugin.Failure{Reason: err.Error()}
	}
	in, err := pack(config, t.Node.Type)
	if err != nil {
		return nil, err
	}
	var diags []*tfplugin5.Diagnostic
	var state *tfplugin5.DynamicValue
	op := tfprovider.Op{What: "read data source", Resource: t.TF, Repeatable: true}
	err = p.provider.Do(ctx, op, func(c tfplugin5.ProviderClient) error {
		v, err := c.ValidateDataSourceConfig(ctx, &tfplugin5.ValidateDataSourceConfig_Request{TypeName: t.TF, Config: in})
		if err != nil {
			return err
		}
		if diags = v.Diagnostics; tfprovider.DiagError(diags) != nil {
			return nil
		}
		r, err := c.ReadDataSource(ctx, &tfplugin5.ReadDataSource_Request{TypeName: t.TF, Config: in})
		if err != nil {
			return err
		}
		diags, state = r.Diagnostics, r.State
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := tfprovider.DiagError(diags); err != nil {
		return nil, &plugin.Failure{Reason: err.Error()}
	}
	v, err := unpack(state, t.Node.Type)
	if err != nil {
		return nil, err
	}
	return decodeResult(t, v), nil
}

func unknownToken(err error) error {
	if errors.Is(err, catalog.ErrUnknown) {
		return plugin.ErrUnknown
	}
	return err
}

func pack(v cty.Value, t cty.Type) (*tfplugin5.DynamicValue, error) {
	b, err := msgpack.Marshal(v, t)
	if err != nil {
		return nil, fmt.Errorf("encode for the AWS provider: %w", err)
	}
	return &tfplugin5.DynamicValue{Msgpack: b}, nil
}

func unpack(d *tfplugin5.DynamicValue, t cty.Type) (cty.Value, error) {
	if len(d.GetMsgpack()) == 0 {
		return cty.NullVal(t), nil
	}
	v, err := msgpack.Unmarshal(d.Msgpack, t)
	if err != nil {
		return cty.NilVal, fmt.Errorf("decode the AWS provider's answer: %w", err)
	}
	return v, nil
}
