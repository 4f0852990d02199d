// Package convert carries values between Pulumi's properties and a Terraform
// provider's schema, and compares what the provider holds with what it plans.
package convert

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/zclconf/go-cty/cty"
	ctyconvert "github.com/zclconf/go-cty/cty/convert"

	"dip/tools/pulumi/aws/internal/catalog"
	"dip/tools/pulumi/aws/internal/schema"
)

// Encoder turns Pulumi properties into Terraform configuration.
type Encoder struct {
	// Asset returns the file name and the content's hash (empty when it is not
	// known) of an asset or archive.
	Asset func(v resource.PropertyValue) (name, hash string, err error)
}

// Object encodes the properties of one object. Names that begin with two
// underscores are Pulumi's own and are skipped; any other name without a field
// is an error. Errors begin with the property's path.
func (e *Encoder) Object(in resource.PropertyMap, n *schema.Node, fields map[string]*catalog.Field) (cty.Value, error) {
	return e.object("", in, n, fields)
}

func (e *Encoder) object(
	path string, in resource.PropertyMap, n *schema.Node, fields map[string]*catalog.Field) (cty.Value, error,
) {
	if err := unknownNames(path, in, fields); err != nil {
		return cty.NilVal, err
	}
	vals := make(map[string]cty.Value, len(n.Names))
	hashes := map[string]string{}
	for _, name := range n.Names {
		attr, f := n.Attrs[name], fields[name]
		vals[name] = attr.Absent()
		if f == nil {
			continue
		}
		pv, ok := in[resource.PropertyKey(f.Name)]
		if !ok {
			continue
		}
		if bare := unwrap(pv); bare.IsAsset() || bare.IsArchive() {
			file, hash, err := e.asset(join(path, f.Name), bare, f)
			if err != nil {
				return cty.NilVal, err
			}
			vals[name] = cty.StringVal(file)
			if f.Hash != "" && hash != "" {
				hashes[f.Hash] = hash
			}
			continue
		}
		v, err := e.value(join(path, f.Name), pv, attr, f)
		if err != nil {
			return cty.NilVal, err
		}
		vals[name] = v
	}
	for attr, hash := range hashes {
		if vals[attr].IsNull() {
			vals[attr] = cty.StringVal(hash)
		}
	}
	return cty.ObjectVal(vals), nil
}

func (e *Encoder) asset(path string, v resource.PropertyValue, f *catalog.Field) (name, hash string, err error) {
	if f.Asset == "" || e.Asset == nil {
		return "", "", fmt.Errorf("%s: takes no %s", path, v.TypeString())
	}
	name, hash, err = e.Asset(v)
	if err != nil {
		return "", "", fmt.Errorf("%s: %w", path, err)
	}
	return name, hash, nil
}

