package compat

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"dip/contract"
	"dip/internal/record"
	"dip/tableschema"
)

// handled are the properties of a field that differ in effect; all others describe.
var handled = []string{"name", "type", "format", "timezone", "path", "decimal", "decimalChar", "groupChar",
	"bareNumber", "grouping", "trueValues", "falseValues", "delimiter", "itemType", "missingValues", "constraints",
	"categories"}

// field compares field i of the old schema with field j of the new one, which have the same name.
func (c *comparison) field(i, j int) {
	f := &fieldComparison{comparison: c, old: &c.old.Schema.Fields[i], new: &c.new.Schema.Fields[j],
		was: c.old.fields[i], is: c.new.fields[j]}
	first := len(c.found)
	same := f.types(c.old.types[i], c.new.types[j])
	if same {
		f.format()
		f.numbers()
		f.booleans()
		f.lists()
	}
	if a, b := strings.Join(f.old.Path, "."), strings.Join(f.new.Path, "."); a != b && c.Encoding == contract.NDJSON {
		f.add("path", a, b, Breaks, "takes the value from another place: new rows hold something else")
	}
	f.missing()
	if f.old.Name == c.Partition {
		for k := range c.found[first:] {
			d := &c.found[first+k]
			if d.Verdict != Breaks {
				d.Verdict = Breaks
				d.Why += "; it is the partition's field: the same value may go to another folder"
			}
		}
	}
	f.constraints(same)
	for _, key := range union(f.was, f.is) {
		if a, b := f.was.text(key), f.is.text(key); a != b && !slices.Contains(handled, key) {
			f.add(key, a, b, Compatible, "describes, and changes no value")
		}
	}
}

// fieldComparison compares one field.
type fieldComparison struct {
	*comparison
	old, new *tableschema.Field
	was, is  properties
}

func (f *fieldComparison) add(property, old, updated string, v Verdict, why string) {
	f.comparison.add(path(f.old.Name, property), old, updated, v, why)
}

// stored is the Parquet type of a column, and for JSON that it is JSON: in NDJSON the texts of both differ.
func (f *fieldComparison) stored(t record.Type) string {
	switch t.Kind {
	case record.Decimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	case record.Int64:
		return "INT64"
	case record.Float64:
		return "DOUBLE"
	case record.Bool:
		return "BOOLEAN"
	case record.Date:
		return "DATE"
	case record.Time:
		return "TIME"
	case record.Timestamp:
		if t.UTC {
			return "TIMESTAMP adjusted to UTC"
		}
		return "TIMESTAMP"
	case record.JSON:
		if f.Encoding == contract.NDJSON {
			return "STRING of JSON"
		}
	}
	return "STRING"
}

// types compares the types, in the schema and in Parquet; false when the schema's differ.
func (f *fieldComparison) types(old, updated record.Type) bool {
	a, b := f.stored(old), f.stored(updated)
	same := f.old.Type == f.new.Type
	from, to := string(f.old.Type), string(f.new.Type)
	property := "type"
	if same {
		from, to, property = a, b, "decimal"
		if old.Kind == record.Timestamp {
			property = "timezone"
		}
	}
	switch {
	case a != b && old.Kind == record.Decimal && updated.Kind == record.Decimal && old.Scale == updated.Scale &&
		old.Precision < updated.Precision:
		f.add(property, a, b, Compatible, "holds every value that it held, in the same form")
	case a != b:
		f.add(property, from, to, Breaks, fmt.Sprintf("stored files have %s, new ones %s", a, b))
	case same:
	case f.accepts():
		f.add(property, from, to, Compatible, "accepts every value that it accepted, stored the same")
	default:
		f.add(property, from, to, Quarantines, "refuses values that it accepted")
	}
	return same
}

// accepts says whether the new type accepts every value of the old one, where both are stored the same.
func (f *fieldComparison) accepts() bool {
	switch f.new.Type {
	case tableschema.Any:
		return true
	case tableschema.String:
		return f.new.Format == "default"
	case tableschema.Integer:
		return f.old.Type == tableschema.Year && f.new.PlainNumber()
	case tableschema.Object:
		return f.old.Type == tableschema.Geojson
	}
	return false
}

// format compares the formats of fields of the same type.
func (f *fieldComparison) format() {
	a, b := f.old.Format, f.new.Format
	if a == b {
		return
	}
	switch {
	case b == "default" && f.new.Type == tableschema.String, b == "any" && a == "default":
		f.add("format", a, b, Compatible, "accepts every text that it accepted")
	case directives(a) != "" && directives(a) == directives(b):
		f.add("format", a, b, Breaks, "reads the same text as another date or time")
	default:
		f.add("format", a, b, Quarantines, "refuses texts that it accepted")
	}
}

// directives are the letters of a strptime pattern, sorted; "" of a named format.
func directives(pattern string) string {
	var letters []byte
	for i := 0; i+1 < len(pattern); i++ {
		if pattern[i] == '%' {
			i++
			letters = append(letters, pattern[i])
		}
	}
	slices.Sort(letters)
	return string(letters)
}

