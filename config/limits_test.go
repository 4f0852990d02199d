package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"

	compiler "github.com/santhosh-tekuri/jsonschema/v6"
)

// compiled is the schema of stack files, ready to judge one.
func compiled(t *testing.T) *compiler.Schema {
	t.Helper()
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
	return schema
}

// given is a stack of the environment dev with one setting, by its path.
func given(path string, value any) map[string]any {
	steps := strings.Split(strings.ReplaceAll(path, "<name>", "trips"), ".")
	for i := len(steps) - 1; i >= 0; i-- {
		name, listed := strings.CutSuffix(steps[i], "[0]")
		if object, ok := value.(map[string]any); ok && listed { // the only list of objects
			object["name"], object["start"] = "peak", "0 7 * * *"
			value = []any{object}
		}
		value = map[string]any{name: value}
	}
	all := value.(map[string]any)
	all["environment"] = "dev"
	if all["segments"] == nil {
		all["segments"] = map[string]any{"trips": map[string]any{}}
	}
	return all
}

// A value is outside the limits for the rules exactly when it is for the schema.
func TestRulesAndSchemaHaveTheSameLimits(t *testing.T) {
	schema := compiled(t)
	check := func(path string, l limits, value any, inside bool) {
		stack := given(path, value)
		data, err := json.Marshal(stack)
		if err != nil {
			t.Fatal(err)
		}
		_, err = parse(t, string(data))
		want := fmt.Sprintf("%s: %v: want %s", strings.ReplaceAll(path, "<name>", "trips"), value, l)
		if inside == (err != nil && strings.Contains(err.Error(), want)) {
			t.Errorf("%s = %v: %v", path, value, err)
		}
		if _, ok := value.(string); ok { // durations: JSON Schema cannot compare them
			return
		}
		var file any
		if err := json.Unmarshal([]byte(`{"config": {"`+Key+`": `+string(data)+`}}`), &file); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(file); inside != (err == nil) {
			t.Errorf("%s = %v: the schema says %v", path, value, err)
		}
	}
	n := 0
	eachLimit("", examples()[1].value, func(path string, l limits, v reflect.Value) {
		n++
		low, high := limit(v.Type(), l.min), limit(v.Type(), l.max)
		if low >= high {
			t.Errorf("%s: limits %s", path, l)
		}
		if v.Type() == reflect.TypeFor[Duration]() {
			check(path, l, l.min, true)
			check(path, l, l.max, true)
			check(path, l, (Duration(high) + seconds(1)).String(), false)
			if below := Duration(low) - seconds(1); below > 0 {
				check(path, l, below.String(), false)
			}
			return
		}
		step := 1.0
		if v.CanFloat() {
			step = 0.125
		}
		for n, inside := range map[float64]bool{low: true, high: true, low - step: false, high + step: false} {
			check(path, l, json.Number(strconv.FormatFloat(n, 'f', -1, 64)), inside)
		}
		if l.zero != "" {
			check(path, l, json.Number("0"), true)
		}
	})
	if n < 60 {
		t.Errorf("only %d settings have limits", n)
	}
}

// eachField visits every setting of a type and the types below it.
func eachField(path string, t reflect.Type, visit func(path string, f reflect.StructField)) {
	for t.Kind() == reflect.Map || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return
	}
	for i := range t.NumField() {
		switch f := t.Field(i); {
		case f.Anonymous:
			eachField(path, f.Type, visit)
		case f.Tag.Get("json") != "":
			visit(below(path, f.Tag.Get("json")), f)
			eachField(below(path, f.Tag.Get("json")), f.Type, visit)
		}
	}
}

func TestEveryNumberHasLimits(t *testing.T) {
	eachField("", reflect.TypeFor[Stack](), func(path string, f reflect.StructField) {
		numeric := f.Type == reflect.TypeFor[Duration]() || f.Type.Kind() == reflect.Int || f.Type.Kind() == reflect.Float64
		if _, ok := limitsOf(f); ok != numeric {
			t.Errorf("%s: a %s, limits: %t", path, f.Type, ok)
		}
	})
}

// What other code is sized for are the limits.
func TestConstantsAreTheLimits(t *testing.T) {
	for path, want := range map[string]string{
		"loads.chunkMB": fmt.Sprintf("1 to %d", MaxChunkMB), "segments.maxRecordMB": fmt.Sprintf("1 to %d", MaxRecordMB),
		"network.availabilityZones": fmt.Sprintf("%d to %d", MinZones, zoneSlots),
		"network.publicPrefix":      fmt.Sprintf("%d to %d", minSubnetPrefix, maxSubnetPrefix),
		"network.privatePrefix":     fmt.Sprintf("%d to %d", minSubnetPrefix, maxSubnetPrefix),
		"queues.maxReceives":        fmt.Sprintf("5 to %d", maxReceives),
	} {
		found := false
		eachField("", reflect.TypeFor[Stack](), func(at string, f reflect.StructField) {
			if l, _ := limitsOf(f); at == path {
				if found = true; l.String() != want {
					t.Errorf("%s: %s, want %s", path, l, want)
				}
			}
		})
		if !found {
			t.Errorf("no setting %s", path)
		}
	}
}

// Limits of what a stack does not use are not checked; a broken limit silences the rules that depend on it.
func TestLimitsOfWhatIsUsed(t *testing.T) {
	if _, err := parse(t, stack("local", `"cluster": {"workers": {"slots": 99}}`, "")); err != nil {
		t.Errorf("without a cluster: %v", err)
	}
	_, err := parse(t, stack("dev", `"loads": {"dueAfter": "25h"}, "sweep": {"rate": "30s"}`, `"maxRecordMB": 999`))
	for _, want := range []string{
		"loads.dueAfter: 25h: want 1s to 24h", "segments.trips.maxRecordMB: 999: want 1 to 256",
		"sweep.rate: 30s: want 1m to 24h",
	} {
		path, _, _ := strings.Cut(want, ": ")
		var about []string
		for line := range strings.Lines(fmt.Sprintln(err)) {
			if strings.HasPrefix(line, path+": ") {
				about = append(about, line)
			}
		}
		if len(about) != 1 || about[0] != want+"\n" {
			t.Errorf("%q, want %q alone", about, want)
		}
	}
}

func TestLimitsThatCannotBeReadPanic(t *testing.T) {
	for text, of := range map[string]reflect.Type{"x": reflect.TypeFor[int](), "90": reflect.TypeFor[Duration]()} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q is a limit of a %s", text, of)
				}
			}()
			limit(of, text)
		}()
	}
}
