package config

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"reflect"
)

// Options is where Parse finds what the object refers to.
type Options struct {
	// Files holds the schema files, by their paths in the project.
	Files fs.FS
}

// Parse reads a stack's object, fills in the defaults of its environment, reads the schemas and validates all of it.
// The error lists every problem, a line each, in the order of their paths.
func Parse(data []byte, o Options) (*Stack, error) {
	var raw any
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("dip:stack is not valid JSON: %w", err)
	}
	var head struct{ Environment Environment }
	headers, ok := raw.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("dip:stack: want an object, have %s", have(raw))
	}
	found := newProblems()
	if name, ok := headers["environment"].(string); !ok {
		found.add("environment", "missing; want one of %s", join(Environments))
	} else if head.Environment.UnmarshalText([]byte(name)) != nil {
		head.Environment = Local // decoding below reports the name itself
	}
	s := defaults(head.Environment)
	d := decoder{problems: found, element: func(t reflect.Type) reflect.Value {
		element := reflect.New(t).Elem()
		switch t {
		case reflect.TypeFor[Segment]():
			element.Set(reflect.ValueOf(segmentDefaults(head.Environment)))
		case reflect.TypeFor[NodeGroup]():
			element.Set(reflect.ValueOf(nodeGroupDefaults(head.Environment)))
		}
		return element
	}}
	d.decode("", raw, reflect.ValueOf(s).Elem())
	s.checkArrivals(headers, found)
	s.meetDeadlines(headers)
	s.derive()
	s.readSchemas(o.Files, found)
	s.validate(found)
	if err := found.err(); err != nil {
		return nil, err
	}
	return s, nil
}