// numbers compares how numbers are written.
func (f *fieldComparison) numbers() {
	if f.new.Type != tableschema.Number && f.new.Type != tableschema.Integer {
		return
	}
	roles := func(x *tableschema.Field) [2]string { return [2]string{x.DecimalChar, x.GroupChar} }
	a, b := roles(f.old), roles(f.new)
	for i, property := range []string{"decimalChar", "groupChar"} {
		if a[i] == b[i] || f.was.text(property) == f.is.text(property) {
			continue
		}
		switch was, is := f.was.text(property), f.is.text(property); {
		case a[i] != "" && a[i] == b[1-i] || b[i] != "" && b[i] == a[1-i]:
			f.add(property, was, is, Breaks, "reads the same text as another number: the character had the other role")
		case property == "groupChar" && a[i] == "":
			f.add(property, was, is, Compatible, "accepts groups too")
		default:
			f.add(property, was, is, Quarantines, "refuses numbers as they were written")
		}
	}
	if a, b := f.old.Grouping, f.new.Grouping; a != b {
		f.add("grouping", a, b, Quarantines, "refuses numbers as they were grouped")
	}
	if f.old.BareNumber != f.new.BareNumber {
		v, why := Quarantines, "refuses numbers with text around them"
		if f.old.BareNumber {
			v, why = Compatible, "accepts text around numbers too"
		}
		f.add("bareNumber", fmt.Sprint(f.old.BareNumber), fmt.Sprint(f.new.BareNumber), v, why)
	}
}

// booleans compares the texts of true and false.
func (f *fieldComparison) booleans() {
	if f.new.Type != tableschema.Boolean {
		return
	}
	for _, p := range []struct {
		property     string
		old, updated []string
		opposite     []string
	}{
		{"trueValues", f.old.TrueValues, f.new.TrueValues, f.new.FalseValues},
		{"falseValues", f.old.FalseValues, f.new.FalseValues, f.new.TrueValues},
	} {
		v, why := Compatible, "accepts every text that it accepted"
		for _, text := range p.old {
			switch {
			case slices.Contains(p.opposite, text):
				v, why = Breaks, fmt.Sprintf("reads %q as the opposite", text)
			case !slices.Contains(p.updated, text) && v == Compatible:
				v, why = Quarantines, fmt.Sprintf("refuses %q", text)
			}
		}
		if a, b := list(p.old), list(p.updated); a != b {
			f.add(p.property, a, b, v, why)
		}
	}
}

// lists compares the items of lists.
func (f *fieldComparison) lists() {
	if f.new.Type != tableschema.List {
		return
	}
	if a, b := f.old.Delimiter, f.new.Delimiter; a != b {
		f.add("delimiter", a, b, Quarantines, "divides the same text into other items")
	}
	if a, b := f.was.text("itemType"), f.is.text("itemType"); a != b {
		v, why := Quarantines, "refuses items that it accepted"
		if b == "" || b == `"string"` {
			v, why = Compatible, "accepts every item"
		}
		f.add("itemType", a, b, v, why)
	}
}

// missing compares the texts that stand for null.
func (f *fieldComparison) missing() {
	a, b := f.nulls(f.old), f.nulls(f.new)
	if slices.Equal(a, b) {
		return
	}
	worst, why := Compatible, "no text that was a value is null now, and none that was null is a value"
	note := func(v Verdict, reason string) {
		if slices.Index(verdicts, v) > slices.Index(verdicts, worst) {
			worst, why = v, reason
		}
	}
	for _, text := range a {
		switch _, err := f.new.Cast([]byte(text)); {
		case slices.Contains(b, text):
		case err == nil:
			note(Breaks, fmt.Sprintf("%q is a value now, and was null", text))
		default:
			note(Quarantines, fmt.Sprintf("refuses %q, which was null", text))
		}
	}
	for _, text := range b {
		switch _, err := f.old.Cast([]byte(text)); {
		case slices.Contains(a, text) || err != nil:
		case f.new.Required:
			note(Quarantines, fmt.Sprintf("refuses %q, which was a value: it is null now, and a value is required", text))
		default:
			note(Breaks, fmt.Sprintf("%q is null now, and was a value", text))
		}
	}
	f.add("missingValues", list(a), list(b), worst, why)
}

// nulls are the texts that stand for null in a field; see record.Parser for NDJSON.
func (f *fieldComparison) nulls(x *tableschema.Field) []string {
	if f.Encoding == contract.NDJSON && !x.StatedMissing && (x.Type == tableschema.String || x.Type == tableschema.Any) {
		return nil
	}
	return x.MissingValues
}

// list shows texts as JSON.
func list(texts []string) string {
	if texts == nil {
		return "[]"
	}
	text, err := json.Marshal(texts)
	if err != nil {
		return fmt.Sprint(texts)
	}
	return string(text)
}
