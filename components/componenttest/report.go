package componenttest

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// Report is what a run registered, to be compared with a golden file: one YAML block a resource, headed by its parent,
// type and name, with its options, what it depends on, and its inputs. A resource with none of these has no block.
// Inputs of the resources for which elsewhere holds are left out: another golden file has them.
func (r *Recorder) Report(t testing.TB, elsewhere func(Resource) bool) []byte {
	t.Helper()
	var text bytes.Buffer
	for _, block := range r.blocks(t, elsewhere) {
		text.WriteString(block)
	}
	return text.Bytes()
}

// Changes is the part of a report that is not in another run's, and the headings of what only the other has.
func (r *Recorder) Changes(t testing.TB, since *Recorder, elsewhere func(Resource) bool) []byte {
	t.Helper()
	before, now := since.blocks(t, elsewhere), r.blocks(t, elsewhere)
	known, kept := map[string]bool{}, map[string]bool{}
	for _, block := range before {
		known[block] = true
	}
	var text bytes.Buffer
	for _, block := range now {
		kept[heading(block)] = true
		if !known[block] {
			text.WriteString(block)
		}
	}
	for _, block := range before {
		if !kept[heading(block)] {
			fmt.Fprintf(&text, "# gone: %s\n\n", heading(block))
		}
	}
	return text.Bytes()
}

func heading(block string) string {
	line, _, _ := strings.Cut(block, ":\n")
	return line
}

// blocks are the report's, in the order of Resources.
func (r *Recorder) blocks(t testing.TB, elsewhere func(Resource) bool) (all []string) {
	for _, c := range r.Resources() {
		lines := []field{
			{"protect", c.Protect},
			{"retain", c.Retain},
			{"provider", of(c.request.GetProvider())},
			{"aliases", aliases(c.request)},
			{"ignoreChanges", sorted(c.request.GetIgnoreChanges())},
			{"replaceOnChanges", sorted(c.request.GetReplaceOnChanges())},
			{"deleteBeforeReplace", c.request.GetDeleteBeforeReplace()},
			{"after", c.ordered()},
			{"reads", c.reads()},
		}
		if !elsewhere(c) {
			lines = append(lines, field{"inputs", inputs(c)})
		}
		text, err := block(strings.TrimPrefix(c.Parent+" > "+c.Type+"::"+c.Name, " > "), lines)
		if err != nil {
			t.Fatal(err)
		}
		if text != "" {
			all = append(all, text)
		}
	}
	return all
}

// field is a line of a block; empty values are left out.
type field struct {
	name  string
	value any
}

// ordered are the resources that it waits for although it reads nothing of them: what DependsOn says.
func (c Resource) ordered() []any {
	read := map[string]bool{}
	for _, p := range c.request.GetPropertyDependencies() {
		for _, urn := range p.GetUrns() {
			read[urn] = true
		}
	}
	var names []string
	for _, urn := range c.request.GetDependencies() {
		if !read[urn] {
			names = append(names, of(urn))
		}
	}
	return sorted(names)
}

// reads are the resources whose outputs its inputs are made of, by input.
func (c Resource) reads() map[string]any {
	all := map[string]any{}
	for name, p := range c.request.GetPropertyDependencies() {
		var names []string
		for _, urn := range p.GetUrns() {
			names = append(names, of(urn))
		}
		if len(names) > 0 {
			all[name] = sorted(names)
		}
	}
	return all
}

// aliases are the former identities, such as "type dip:k8s:Termination". Those by type that the SDKs of AWS and
// Kubernetes give are left out.
func aliases(request *pulumirpc.RegisterResourceRequest) []any {
	var list []string
	for _, alias := range request.GetAliases() {
		spec := alias.GetSpec()
		parent := cmp.Or(spec.GetParentUrn(), map[bool]string{true: "none"}[spec.GetNoParent()])
		for _, part := range []field{
			{"urn", alias.GetUrn()}, {"type", spec.GetType()}, {"name", spec.GetName()}, {"parent", parent},
			{"stack", spec.GetStack()}, {"project", spec.GetProject()},
		} {
			if part.value != "" && (part.name != "type" || strings.HasPrefix(spec.GetType(), "dip:")) {
				list = append(list, fmt.Sprintf("%s %s", part.name, part.value))
			}
		}
	}
	return sorted(append(list, request.GetAliasURNs()...))
}

// of is a resource's kind and name, of its URN or of a reference to a provider.
func of(urn string) string {
	full := short(urn)
	if full == "" {
		return ""
	}
	kind, name, _ := strings.Cut(full, "::")
	return kind[strings.LastIndex(kind, ":")+1:] + " " + strings.SplitN(name, "::", 2)[0]
}

func sorted(names []string) (list []any) {
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		list = append(list, name)
	}
	return list
}

// keys are a map's, sorted.
func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
