package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"dip/tools/pulumi/aws/internal/catalog"
	"dip/tools/pulumi/aws/internal/schema"
)

// report collects what a person should look at.
type report struct {
	unpaired []string // tokens without a Terraform type
	missing  []string // SDK properties without an attribute
	unused   []string // attributes without an SDK property
	guesses  []string // pairs made because they were the only ones left
}

func add(to *[]string, format string, args ...any) { *to = append(*to, fmt.Sprintf(format, args...)) }

// matcher pairs the names of objects.
type matcher struct {
	sdk *sdk
	rep *report
}

// object pairs the attributes of a Terraform object with the properties of an
// SDK struct: first by the rule for names, then regardless of number (block
// `rule` and property `rules`), then by the rules for references and files, then
// what is left alone on both sides.
func (m *matcher) object(path string, n *schema.Node, props map[string]property) map[string]*catalog.Field {
	out := map[string]*catalog.Field{}
	free := maps.Clone(props)
	take := func(tf, name string) {
		f := &catalog.Field{Name: name}
		if m.fill(path+"."+tf, n.Attrs[tf], m.sdk.shape(props[name].pkg, props[name].typ), f) {
			out[tf] = f
			delete(free, name)
		}
	}
	var left []string
	for _, tf := range n.Names {
		name := camel(tf)
		if r, ok := renames[path+"."+tf]; ok {
			name = r
		}
		if _, ok := free[name]; ok {
			take(tf, name)
		} else {
			left = append(left, tf)
		}
	}
	left = slices.DeleteFunc(left, func(tf string) bool {
		for _, name := range slices.Sorted(maps.Keys(free)) {
			if plain(name) == plain(tf) {
				take(tf, name)
				return true
			}
		}
		return false
	})
	// An attribute that refers to another resource may be called like the resource.
	left = slices.DeleteFunc(left, func(tf string) bool {
		for _, suffix := range []string{"_id", "_arn", "_name"} {
			name := camel(strings.TrimSuffix(tf, suffix))
			if _, ok := free[name]; ok && strings.HasSuffix(tf, suffix) {
				take(tf, name)
				return true
			}
		}
		return false
	})
	left = m.file(left, free, take)
	m.rest(path, n, left, free, take)
	return out
}

// file pairs the attribute that names a file with the property that holds its
// content, whatever that is called.
func (m *matcher) file(left []string, free map[string]property, take func(tf, name string)) []string {
	i := slices.Index(left, "filename")
	if i < 0 {
		return left
	}
	for _, name := range slices.Sorted(maps.Keys(free)) {
		if kind := m.sdk.shape(free[name].pkg, free[name].typ).kind; kind == "archive" || kind == "asset" {
			take(left[i], name)
			return slices.Delete(left, i, i+1)
		}
	}
	return left
}

// rest reports what is left over, unless it is one on each side.
func (m *matcher) rest(
	path string, n *schema.Node, left []string, free map[string]property, take func(tf, name string),
) {
	names := slices.Sorted(maps.Keys(free))
	names = slices.DeleteFunc(names, func(p string) bool { return p == "id" })
	left = slices.DeleteFunc(left, func(tf string) bool { return tf == "id" || tf == "timeouts" })
	if len(left) == 1 && len(names) == 1 {
		take(left[0], names[0])
		if _, still := free[names[0]]; !still {
			add(&m.rep.guesses, "%s.%s is taken for %s: the only ones left", path, left[0], names[0])
			return
		}
	}
	for _, tf := range left {
		how := "optional"
		switch a := n.Attrs[tf]; {
		case a.Required:
			how = "REQUIRED"
		case !a.Optional:
			how = "computed"
		}
		add(&m.rep.unused, "%s.%s (%s)", path, tf, how)
	}
	for _, p := range names {
		add(&m.rep.missing, "%s: %s", path, p)
	}
}

// fill completes a field by comparing shapes; false when they do not match.
func (m *matcher) fill(path string, n *schema.Node, sh *shape, f *catalog.Field) bool {
	switch n.Kind {
	case schema.List, schema.Set:
		if sh.kind != "list" {
			f.Flat = true
			return m.inside(path, n.Elem, sh, f)
		}
		return m.inside(path, n.Elem, sh.elem, f)
	case schema.Map:
		return sh.kind == "map" && m.inside(path, n.Elem, sh.elem, f)
	}
	return m.inside(path, n, sh, f)
}

func (m *matcher) inside(path string, n *schema.Node, sh *shape, f *catalog.Field) bool {
	switch n.Kind {
	case schema.Object:
		if sh.kind != "object" {
			return false
		}
		f.Elem = m.object(path, n, sh.obj)
		return true
	case schema.List, schema.Set, schema.Map: // a collection in a collection
		if (sh.kind != "list" && sh.kind != "map") || sh.elem == nil {
			return false
		}
		return m.inside(path, n.Elem, sh.elem, f)
	}
	switch sh.kind {
	case "archive", "asset":
		f.Asset = sh.kind
	case "any":
		f.JSON = true
	case "scalar":
	default:
		return false
	}
	return true
}
