package tableschema

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Type is a field's Table Schema type.
type Type string

// The types.
const (
	String    Type = "string"
	Integer   Type = "integer"
	Number    Type = "number"
	Boolean   Type = "boolean"
	Date      Type = "date"
	Datetime  Type = "datetime"
	Time      Type = "time"
	Year      Type = "year"
	Yearmonth Type = "yearmonth"
	Duration  Type = "duration"
	Geopoint  Type = "geopoint"
	Geojson   Type = "geojson"
	List      Type = "list"
	Array     Type = "array"
	Object    Type = "object"
	Any       Type = "any"
)

// formats holds the named formats of each type except "default"; "strptime" stands for any strptime pattern.
var formats = map[Type][]string{
	String: {"email", "uri", "uuid", "binary"}, Integer: nil, Number: nil, Boolean: nil,
	Date: {"any", "strptime"}, Datetime: {"any", "strptime"}, Time: {"any", "strptime"},
	Year: nil, Yearmonth: nil, Duration: nil, Geopoint: {"array", "object"}, Geojson: {"topojson"},
	List: nil, Array: nil, Object: nil, Any: nil,
}

func knownTypes() string {
	names := make([]string, 0, len(formats))
	for t := range formats {
		names = append(names, string(t))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// Match says how the fields of a schema are found in the header of a delimited input.
type Match string

// The ways to match.
const (
	Exact    Match = "exact"    // the same names in the same order
	Equal    Match = "equal"    // the same names in any order
	Subset   Match = "subset"   // all fields of the schema; the header may name more
	Superset Match = "superset" // only fields of the schema; the header may name fewer
	Partial  Match = "partial"  // at least one field of the schema
)

// Schema is a Table Schema that Parse has accepted.
type Schema struct {
	Fields []Field
	Match  Match

	unenforced []string
}

// Unenforced lists the JSON paths of rules that the schema states and that nothing checks: those that span records.
func (s *Schema) Unenforced() []string { return s.unenforced }

// Decimal is the number of digits of an exact number, and how many of them follow the point.
type Decimal struct {
	Precision int // 1 to 18
	Scale     int // 0 to Precision
}

// Field describes one column. Only Parse makes usable fields.
type Field struct {
	Name   string
	Type   Type
	Format string   // "default" when the schema has none
	Path   []string // NDJSON: object keys from the record down to the value
	// MissingValues are the texts that stand for null; StatedMissing says that the schema has them
	// and they are not the specification's default [""].
	MissingValues []string
	StatedMissing bool

	Decimal     *Decimal // number: exact instead of a double
	UTC         bool     // datetime: values are instants
	DecimalChar string   // number: one character; integer: "." or, where that is the GroupChar, "" for none
	GroupChar   string   // number, integer: one character, or "" for none
	Grouping    string   // number, integer with GroupChar: "threes" or Indian
	BareNumber  bool     // number, integer: nothing but the number in the text
	TrueValues  []string // boolean
	FalseValues []string // boolean
	Delimiter   string   // list
	Required    bool

	item        *Field   // list: casts an item
	pattern     *pattern // date, datetime, time: a compiled strptime format
	constraints constraints
}

// PlainNumber says that numbers are written without group characters, with a decimal point and nothing around them.
func (f *Field) PlainNumber() bool {
	return f.GroupChar == "" && f.DecimalChar == "." && f.BareNumber
}

// MatchHeader finds each field's column in a header: columns[i] is the column of s.Fields[i], or -1 when the header
// lacks it and s.Match allows that. The error names every missing, unexpected and repeated column.
func MatchHeader(s *Schema, header []string) (columns []int, err error) {
	at := make(map[string]int, len(header))
	var errs []error
	names := func(problem string, list []string) {
		if len(list) > 0 {
			errs = append(errs, errors.New(problem+": "+quoteAll(list)))
		}
	}
	var repeated, missing, unexpected, swapped []string
	known := make(map[string]bool, len(s.Fields))
	for i := range s.Fields {
		known[s.Fields[i].Name] = true
	}
	for i, name := range header {
		_, again := at[name]
		switch {
		case again && (known[name] || s.Match == Exact || s.Match == Equal):
			if !slices.Contains(repeated, name) {
				repeated = append(repeated, name)
			}
		case again:
		case !known[name] && s.Match != Subset && s.Match != Partial:
			unexpected = append(unexpected, name)
		}
		if !again {
			at[name] = i
		}
	}
	columns = make([]int, len(s.Fields))
	found := 0
	for i := range s.Fields {
		f := &s.Fields[i]
		col, ok := at[f.Name]
		switch {
		case ok:
			columns[i] = col
			found++
			if s.Match == Exact && col != i {
				swapped = append(swapped, f.Name)
			}
		case (s.Match == Superset || s.Match == Partial) && !f.Required:
			columns[i] = -1
		default:
			missing = append(missing, f.Name)
		}
	}
	names("missing columns", missing)
	names("unexpected columns", unexpected)
	if marked(missing) != marked(unexpected) && len(missing) > 0 && len(unexpected) > 0 {
		errs = append(errs, fmt.Errorf("names that look alike may consist of different characters, such as composed and "+
			"decomposed "+
			"accents (Unicode NFC and NFD): "+
			"the schema has %s, the header has %s", asciiAll(missing), asciiAll(unexpected)))
	}
	names("repeated columns", repeated)
	if len(errs) == 0 {
		names("columns out of order (fieldsMatch is \"exact\")", swapped)
	}
	if found == 0 && len(errs) == 0 {
		errs = append(errs, errors.New("no column matches a field of the schema"))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return columns, nil
}

// marked says whether a name has combining marks, as decomposed text does.
func marked(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return strings.ContainsFunc(name, func(r rune) bool { return unicode.Is(unicode.Mn, r) })
	})
}

// asciiAll quotes names with all but ASCII escaped.
func asciiAll(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = strconv.QuoteToASCII(name)
	}
	return strings.Join(quoted, ", ")
}