func unknownNames(path string, in resource.PropertyMap, fields map[string]*catalog.Field) error {
	known := make(map[resource.PropertyKey]bool, len(fields))
	for _, f := range fields {
		known[resource.PropertyKey(f.Name)] = true
	}
	for _, k := range in.StableKeys() {
		if !known[k] && !strings.HasPrefix(string(k), "__") && !(path == "" && k == "id") {
			return fmt.Errorf("%s: unknown property", join(path, string(k)))
		}
	}
	return nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// unwrap takes secrets and known outputs off a value; an unknown output becomes
// a computed value.
func unwrap(v resource.PropertyValue) resource.PropertyValue {
	for {
		switch {
		case v.IsSecret():
			v = v.SecretValue().Element
		case v.IsOutput() && !v.OutputValue().Known:
			return resource.MakeComputed(resource.NewStringProperty(""))
		case v.IsOutput():
			v = v.OutputValue().Element
		default:
			return v
		}
	}
}

// value encodes a property whose field may flatten a list.
func (e *Encoder) value(path string, pv resource.PropertyValue, n *schema.Node, f *catalog.Field) (cty.Value, error) {
	pv = unwrap(pv)
	switch {
	case pv.IsNull():
		return n.Absent(), nil
	case pv.IsComputed():
		return cty.UnknownVal(n.Type), nil
	}
	switch n.Kind {
	case schema.List, schema.Set:
		return e.sequence(path, pv, n, f)
	case schema.Map:
		return e.mapping(path, pv, n, f)
	}
	return e.element(path, pv, n, f)
}

func (e *Encoder) sequence(
	path string, pv resource.PropertyValue, n *schema.Node, f *catalog.Field) (cty.Value, error,
) {
	items := []resource.PropertyValue{pv}
	if !f.Flat {
		if !pv.IsArray() {
			return cty.NilVal, fmt.Errorf("%s: expected a list, got %s", path, pv.TypeString())
		}
		items = pv.ArrayValue()
	}
	vals := make([]cty.Value, 0, len(items))
	for i, it := range items {
		p := path
		if !f.Flat {
			p = fmt.Sprintf("%s[%d]", path, i)
		}
		v, err := e.element(p, it, n.Elem, f)
		if err != nil {
			return cty.NilVal, err
		}
		vals = append(vals, v)
	}
	switch {
	case n.Kind == schema.Set && len(vals) == 0:
		return cty.SetValEmpty(n.Elem.Type), nil
	case n.Kind == schema.Set:
		return cty.SetVal(vals), nil
	case len(vals) == 0:
		return cty.ListValEmpty(n.Elem.Type), nil
	}
	return cty.ListVal(vals), nil
}

func (e *Encoder) mapping(path string, pv resource.PropertyValue, n *schema.Node, f *catalog.Field) (cty.Value, error) {
	if !pv.IsObject() {
		return cty.NilVal, fmt.Errorf("%s: expected a map, got %s", path, pv.TypeString())
	}
	vals := map[string]cty.Value{}
	for k, it := range pv.ObjectValue() {
		v, err := e.element(path+quoteKey(string(k)), it, n.Elem, f)
		if err != nil {
			return cty.NilVal, err
		}
		vals[string(k)] = v
	}
	if len(vals) == 0 {
		return cty.MapValEmpty(n.Elem.Type), nil
	}
	return cty.MapVal(vals), nil
}

// element encodes what stands inside a collection, or a plain property.
func (e *Encoder) element(path string, pv resource.PropertyValue, n *schema.Node, f *catalog.Field) (cty.Value, error) {
	pv = unwrap(pv)
	switch {
	case pv.IsComputed():
		return cty.UnknownVal(n.Type), nil
	case pv.IsNull() && n.Kind == schema.Object:
		return e.object(path, nil, n, f.Elem)
	case pv.IsNull():
		return n.Absent(), nil
	}
	switch n.Kind {
	case schema.Object:
		if !pv.IsObject() {
			return cty.NilVal, fmt.Errorf("%s: expected an object, got %s", path, pv.TypeString())
		}
		return e.object(path, pv.ObjectValue(), n, f.Elem)
	case schema.List, schema.Set, schema.Map:
		return e.value(path, pv, n, &catalog.Field{Elem: f.Elem, JSON: f.JSON})
	}
	return scalar(path, pv, n, f)
}

func scalar(path string, pv resource.PropertyValue, n *schema.Node, f *catalog.Field) (cty.Value, error) {
	var v cty.Value
	switch {
	case pv.IsString():
		v = cty.StringVal(pv.StringValue())
	case pv.IsBool():
		v = cty.BoolVal(pv.BoolValue())
	case pv.IsNumber():
		v = cty.NumberFloatVal(pv.NumberValue())
	case f.JSON && (pv.IsObject() || pv.IsArray()):
		if pv.ContainsUnknowns() {
			return cty.UnknownVal(n.Type), nil
		}
		b, err := json.Marshal(pv.Mappable())
		if err != nil {
			return cty.NilVal, fmt.Errorf("%s: %w", path, err)
		}
		v = cty.StringVal(string(b))
	default:
		return cty.NilVal, fmt.Errorf("%s: expected a %s, got %s", path, n.Type.FriendlyName(), pv.TypeString())
	}
	out, err := ctyconvert.Convert(v, n.Type)
	if err != nil {
		return cty.NilVal, fmt.Errorf("%s: %w", path, err)
	}
	return out, nil
}
