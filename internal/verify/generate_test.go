package verify

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	utf16codes "unicode/utf16"
	"unicode/utf8"

	"dip/contract"
	"dip/tableschema"
)

// source makes random dialects, schemas and inputs, most of them almost valid: plainly invalid ones are rejected by
// both sides and prove nothing.
type source struct{ *rand.Rand }

func newSource(seed uint64) source { return source{rand.New(rand.NewPCG(seed, 12))} }

func (r source) pick(of ...string) string { return of[r.IntN(len(of))] }

// once in n times.
func (r source) once(n int) bool { return r.IntN(n) == 0 }

func (r source) dialect() contract.Dialect {
	var charset contract.Charset
	if r.once(4) {
		charset = contract.Charsets[1+r.IntN(len(contract.Charsets)-1)]
	}
	if r.once(2) {
		return contract.Dialect{Encoding: contract.NDJSON, Charset: charset}
	}
	for {
		d := contract.Dialect{Encoding: contract.CSV, Charset: charset, Delimiter: ",", Quote: `"`, Header: r.once(2)}
		if r.once(4) {
			d.Comment = r.pick("#", "#", "-", "1", "a", " ", "{")
			d.SkipLines, d.FooterLines = r.IntN(3), r.IntN(3)
		}
		if r.once(3) {
			d.Delimiter = r.pick(";", "\t", "|", " ", ".", "-", ":", "1", "e", "T", "\x01")
		}
		if r.once(4) {
			d.Quote = r.pick("'", " ", "\t", "-", "0", "\x02", "\\", "", "", "")
		}
		if d.Validate() == nil {
			return d
		}
	}
}

// types and how many texts of theirs are tried; see texts.
var types = []tableschema.Type{
	tableschema.String, tableschema.Integer, tableschema.Number, tableschema.Boolean, tableschema.Date,
	tableschema.Datetime,
	tableschema.Time, tableschema.Year, tableschema.Yearmonth, tableschema.Duration, tableschema.Geopoint,
	tableschema.Geojson,
	tableschema.List, tableschema.Array, tableschema.Object, tableschema.Any,
}

var texts = map[tableschema.Type][]string{
	tableschema.String: {"plain", "é", "日本語", "a@b.org", "http://x.org/a", "00000000-0000-0000-0000-00000000000a",
		"YWJj", "a", "bb", "a\u0000b", "\u2028", "😀"},
	tableschema.Integer: {"1", "-7", "007", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "1e2",
		"1.0", "1.5", "+3", " 4 ", "1,000", "1.000", "EUR 12", "12 %", "-0"},
	tableschema.Number: {"1.5", "-.5", "2.", "1e3", "1e999", "NaN", "-INF", "inf", "1,5", "1.234,5", "1,234.5",
		"123456789012345678", "0.1", "9007199254740993", "1.005", "$ 3.10", "-0", "1E-2", "+1.5"},
	tableschema.Boolean: {"true", "false", "1", "0", "True", "yes", "no", "FALSE", "t"},
	tableschema.Date: {"2024-02-29", "2023-02-29", "1969-12-31", "2024/01/31", "31.01.2024", "2024-1-2", "0000-01-01",
		"9999-12-31", " 2024-01-02", "Jan 2, 2006"},
	tableschema.Datetime: {"2024-01-02 03:04:05", "2024-01-02T03:04:05Z", "2024-01-02T03:04:05.123456789+02:00",
		"2024-01-02", "1969-12-31T23:59:59", "2024-01-02T24:00:00", "02.01.2024 03:04", "2024-01-02T03:04",
		"Mon, 02 Jan 2006 15:04:05 GMT"},
	tableschema.Time:      {"03:04:05", "23:59:59.9999999", "24:00:00", "03:04", "3:04:05 PM", "0304"},
	tableschema.Year:      {"2024", "-0044", "20245", "02024", "99", "2024.0"},
	tableschema.Yearmonth: {"2024-01", "2024-13", "2024-1", "-0044-03"},
	tableschema.Duration:  {"P1Y2M3DT4H5M6.7S", "PT1S", "P", "-P1D", "P1", "PT"},
	tableschema.Geopoint:  {"1.5,2.5", "181,0", "[1,2]", `{"lon":1,"lat":2}`, "1, -90", "1,2,3", "x,y"},
	tableschema.Geojson:   {`{"type":"Point","coordinates":[1,2]}`, "{}", "[]", "{"},
	tableschema.List:      {"a,b", "1,2,3", "1,x", "", ",", "2024-01-02,2024-01-03"},
	tableschema.Array:     {"[]", "[1, 2]", `["a",{"b":1}]`, "{}", "[1", " [ ] "},
	tableschema.Object:    {"{}", `{"a": 1}`, "[]", `{"a":1,"a":2}`, `{"a"`, "1"},
	tableschema.Any:       {"anything", "1", "true", `"q"`, "null", "[1]"},
}

