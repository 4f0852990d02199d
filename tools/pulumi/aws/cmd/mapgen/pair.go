package main

import (
	"maps"
	"slices"

	"dip/tools/pulumi/aws/tfplugin5"
)

// A token and a Terraform type are one when their properties are: at least
// enough of all names in common and a name that is not wholly another, or almost
// enough with the very same name. Small types have the same few properties.
const (
	enough       = 0.75
	akin         = 0.25
	almostEnough = 0.5
)

// candidate is a Terraform type that a token may stand for.
type candidate struct {
	tf    string
	attrs map[string]bool // plain names
}

func candidates(schemas map[string]*tfplugin5.Schema) []candidate {
	var cs []candidate
	for _, tf := range slices.Sorted(maps.Keys(schemas)) {
		attrs := map[string]bool{}
		for _, a := range schemas[tf].Block.Attributes {
			attrs[plain(a.Name)] = true
		}
		for _, b := range schemas[tf].Block.BlockTypes {
			attrs[plain(b.TypeName)] = true
		}
		delete(attrs, "id")
		delete(attrs, plain("timeouts"))
		cs = append(cs, candidate{tf: tf, attrs: attrs})
	}
	return cs
}

// pair finds the Terraform type of a token with these properties. ok is false when none is similar enough.
func pair(cs []candidate, tok string, props map[string]property) (tf string, common float64, ok bool) {
	names := map[string]bool{}
	for p := range props {
		names[plain(p)] = true
	}
	delete(names, "id")
	want := plainToken(tok)
	best, bestSame := -1.0, false
	for _, c := range cs {
		j := jaccard(names, c.attrs)
		name := plain(c.tf)
		score := j + 0.5*likeness(want, name)
		same := name == want
		if same {
			score += 0.5
		}
		if joined(c.tf) == joinedToken(tok) { // not only up to the plural
			score += 0.1
		}
		if score > best {
			best, bestSame, tf, common = score, same, c.tf, j
		}
	}
	return tf, common, (common >= enough && likeness(want, plain(tf)) >= akin) || (bestSame && common >= almostEnough)
}
