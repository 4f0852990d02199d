package object

import (
	"maps"
	"reflect"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Kind says what happens to a field.
type Kind int

// The kinds of a Change.
const (
	Add Kind = iota
	Update
	Delete
)

// Change is one field in which two objects differ.
type Change struct {
	Path resource.PropertyPath
	Kind Kind
}

// Top is the name of the top-level field that holds the change.
func (c Change) Top() string { return c.Path[0].(string) }

// volatile fields of metadata are written by the API server at every change.
var volatile = []string{"managedFields", "resourceVersion", "generation"}

// personal fields of metadata differ between any two objects.
var personal = []string{"uid", "creationTimestamp", "selfLink"}

// Desired returns a copy of an object without status and without what the API server writes at every change: every
// difference in what remains was asked for.
func Desired(fields map[string]any) map[string]any { return without(fields, volatile) }

// Portable returns what of an object could be applied again, in this cluster or another: Desired, less what tells it
// from other objects of the same name.
func Portable(fields map[string]any) map[string]any {
	return without(fields, slices.Concat(volatile, personal))
}

func without(fields map[string]any, names []string) map[string]any {
	out := maps.Clone(fields)
	delete(out, "status")
	if meta, ok := out["metadata"].(map[string]any); ok {
		meta = maps.Clone(meta)
		for _, name := range names {
			delete(meta, name)
		}
		out["metadata"] = meta
	}
	return out
}

// Changes returns the fields in which to differs from from, in the order of their paths. Lists are compared element by
// element.
func Changes(from, to map[string]any) []Change {
	return compare(nil, nil, from, to)
}

func compare(all []Change, path resource.PropertyPath, from, to any) []Change {
	switch to := to.(type) {
	case map[string]any:
		if from, ok := from.(map[string]any); ok {
			return compareFields(all, path, from, to)
		}
	case []any:
		if from, ok := from.([]any); ok {
			return compareElements(all, path, from, to)
		}
	}
	if reflect.DeepEqual(from, to) {
		return all
	}
	return append(all, Change{Path: path, Kind: Update})
}

func compareFields(all []Change, path resource.PropertyPath, from, to map[string]any) []Change {
	names := maps.Clone(from)
	maps.Copy(names, to)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		at := extend(path, name)
		is, had := from[name]
		will, has := to[name]
		switch {
		case !had:
			all = append(all, Change{Path: at, Kind: Add})
		case !has:
			all = append(all, Change{Path: at, Kind: Delete})
		default:
			all = compare(all, at, is, will)
		}
	}
	return all
}

func compareElements(all []Change, path resource.PropertyPath, from, to []any) []Change {
	for i := range max(len(from), len(to)) {
		at := extend(path, i)
		switch {
		case i >= len(from):
			all = append(all, Change{Path: at, Kind: Add})
		case i >= len(to):
			all = append(all, Change{Path: at, Kind: Delete})
		default:
			all = compare(all, at, from[i], to[i])
		}
	}
	return all
}
