package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"

	"dip/contract"
)

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
	describe(stack, reflect.TypeFor[Stack](), examples())
	properties := jsonschema.NewProperties()
	properties.Set("aws:region", &jsonschema.Schema{Type: "string", Description: "region of the stack"})
	properties.Set(Key, stack)
	properties.Set(ArtifactsKey, &jsonschema.Schema{
		Type: "string", Description: "folder of the built functions; default build/<architecture>",
	})
	config := jsonschema.NewProperties()
	config.Set("config", &jsonschema.Schema{Type: "object", Properties: properties, Required: []string{Key}})
	data, err := json.MarshalIndent(&jsonschema.Schema{
		Version: jsonschema.Version, Title: "Stack file of dip", Type: "object", Properties: config,
		Required: []string{"config"},
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
	case reflect.TypeFor[LockMode]():
		return enum(LockModes)
	case reflect.TypeFor[Weekday]():
		return enum(Weekdays)
	case reflect.TypeFor[Kind]():
		return enum(Kinds)
	case reflect.TypeFor[Capacity]():
		return enum(Capacities)
	case reflect.TypeFor[Scaler]():
		return enum(Scalers)
	case reflect.TypeFor[Interruptions]():
		return enum(InterruptionModes)
	case reflect.TypeFor[Arrival]():
		return enum(Arrivals)
	case reflect.TypeFor[StreamMode]():
		return enum(StreamModes)
	case reflect.TypeFor[contract.Strategy]():
		return enum(contract.Strategies)
	case reflect.TypeFor[contract.Lane]():
		return enum(contract.Lanes)
	case reflect.TypeFor[contract.Encoding]():
		return enum([]contract.Encoding{contract.CSV, contract.NDJSON})
	case reflect.TypeFor[contract.Codec]():
		return enum(contract.Codecs)
	case reflect.TypeFor[contract.Charset]():
		return enum(contract.Charsets)
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

// example is a value of an environment's stack that is all defaults.
type example struct {
	environment Environment
	value       reflect.Value
}

// examples are the stacks of all environments, with one element in each map and list of objects.
func examples() (all []example) {
	for _, e := range Environments {
		s, group := defaults(e), nodeGroupDefaults(e)
		group.Windows = []Window{{}}
		s.Segments = map[string]Segment{"<name>": segmentDefaults(e)}
		s.NodeGroups = map[string]NodeGroup{"<name>": group}
		s.Maintenance.Windows = []MaintenanceWindow{{}}
		s.Cluster.Access = map[string]Access{"<name>": {}}
		s.derive()
		all = append(all, example{e, reflect.ValueOf(*s)})
	}
	return all
}

// parts are a part of each example.
func parts(all []example, part func(reflect.Value) reflect.Value) []example {
	of := make([]example, len(all))
	for i, e := range all {
		of[i] = example{e.environment, part(e.value)}
	}
	return of
}

// describe adds limits and defaults to the schema of a type, and takes Go's conventions out of its descriptions.
func describe(s *jsonschema.Schema, t reflect.Type, all []example) {
	s.Description = prose(s.Description)
	switch {
	case t.Kind() == reflect.Map && t.Elem().Kind() == reflect.Struct:
		element := func(m reflect.Value) reflect.Value { return m.MapIndex(m.MapKeys()[0]) }
		describe(s.AdditionalProperties, t.Elem(), parts(all, element))
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		describe(s.Items, t.Elem(), parts(all, func(l reflect.Value) reflect.Value { return l.Index(0) }))
	case t.Kind() == reflect.Struct:
		describeFields(s, t, all)
		if t == reflect.TypeFor[Encoding]() { // its format alone is its short form
			format, _ := s.Properties.Get("format")
			s.Type, s.AnyOf = "", []*jsonschema.Schema{{Type: "object"}, {Type: "string", Enum: format.Enum}}
		}
	}
}

func describeFields(s *jsonschema.Schema, t reflect.Type, all []example) {
	for i := range t.NumField() {
		f, values := t.Field(i), parts(all, func(o reflect.Value) reflect.Value { return o.Field(i) })
		if f.Anonymous {
			describeFields(s, f.Type, values)
			continue
		}
		property, ok := s.Properties.Get(f.Tag.Get("json"))
		if !ok {
			continue
		}
		if slices.Contains(platformSettings, f.Tag.Get("json")) { // does not apply without a cluster
			values = slices.DeleteFunc(values, func(e example) bool { return e.environment == Local })
		}
		describe(property, f.Type, values)
		limit, limited := limitsOf(f)
		if limited {
			describeLimits(property, f.Type, limit)
		}
		if plain(f.Type) && !strings.Contains(f.Tag.Get("jsonschema"), "required") {
			describeDefault(property, values)
		}
	}
}

func describeLimits(s *jsonschema.Schema, t reflect.Type, l limits) {
	switch {
	case t == reflect.TypeFor[Duration]():
		s.Description += "; " + l.String()
	case l.zero != "":
		s.AnyOf = []*jsonschema.Schema{
			{Const: 0, Description: l.zero}, {Minimum: json.Number(l.min), Maximum: json.Number(l.max)},
		}
	default:
		s.Minimum, s.Maximum = json.Number(l.min), json.Number(l.max)
	}
}

// plain says whether a setting is one value, or a list or map of such.
func plain(t reflect.Type) bool {
	if k := t.Kind(); k == reflect.Map || k == reflect.Slice || k == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() != reflect.Struct
}

// derived says that a description states the default itself, for it is made of other settings.
var derived = regexp.MustCompile(`(?i)\bdefault\b`)

// defaultsMark begins the defaults of a description where they differ between the environments.
const defaultsMark = "; default "

func describeDefault(s *jsonschema.Schema, values []example) {
	if derived.MatchString(s.Description) {
		return
	}
	var texts []string
	environments := map[string][]Environment{}
	for _, e := range values {
		data, err := json.Marshal(e.value.Interface())
		if err != nil {
			panic(err)
		}
		text := string(data)
		if text == "null" { // an empty list or map that was not made
			text = map[reflect.Kind]string{reflect.Slice: "[]", reflect.Map: "{}"}[e.value.Kind()]
		}
		if !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
		environments[text] = append(environments[text], e.environment)
	}
	if len(texts) == 1 {
		s.Default = json.RawMessage(texts[0])
		return
	}
	for i, text := range texts {
		texts[i] = fmt.Sprintf("%s (%s)", strings.Trim(text, `"`), join(environments[text]))
	}
	s.Description += defaultsMark + strings.Join(texts, ", ")
}

// subject is how Go's comments of types begin.
var subject = regexp.MustCompile(`^[A-Z]\w* (is|are) `)

// prose is a comment as a description: on one line, without the type's name and a full stop.
func prose(comment string) string {
	return strings.TrimSuffix(subject.ReplaceAllString(strings.Join(strings.Fields(comment), " "), ""), ".")
}
