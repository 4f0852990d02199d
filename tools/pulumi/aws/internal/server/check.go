package server

import (
	"context"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"dip/tools/pulumi/aws/internal/convert"
	"dip/tools/pulumi/aws/internal/tfprovider"
	"dip/tools/pulumi/aws/tfplugin5"
)

// Check fills in a name where the program gives none and has the provider
// validate the inputs.
func (s *Server) Check(ctx context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	t, err := s.target(req.Urn)
	if err != nil {
		return nil, err
	}
	olds, err := unmarshal(req.Olds, "old inputs")
	if err != nil {
		return nil, err
	}
	news, err := unmarshal(req.News, "new inputs")
	if err != nil {
		return nil, err
	}
	if err := t.nameIfMissing(olds, news, req.RandomSeed); err != nil {
		return nil, fmt.Errorf("name %s %q: %w", t.TF, t.name, err)
	}
	resp := &pulumirpc.CheckResponse{}
	if resp.Inputs, err = marshal(news); err != nil {
		return nil, err
	}
	config, err := encode(t.Type, news)
	if err != nil {
		resp.Failures = []*pulumirpc.CheckFailure{{Reason: err.Error()}}
		return resp, nil
	}
	in, err := pack(config, t.Node.Type)
	if err != nil {
		return nil, err
	}
	err = s.provider.Do(ctx, t.op("validate", true), func(c tfplugin5.ProviderClient) error {
		r, err := c.ValidateResourceTypeConfig(ctx, &tfplugin5.ValidateResourceTypeConfig_Request{TypeName: t.TF, Config: in})
		if err != nil {
			return err
		}
		resp.Failures = nil
		for _, d := range r.Diagnostics {
			if d.Severity == tfplugin5.Diagnostic_ERROR {
				resp.Failures = append(resp.Failures, &pulumirpc.CheckFailure{
					Property: convert.PropertyPath(path(d.Attribute), t.Node, t.Fields),
					Reason:   tfprovider.DiagText(d),
				})
			}
		}
		return nil
	})
	return resp, err
}

const suffixDigits = 7 // random hexadecimal digits of a generated name

// nameIfMissing gives the resource a name: the one it already has when that was
// generated, else the program's name of it and random digits.
func (t *target) nameIfMissing(olds, news resource.PropertyMap, seed []byte) error {
	an := t.AutoName
	if an == nil {
		return nil
	}
	prop := t.Fields[an.Attr].Name
	k := resource.PropertyKey(prop)
	if _, ok := news[k]; ok {
		return nil
	}
	if pf := t.Fields[an.Attr+"_prefix"]; pf != nil {
		if _, ok := news[resource.PropertyKey(pf.Name)]; ok {
			return nil
		}
	}
	news[defaultsKey] = resource.NewArrayProperty([]resource.PropertyValue{resource.NewStringProperty(prop)})
	if v, ok := olds[k]; ok && isDefault(olds, prop) {
		news[k] = v
		return nil
	}
	base, ending := t.name, ""
	if fifo := t.Fields[an.FIFO]; fifo != nil {
		if v := bare(news[resource.PropertyKey(fifo.Name)]); v.IsBool() && v.BoolValue() {
			ending = ".fifo"
		}
	}
	if an.Lower {
		base = strings.ToLower(base)
	}
	if !strings.HasPrefix(base, an.Prefix) {
		base = an.Prefix + base
	}
	longest := an.Max - len(ending)
	base = base[:min(len(base), longest-suffixDigits-1)]
	name, err := resource.NewUniqueName(seed, base+"-", suffixDigits, longest, []rune("0123456789abcdef"))
	if err != nil {
		return err
	}
	news[k] = resource.NewStringProperty(name + ending)
	return nil
}

// isDefault reports whether Check generated the input.
func isDefault(in resource.PropertyMap, prop string) bool {
	v, ok := in[defaultsKey]
	if !ok || !v.IsArray() {
		return false
	}
	for _, e := range v.ArrayValue() {
		if e.IsString() && e.StringValue() == prop {
			return true
		}
	}
	return false
}
