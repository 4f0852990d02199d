package tableschema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// problems collects what is wrong with a schema, each with its JSON path.
type problems struct{ errs []error }

func (p *problems) add(path, format string, args ...any) {
	p.errs = append(p.errs, fmt.Errorf("%s: %s", path, fmt.Sprintf(format, args...)))
}

// object is one JSON object of a schema and its path.
type object struct {
	path string
	keys map[string]json.RawMessage
	out  *problems
}

func (o object) at(key string) string {
	if o.path == "" {
		return key
	}
	return o.path + "." + key
}

// decode reads the property into v, which must point to the Go form of want. False when the property is absent, null or
// invalid; only the last is reported.
func (o object) decode(key, want string, v any) bool {
	raw, ok := o.keys[key]
	if !ok || string(raw) == "null" {
		return false
	}
	if err := json.Unmarshal(raw, v); err != nil {
		o.out.add(o.at(key), "%s: want %s", abridge(raw), want)
		return false
	}
	return true
}

func (o object) text(key, otherwise string) string {
	v := otherwise
	if !o.decode(key, "a string", &v) {
		return otherwise
	}
	return v
}

func (o object) boolean(key string, otherwise bool) bool {
	v := otherwise
	if !o.decode(key, "true or false", &v) {
		return otherwise
	}
	return v
}

func (o object) texts(key string, otherwise []string) []string {
	var v []string
	if !o.decode(key, "an array of strings", &v) {
		return otherwise
	}
	return v
}

// child reads an object property.
func (o object) child(key string) (object, bool) {
	c := object{path: o.at(key), out: o.out}
	return c, o.decode(key, "an object", &c.keys)
}

// Parse reads a Table Schema (version 1 or 2 of the specification, JSON). The error joins all
// problems, each with its JSON path.
func Parse(data []byte) (*Schema, error) {
	out := &problems{}
	root := object{out: out}
	if err := json.Unmarshal(bytes.TrimPrefix(data, []byte("\ufeff")), &root.keys); err != nil {
		return nil, fmt.Errorf("read table schema: want a JSON object: %w", err)
	}
	s := &Schema{Match: root.match()}
	missing, stated := root.missing([]string{""})

	var fields []json.RawMessage
	if !root.decode("fields", "an array of objects", &fields) && root.keys["fields"] == nil {
		out.add("fields", "missing: a table schema lists its fields here")
	} else if len(fields) == 0 && len(out.errs) == 0 {
		out.add("fields", "empty: want at least one field")
	}
	s.Fields = make([]Field, len(fields))
	required := root.primaryKey()
	seen := map[string]int{}
	for i, raw := range fields {
		o := object{path: fmt.Sprintf("fields[%d]", i), out: out}
		if err := json.Unmarshal(raw, &o.keys); err != nil || o.keys == nil {
			out.add(o.path, "%s: want an object", abridge(raw))
			continue
		}
		f := &s.Fields[i]
		f.MissingValues, f.StatedMissing = missing, stated
		o.field(f)
		f.Required = f.Required || slices.Contains(required, f.Name)
		if first, again := seen[f.Name]; again {
			out.add(o.at("name"), "%q is also the name of fields[%d]", f.Name, first)
		} else {
			seen[f.Name] = i
		}
		if f.constraints.unique {
			s.unenforced = append(s.unenforced, o.at("constraints.unique"))
		}
	}
	for i, name := range required {
		if _, ok := seen[name]; !ok {
			out.add(fmt.Sprintf("primaryKey[%d]", i), "%q is not a field", name)
		}
	}
	for _, key := range []string{"primaryKey", "uniqueKeys", "foreignKeys"} {
		if raw, ok := root.keys[key]; ok && string(raw) != "null" && string(raw) != "[]" {
			s.unenforced = append(s.unenforced, key)
		}
	}
	checkPaths(s, out)
	if len(out.errs) > 0 {
		return nil, errors.Join(out.errs...)
	}
	return s, nil
}

// match reads fieldsMatch: a string, or an array of one as the first published profile of version 2 has it.
func (o object) match() Match {
	raw, ok := o.keys["fieldsMatch"]
	if !ok || string(raw) == "null" {
		return Exact
	}
	var list []Match
	var one Match
	if json.Unmarshal(raw, &one) == nil {
		list = []Match{one}
	} else if json.Unmarshal(raw, &list) != nil || len(list) != 1 {
		o.out.add("fieldsMatch", "%s: want a string", abridge(raw))
		return Exact
	}
	switch list[0] {
	case Exact, Equal, Subset, Superset, Partial:
	default:
		o.out.add("fieldsMatch", "unknown match %q: want exact, equal, subset, superset or partial", list[0])
	}
	return list[0]
}

// missing reads missingValues: strings, or objects with a value and a label.
func (o object) missing(otherwise []string) (values []string, stated bool) {
	raw, ok := o.keys["missingValues"]
	if !ok || string(raw) == "null" {
		return otherwise, false
	}
	values = []string{}
	if json.Unmarshal(raw, &values) == nil {
		return values, true
	}
	var labelled []struct {
		Value *string `json:"value"`
	}
	values = []string{}
	if err := json.Unmarshal(raw, &labelled); err != nil {
		o.out.add(o.at("missingValues"), "want an array of strings, or of objects with a string \"value\"")
		return otherwise, true
	}
	for i, l := range labelled {
		if l.Value == nil {
			o.out.add(fmt.Sprintf("%s[%d].value", o.at("missingValues"), i), "missing")
			continue
		}
		values = append(values, *l.Value)
	}
	return values, true
}

// primaryKey reads the key's field names: an array of strings, or a string as in version 1.
func (o object) primaryKey() []string {
	raw, ok := o.keys["primaryKey"]
	if !ok || string(raw) == "null" {
		return nil
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}
	}
	return o.texts("primaryKey", nil)
}

// checkPaths reports fields that are read from the same place of an NDJSON record.
func checkPaths(s *Schema, out *problems) {
	seen := map[string]int{}
	for i := range s.Fields {
		key := strings.Join(s.Fields[i].Path, "\x00")
		if first, again := seen[key]; again && s.Fields[i].Name != s.Fields[first].Name {
			out.add(fmt.Sprintf("fields[%d].path", i), "%q is also the path of fields[%d]", strings.Join(s.Fields[i].Path, "."),
				first)
			continue
		}
		seen[key] = i
	}
}

// abridge is a JSON value of a schema, short enough for a message.
func abridge(raw []byte) string {
	const limit = 60
	raw = bytes.TrimSpace(raw)
	if len(raw) <= limit {
		return string(raw)
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(raw[cut]) {
		cut--
	}
	return string(raw[:cut]) + "..."
}

func quoteAll(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = strconv.Quote(s)
	}
	return strings.Join(quoted, ", ")
}
