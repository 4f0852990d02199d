package config

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
)

// everySchema visits the schema of every setting, with its path.
func everySchema(path string, s *jsonschema.Schema, visit func(path string, s *jsonschema.Schema)) {
	if s == nil {
		return
	}
	visit(path, s)
	everySchema(path+"[]", s.Items, visit)
	everySchema(path+".<name>", s.AdditionalProperties, visit)
	if s.Properties != nil {
		for p := s.Properties.Oldest(); p != nil; p = p.Next() {
			everySchema(below(path, p.Key), p.Value, visit)
		}
	}
}

func describedStack(t *testing.T) *jsonschema.Schema {
	t.Helper()
	var file jsonschema.Schema
	if err := json.Unmarshal(stackFile(t), &file); err != nil {
		t.Fatal(err)
	}
	settings, _ := file.Properties.Get("config")
	stack, ok := settings.Properties.Get(Key)
	if !ok {
		t.Fatal("the schema has no stack")
	}
	return stack
}

// An editor shows what a setting is and what it is when it is left out.
func TestEverySettingIsDescribed(t *testing.T) {
	required := map[string]bool{}
	everySchema("", describedStack(t), func(path string, s *jsonschema.Schema) {
		for _, name := range s.Required {
			required[below(path, name)] = true
		}
		element := strings.HasSuffix(path, "[]") || strings.HasSuffix(path, ".<name>")
		value := s.Type != "object" && s.Type != "array" && !element
		if value && s.Default == nil && !strings.Contains(strings.ToLower(s.Description), "default ") && !required[path] {
			t.Errorf("%s: no default: %q", path, s.Description)
		}
		if (value || s.Properties != nil) && s.Description == "" {
			t.Errorf("%s: no description", path)
		}
	})
}

// brands are names of products that are Go names here, too.
var brands = strings.NewReplacer("Cluster Autoscaler", "", "DynamoDB", "", "Escalator", "", "Table Schema", "")

// A description is for somebody who has never seen the code.
func TestDescriptionsHaveNoGoNames(t *testing.T) {
	names := identifiers(t)
	if !names["DueAfter"] || !names["Stack"] || !names["segmentDefaults"] {
		t.Fatal("the package's names were not found")
	}
	eachField("", reflect.TypeFor[Stack](), func(_ string, f reflect.StructField) { delete(names, f.Tag.Get("json")) })
	word := regexp.MustCompile(`[A-Za-z_][A-Za-z_0-9]*`)
	qualified := regexp.MustCompile(`\b[a-z]+\.[A-Z]`)
	everySchema("", describedStack(t), func(path string, s *jsonschema.Schema) {
		text := brands.Replace(s.Description)
		for _, w := range word.FindAllString(text, -1) {
			if names[w] {
				t.Errorf("%s: %s is a Go name: %q", path, w, s.Description)
			}
		}
		if q := qualified.FindString(text); q != "" {
			t.Errorf("%s: %s... is a Go name: %q", path, q, s.Description)
		}
	})
}

// identifiers are the package's names that are not plain English: exported ones, and those of several words.
func identifiers(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	humps := regexp.MustCompile(`[A-Z]`)
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		add := func(list ...*ast.Ident) {
			for _, id := range list {
				if humps.MatchString(id.Name) {
					names[id.Name] = true
				}
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch d := n.(type) {
			case *ast.FuncDecl:
				add(d.Name)
			case *ast.TypeSpec:
				add(d.Name)
			case *ast.Field:
				add(d.Names...)
			case *ast.ValueSpec:
				add(d.Names...)
			}
			return true
		})
	}
	return names
}
