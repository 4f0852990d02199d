package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"dip/contract"
	"dip/internal/record"
	"dip/tableschema"
)

// reading is how DuckDB reads an input with a schema: column by column with the schema's types, nothing detected.
type reading struct {
	schema  *tableschema.Schema
	dialect contract.Dialect
	columns []int // CSV: column of each field, -1 when absent; nil: by position
	width   int   // CSV: columns of the input
	types   []record.Type
}

func newReading(d contract.Segment, columns []int, width int) (*reading, error) {
	s, err := tableschema.Parse(d.Schema)
	if err != nil {
		return nil, err
	}
	r := &reading{schema: s, dialect: d.Dialect, columns: columns, width: width,
		types: record.Types(s, d.Dialect.Encoding)}
	if r.columns == nil {
		for i := range s.Fields {
			r.columns = append(r.columns, i)
		}
	}
	return r, nil
}

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func literals(texts []string) string {
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = literal(t)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// isoFormat is the strptime format that is DuckDB's own form of timestamps.
const isoFormat = "%Y-%m-%d %H:%M:%S"

// sqlType is the type of a column in DuckDB.
func sqlType(t record.Type) string {
	switch t.Kind {
	case record.Bool:
		return "BOOLEAN"
	case record.Int64:
		return "BIGINT"
	case record.Float64:
		return "DOUBLE"
	case record.Decimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	case record.Date:
		return "DATE"
	case record.Time:
		return "TIME"
	case record.Timestamp:
		if t.UTC {
			return "TIMESTAMPTZ"
		}
		return "TIMESTAMP"
	case record.JSON:
		return "JSON"
	default:
		return "VARCHAR"
	}
}

// The texts that DuckDB casts to booleans.
var duckTrue, duckFalse = []string{"true", "t", "yes", "y", "1"}, []string{"false", "f", "no", "n", "0"}

func within(texts, known []string) bool {
	return !slices.ContainsFunc(texts, func(t string) bool { return !slices.Contains(known, strings.ToLower(t)) })
}

// native reports whether a plain cast in DuckDB reads the field's texts.
func native(f *tableschema.Field) bool {
	switch f.Type {
	case tableschema.Integer, tableschema.Number:
		return f.PlainNumber()
	case tableschema.Boolean:
		return within(f.TrueValues, duckTrue) && within(f.FalseValues, duckFalse)
	case tableschema.Date, tableschema.Time:
		return f.Format == "default"
	case tableschema.Datetime:
		return f.Format == "default" || f.Format == isoFormat
	}
	return true
}

// cast is the expression that turns the text x into the field's value.
func cast(f *tableschema.Field, t record.Type, x string) (string, error) {
	typ := sqlType(t)
	switch {
	case native(f):
		return fmt.Sprintf("CAST(%s AS %s)", x, typ), nil
	case f.Type == tableschema.Boolean:
		return fmt.Sprintf("CASE WHEN %s IN %s THEN true WHEN %s IN %s THEN false WHEN %[1]s IS NULL THEN NULL ELSE "+
			"error('not a boolean: ' || %[1]s) END",
			x, tuple(f.TrueValues), x, tuple(f.FalseValues)), nil
	case f.Type == tableschema.Integer || f.Type == tableschema.Number:
		if !f.BareNumber {
			x = unwrapped(x, f.DecimalChar)
		}
		if f.GroupChar != "" {
			x = fmt.Sprintf("replace(%s, %s, '')", x, literal(f.GroupChar))
		}
		return fmt.Sprintf("CAST(replace(%s, %s, '.') AS %s)", x, literal(f.DecimalChar), typ), nil
	case f.Format == "any":
		return "", fmt.Errorf("field %q: DuckDB has no equivalent of format \"any\"", f.Name)
	}
	return fmt.Sprintf("CAST(strptime(%s, %s) AS %s)", x, literal(f.Format), typ), nil
}

// unwrapped is the number in a text with something around it, with a hyphen if it is negative: where a minus in any
// form or a parenthesis stands before the digits, in all texts that dip accepts.
func unwrapped(x, decimalChar string) string {
	number := fmt.Sprintf(`regexp_replace(regexp_replace(%s, '[^0-9]*$', ''), %s, '\1')`, x,
		literal(`^[^0-9]*?(`+regexp.QuoteMeta(decimalChar)+`?[0-9])`))
	return fmt.Sprintf("CASE WHEN regexp_matches(%s, %s) THEN '-' ELSE '' END || %s", x,
		literal(`^[^0-9]*[(\-\x{2010}-\x{2015}\x{2212}\x{207B}\x{208B}\x{FE58}\x{FE63}\x{FF0D}]`), number)
}

func tuple(texts []string) string {
	list := literals(texts)
	return "(" + list[1:len(list)-1] + ")"
}

// sharedMissing reports whether all fields have the same texts for null.
func (r *reading) sharedMissing() bool {
	first := r.schema.Fields[0].MissingValues
	for i := range r.schema.Fields {
		if !slices.Equal(r.schema.Fields[i].MissingValues, first) {
			return false
		}
	}
	return len(first) > 0
}

// never is a null marker that occurs in no input.
const never = "\x01\x02"

// missing is an expression that is null where the text x of the field means null.
func missing(f *tableschema.Field, x string) string {
	if len(f.MissingValues) == 0 {
		return x
	}
	return fmt.Sprintf("CASE WHEN %s IN %s THEN NULL ELSE %[1]s END", x, tuple(f.MissingValues))
}

// selection is the query that reads a file with the schema's names and types.
func (r *reading) selection(path string, options ...string) (string, error) {
	if r.dialect.Encoding == contract.NDJSON {
		return r.jsonSelection(path, options)
	}
	return r.csvSelection(path, options)
}

// notStrict makes DuckDB read input that is not strictly CSV.
const notStrict = "strict_mode=false"

func (r *reading) csvSelection(path string, options []string) (string, error) {
	shared := r.sharedMissing()
	nulls := []string{never}
	if shared {
		nulls = r.schema.Fields[0].MissingValues
	}
	kinds := make([]string, r.width)
	for k := range kinds {
		kinds[k] = "VARCHAR"
	}
	var selected []string
	var errs []error
	for i := range r.schema.Fields {
		f, t, k := &r.schema.Fields[i], r.types[i], r.columns[i]
		x := fmt.Sprintf("c%d", k)
		switch {
		case k < 0:
			x = "CAST(NULL AS " + sqlType(t) + ")"
		case shared && native(f):
			kinds[k] = sqlType(t)
		default:
			if !shared {
				x = missing(f, x)
			}
			var err error
			if x, err = cast(f, t, x); err != nil {
				errs = append(errs, err)
			}
		}
		selected = append(selected, x+" AS "+identifier(f.Name))
	}
	names := make([]string, r.width)
	for k, kind := range kinds {
		names[k] = fmt.Sprintf("'c%d': '%s'", k, kind)
	}
	options = append([]string{
		"auto_detect=false", fmt.Sprintf("header=%t", r.dialect.Header), "delim=" + literal(r.dialect.Delimiter),
		"quote=" + literal(r.dialect.Quote), "escape=" + literal(r.dialect.Quote), "compression='none'",
		"max_line_size=33554432", "nullstr=" + literals(nulls), "columns={" + strings.Join(names, ", ") + "}",
	}, options...)
	if !slices.Contains(options, notStrict) {
		options = append(options, "strict_mode=true")
	}
	return fmt.Sprintf("SELECT %s FROM read_csv(%s, %s)", strings.Join(selected, ", "), literal(path),
		strings.Join(options, ", ")), errors.Join(errs...)
}

// member of the tree of objects that fields are read from.
type member struct {
	name    string
	typ     string // "" of an object
	members []*member
}

func (m *member) child(name string) *member {
	for _, c := range m.members {
		if c.name == name {
			return c
		}
	}
	c := &member{name: name}
	m.members = append(m.members, c)
	return c
}

func (m *member) sqlType() string {
	if m.typ != "" {
		return m.typ
	}
	parts := make([]string, len(m.members))
	for i, c := range m.members {
		parts[i] = identifier(c.name) + " " + c.sqlType()
	}
	return "STRUCT(" + strings.Join(parts, ", ") + ")"
}

func (r *reading) jsonSelection(path string, options []string) (string, error) {
	root := &member{}
	var selected []string
	var errs []error
	for i := range r.schema.Fields {
		f, t := &r.schema.Fields[i], r.types[i]
		m, names := root, make([]string, len(f.Path))
		whole := false
		for depth, name := range f.Path {
			m, names[depth] = m.child(name), identifier(name)
			whole = whole || m.typ != ""
		}
		if whole || len(m.members) > 0 {
			errs = append(errs, fmt.Errorf("field %q: DuckDB cannot read an object both as a whole and by its members", f.Name))
		}
		x := strings.Join(names, ".")
		if m.typ = sqlType(t); t.Kind != record.JSON && (f.StatedMissing || !native(f)) {
			m.typ = "VARCHAR"
			if f.StatedMissing {
				x = missing(f, x)
			}
			var err error
			if x, err = cast(f, t, x); err != nil {
				errs = append(errs, err)
			}
		}
		if t.Kind == record.JSON {
			x = "CAST(" + x + " AS VARCHAR)"
		}
		selected = append(selected, x+" AS "+identifier(f.Name))
	}
	columns := make([]string, len(root.members))
	for i, m := range root.members {
		columns[i] = literal(m.name) + ": " + literal(m.sqlType())
	}
	options = append([]string{
		"format='newline_delimited'", "auto_detect=false", "compression='uncompressed'", "maximum_object_size=33554432",
		"columns={" + strings.Join(columns, ", ") + "}",
	}, options...)
	return fmt.Sprintf("SELECT %s FROM read_json(%s, %s)", strings.Join(selected, ", "), literal(path),
		strings.Join(options, ", ")), errors.Join(errs...)
}

// parquet is the query that reads our outputs with the types of the selection.
func (r *reading) parquet(paths []string) string {
	columns := make([]string, len(r.types))
	for i, t := range r.types {
		typ := sqlType(t)
		if t.Kind == record.JSON {
			typ = "VARCHAR"
		}
		columns[i] = fmt.Sprintf("CAST(%s AS %s) AS %[1]s", identifier(t.Name), typ)
	}
	return fmt.Sprintf("SELECT %s FROM read_parquet(%s)", strings.Join(columns, ", "), literals(paths))
}

// compared is the expression under which two values of a column are the same: JSON without its white space and with
// its strings in one form, everything else as it is.
func compared(t record.Type, x string) string {
	if t.Kind == record.JSON {
		return "CAST(json(" + x + ") AS VARCHAR)"
	}
	return x
}
