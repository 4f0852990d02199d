package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
	compiler "github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"dip/contract"
)

//go:generate go test -run ^TestSchemaFileIsUpToDate$ -update

const schemaFile = "stack.schema.json"

var update = flag.Bool("update", false, "rewrite "+schemaFile)

// stackFile is the schema of a whole stack file, so that an editor completes it as it is.
func stackFile(t *testing.T) []byte {
	t.Helper()
	r := &jsonschema.Reflector{
		DoNotReference: true, RequiredFromJSONSchemaTags: true, Anonymous: true, Mapper: mapper,
		Namer: func(t reflect.Type) string { return t.Name() },
	}
	if err := r.AddGoComments("dip/config", "./"); err != nil {
		t.Fatal(err)
	}
	stack := r.Reflect(&Stack{})
	stack.Version = ""
	properties := jsonschema.NewProperties()
	properties.Set("aws:region", &jsonschema.Schema{Type: "string", Description: "Region of the stack"})
	properties.Set(Key, stack)
	properties.Set(ArtifactsKey, &jsonschema.Schema{
		Type: "string", Description: "Folder of the built functions; default build/<architecture>",
	})
	config := jsonschema.NewProperties()
	config.Set("config", &jsonschema.Schema{Type: "object", Properties: properties, Required: []string{Key}})
	data, err := json.MarshalIndent(&jsonschema.Schema{
		Version: jsonschema.Version, Title: "Stack file of dip", Type: "object", Properties: config, Required: []string{"config"},
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(data, '\n')
}

// mapper describes the types that are written as texts.
func mapper(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[Environment]():
		return enum(Environments)
	case reflect.TypeFor[Architecture]():
		return enum(Architectures)
	case reflect.TypeFor[By]():
		return enum(Steps)
	case reflect.TypeFor[NAT]():
		return enum(NATs)
	case reflect.TypeFor[Kind]():
		return enum(Kinds)
	case reflect.TypeFor[Capacity]():
		return enum(Capacities)
	case reflect.TypeFor[Scaler]():
		return enum(Scalers)
	case reflect.TypeFor[Interruptions]():
		return enum(InterruptionModes)
	case reflect.TypeFor[contract.Lane]():
		return enum(contract.Lanes)
	case reflect.TypeFor[contract.Encoding]():
		return enum([]contract.Encoding{contract.CSV, contract.NDJSON})
	case reflect.TypeFor[Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: `^([0-9]+(\.[0-9]+)?(h|m|s))+$`}
	}
	return nil
}

func enum[T ~string](values []T) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "string"}
	for _, v := range values {
		s.Enum = append(s.Enum, v)
	}
	return s
}

func TestSchemaFileIsUpToDate(t *testing.T) {
	now := stackFile(t)
	if *update {
		if err := os.WriteFile(schemaFile, now, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file, now) {
		t.Errorf("%s is not what the types say: run `go generate ./config`", schemaFile)
	}
}

func TestSchemaAcceptsTheStackFiles(t *testing.T) {
	document, err := compiler.UnmarshalJSON(bytes.NewReader(stackFile(t)))
	if err != nil {
		t.Fatal(err)
	}
	c := compiler.NewCompiler()
	if err := c.AddResource("stack.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("stack.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range Environments {
		data, err := os.ReadFile("../Pulumi." + string(e) + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(data), "# yaml-language-server: $schema=config/"+schemaFile+"\n") {
			t.Errorf("%s: no modeline", e)
		}
		var file any
		if err := yaml.Unmarshal(data, &file); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(file); err != nil {
			t.Errorf("%s: %v", e, err)
		}
	}
	typo := map[string]any{"config": map[string]any{Key: map[string]any{"environment": "dev", "segmetns": map[string]any{}}}}
	if schema.Validate(typo) == nil {
		t.Error("a typo was accepted")
	}
}

// The decoder and the schema know the same keys.
func TestSchemaHasEveryKey(t *testing.T) {
	var file struct {
		Properties struct {
			Config struct {
				Properties map[string]struct{ Properties map[string]any }
			}
		}
	}
	if err := json.Unmarshal(stackFile(t), &file); err != nil {
		t.Fatal(err)
	}
	fields := map[string]reflect.Value{}
	collect(reflect.ValueOf(&Stack{}).Elem(), fields)
	known := slices.Sorted(maps.Keys(fields))
	described := slices.Sorted(maps.Keys(file.Properties.Config.Properties[Key].Properties))
	if !slices.Equal(known, described) {
		t.Errorf("the decoder knows %v, the schema %v", known, described)
	}
}
