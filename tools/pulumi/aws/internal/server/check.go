package server

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"dip/tools/pulumi/aws/internal/convert"
	"dip/tools/pulumi/aws/internal/tfprovider"
	"dip/tools/pulumi/aws/tfplugin5"
	"dip/tools/pulumi/plugin"
)

// Check fills in a name where the program gives none and has the provider
// validate the inputs.
func (t *target) Check(ctx context.Context, olds, news resource.PropertyMap, seed []byte) error {
	if err := t.nameIfMissing(olds, news, seed); err != nil {
		return fmt.Errorf("name %s %q: %w", t.TF, t.name, err)
	}
	config, err := encode(t.Type, news)
	if err != nil {
		return &plugin.Failure{Reason: err.Error()}
	}
	in, err := pack(config, t.Node.Type)
	if err != nil {
		return err
	}
	var problems []error
	err = t.p.provider.Do(ctx, t.op("validate", true), func(c tfplugin5.ProviderClient) error {
		r, err := c.ValidateResourceTypeConfig(ctx, &tfplugin5.ValidateResourceTypeConfig_Request{TypeName: t.TF, Config: in})
		if err != nil {
			return err
		}
		problems = nil
		for _, d := range r.Diagnostics {
			if d.Severity == tfplugin5.Diagnostic_ERROR {
				problems = append(problems, &plugin.Failure{
					Property: convert.PropertyPath(path(d.Attribute), t.Node, t.Fields), Reason: tfprovider.DiagText(d),
				})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return errors.Join(problems...)
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
