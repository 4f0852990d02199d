// Package schema turns the schema that a Terraform provider describes over its
// plugin protocol into one tree in which attributes and nested blocks are alike.
package schema

import (
	"fmt"
	"maps"
	"slices"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"dip/tools/pulumi/aws/tfplugin5"
)

// Kind classifies a node.
type Kind int

// The kinds of a Node.
const (
	Scalar  Kind = iota // string, number or bool
	List                // Elem repeats, order counts
	Set                 // Elem repeats, order does not count
	Map                 // Elem by string key
	Object              // Attrs by name
	Dynamic             // a type that only the value tells
)

// Node is one element of a schema.
type Node struct {
	Kind  Kind
	Type  cty.Type
	Elem  *Node            // List, Set and Map
	Attrs map[string]*Node // Object
	Names []string         // the keys of Attrs, sorted

	// Who may set the value. A computed-only node has neither Required nor Optional.
	Required, Optional, Computed bool
	// Sensitive values become Pulumi secrets.
	Sensitive bool
	// Block marks a nested block: its absence is an empty collection, not null.
	Block bool
}

// Input reports whether a configuration may set the node.
func (n *Node) Input() bool { return n.Required || n.Optional }

// FromBlock builds the tree of a resource, data source or provider schema.
// The error names the attribute whose type cannot be read.
func FromBlock(b *tfplugin5.Schema_Block) (*Node, error) {
	n := &Node{Kind: Object, Attrs: map[string]*Node{}}
	types := map[string]cty.Type{}
	for _, a := range b.GetAttributes() {
		t, err := ctyjson.UnmarshalType(a.Type)
		if err != nil {
			return nil, fmt.Errorf("type of attribute %s: %w", a.Name, err)
		}
		c := fromType(t)
		c.Required, c.Optional, c.Computed, c.Sensitive = a.Required, a.Optional, a.Computed, a.Sensitive
		n.Attrs[a.Name], types[a.Name] = c, t
	}
	for _, nb := range b.GetBlockTypes() {
		elem, err := FromBlock(nb.Block)
		if err != nil {
			return nil, fmt.Errorf("block %s: %w", nb.TypeName, err)
		}
		c := nested(nb, elem)
		n.Attrs[nb.TypeName], types[nb.TypeName] = c, c.Type
	}
	n.Type = cty.Object(types)
	n.Names = slices.Sorted(maps.Keys(n.Attrs))
	return n, nil
}

func nested(nb *tfplugin5.Schema_NestedBlock, elem *Node) *Node {
	c := &Node{Elem: elem, Block: true, Required: nb.MinItems > 0, Optional: nb.MinItems == 0}
	switch nb.Nesting {
	case tfplugin5.Schema_NestedBlock_LIST:
		c.Kind, c.Type = List, cty.List(elem.Type)
	case tfplugin5.Schema_NestedBlock_SET:
		c.Kind, c.Type = Set, cty.Set(elem.Type)
	case tfplugin5.Schema_NestedBlock_MAP:
		c.Kind, c.Type = Map, cty.Map(elem.Type)
	default: // single and group: the element itself
		elem.Block, elem.Optional = true, true
		return elem
	}
	return c
}

func fromType(t cty.Type) *Node {
	n := &Node{Type: t}
	switch {
	case t == cty.DynamicPseudoType:
		n.Kind = Dynamic
	case t.IsListType():
		n.Kind, n.Elem = List, fromType(t.ElementType())
	case t.IsSetType():
		n.Kind, n.Elem = Set, fromType(t.ElementType())
	case t.IsMapType():
		n.Kind, n.Elem = Map, fromType(t.ElementType())
	case t.IsObjectType():
		n.Kind, n.Attrs = Object, map[string]*Node{}
		for name, at := range t.AttributeTypes() {
			n.Attrs[name] = fromType(at)
			n.Attrs[name].Optional = true
		}
		n.Names = slices.Sorted(maps.Keys(n.Attrs))
	}
	return n
}

// Absent is the value of a node that a configuration leaves out.
func (n *Node) Absent() cty.Value {
	if n.Block {
		switch n.Kind {
		case List:
			return cty.ListValEmpty(n.Elem.Type)
		case Set:
			return cty.SetValEmpty(n.Elem.Type)
		case Map:
			return cty.MapValEmpty(n.Elem.Type)
		}
	}
	return cty.NullVal(n.Type)
}
