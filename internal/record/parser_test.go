package record

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"dip/contract"
)

// rows prints a batch: one string a row, fields joined by |, NULL for null.
func rows(b *Batch) []string {
	at := make([]int, len(b.Columns))
	out := make([]string, 0, b.Rows)
	for r := range b.Rows {
		var fields []string
		for i := range b.Columns {
			c := &b.Columns[i]
			if c.Present[r] == 0 {
				fields = append(fields, "NULL")
				continue
			}
			switch c.Kind {
			case String, JSON:
				fields = append(fields, string(c.Value(at[i])))
			case Float64:
				fields = append(fields, fmt.Sprint(c.Floats[at[i]]))
			case Bool:
				fields = append(fields, fmt.Sprint(c.Bools[at[i]]))
			default:
				fields = append(fields, fmt.Sprint(c.Ints[at[i]]))
			}
			at[i]++
		}
		out = append(out, strings.Join(fields, "|"))
	}
	return out
}

// outcomes parses data in one go: accepted rows as rows prints them, rejected ones as "! field: reason".
func outcomes(t *testing.T, p *Parser, data string) (accepted, rejected []string) {
	t.Helper()
	b := NewBatch(p.Types())
	r := p.Parse(b, []byte(data), true)
	if r.Stop != NeedData || r.Consumed != len(data) || r.Accepted != b.Rows || r.Rejected != len(r.Rejects) {
		t.Fatalf("%q: %+v with %d rows", data, r, b.Rows)
	}
	for _, x := range r.Rejects {
		rejected = append(rejected, "! "+x.Field+": "+x.Reason)
	}
	return rows(b), rejected
}

// text is a schema of n string fields a, b, c, ...
func text(n int) string {
	fields := make([]string, n)
	for i := range fields {
		fields[i] = fmt.Sprintf(`{"name":"%c","type":"string"}`, 'a'+i)
	}
	return `{"fields":[` + strings.Join(fields, ",") + `]}`
}

func TestTypes(t *testing.T) {
	s := mustParse(t, `{"fields":[{"name":"a","type":"integer"},{"name":"b","type":"year"},{"name":"c","type":"number"},
		{"name":"d","type":"number","decimal":{"precision":9,"scale":2}},{"name":"e","type":"boolean"},
		{"name":"f","type":"date"},
		{"name":"g","type":"time"},{"name":"h","type":"datetime"},{"name":"i","type":"datetime","timezone":"UTC"},
		{"name":"j","type":"object"},
		{"name":"k","type":"array"},{"name":"l","type":"geojson"},{"name":"m"},{"name":"n","type":"string"},
		{"name":"o","type":"yearmonth"},
		{"name":"p","type":"duration"},{"name":"q","type":"geopoint"},{"name":"r","type":"list"}]}`)
	want := []Type{{Name: "a", Kind: Int64}, {Name: "b", Kind: Int64}, {Name: "c", Kind: Float64},
		{Name: "d", Kind: Decimal, Precision: 9, Scale: 2},
		{Name: "e", Kind: Bool}, {Name: "f", Kind: Date}, {Name: "g", Kind: Time}, {Name: "h", Kind: Timestamp},
		{Name: "i", Kind: Timestamp, UTC: true},
		{Name: "j", Kind: JSON}, {Name: "k", Kind: JSON}, {Name: "l", Kind: JSON}, {Name: "m", Kind: JSON},
		{Name: "n", Kind: String},
		{Name: "o", Kind: String}, {Name: "p", Kind: String}, {Name: "q", Kind: String}, {Name: "r", Kind: String}}
	if got := Types(s, contract.NDJSON); !slices.Equal(got, want) {
		t.Errorf("NDJSON types = %v, want %v", got, want)
	}
	want[12].Kind = String
	if got := Types(s, contract.CSV); !slices.Equal(got, want) {
		t.Errorf("CSV types = %v, want %v", got, want)
	}
}

func TestNewParserErrors(t *testing.T) {
	s := mustParse(t, text(2))
	for _, c := range []struct {
		d       contract.Dialect
		columns []int
		o       Options
		want    string
	}{
		{contract.Dialect{Encoding: "xml"}, nil, Options{}, "unknown encoding"},
		{contract.Dialect{Encoding: contract.CSV, Delimiter: ",", Quote: ","}, nil, Options{}, "delimiter too"},
		{csvDialect, []int{0}, Options{}, "1 columns for 2 fields"},
		{csvDialect, []int{0, 0}, Options{}, `fields "a" and "b" are both column 1`},
		{csvDialect, []int{0, 5}, Options{Width: 3}, `field "b" is column 6 of 3`},
		{csvDialect, []int{-2, 0}, Options{}, `field "a" is column -1`},
		{csvDialect, []int{-1, -1}, Options{}, "no field has a column"},
		{jsonDialect, []int{0, 1}, Options{}, "NDJSON has no columns"},
		{csvDialect, nil, Options{MaxRows: -1}, "want no negative ones"},
		{csvDialect, nil, Options{MaxBytes: 2 << 30}, "want no negative ones"},
	} {
		if _, err := NewParser(s, c.d, c.columns, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v %v %+v: error %v, want %q", c.d, c.columns, c.o, err, c.want)
		}
	}
}

