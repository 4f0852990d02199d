package server

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/zclconf/go-cty/cty"

	"dip/tools/pulumi/aws/internal/catalog"
	"dip/tools/pulumi/aws/internal/tfprovider"
	"dip/tools/pulumi/aws/tfplugin5"
)

// CheckConfig validates the provider's settings, without network access.
func (s *Server) CheckConfig(ctx context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	news, err := unmarshal(req.News, "provider settings")
	if err != nil {
		return nil, err
	}
	t, err := s.catalog.Provider()
	if err != nil {
		return nil, err
	}
	v, err := settings(t, news)
	if err == nil && v.IsWhollyKnown() {
		_, err = s.prepare(ctx, v, t)
	}
	resp := &pulumirpc.CheckResponse{Inputs: req.News}
	if err != nil {
		resp.Failures = []*pulumirpc.CheckFailure{{Reason: "aws provider: " + err.Error()}}
	}
	return resp, nil
}

// DiffConfig never asks for replacement: resources stay where they are, under
// the new settings.
func (s *Server) DiffConfig(_ context.Context, req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	olds, err := unmarshal(req.Olds, "old provider settings")
	if err != nil {
		return nil, err
	}
	news, err := unmarshal(req.News, "new provider settings")
	if err != nil {
		return nil, err
	}
	resp := &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_NONE}
	if d := olds.Diff(news); d != nil {
		resp.Changes = pulumirpc.DiffResponse_DIFF_SOME
		for _, k := range d.ChangedKeys() {
			resp.Diffs = append(resp.Diffs, string(k))
		}
	}
	return resp, nil
}

// Configure starts the Terraform provider with its settings. Settings that are
// not known yet (in a preview) leave it unconfigured.
func (s *Server) Configure(ctx context.Context, req *pulumirpc.ConfigureRequest) (*pulumirpc.ConfigureResponse, error) {
	resp := &pulumirpc.ConfigureResponse{AcceptSecrets: true, SupportsPreview: true}
	args, err := unmarshal(req.Args, "provider settings")
	if err != nil {
		return nil, err
	}
	t, err := s.catalog.Provider()
	if err != nil {
		return nil, err
	}
	v, err := settings(t, args)
	if err != nil {
		return nil, fmt.Errorf("aws provider: %w", err)
	}
	if !v.IsWhollyKnown() {
		return resp, nil
	}
	prepared, err := s.prepare(ctx, v, t)
	if err != nil {
		return nil, fmt.Errorf("aws provider: %w", err)
	}
	if err := s.provider.Configure(ctx, prepared); err != nil {
		return nil, fmt.Errorf("configure the aws provider: %w", err)
	}
	return resp, nil
}

// prepare has the provider validate its settings and add its defaults.
func (s *Server) prepare(ctx context.Context, v cty.Value, t *catalog.Type) (*tfplugin5.DynamicValue, error) {
	config, err := pack(v, t.Node.Type)
	if err != nil {
		return nil, err
	}
	op := tfprovider.Op{What: "check the provider settings", Repeatable: true}
	err = s.provider.Do(ctx, op, func(c tfplugin5.ProviderClient) error {
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