// odd are texts for fields of every type.
var odd = []string{"", "", "", " ", "NA", "-", "null", "\xff", "\ufeff", "\u00a0", "a\rb", "\r", "\x00",
	strings.Repeat("long", 20)}

// text is one for a field, nil for none; most fit it.
func (r source) text(f *tableschema.Field) string {
	t := tableschema.Any
	if f != nil {
		t = f.Type
	}
	switch r.IntN(32) {
	case 0:
		return odd[r.IntN(len(odd))]
	case 1:
		t = types[r.IntN(len(types))]
	case 2:
	default:
		if f != nil {
			if fit := fitting(f); len(fit) > 0 {
				return fit[r.IntN(len(fit))]
			}
		}
	}
	return texts[t][r.IntN(len(texts[t]))]
}

// fitting are the texts that are values of a field.
func fitting(f *tableschema.Field) (fit []string) {
	for _, text := range texts[f.Type] {
		v, err := f.Cast([]byte(text))
		if err == nil && f.Check(v, []byte(text)) == nil {
			fit = append(fit, text)
		}
	}
	return fit
}

// schema gives a schema that tableschema accepts, and its text.
func (r source) schema(d contract.Dialect) (*tableschema.Schema, json.RawMessage) {
	for {
		s := map[string]any{}
		if r.once(4) {
			s["missingValues"] = [][]string{{""}, {"", "NA", "-"}, {"NA"}, {"-1", "0", "1.5", "null", "true"}, {}}[r.IntN(5)]
		}
		if r.once(3) {
			s["fieldsMatch"] = r.pick("exact", "equal", "subset", "superset", "partial")
		}
		var fields []map[string]any
		for i := range 1 + r.IntN(5) {
			fields = append(fields, r.field(i, d))
		}
		s["fields"] = fields
		raw, err := json.Marshal(s)
		if err != nil {
			panic(err)
		}
		if parsed, err := tableschema.Parse(raw); err == nil {
			return parsed, raw
		}
	}
}