func TestParseStopsAtLimits(t *testing.T) {
	data := []byte("1,a\n2,b\nx\n3,c\n4,d\ny\nz\n5,e")
	for _, c := range []struct {
		o    Options
		want string // of each call: consumed/rows in the batch/rejects/stop; the first call is not final
	}{
		{Options{}, "22/4/3/0 3/5/0/0"},
		{Options{MaxRows: 2}, "8/2/0/1 10/2/1/1 7/1/2/0"},
		{Options{MaxRejects: 1}, "10/2/1/2 10/4/1/2 2/4/1/2 3/5/0/0"},
		{Options{MaxBytes: 12}, "4/1/0/1 4/1/0/1 6/1/1/1 4/1/0/1 7/1/2/0"},
		{Options{MaxBytes: 13}, "8/2/0/1 10/2/1/1 7/1/2/0"},               // a row takes 12
		{Options{MaxBytes: 1}, "4/1/0/1 4/1/0/1 6/1/1/1 4/1/0/1 7/1/2/0"}, // a record larger than the limit is a batch
	} {
		p := mustParser(t, text(2), csvDialect, c.o)
		b := NewBatch(p.Types())
		var got []string
		for consumed := 0; consumed < len(data) && len(got) < 20; {
			r := p.Parse(b, data[consumed:], consumed > 0)
			consumed += r.Consumed
			got = append(got, fmt.Sprintf("%d/%d/%d/%d", r.Consumed, b.Rows, len(r.Rejects), r.Stop))
			if r.Stop == BatchFull {
				b.Reset()
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v: %v, want %s", c.o, got, c.want)
		}
	}
}

func TestSum(t *testing.T) {
	var a, b, all Sum
	a.Add([]byte("x"))
	b.Add([]byte("y"))
	b.Add([]byte(""))
	for _, r := range []string{"", "y", "x"} {
		all.Add([]byte(r))
	}
	if a.Plus(b) != all || b.Plus(a) != all || a == b {
		t.Errorf("%v + %v = %v, want %v", a, b, a.Plus(b), all)
	}
	var back Sum
	if err := back.UnmarshalText([]byte(all.String())); err != nil || back != all || len(all.String()) != 32 {
		t.Errorf("%v reads back as %v, %v", all, back, err)
	}
	if got := (Sum{Hi: 1, Lo: 0xabc}).String(); got != "00000000000000010000000000000abc" {
		t.Errorf("text = %s", got)
	}
	for _, bad := range []string{"", "00", strings.Repeat("g", 32)} {
		if back.UnmarshalText([]byte(bad)) == nil {
			t.Errorf("%q accepted", bad)
		}
	}
}

func TestSumsOfRecords(t *testing.T) {
	p := mustParser(t, text(2), csvDialect, Options{})
	r := p.Parse(NewBatch(p.Types()), []byte("a,b\r\n\n\"x\n\",y\nshort\r\na,b\n\r\nlast,\"one\"\r"), true)
	var accepted, rejected Sum
	for _, rec := range []string{"a,b", "a,b", "\"x\n\",y", `last,"one"`} {
		accepted.Add([]byte(rec))
	}
	rejected.Add([]byte("short"))
	if r.AcceptedSum != accepted || r.RejectedSum != rejected || r.Accepted != 4 || r.Rejected != 1 {
		t.Errorf("%+v, want sums %v and %v", r, accepted, rejected)
	}
	if x := r.Rejects[0]; x.Start != 13 || x.End != 20 {
		t.Errorf("reject = %+v", x)
	}
}

func TestReasonsAreBounded(t *testing.T) {
	p := mustParser(t, `{"fields":[{"name":"a","type":"integer"},`+
		`{"name":"b","type":"string","constraints":{"enum":["x"]}}]}`, csvDialect, Options{})
	long := strings.Repeat("1x", 5000)
	_, rejected := outcomes(t, p, long+",x\n1,"+long+"\n\""+long+"\n")
	for _, r := range rejected {
		if len(r) > 300 || !strings.Contains(r, "bytes)") {
			t.Errorf("reason of %d bytes: %.400s", len(r), r)
		}
	}
	if len(rejected) != 3 {
		t.Errorf("%d rejects", len(rejected))
	}
}

func TestSkipBOM(t *testing.T) {
	for in, want := range map[string]int{"\ufeffa": 3, "a": 0, "": 0, "\xef\xbb": 0} {
		if got := SkipBOM([]byte(in)); got != want {
			t.Errorf("SkipBOM(%q) = %d", in, got)
		}
	}
}

func TestHeader(t *testing.T) {
	for in, want := range map[string]string{
		"a,b\n": "a|b", "a": "a", "\"a,\"\"1\n\",b\r\n": "a,\"1\n|b", "a,,\n": "a||", "": "",
		"\"a\"x,b\n": "! column 1 has text after", "a,\"b": "! column 2 has a quote that is never closed",
		"a,\xff\n": "! invalid UTF-8 at byte 2",
	} {
		names, err := Header([]byte(in), csvDialect)
		got := strings.Join(names, "|")
		if err != nil {
			got = "! " + strings.TrimPrefix(err.Error(), "read the header: ")
		}
		if !strings.HasPrefix(got, want) || err == nil && got != want {
			t.Errorf("Header(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestBatchOfManyCallsReusesMemory(t *testing.T) {
	for name, run := range map[string]struct {
		schema string
		d      contract.Dialect
		data   []byte
	}{
		"trips": {tripSchema, csvDialect, trips(1 << 16)}, "orders": {orderSchema, csvDialect, orders(1 << 16)},
		"events": {eventSchema, jsonDialect, events(1 << 16)},
	} {
		p := mustParser(t, run.schema, run.d, Options{})
		b := NewBatch(p.Types())
		parse := func() {
			b.Reset()
			if r := p.Parse(b, run.data, true); r.Rejected > 0 || r.Accepted == 0 {
				t.Fatalf("%s: %+v", name, r)
			}
		}
		parse()
		if n := testing.AllocsPerRun(3, parse); n > 0 {
			t.Errorf("%s: %v allocations to parse again", name, n)
		}
	}
}
