package convert

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"dip/tools/pulumi/aws/internal/catalog"
	"dip/tools/pulumi/aws/internal/schema"
)

// ChangeKind says how a property changes.
type ChangeKind int

// The kinds of a Change.
const (
	Add ChangeKind = iota
	Delete
	Update
)

// Change is one difference between two Terraform objects.
type Change struct {
	Path  string // Pulumi property path
	Top   string // its first part
	Kind  ChangeKind
	TF    cty.Path // the same place in the Terraform object
	Input bool     // a configuration may set the top-level attribute
}

// Changes lists where planned differs from prior, in the order of the paths.
// JSON texts that differ only in layout are equal: a service may answer in
// another layout than it was given.
func Changes(prior, planned cty.Value, n *schema.Node, fields map[string]*catalog.Field) []Change {
	w := &walker{}
	w.object(Change{}, prior, planned, n, fields)
	slices.SortFunc(w.out, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return w.out
}

type walker struct{ out []Change }

func (w *walker) object(at Change, a, b cty.Value, n *schema.Node, fields map[string]*catalog.Field) {
	get := func(v cty.Value, name string) cty.Value {
		if v.IsNull() || !v.IsKnown() {
			return cty.NullVal(n.Attrs[name].Type)
		}
		return v.GetAttr(name)
	}
	for _, name := range n.Names {
		f := fields[name]
		if f == nil {
			continue
		}
		sub := at
		sub.Path, sub.TF = join(at.Path, f.Name), append(at.TF.Copy(), cty.GetAttrStep{Name: name})
		if at.Path == "" {
			sub.Top, sub.Input = f.Name, n.Attrs[name].Input()
		}
		w.value(sub, get(a, name), get(b, name), n.Attrs[name], f)
	}
}

func (w *walker) value(at Change, a, b cty.Value, n *schema.Node, f *catalog.Field) {
	if a.RawEquals(b) || sameJSON(a, b) || (empty(a) && empty(b)) {
		return
	}
	switch {
	case empty(a):
		at.Kind = Add
	case empty(b):
		at.Kind = Delete
	default:
		at.Kind = Update
	}
	if at.Kind != Update || !a.IsKnown() || !b.IsKnown() {
		w.out = append(w.out, at)
		return
	}
	switch n.Kind {
	case schema.Object:
		w.object(at, a, b, n, f.Elem)
	case schema.List:
		w.list(at, a.AsValueSlice(), b.AsValueSlice(), n, f)
	case schema.Map:
		w.mapping(at, a.AsValueMap(), b.AsValueMap(), n, f)
	default:
		w.out = append(w.out, at)
	}
}

func (w *walker) list(at Change, as, bs []cty.Value, n *schema.Node, f *catalog.Field) {
	get := func(vs []cty.Value, i int) cty.Value {
		if i < len(vs) {
			return vs[i]
		}
		return cty.NullVal(n.Elem.Type)
	}
	for i := range max(len(as), len(bs)) {
		sub := at
		if !f.Flat {
			sub.Path = fmt.Sprintf("%s[%d]", at.Path, i)
		}
		sub.TF = append(at.TF.Copy(), cty.IndexStep{Key: cty.NumberIntVal(int64(i))})
		w.value(sub, get(as, i), get(bs, i), n.Elem, &catalog.Field{Elem: f.Elem})
	}
}

func (w *walker) mapping(at Change, am, bm map[string]cty.Value, n *schema.Node, f *catalog.Field) {
	get := func(m map[string]cty.Value, k string) cty.Value {
		if v, ok := m[k]; ok {
			return v
		}
		return cty.NullVal(n.Elem.Type)
	}
	keys := maps.Clone(am)
	if keys == nil {
		keys = map[string]cty.Value{}
	}
	maps.Copy(keys, bm)
	for k := range keys {
		sub := at
		sub.Path = at.Path + quoteKey(k)
		sub.TF = append(at.TF.Copy(), cty.IndexStep{Key: cty.StringVal(k)})
		w.value(sub, get(am, k), get(bm, k), n.Elem, &catalog.Field{Elem: f.Elem})
	}
}

// empty reports whether a value says nothing: null, or a collection without elements.
func empty(v cty.Value) bool {
	return v.IsNull() || (v.IsKnown() && v.Type().IsCollectionType() && v.LengthInt() == 0)
}

func sameJSON(a, b cty.Value) bool {
	if a.Type() != cty.String || b.Type() != cty.String || a.IsNull() || b.IsNull() || !a.IsKnown() || !b.IsKnown() {
		return false
	}
	x, ok := parseDocument(a.AsString())
	if !ok {
		return false
	}
	y, ok := parseDocument(b.AsString())
	return ok && reflect.DeepEqual(x, y)
}

// parseDocument reads a JSON object or array; other texts are not documents.
func parseDocument(s string) (any, bool) {
	s = strings.TrimSpace(s)
	if s == "" || (s[0] != '{' && s[0] != '[') {
		return nil, false
	}
	var v any
	return v, json.Unmarshal([]byte(s), &v) == nil
}

// quoteKey renders a map key as a step of a Pulumi property path.
func quoteKey(k string) string {
	plain := k != "" && strings.IndexFunc(k, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}) < 0
	if plain {
		return "." + k
	}
	return fmt.Sprintf("[%q]", k)
}

// PropertyPath renders a Terraform path in Pulumi's names, as far as they go.
func PropertyPath(p cty.Path, n *schema.Node, fields map[string]*catalog.Field) string {
	path, flat := "", false
	for _, step := range p {
		switch s := step.(type) {
		case cty.GetAttrStep:
			f := fields[s.Name]
			if f == nil || n == nil || n.Attrs[s.Name] == nil {
				return join(path, s.Name)
			}
			path, flat, fields, n = join(path, f.Name), f.Flat, f.Elem, n.Attrs[s.Name]
		case cty.IndexStep:
			if n != nil {
				n = n.Elem
			}
			switch {
			case flat:
			case s.Key.Type() == cty.Number:
				path += fmt.Sprintf("[%s]", s.Key.AsBigFloat().Text('f', 0))
			case s.Key.Type() == cty.String:
				path += quoteKey(s.Key.AsString())
			}
			flat = false
		}
	}
	return path
}
