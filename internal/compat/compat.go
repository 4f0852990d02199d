// Package compat compares two versions of a segment's schema: what queries over the stored Parquet files survive, and
// which inputs that were accepted before would be quarantined.
//
// Queries are taken to read old and new files together and to find columns by name (union_by_name in DuckDB, by-name
// access in Spark and Trino): a column that a file lacks is null in its rows. They survive a new column. They do not
// survive a column that is gone, has another name or another Parquet type, or whose values mean something else. Another
// type may not even be an error: DuckDB 1.5.6 reads integers and doubles together as doubles, which rounds the
// integers, local timestamps and instants as instants, and booleans and texts as texts. Only decimals of the same scale
// keep every value.
package compat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"dip/contract"
	"dip/internal/record"
	"dip/tableschema"
)

// Verdict says what a difference does.
type Verdict string

// The verdicts, from harmless to harmful.
const (
	Compatible  Verdict = "compatible"
	Quarantines Verdict = "quarantines more" // refuses records or inputs that the old schema accepts
	Breaks      Verdict = "breaks readers"   // of what is stored
)

var verdicts = []Verdict{Compatible, Quarantines, Breaks}

// Worst is the most harmful verdict of differences.
func Worst(d []Difference) Verdict {
	worst := Compatible
	for _, v := range verdicts {
		if slices.ContainsFunc(d, func(d Difference) bool { return d.Verdict == v }) {
			worst = v
		}
	}
	return worst
}

// Difference is one property in which two schemas differ.
type Difference struct {
	Path    string  `json:"path"` // such as fields[price].constraints.minimum
	Old     string  `json:"old"`  // JSON, or a Parquet type; "" when it is absent
	New     string  `json:"new"`
	Verdict Verdict `json:"verdict"`
	Why     string  `json:"why"`
}

// Options are what the segment's settings say of its inputs and outputs.
type Options struct {
	Encoding  contract.Encoding
	Partition string // field of the partition; "": by load date
}

// Compare lists the differences of two Table Schemas (JSON). An error names the schema that is not valid.
func Compare(old, updated []byte, o Options) ([]Difference, error) {
	a, err := parse(old, o.Encoding)
	if err != nil {
		return nil, fmt.Errorf("the old schema: %w", err)
	}
	b, err := parse(updated, o.Encoding)
	if err != nil {
		return nil, fmt.Errorf("the new schema: %w", err)
	}
	c := &comparison{Options: o, old: a, new: b}
	c.schema()
	c.fields()
	return c.found, nil
}

// document is a parsed schema with its properties as written.
type document struct {
	*tableschema.Schema
	types  []record.Type
	keys   properties
	fields []properties
}

type properties map[string]json.RawMessage

func parse(text []byte, e contract.Encoding) (d document, err error) {
	if d.Schema, err = tableschema.Parse(text); err != nil {
		return d, err
	}
	d.types = record.Types(d.Schema, e)
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	var fields struct {
		Fields []properties `json:"fields"`
	}
	if err := json.Unmarshal(text, &d.keys); err != nil {
		return d, err
	}
	err = json.Unmarshal(text, &fields)
	d.fields = fields.Fields
	return d, err
}

func (d document) index(name string) int {
	return slices.IndexFunc(d.Schema.Fields, func(f tableschema.Field) bool { return f.Name == name })
}

// text is a property in compact form; "" when it is absent.
func (p properties) text(key string) string {
	raw, ok := p[key]
	if !ok {
		return ""
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return string(raw)
	}
	return b.String()
}

type comparison struct {
	Options
	old, new document
	found    []Difference
}

func (c *comparison) add(path, old, updated string, v Verdict, why string) {
	c.found = append(c.found, Difference{Path: path, Old: old, New: updated, Verdict: v, Why: why})
}

// wider lists, for each way to match a header, the ways that accept every header that it accepts.
var wider = map[tableschema.Match][]tableschema.Match{
	tableschema.Exact:    {tableschema.Equal, tableschema.Subset, tableschema.Superset, tableschema.Partial},
	tableschema.Equal:    {tableschema.Subset, tableschema.Superset, tableschema.Partial},
	tableschema.Subset:   {tableschema.Partial},
	tableschema.Superset: {tableschema.Partial},
}

// schema compares the properties of the schemas as a whole.
func (c *comparison) schema() {
	if a, b := c.old.Match, c.new.Match; a != b {
		switch {
		case c.Encoding != contract.CSV:
			c.add("fieldsMatch", string(a), string(b), Compatible, "NDJSON has no header")
		case slices.Contains(wider[a], b):
			c.add("fieldsMatch", string(a), string(b), Compatible, "accepts every header that it accepted")
		default:
			c.add("fieldsMatch", string(a), string(b), Quarantines, "refuses inputs whose header it accepted")
		}
	}
	for _, key := range union(c.old.keys, c.new.keys) {
		if a, b := c.old.keys.text(key), c.new.keys.text(key); a != b &&
			!slices.Contains([]string{"fields", "fieldsMatch", "missingValues"}, key) {
			why := "describes, and changes no value"
			if slices.Contains([]string{"primaryKey", "uniqueKeys", "foreignKeys"}, key) {
				why = "spans records, which nothing enforces; that a primary key is required is listed with its fields"
			}
			c.add(key, a, b, Compatible, why)
		}
	}
}

func union(a, b properties) []string {
	var keys []string
	for _, p := range []properties{a, b} {
		for key := range p {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// fields finds the fields that both schemas have, and the others.
func (c *comparison) fields() {
	var a, b []string // names of common fields in either order
	renamed := map[string]bool{}
	for i := range c.old.Schema.Fields {
		f := &c.old.Schema.Fields[i]
		if at := c.new.index(f.Name); at >= 0 {
			a = append(a, f.Name)
			c.field(i, at)
			continue
		}
		if i < len(c.new.Schema.Fields) {
			if g := &c.new.Schema.Fields[i]; c.old.index(g.Name) < 0 && g.Type == f.Type {
				renamed[g.Name] = true
				c.add(path(f.Name, "name"), f.Name, g.Name, Breaks, "files that are stored have the column under its old name")
				continue
			}
		}
		c.add(path(f.Name, ""), string(f.Type), "", Breaks, "new files lack the column: queries over them fail or read null")
	}
	for i := range c.new.Schema.Fields {
		f := &c.new.Schema.Fields[i]
		switch {
		case c.old.index(f.Name) >= 0:
			b = append(b, f.Name)
		case renamed[f.Name]:
		case f.Required:
			c.add(path(f.Name, ""), "", string(f.Type), Quarantines, "is required: inputs without it are refused")
		case c.Encoding == contract.CSV && c.new.Match != tableschema.Superset && c.new.Match != tableschema.Partial:
			c.add(path(f.Name, ""), "", string(f.Type), Quarantines, fmt.Sprintf("refuses CSV inputs whose header lacks it, "+
				"unless fieldsMatch is %q or %q; stored files read as null", tableschema.Superset, tableschema.Partial))
		default:
			c.add(path(f.Name, ""), "", string(f.Type), Compatible, "is optional: stored files read as null")
		}
	}
	if slices.Equal(a, b) {
		return
	}
	v, why := Compatible, "columns are found by name"
	if c.Encoding == contract.CSV && c.new.Match == tableschema.Exact {
		v, why = Quarantines, "refuses CSV inputs in the old order: fieldsMatch is \"exact\""
	}
	c.add("fields", strings.Join(a, ", "), strings.Join(b, ", "), v, why)
}

func path(field, property string) string {
	p := "fields[" + field + "]"
	if property != "" {
		p += "." + property
	}
	return p
}
