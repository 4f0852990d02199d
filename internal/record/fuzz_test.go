package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"unicode/utf8"

	"dip/contract"
	"dip/tableschema"
)

// whole is the outcome of an input, however it is cut into calls of Parse.
type whole struct {
	rows                     []string
	rejects                  []string // start-end field reason
	accepted, rejected       Sum
	acceptedRows, rejectRows int
	skipped                  contract.Skipped
}

func (w *whole) equal(o *whole) bool {
	return slices.Equal(w.rows, o.rows) && slices.Equal(w.rejects, o.rejects) && w.accepted == o.accepted &&
		w.rejected == o.rejected && w.acceptedRows == o.acceptedRows && w.rejectRows == o.rejectRows &&
		w.skipped == o.skipped
}

func (w *whole) reject(start, end int, f fault) {
	w.rejects = append(w.rejects, fmt.Sprintf("%d-%d %s: %s", start, end, f.field, f.reason))
	w.rejectRows++
}

// inPieces parses data with calls that see growing windows whose ends the cuts choose.
func inPieces(t *testing.T, s *tableschema.Schema, d contract.Dialect, data []byte, cuts []byte, o Options) *whole {
	p, err := NewParser(s, d, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	w := &whole{}
	b := NewBatch(p.Types())
	from, to, limit := 0, 0, 4*len(data)+len(cuts)+16
	for calls := 0; ; calls++ {
		if calls > limit {
			t.Fatalf("no progress at %d of %d", from, len(data))
		}
		if len(cuts) > 0 {
			to = min(to+int(cuts[0])%16, len(data))
			cuts = cuts[1:]
		} else {
			to = len(data)
		}
		r := p.Parse(b, data[from:to:to], to == len(data))
		for _, x := range r.Rejects {
			w.reject(from+x.Start, from+x.End, fault{x.Field, x.Reason})
		}
		if r.Rejected != len(r.Rejects) {
			t.Fatalf("%d rejected, %d rejects", r.Rejected, len(r.Rejects))
		}
		w.acceptedRows += r.Accepted
		w.skipped = w.skipped.Plus(r.Skipped)
		w.accepted, w.rejected = w.accepted.Plus(r.AcceptedSum), w.rejected.Plus(r.RejectedSum)
		from += r.Consumed
		if r.Stop == BatchFull {
			w.rows = append(w.rows, rows(b)...)
			b.Reset()
		} else if r.Stop == NeedData && to == len(data) {
			if from != len(data) {
				t.Fatalf("final, and %d of %d bytes consumed", from, len(data))
			}
			w.rows = append(w.rows, rows(b)...)
			return w
		}
	}
}

// byBook reads CSV record by record at the boundaries that End finds, without the fast path.
func byBook(t *testing.T, s *tableschema.Schema, d contract.Dialect, data []byte) *whole {
	p, err := NewParser(s, d, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &whole{}
	b := NewBatch(p.Types())
	for i := 0; i < len(data); {
		n, complete := End(data[i:], d)
		if !complete && i+n != len(data) || n == 0 {
			t.Fatalf("End at %d: %d, %v", i, n, complete)
		}
		rec := Trim(data[i : i+n])
		switch {
		case d.Comments(rec):
			w.skipped = w.skipped.Plus(contract.Skipped{Lines: 1, Bytes: int64(n)})
		case len(rec) == 0 && len(s.Fields) > 1:
		case p.wholeRecord(b, rec) == accepted:
			b.Rows++
			w.acceptedRows++
			w.accepted.Add(rec)
		default:
			b.Truncate()
			w.reject(i, i+n, p.fault)
			w.rejected.Add(rec)
		}
		i += n
	}
	w.rows = rows(b)
	return w
}

const fuzzSchema = `{"missingValues":["","-1","NA"],"fields":[
	{"name":"i","type":"integer"},{"name":"f","type":"number"},{"name":"s","type":"string"},
	{"name":"d","type":"date","missingValues":[]},
	{"name":"t","type":"datetime","constraints":{"minimum":"1980-01-01T00:00:00"}},
	{"name":"m","type":"number","decimal":{"precision":6,"scale":2}},{"name":"b","type":"boolean"},
	{"name":"r","type":"string","constraints":{"required":true,"maxLength":5}}]}`

func FuzzCSV(f *testing.F) {
	f.Add([]byte("1,2.5,a,2024-01-02,2024-01-02T03:04:05,1.25,true,x\r\n-1,NA,\"q\"\"\n,\",,,\"1\",0,y\n"),
		[]byte{3, 5, 0, 9}, uint8(7))
	f.Add([]byte("+1, 2,\xff,2024-1-1,1970-01-01 00:00:00,1e2,TRUE,toolong\n12345678901234567890,1e999,,,,,,\n"),
		[]byte{1, 1, 1, 1}, uint8(7))
	f.Add([]byte("a\n\n\r\nb\r\n\"x\"y\n\"\n\r"), []byte{1}, uint8(0))
	f.Add([]byte("\"a\"b\"c,\nd\",\"\r\n,\"\"\r,\"\"\r\n"), []byte{2, 2}, uint8(1))
	f.Add([]byte("-,.,\n"), []byte{}, uint8(18))
	f.Add([]byte("\"a,\"\n\"\"\n\"b\"\"\r\n"), []byte{2, 3}, uint8(33))
	f.Add([]byte("a\"b\n\"a\nb\"\n\xffa\r\na"), []byte{2, 3}, uint8(64))
	full := mustParse(f, fuzzSchema)
	f.Fuzz(func(t *testing.T, data, cuts []byte, width uint8) {
		s := full
		if columns := int(width%8 + 1); columns < 8 {
			s = mustParse(t, text(columns))
		}
		d := csvDialect
		if width&16 != 0 {
			d.Delimiter, d.Quote = ";", "'"
		}
		if width&32 != 0 {
			d.Quote = ""
		}
		if width&64 != 0 {
			d.Comment = "a"
		}
		checkCSV(t, s, d, data, cuts)
	})
}

// checkCSV parses data whole, in pieces, with small limits, and without the fast path: all must agree.
func checkCSV(t *testing.T, s *tableschema.Schema, d contract.Dialect, data, cuts []byte) {
	t.Helper()
	want := byBook(t, s, d, data)
	for _, o := range []Options{{}, {MaxRows: 2, MaxRejects: 1}, {MaxBytes: 40}} {
		for _, c := range [][]byte{nil, cuts} {
			if got := inPieces(t, s, d, data, c, o); !got.equal(want) {
				t.Fatalf("%q cut by %v, %+v:\n got %+v\nwant %+v", data, c, o, got, want)
			}
		}
	}
}

// assemble makes an input of tokens, more likely ones first, and cuts for it.
func assemble(r *rand.Rand, tokens []string, n int) (data, cuts []byte) {
	for range 1 + r.IntN(n) {
		data = append(data, tokens[min(r.IntN(len(tokens)), r.IntN(len(tokens)))]...)
		cuts = append(cuts, byte(r.IntN(16)))
	}
	return data, cuts
}

func TestCSVOfTokens(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	tokens := []string{",", ",", "\n", "1", "\"", "\"\"", "-1", "2024-01-02", "2024-01-02T03:04:05", "1.25", "\r\n",
		"true", "x", "NA", "\r", " ", ".5",
		"2024-01-02 03:04:05.5Z", "1970-01-01T00:00:00Z", "é", "12345678901234567890", "\xff", "\x00", "e3", "-",
		"somewhat longer text", "2024-02-30", " \"", "\t"}
	full := mustParse(t, fuzzSchema)
	for range 5000 {
		data, cuts := assemble(r, tokens, 30)
		checkCSV(t, mustParse(t, text(1+r.IntN(3))), csvDialect, data, cuts)
		checkCSV(t, mustParse(t, text(1+r.IntN(3))), contract.Dialect{Encoding: contract.CSV, Delimiter: ","}, data, cuts)
		commented := csvDialect
		commented.Comment = "1"
		checkCSV(t, mustParse(t, text(1+r.IntN(3))), commented, data, cuts)
		// rows of the full schema, mostly right
		data = data[:0]
		for range 1 + r.IntN(4) {
			for i, v := range []string{"12", "-1.5", "a b", "2024-01-02", "2024-01-02T03:04:05", "7.25", "true", "y"} {
				if r.IntN(12) == 0 {
					v = tokens[r.IntN(len(tokens))]
				}
				if r.IntN(8) == 0 {
					v = `"` + v + `"`
				}
				if i > 0 {
					data = append(data, ',')
				}
				data = append(data, v...)
			}
			data = append(data, []string{"\n", "\r\n"}[r.IntN(2)]...)
		}
		checkCSV(t, full, csvDialect, data, cuts)
	}
}

func FuzzNDJSON(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":{"c":"x\u00e9","c2":[1,{"d":null}]},"j":{"k": 1.50}}`+"\n\n{}\r\n"+`{"a":"5","b":null}`),
		[]byte{7, 9})
	f.Add([]byte("{\"a\":1.0,\"a\":2}\n{\"\\u0061\":3}\n{\"b\":{\"c\":\"\\ud83d\\ude00\"}}\n"+
		"[1]\nnull\n{\"j\":\"\\ud800\"}"), []byte{1})
	f.Add([]byte("{\"j\":[[[[\"\\\\\",true,false,-0.5e-7]]]],\"b\":5}\n{\"j\":1}x\n"), []byte{})
	f.Fuzz(func(t *testing.T, data, cuts []byte) { checkNDJSON(t, data, cuts) })
}

// checkNDJSON parses data whole and in pieces, and compares the rows with what encoding/json reads.
func checkNDJSON(t *testing.T, data, cuts []byte) {
	t.Helper()
	s := mustParse(t, `{"fields":[{"name":"a","type":"integer"},{"name":"c","type":"string","path":"b.c"},{"name":"j"}]}`)
	want := inPieces(t, s, jsonDialect, data, nil, Options{})
	if got := inPieces(t, s, jsonDialect, data, cuts, Options{MaxRows: 2, MaxRejects: 1}); !got.equal(want) {
		t.Fatalf("%q cut by %v:\n got %+v\nwant %+v", data, cuts, got, want)
	}
	row := 0
	for i := 0; i < len(data); {
		n, _ := End(data[i:], jsonDialect)
		line := data[i : i+n]
		i += n
		expect, ok, known := oracle(line)
		if !known {
			return
		}
		if ok {
			if row >= len(want.rows) || want.rows[row] != expect {
				t.Fatalf("%q: row %d of %q, want %q", line, row, want.rows, expect)
			}
			row++
		}
	}
	if row != len(want.rows) {
		t.Fatalf("%q: %d rows, the oracle has %d", data, len(want.rows), row)
	}
}

func TestNDJSONOfTokens(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	tokens := []string{`,`, `{`, `}`, `"a":`, "\n", `"j":`, `"b":{"c":`, `1`, `"x"`, `null`, `"z":`, `[`, `]`, `true`, ` `,
		`-0.5e1`, `"5"`, `""`, `{}`, `"\n"`, `"é"`, "\r", `"`, `1.5`, `tru`, "\xff", `\`, `0`, `:`}
	for range 8000 {
		data, cuts := assemble(r, tokens, 20)
		checkNDJSON(t, data, cuts)
		pick := func() string { return tokens[7+r.IntN(len(tokens)-7)] }
		line := fmt.Sprintf("{\"a\":%s,\"b\":{\"c\":%s},\"j\":%s}\n", pick(), pick(), pick())
		checkNDJSON(t, []byte(line+line+"{}"), cuts)
	}
}

// oracle reads a line with encoding/json. known is false for what that package does not detect: repeated keys, halves
// of surrogate pairs and very deep nesting.
func oracle(line []byte) (row string, ok, known bool) {
	if bytes.Contains(line, []byte(`\u`)) || bytes.Count(line, []byte("["))+bytes.Count(line, []byte("{")) > maxDepth {
		return "", false, false
	}
	var top map[string]json.RawMessage
	if !utf8.Valid(line) || json.Unmarshal(line, &top) != nil || top == nil {
		return "", false, true
	}
	for _, name := range []string{`"a"`, `"b"`, `"c"`, `"j"`} {
		if bytes.Count(line, []byte(name)) > 1 {
			return "", false, false
		}
	}
	if !ofThisKind(top) {
		return "", false, true
	}
	cells := [3]string{"NULL", "NULL", "NULL"}
	if raw, has := top["a"]; has && string(raw) != "null" {
		text := []byte(raw)
		if raw[0] == '"' {
			var s string
			if json.Unmarshal(raw, &s) != nil {
				return "", false, false
			}
			if text = []byte(s); s == "" {
				text = nil
			}
		} else if raw[0] != '-' && raw[0]-'0' > 9 {
			return "", false, true
		}
		if text != nil {
			integer := tableschema.Field{Type: tableschema.Integer, DecimalChar: ".", BareNumber: true}
			v, err := integer.Cast(text)
			if err != nil {
				return "", false, true
			}
			cells[0] = fmt.Sprint(v.Int)
		}
	}
	if raw, has := top["b"]; has && string(raw) != "null" {
		var inner map[string]json.RawMessage
		if json.Unmarshal(raw, &inner) != nil {
			return "", false, true
		}
		if raw, has := inner["c"]; has && string(raw) != "null" {
			var s string
			if json.Unmarshal(raw, &s) != nil {
				return "", false, true
			}
			cells[1] = s
		}
	}
	if raw, has := top["j"]; has && string(raw) != "null" {
		cells[2] = string(raw)
	}
	return cells[0] + "|" + cells[1] + "|" + cells[2], true, true
}

// ofThisKind says whether a record has one of the fields a, b.c and j, or null for b.
func ofThisKind(top map[string]json.RawMessage) bool {
	var inner map[string]json.RawMessage
	b, inside := top["b"]
	if inside && (string(b) == "null" || json.Unmarshal(b, &inner) != nil) { // anything but an object is at fault as such
		return true
	}
	_, a := top["a"]
	_, j := top["j"]
	_, c := inner["c"]
	return a || j || c
}

// FuzzEnd compares End with the automaton written state by state.
func FuzzEnd(f *testing.F) {
	f.Add([]byte("a,\"b\n\"\"\",c\r\nd"))
	f.Add([]byte("\"a\"b\"\n"))
	f.Add([]byte("\"\"\"\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		const (
			fieldStart = iota
			unquoted
			quoted
			quoteInQuoted
		)
		state, want, complete := fieldStart, len(data), false
	scan:
		for i, c := range data {
			switch {
			case state == quoted && c == '"':
				state = quoteInQuoted
			case state == quoted:
			case state == quoteInQuoted && c == '"':
				state = quoted
			case c == '\n':
				want, complete = i+1, true
				break scan
			case c == ',':
				state = fieldStart
			case state == fieldStart && c == '"':
				state = quoted
			default:
				state = unquoted
			}
		}
		if end, ok := End(data, csvDialect); end != want || ok != complete {
			t.Fatalf("End(%q) = %d, %v; want %d, %v", data, end, ok, want, complete)
		}
		line := bytes.IndexByte(data, '\n')
		if end, ok := End(data, jsonDialect); ok != (line >= 0) || ok && end != line+1 || !ok && end != len(data) {
			t.Fatalf("End of the line %q = %d, %v", data, end, ok)
		}
	})
}
