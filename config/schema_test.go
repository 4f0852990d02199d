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

	"gopkg.in/yaml.v3"
)

//go:generate go test -run ^TestSchemaFileIsUpToDate$ -update

const schemaFile = "stack.schema.json"

var update = flag.Bool("update", false, "rewrite "+schemaFile)

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
	schema := compiled(t)
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
	typo := map[string]any{"config": map[string]any{Key: map[string]any{"environment": "dev",
		"segmetns": map[string]any{}}}}
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
