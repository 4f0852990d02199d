package preview

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Action is what happens to a resource.
type Action string

// Actions, the gravest first.
const (
	Delete  Action = "delete"
	Replace Action = "replace" // deleted, and created anew
	Update  Action = "update"
	Import  Action = "import"
	Create  Action = "create"
	Forget  Action = "forget" // no longer managed, and kept
	Same    Action = "same"
)

// actions are Pulumi's operations as actions. Those left out change nothing: reads, refreshes that found nothing.
var actions = map[string]Action{
	"delete": Delete, "replace": Replace, "create-replacement": Replace, "delete-replaced": Replace,
	"discard-replaced": Replace, "import-replacement": Replace, "update": Update, "import": Import, "create": Create,
	"remove-pending-replace": Replace, "same": Same,
}

var gravity = []Action{Delete, Replace, Update, Forget, Import, Create, Same}

// Property is a property that changes. Texts are empty where a value is missing or is not a short one.
type Property struct {
	Path     string `json:"path"`
	Before   string `json:"before,omitempty"`
	After    string `json:"after,omitempty"`
	Replaces bool   `json:"replaces,omitempty"` // it is why the resource is replaced
}

// Change is what happens to one resource.
type Change struct {
	Action     Action     `json:"action"`
	URN        string     `json:"urn"`
	Type       string     `json:"type"`
	Name       string     `json:"name"`
	Protected  bool       `json:"protected,omitempty"`
	Lost       string     `json:"lost,omitempty"` // what is lost with it; of what is deleted or replaced
	Properties []Property `json:"properties,omitempty"`

	others []Change // that change in the same way
}

// changes are what happens to each resource, by gravity, type and name, and how many stay as they are.
func (d Document) changes() (list []Change, same int) {
	byURN := map[string]*Change{}
	for _, s := range d.Steps {
		action, ok := actions[s.Op]
		u, err := parseURN(s.URN)
		if !ok || err != nil {
			continue
		}
		if action == Delete && s.Old != nil && s.Old.Retain {
			action = Forget
		}
		c := byURN[s.URN]
		if c == nil {
			c = &Change{Action: action, URN: s.URN, Type: u.kind, Name: u.name}
			byURN[s.URN] = c
		}
		if slices.Index(gravity, action) < slices.Index(gravity, c.Action) {
			c.Action = action
		}
		if s.Old != nil {
			c.Protected = c.Protected || s.Old.Protect
		}
		if action == Delete || action == Replace {
			c.Lost = lost(u.kind)
		}
		if c.Lost != "" && s.Old != nil && s.Old.Retain {
			c.Lost = "what is in it stays behind, in a resource that is not managed any more"
		}
		c.merge(s.properties())
	}
	for _, c := range byURN {
		if c.Action == Same {
			same++
		} else {
			list = append(list, *c)
		}
	}
	slices.SortFunc(list, func(a, b Change) int {
		return cmp.Or(cmp.Compare(slices.Index(gravity, a.Action), slices.Index(gravity, b.Action)),
			cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name), cmp.Compare(a.URN, b.URN))
	})
	return list, max(same, d.Summary["same"])
}

// merge adds properties that other steps of the same resource name.
func (c *Change) merge(more []Property) {
	for _, p := range more {
		if !slices.ContainsFunc(c.Properties, func(known Property) bool { return known.Path == p.Path }) {
			c.Properties = append(c.Properties, p)
		}
	}
}

// computedTags is an output that says the same as the tags.
const computedTags = "tagsAll"

// properties are those of a step that change, sorted.
func (s Step) properties() (list []Property) {
	if s.Old == nil || s.New == nil || s.Op == "same" {
		return nil
	}
	for _, path := range slices.Sorted(maps.Keys(s.Diff)) {
		if strings.HasPrefix(path, computedTags) {
			continue
		}
		d := s.Diff[path]
		before := s.Old.Outputs
		if d.InputDiff || before == nil {
			before = s.Old.Inputs
		}
		list = append(list, Property{
			Path: path, Before: value(before, path), After: value(s.New.Inputs, path),
			Replaces: strings.HasSuffix(d.Kind, "replace"),
		})
	}
	known := func(name string) bool {
		return slices.ContainsFunc(list, func(p Property) bool {
			return p.Path == name || strings.HasPrefix(p.Path, name+".") || strings.HasPrefix(p.Path, name+"[")
		})
	}
	names := slices.Concat(s.ReplaceReasons, s.DiffReasons)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if name != computedTags && !known(name) {
			list = append(list, Property{
				Path: name, Before: value(s.Old.Inputs, name), After: value(s.New.Inputs, name),
				Replaces: slices.Contains(s.ReplaceReasons, name),
			})
		}
	}
	return list
}

// lookUp is the value at a path; nil: there is none.
func lookUp(in map[string]any, path string) any {
	var at any = in
	for _, key := range keys(path) {
		switch here := at.(type) {
		case map[string]any:
			at = here[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(here) {
				return nil
			}
			at = here[i]
		default:
			return nil
		}
	}
	return at
}

// value is the text of the value at a path; empty: there is none.
func value(in map[string]any, path string) string {
	switch v := lookUp(in, path).(type) {
	case nil:
		return ""
	case string:
		if v == Unknown {
			return "known later"
		}
		return v
	case []any, map[string]any:
		data, err := json.Marshal(v)
		if err != nil || strings.Contains(string(data), Unknown) {
			return ""
		}
		return string(data)
	default:
		return fmt.Sprint(v)
	}
}

// keys are the parts of a property's path, such as `a.b[0]["c.d"]`.
func keys(path string) (list []string) {
	for path != "" {
		switch {
		case path[0] == '.':
			path = path[1:]
		case strings.HasPrefix(path, `["`):
			key, rest, _ := strings.Cut(path[2:], `"]`)
			list, path = append(list, key), rest
		case path[0] == '[':
			key, rest, _ := strings.Cut(path[1:], "]")
			list, path = append(list, key), rest
		default:
			end := strings.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			list, path = append(list, path[:end]), path[end:]
		}
	}
	return list
}