func (r source) field(i int, d contract.Dialect) map[string]any {
	t := types[r.IntN(len(types))]
	f := map[string]any{"name": r.pick("a", "b", "c", "id", "org", "ü", `q"q`, "a\x00b", "x y") + r.pick("", "",
		strconv.Itoa(i)), "type": t}
	set := func(once int, key string, values ...any) {
		if r.once(once) {
			f[key] = values[r.IntN(len(values))]
		}
	}
	if d.Encoding == contract.NDJSON {
		set(2, "path", "a", "a.b", "a.c", "a.b.c", "b", "org.login", "org", "x.y.z", "a\x00b", "ü.é")
	}
	set(8, "missingValues", []string{""}, []string{"NA", "-"}, []string{"0"}, []string{})
	constraints := map[string]any{}
	if r.once(6) {
		constraints["required"] = true
	}
	switch t {
	case tableschema.String:
		set(4, "format", "email", "uri", "uuid", "binary")
		if r.once(5) {
			constraints["pattern"] = r.pick("[a-z]+", "[^/]*", "(a|b)+", ".{1,3}")
		}
		if r.once(5) {
			constraints["maxLength"] = 3
		}
		if r.once(6) {
			constraints["enum"] = []string{"a", "plain", "é"}
		}
	case tableschema.Integer, tableschema.Number:
		set(4, "bareNumber", false)
		set(4, "groupChar", ",", ".", " ")
		if t == tableschema.Number {
			set(4, "decimalChar", ",")
			set(3, "decimal", map[string]int{"precision": 10, "scale": 2}, map[string]int{"precision": 18, "scale": 0},
				map[string]int{"precision": 3, "scale": 3})
		}
		if r.once(4) {
			constraints[r.pick("minimum", "exclusiveMinimum")] = 1
		}
		if r.once(5) {
			constraints[r.pick("maximum", "exclusiveMaximum")] = 100
		}
	case tableschema.Boolean:
		set(4, "trueValues", []string{"yes", "1"})
		set(6, "falseValues", []string{"no", ""})
	case tableschema.Date:
		set(2, "format", "any", "%d.%m.%Y", "%Y/%m/%d", "%Y-%m-%d")
		if r.once(5) {
			constraints["minimum"] = "2000-01-01"
		}
	case tableschema.Datetime:
		set(2, "format", "any", "%d.%m.%Y %H:%M", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S")
		set(3, "timezone", "UTC")
		if r.once(5) {
			constraints["maximum"] = "2020-01-01T00:00:00"
		}
	case tableschema.Time:
		set(2, "format", "any", "%H%M")
	case tableschema.Geopoint:
		set(2, "format", "array", "object")
	case tableschema.List:
		set(2, "itemType", "integer", "date", "string")
		set(4, "delimiter", ";")
	case tableschema.Array, tableschema.Object:
		if r.once(5) {
			constraints["minLength"] = 1
		}
	}
	if len(constraints) > 0 {
		f["constraints"] = constraints
	}
	return f
}

// csv writes the records of an input without its header.
func (r source) csv(s *tableschema.Schema, d contract.Dialect, columns []int, width int) []byte {
	fields := make([]*tableschema.Field, width)
	for i := range s.Fields {
		switch {
		case columns == nil:
			fields[i] = &s.Fields[i]
		case columns[i] >= 0:
			fields[columns[i]] = &s.Fields[i]
		}
	}
	end := r.pick("\n", "\n", "\r\n", "\n", "\r\n", "\n", "\r\n", "\n", "\r\n", "\r", "\r\r\n")
	var b bytes.Buffer
	n := r.IntN(6)
	for i := range n {
		row := fields
		switch {
		case r.once(24):
			row = row[:len(row)-1]
		case r.once(24):
			row = append(row[:len(row):len(row)], nil)
		case r.once(16):
			b.WriteString(end)
		case d.Comment != "" && r.once(4):
			b.WriteString(r.line(d.Comment) + end)
		}
		for k, f := range row {
			if k > 0 {
				b.WriteString(d.Delimiter)
			}
			b.WriteString(r.quoted(d, r.text(f)))
		}
		if r.once(20) {
			end = r.pick("\n", "\r\n", "\r")
		}
		if i < n-1 || !r.once(3) {
			b.WriteString(end)
		}
	}
	return b.Bytes()
}

// line is a line that is no record.
func (r source) line(prefix string) string {
	return prefix + r.pick("", "comment", "it's", `a "quote`, "a,b,c", "é€", "\xff", "TOTAL;7", "a\rb", "日本")
}

// encode writes a text in a charset. What the charset lacks becomes bytes that are something else, or nothing.
func (r source) encode(text []byte, c contract.Charset) (raw []byte) {
	if c == "" {
		return text
	}
	order := map[contract.Charset]binary.AppendByteOrder{contract.UTF16LE: binary.LittleEndian,
		contract.UTF16BE: binary.BigEndian}[c]
	for len(text) > 0 {
		char, n := utf8.DecodeRune(text)
		switch {
		case order == nil && char == '€':
			raw = append(raw, 0x80)
		case order == nil:
			raw = append(raw, byte(char))
		case char == utf8.RuneError:
			raw = order.AppendUint16(raw, 0xd800+uint16(r.IntN(0x800)))
		default:
			for _, unit := range utf16codes.Encode([]rune{char}) {
				raw = order.AppendUint16(raw, unit)
			}
		}
		text = text[n:]
	}
	if len(raw) > 1 && r.once(8) { // any unit in any place
		i := r.IntN(len(raw)) &^ 1
		raw[i] = byte(r.Uint32())
		if r.once(2) {
			raw[min(i+1, len(raw)-1)] = byte(r.Uint32())
		}
	}
	return raw
}

func (r source) quoted(d contract.Dialect, text string) string {
	q := d.Quote
	if q == "" && r.once(16) {
		q = `"`
	}
	if q == "" {
		return text
	}
	double := strings.ReplaceAll(text, q, q+q)
	if strings.ContainsAny(text, d.Delimiter+q+"\r\n") && !r.once(12) {
		return q + double + q
	}
	switch r.IntN(48) {
	case 0, 1, 2, 3:
		return q + double + q
	case 4:
		return q + double + r.pick("\n", "\r\n", d.Delimiter, q+q) + double + q
	case 5:
		return r.pick(" ", "\t") + q + double + q
	case 6:
		return q + double + q + r.pick(" ", "x", "\r", q)
	case 7:
		return text + q
	case 8:
		if r.once(3) {
			return q + text // never closed, unless a later field closes it
		}
	}
	return text
}

// ndjson writes the lines of an input.
func (r source) ndjson(s *tableschema.Schema) []byte {
	var b bytes.Buffer
	n := r.IntN(5)
	for i := range n {
		var members []string
		for k := range s.Fields {
			if f := &s.Fields[k]; !r.once(8) {
				members = append(members, r.member(f.Path, f))
				if r.once(24) {
					members = append(members, r.member(f.Path, f))
				}
			}
		}
		if r.once(4) {
			members = append(members, r.member([]string{r.pick("a", "b", "other", "org", "ü")}, nil))
		}
		r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		line := "{" + strings.Join(members, r.pick(",", ", ", " ,\t")) + "}"
		if r.once(24) {
			line = r.pick("null", "[1]", "", " ", "\t\r", line+line, `"x"`, "7")
		}
		b.WriteString(line)
		if i < n-1 || !r.once(3) {
			b.WriteString(r.pick("\n", "\n", "\n", "\r\n"))
		}
	}
	return b.Bytes()
}

// member writes a key and its value; the keys of a path nest, now and then not as the schema has it.
func (r source) member(path []string, f *tableschema.Field) string {
	key := r.jsonString(path[0])
	if len(path) == 1 || r.once(32) {
		return key + r.pick(":", " : ") + r.jsonValue(f)
	}
	inner := r.member(path[1:], f)
	if r.once(8) {
		inner += "," + r.member([]string{r.pick("b", "c", "z")}, nil)
	}
	return key + ":{" + inner + "}"
}

// keepsJSON are the types whose values are JSON's own in NDJSON.
var keepsJSON = map[tableschema.Type]bool{tableschema.Object: true, tableschema.Array: true, tableschema.Geojson: true}

func (r source) jsonValue(f *tableschema.Field) string {
	text := r.text(f)
	raw := f != nil && json.Valid([]byte(text)) && (f.Type != tableschema.String && r.once(2) || keepsJSON[f.Type])
	switch r.IntN(24) {
	case 0:
		return r.pick("null", "true", "false", "{}", "[]", `""`, "0", "-1", "1.50", "1e2", "01", "nul", "-", `{"b":1}`,
			`{"b":{"c":"x"}}`, `[{"a":[1,2]}]`)
	case 1:
		raw = !raw
	}
	if raw {
		return text
	}
	return r.jsonString(text)
}

// jsonString writes a text as JSON, one in some with escapes that need not be.
func (r source) jsonString(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(text) {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c < 0x80 && r.once(24):
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteByte(c)
		}
	}
	if r.once(32) {
		b.WriteString(r.pick(`\ud83d\ude00`, `\ud83d`, `\u00e9`, `\n`, `\x`, `\/`))
	}
	b.WriteByte('"')
	return b.String()
}

// mutate changes single bytes of one input in four.
func (r source) mutate(data []byte, d contract.Dialect) []byte {
	if !r.once(4) {
		return data
	}
	tokens := []string{"\n", "\r", "\r\n", `"`, `\`, " ", "\t", ",", "{", "}", "[", "]", ":", "0", "e", "\xff", "\x00",
		"\ufeff", d.Delimiter, d.Quote, d.Quote + d.Quote, strings.Repeat("[", 520)}
	for range 1 + r.IntN(4) {
		i := r.IntN(len(data) + 1)
		j := min(len(data), i+r.IntN(3))
		data = append(data[:i:i], append([]byte(tokens[r.IntN(len(tokens))]), data[j:]...)...)
	}
	return data
}
