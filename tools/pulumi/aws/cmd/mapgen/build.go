package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"dip/tools/pulumi/aws/internal/catalog"
	"dip/tools/pulumi/aws/internal/schema"
	"dip/tools/pulumi/aws/tfplugin5"
)

// build pairs every token of the SDK with its Terraform type and all names in it.
func build(s *sdk, full *tfplugin5.GetProviderSchema_Response) (*catalog.Contents, *report, error) {
	rep := &report{}
	m := &matcher{sdk: s, rep: rep}
	out := &catalog.Contents{Resources: map[string]*catalog.Entry{}, Functions: map[string]*catalog.Entry{}}

	cs := candidates(full.ResourceSchemas)
	for _, tok := range slices.Sorted(maps.Keys(s.resources)) {
		if !strings.HasPrefix(tok, "aws:") {
			continue // the provider itself
		}
		r := s.resources[tok]
		tf, ok := choose(cs, tok, r.state, rep)
		if !ok {
			continue
		}
		e, n, err := m.entry(tf, tf, full.ResourceSchemas[tf], r.state)
		if err != nil {
			return nil, nil, err
		}
		e.AutoName = autoName(tf, n, e.Fields, r)
		for name, f := range e.Fields {
			if f.Asset != "" && n.Attrs["source_code_hash"] != nil {
				e.Fields[name].Hash = "source_code_hash"
			}
		}
		out.Resources[tok] = e
	}

	cs = candidates(full.DataSourceSchemas)
	for _, tok := range slices.Sorted(maps.Keys(s.functions)) {
		f := s.functions[tok]
		tf, ok := choose(cs, tok, f.props, rep)
		if !ok {
			continue
		}
		e, _, err := m.entry("data."+tf, tf, full.DataSourceSchemas[tf], f.props)
		if err != nil {
			return nil, nil, err
		}
		// The id is an ordinary result of a function.
		if _, ok := f.props["id"]; ok {
			e.Fields["id"] = &catalog.Field{Name: "id"}
		}
		out.Functions[tok] = e
	}

	var err error
	out.Provider, _, err = m.entry("provider", "aws", full.Provider, s.pkgs["."].properties("providerArgs"))
	return out, rep, err
}

func choose(cs []candidate, tok string, props map[string]property, rep *report) (string, bool) {
	if tf, ok := fixedPairs[tok]; ok {
		return tf, true
	}
	tf, common, ok := pair(cs, tok, props)
	if !ok {
		add(&rep.unpaired, "%s (nearest: %s, %.0f %% of the names)", tok, tf, 100*common)
	}
	return tf, ok
}

func (m *matcher) entry(
	path, tf string, sch *tfplugin5.Schema, props map[string]property) (*catalog.Entry, *schema.Node, error,
) {
	n, err := schema.FromBlock(sch.Block)
	if err != nil {
		return nil, nil, fmt.Errorf("schema of %s: %w", tf, err)
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(sch)
	if err != nil {
		return nil, nil, fmt.Errorf("schema of %s: %w", tf, err)
	}
	e := &catalog.Entry{TF: tf, Schema: b, Fields: m.object(path, n, withoutID(props))}
	delete(e.Fields, "id")
	return e, n, nil
}

// withoutID leaves the id out: it is not a property of a resource but its identity.
func withoutID(props map[string]property) map[string]property {
	out := maps.Clone(props)
	delete(out, "id")
	return out
}

// autoName finds the attribute that gets a generated name: the SDK leaves the
// choice to the plugin where it does not insist on a text that Terraform calls
// the name, or insists on, or could make from a prefix.
func autoName(tf string, n *schema.Node, fields map[string]*catalog.Field, r *sdkResource) *catalog.AutoName {
	pick := ""
	for _, attr := range slices.Sorted(maps.Keys(fields)) {
		a, f := n.Attrs[attr], fields[attr]
		if _, input := r.inputs[f.Name]; !input || a.Kind != schema.Scalar || a.Type.FriendlyName() != "string" ||
			!a.Input() {
			continue
		}
		if r.required[strings.ToUpper(f.Name[:1])+f.Name[1:]] || f.Asset != "" {
			continue
		}
		switch {
		case f.Name == "name":
			pick = attr
		case pick == "" && (a.Required || fields[attr+"_prefix"] != nil):
			pick = attr
		}
	}
	if pick == "" {
		return nil
	}
	an := &catalog.AutoName{Attr: pick, Max: defaultNameLimit, Lower: lowerNames[tf], FIFO: fifoFlags[tf],
		Prefix: namePrefixes[tf]}
	if max, ok := nameLimits[tf]; ok {
		an.Max = max
	}
	return an
}
