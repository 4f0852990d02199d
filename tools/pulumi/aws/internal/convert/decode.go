package convert

import (
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"dip/tools/pulumi/aws/internal/catalog"
	"dip/tools/pulumi/aws/internal/schema"
)

// Decode turns a Terraform object into Pulumi properties: unknown values become
// computed ones, nulls are left out, sensitive values become secrets. Files
// (assets) are left out: the state has only their names.
func Decode(v cty.Value, n *schema.Node, fields map[string]*catalog.Field) resource.PropertyMap {
	return decodeObject(v, n, fields, func(*schema.Node, cty.Value) bool { return true })
}

// DecodeInputs is Decode without what only the provider sets and without what
// says nothing (zero values of optional properties): the inputs that a program
// would have given for an object that it did not make.
func DecodeInputs(v cty.Value, n *schema.Node, fields map[string]*catalog.Field) resource.PropertyMap {
	return decodeObject(v, n, fields, func(a *schema.Node, v cty.Value) bool {
		return a.Required || (a.Optional && !zero(v))
	})
}

type keepFunc func(attr *schema.Node, v cty.Value) bool

func decodeObject(v cty.Value, n *schema.Node, fields map[string]*catalog.Field, keep keepFunc) resource.PropertyMap {
	out := resource.PropertyMap{}
	if v.IsNull() || !v.IsKnown() {
		return out
	}
	for _, name := range n.Names {
		f, attr := fields[name], n.Attrs[name]
		if f == nil || f.Asset != "" {
			continue
		}
		av := v.GetAttr(name)
		if !keep(attr, av) {
			continue
		}
		pv, ok := decode(av, attr, f, keep)
		if !ok {
			continue
		}
		if attr.Sensitive {
			pv = resource.MakeSecret(pv)
		}
		out[resource.PropertyKey(f.Name)] = pv
	}
	return out
}

func decode(v cty.Value, n *schema.Node, f *catalog.Field, keep keepFunc) (resource.PropertyValue, bool) {
	switch {
	case v.IsNull():
		return resource.PropertyValue{}, false
	case !v.IsKnown():
		return resource.MakeComputed(resource.NewStringProperty("")), true
	}
	inner := f
	if n.Kind != schema.Object && n.Kind != schema.Scalar {
		inner = &catalog.Field{Elem: f.Elem}
	}
	switch n.Kind {
	case schema.Object:
		return resource.NewObjectProperty(decodeObject(v, n, f.Elem, keep)), true
	case schema.List, schema.Set:
		elems := v.AsValueSlice()
		if f.Flat {
			if len(elems) == 0 {
				return resource.PropertyValue{}, false
			}
			return decode(elems[0], n.Elem, inner, keep)
		}
		arr := make([]resource.PropertyValue, 0, len(elems))
		for _, e := range elems {
			pv, ok := decode(e, n.Elem, inner, keep)
			if !ok {
				pv = resource.NewNullProperty()
			}
			arr = append(arr, pv)
		}
		return resource.NewArrayProperty(arr), true
	case schema.Map:
		m := resource.PropertyMap{}
		for k, e := range v.AsValueMap() {
			if pv, ok := decode(e, n.Elem, inner, keep); ok {
				m[resource.PropertyKey(k)] = pv
			}
		}
		return resource.NewObjectProperty(m), true
	}
	return decodeScalar(v)
}

func decodeScalar(v cty.Value) (resource.PropertyValue, bool) {
	switch v.Type() {
	case cty.String:
		return resource.NewStringProperty(v.AsString()), true
	case cty.Bool:
		return resource.NewBoolProperty(v.True()), true
	case cty.Number:
		f, _ := v.AsBigFloat().Float64() // Pulumi numbers are float64
		return resource.NewNumberProperty(f), true
	}
	// A dynamic value that is not a scalar: Pulumi's SDK shows it as JSON text.
	b, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		return resource.PropertyValue{}, false
	}
	return resource.NewStringProperty(string(b)), true
}

// zero reports whether a value is null, empty, or the zero of its type.
func zero(v cty.Value) bool {
	if v.IsNull() {
		return true
	}
	if !v.IsKnown() {
		return false
	}
	switch t := v.Type(); {
	case t == cty.String:
		return v.AsString() == ""
	case t == cty.Bool:
		return v.False()
	case t == cty.Number:
		return v.AsBigFloat().Sign() == 0
	case t.IsCollectionType():
		return v.LengthInt() == 0
	}
	return false
}
