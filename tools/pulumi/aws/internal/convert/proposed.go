package convert

import (
	"github.com/zclconf/go-cty/cty"

	"dip/tools/pulumi/aws/internal/schema"
)

// Proposed merges a configuration with the prior state, as Terraform does before
// it asks a provider for a plan: what the configuration leaves out keeps its
// prior value where the provider may compute it.
func Proposed(prior, config cty.Value, n *schema.Node) cty.Value {
	if config.IsNull() || !config.IsKnown() {
		return config
	}
	vals := make(map[string]cty.Value, len(n.Names))
	for _, name := range n.Names {
		attr, c, p := n.Attrs[name], config.GetAttr(name), cty.NullVal(n.Attrs[name].Type)
		if !prior.IsNull() && prior.IsKnown() {
			p = prior.GetAttr(name)
		}
		switch {
		case attr.Block:
			vals[name] = proposedBlock(p, c, attr)
		case attr.Computed && c.IsNull():
			vals[name] = p
		default:
			vals[name] = c
		}
	}
	return cty.ObjectVal(vals)
}

func proposedBlock(prior, config cty.Value, n *schema.Node) cty.Value {
	if n.Kind == schema.Object {
		return Proposed(prior, config, n)
	}
	if config.IsNull() || !config.IsKnown() || config.LengthInt() == 0 {
		return config
	}
	known := !prior.IsNull() && prior.IsKnown()
	none := cty.NullVal(n.Elem.Type)
	switch n.Kind {
	case schema.Map:
		var ps map[string]cty.Value
		if known {
			ps = prior.AsValueMap()
		}
		out := map[string]cty.Value{}
		for k, c := range config.AsValueMap() {
			p, ok := ps[k]
			if !ok {
				p = none
			}
			out[k] = Proposed(p, c, n.Elem)
		}
		return cty.MapVal(out)
	case schema.List, schema.Set:
		var ps []cty.Value
		if known {
			ps = prior.AsValueSlice()
		}
		pick := byIndex(ps)
		if n.Kind == schema.Set {
			pick = byMatch(ps, n.Elem)
		}
		out := make([]cty.Value, 0, config.LengthInt())
		for i, c := range config.AsValueSlice() {
			p, ok := pick(i, c)
			if !ok {
				p = none
			}
			out = append(out, Proposed(p, c, n.Elem))
		}
		if n.Kind == schema.Set {
			return cty.SetVal(out)
		}
		return cty.ListVal(out)
	}
	return config
}

type picker func(i int, config cty.Value) (prior cty.Value, ok bool)

func byIndex(ps []cty.Value) picker {
	return func(i int, _ cty.Value) (cty.Value, bool) {
		if i < len(ps) {
			return ps[i], true
		}
		return cty.NilVal, false
	}
}

// byMatch pairs each configured element of a set with one prior element that
// could have come from it.
func byMatch(ps []cty.Value, n *schema.Node) picker {
	used := make([]bool, len(ps))
	return func(_ int, c cty.Value) (cty.Value, bool) {
		for j, p := range ps {
			if !used[j] && matches(p, c, n) {
				used[j] = true
				return p, true
			}
		}
		return cty.NilVal, false
	}
}

// matches reports whether a prior element equals the configured one in all that
// the configuration says.
func matches(p, c cty.Value, n *schema.Node) bool {
	if p.IsNull() || c.IsNull() || !p.IsKnown() || !c.IsKnown() {
		return false
	}
	for _, name := range n.Names {
		attr, pv, cv := n.Attrs[name], p.GetAttr(name), c.GetAttr(name)
		switch {
		case attr.Computed && !attr.Block && cv.IsNull():
		case attr.Block && attr.Kind != schema.Object && cv.IsKnown() && pv.IsKnown() && !cv.IsNull() && !pv.IsNull():
			if !matchAll(pv, cv, attr) {
				return false
			}
		case !pv.RawEquals(cv):
			return false
		}
	}
	return true
}

func matchAll(p, c cty.Value, n *schema.Node) bool {
	if p.LengthInt() != c.LengthInt() {
		return false
	}
	if n.Kind == schema.Map {
		return p.RawEquals(c)
	}
	pick := byMatch(p.AsValueSlice(), n.Elem)
	for i, cv := range c.AsValueSlice() {
		if _, ok := pick(i, cv); !ok {
			return false
		}
	}
	return true
}
