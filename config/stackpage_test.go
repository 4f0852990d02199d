package config

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/invopop/jsonschema"
)

// The page is made after the schema: go generate takes the files by name.
//go:generate go test -run ^TestConfigurationPageIsUpToDate$ -update

const page = "../docs/configuration.md"

// row is one setting of the page.
type row struct {
	path, kind, meaning string
	values              []string // by environment, in the order of Environments
}

// section is a top-level setting and what is below it.
type section struct {
	name, meaning string
	rows          []row
}

// pageData reads the sections of the page from the schema and the resolved stacks.
func pageData(t *testing.T) []section {
	t.Helper()
	data, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	var file jsonschema.Schema
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	settings, _ := file.Properties.Get("config")
	stack, ok := settings.Properties.Get(Key)
	if !ok {
		t.Fatalf("%s has no %s", schemaFile, Key)
	}
	resolved := resolvedStacks(t)
	general := section{name: "stack", meaning: "What holds for the whole stack."}
	var sections []section
	for pair := stack.Properties.Oldest(); pair != nil; pair = pair.Next() {
		values := make([]any, len(resolved))
		for i, s := range resolved {
			values[i] = s[pair.Key]
		}
		if p := pair.Value; len(fields(p)) == 0 {
			general.rows = append(general.rows, rowsOf(pair.Key, p, values)...)
		} else {
			sections = append(sections, section{pair.Key, whole(sentence(p.Description)), rowsOf(pair.Key, p, values)})
		}
	}
	return append([]section{general}, sections...)
}

// resolvedStacks are the settings of each environment as JSON decodes them, with one segment, name, that is all
// defaults. What does not apply is nil: the settings of a cluster in a stack without one.
func resolvedStacks(t *testing.T) []map[string]any {
	t.Helper()
	schemas := fstest.MapFS{"schemas/<name>.json": {Data: []byte(`{"fields": [{"name": "id", "type": "integer"}]}`)}}
	resolved := make([]map[string]any, len(Environments))
	for i, e := range Environments {
		s := defaults(e)
		s.Segments = map[string]Segment{"<name>": segmentDefaults(e)}
		s.derive()
		found := newProblems()
		if s.readSchemas(schemas, found); found.err() != nil {
			t.Fatal(found.err())
		}
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &resolved[i]); err != nil {
			t.Fatal(err)
		}
		if e == Local {
			resolved[i]["architecture"] = "the host's"
		}
		for name, g := range s.NodeGroups {
			if g.Scaler != EscalatorScaler {
				delete(resolved[i]["nodeGroups"].(map[string]any)[name].(map[string]any), "escalator")
			}
		}
		if !s.Cluster.Enabled {
			resolved[i]["cluster"] = map[string]any{"enabled": false}
			delete(resolved[i], "network")
			delete(resolved[i], "nodeGroups")
		}
	}
	return resolved
}

// fields are the properties of an object, or of the elements of a map or list of objects.
func fields(s *jsonschema.Schema) []string {
	switch {
	case s.Items != nil:
		s = s.Items
	case s.AdditionalProperties != nil && s.Properties.Len() == 0:
		s = s.AdditionalProperties
	}
	var names []string
	for pair := s.Properties.Oldest(); pair != nil; pair = pair.Next() {
		names = append(names, pair.Key)
	}
	return names
}

// rowsOf lists the settings at and below a path. A map of objects has the rows of each element that some environment
// has, or of <name>.
func rowsOf(path string, s *jsonschema.Schema, values []any) []row {
	if len(fields(s)) == 0 {
		r := row{path: path, kind: kindOf(path, s), meaning: sentence(s.Description)}
		for _, v := range values {
			r.values = append(r.values, show(v))
		}
		return []row{r}
	}
	var rows []row
	if s.Properties.Len() > 0 {
		for pair := s.Properties.Oldest(); pair != nil; pair = pair.Next() {
			below, inside := below(path, pair.Key), members(values, pair.Key)
			named := pair.Value.Properties.Len() == 0 && pair.Value.Items == nil // by names of the stack's choice
			if len(fields(pair.Value)) > 0 && !named && none(inside) && !none(values) {
				continue // of another kind of element
			}
			rows = append(rows, rowsOf(below, pair.Value, inside)...)
		}
		return rows
	}
	if s.Items != nil {
		return rowsOf(path+"[]", s.Items, values)
	}
	names := map[string]bool{}
	for _, v := range values {
		if m, ok := v.(map[string]any); ok {
			for name := range m {
				names[name] = true
			}
		}
	}
	if len(names) == 0 {
		names["<name>"] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		rows = append(rows, rowsOf(below(path, name), s.AdditionalProperties, members(values, name))...)
	}
	return rows
}

// members are the values of a key; of a list of objects those of each.
func members(values []any, key string) []any {
	inside := make([]any, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case map[string]any:
			inside[i] = v[key]
		case []any:
			inside[i] = members(v, key)
		}
	}
	return inside
}

// none says that nothing is there.
func none(values []any) bool {
	return !slices.ContainsFunc(values, func(v any) bool { return v != nil })
}

func TestConfigurationPageIsUpToDate(t *testing.T) {
	now := renderPage(pageData(t))
	if *update {
		if err := os.WriteFile(page, now, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file, now) {
		t.Errorf("%s is not what the settings say: run `go generate ./config`", page)
	}
}

// The README's table shows settings by their paths: what it says is what the page says.
func TestReadmeShowsTheSettings(t *testing.T) {
	known := map[string]string{}
	for _, s := range pageData(t) {
		for _, r := range s.rows {
			known[r.path] = strings.Join(r.values, " | ")
		}
	}
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `([a-zA-Z.<>]+)` \\| (.*) \\|$").FindAllSubmatch(text, -1)
	if len(rows) == 0 {
		t.Fatal("the README has no table of settings")
	}
	for _, row := range rows {
		if path, values := string(row[1]), string(row[2]); known[path] != values {
			t.Errorf("README has %s as %s, docs/configuration.md as %q", path, values, known[path])
		}
	}
}
