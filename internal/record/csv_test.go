package record

import (
	"bytes"
	"encoding/csv"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dip/contract"
)

func TestCSVRecords(t *testing.T) {
	for _, c := range []struct {
		name, data string
		width      int
		want, bad  []string
	}{
		{"simple", "a,b\n1,2\n", 2, []string{"a|b", "1|2"}, nil},
		{"no final line feed", "a,b\n1,2", 2, []string{"a|b", "1|2"}, nil},
		{"CRLF", "a,b\r\n1,2\r\n", 2, []string{"a|b", "1|2"}, nil},
		{"mixed line ends", "a,b\r\n1,2\n3,4\r\n", 2, []string{"a|b", "1|2", "3|4"}, nil},
		{"final CR", "a,b\r\n1,2\r", 2, []string{"a|b", "1|2"}, nil},
		{"empty input", "", 2, nil, nil},
		{"quoted line feeds", "\"a\nb\",\"c\r\nd\"\r\n", 2, []string{"a\nb|c\r\nd"}, nil},
		{"quoted delimiter", "\"a,b\",c\n", 2, []string{"a,b|c"}, nil},
		{"doubled quotes", "\"a\"\"b\",\"\"\"\"\n", 2, []string{`a"b|"`}, nil},
		{"quote inside an unquoted field", "a\"b\"c,d\"\n", 2, []string{`a"b"c|d"`}, nil},
		{"blanks before a quote", " \"a\",b\nc,\t \"d\"\r\n", 2, nil,
			[]string{`! a: field 1, " \"a\"", has blanks before its quote: quotes must begin the field`,
				`! b: field 2, "\t \"d\"", has blanks before its quote: quotes must begin the field`}},
		{"blanks before a lone quote", "1, \"\n", 2, nil,
			[]string{`! b: field 2, " \"", has blanks before its quote: quotes must begin the field`}},
		{"the quotes after blanks enclose nothing", "1, \"x, y\"\n2, \"u\nv\"\n", 2, nil,
			[]string{`! b: field 2, " \"x", has blanks before its quote: quotes must begin the field`,
				`! b: field 2, " \"u", has blanks before its quote: quotes must begin the field`, "! : has 1 fields, want 2"}},
		{"blanks, text and a quote are data", " a\"b\", \u00a0\"x\"\n", 2, []string{" a\"b\"| \u00a0\"x\""}, nil},
		{"blanks within quotes are data", "\" \"\"a\"\"\",b\n", 2, []string{` "a"|b`}, nil},
		{"spaces are data", " a , b \n", 2, []string{" a | b "}, nil},
		{"empty and quoted empty are null", ",\n\"\",\"\"\n\"\",x\r\n", 2, []string{"NULL|NULL", "NULL|NULL", "NULL|x"}, nil},
		{"CR in a field", "a\rb,\rc\r\n", 2, []string{"a\rb|\rc"}, nil},
		{"CR CR LF", "a,b\r\r\na,\"b\"\r\r\n,\r\r\n1,2\n", 2, []string{"1|2"},
			slices.Repeat([]string{"! : ends in CR CR LF: write LF or CRLF"}, 3)},
		{"CR CR LF of one column", "\r\r\na\r\r", 1, nil,
			slices.Repeat([]string{"! : ends in CR CR LF: write LF or CRLF"}, 2)},
		{"CR CR LF in quotes", "a,\"b\r\r\n\"\r\n", 2, []string{"a|b\r\r\n"}, nil},
		{"CR within the last field", "a,\"b\"\rc\n", 2, nil, []string{`! b: field 2, "b", has text after its closing quote`}},
		{"CR alone does not end a line", "a,b\r1,2\r", 2, nil,
			[]string{"! : has 3 fields, want 2, and a CR without LF: a CR alone does not end a line"}},
		{"nor does a CR in quotes", "\"a\rb\"\n", 2, nil, []string{"! : has 1 fields, want 2"}},
		{"NUL is data", "a\x00b,c\n", 2, []string{"a\x00b|c"}, nil},
		{"unicode", "Grüße,日本語\n", 2, []string{"Grüße|日本語"}, nil},
		{"JSON in quotes", `1,"{""type"": ""Point"", ""coordinates"": [1,2]}"` + "\n", 2,
			[]string{`1|{"type": "Point", "coordinates": [1,2]}`}, nil},
		{"blank lines", "\na,b\n\r\n\n1,2\n\n", 2, []string{"a|b", "1|2"}, nil},
		{"blank lines of one column", "\na\r\n\r\nb\n\n", 1, []string{"NULL", "a", "NULL", "b", "NULL"}, nil},
		{"last blank CR of one column", "a\n\r", 1, []string{"a", "NULL"}, nil},
		{"one quoted empty column", "\"\"\n", 1, []string{"NULL"}, nil},
		{"short, long and trailing delimiter", "a\n1,2\n3,4,5\n6,7,\n", 2, []string{"1|2"},
			[]string{"! : has 1 fields, want 2", "! : has 3 fields, want 2", "! : has 3 fields, want 2"}},
		{"spaces only", "  \n", 2, nil, []string{"! : has 1 fields, want 2"}},
		{"text after the closing quote", "\"a\"b,c\n1,2\n", 2, []string{"1|2"},
			[]string{`! a: field 1, "a", has text after its closing quote`}},
		{"a quoted rest is unquoted", "\"a\"b\"x,c\ny\"\n", 2, nil,
			[]string{`! a: field 1, "a", has text after its closing quote`, "! : has 1 fields, want 2"}},
		{"space after the closing quote", "1,\"a\" \n", 2, nil,
			[]string{`! b: field 2, "a", has text after its closing quote`}},
		{"CR after the closing quote", "\"a\"\r,c\n", 2, nil,
			[]string{`! a: field 1, "a", has text after its closing quote`}},
		{"fault in a surplus field", "1,2,\"a\"x\n", 2, nil, []string{`! : field 3, "a", has text after its closing quote`}},
		{"never closed", "1,2\n\"a,b\n1,2\n", 2, []string{"1|2"},
			[]string{`! a: field 1, "a,b\n1,2", has a quote that is never closed: it takes in 2 lines, ` +
				`from byte 0 of the record`}},
		{"never closed, in the last line", "1,\"a\n", 2, nil,
			[]string{`! b: field 2, "a", has a quote that is never closed`}},
		{"invalid UTF-8", "a,b\xff\n1,2\n", 2, []string{"1|2"}, []string{"! : invalid UTF-8 at byte 3 of the record"}},
		{"invalid UTF-8 in quotes", "\"ü\xc3\",b\n", 2, nil, []string{"! : invalid UTF-8 at byte 3 of the record"}},
	} {
		p := mustParser(t, text(c.width), csvDialect, Options{})
		got, bad := outcomes(t, p, c.data)
		if !slices.Equal(got, c.want) || !slices.Equal(bad, c.bad) {
			t.Errorf("%s: %q\n got %q %q\nwant %q %q", c.name, c.data, got, bad, c.want, c.bad)
		}
	}
}

func TestCSVDialect(t *testing.T) {
	p := mustParser(t, text(2), contract.Dialect{Encoding: contract.CSV, Delimiter: "\t", Quote: "'"}, Options{})
	got, bad := outcomes(t, p, "a,\"\t'x\t''y'\n")
	if !slices.Equal(got, []string{"a,\"|x\t'y"}) || bad != nil {
		t.Errorf("got %q %q", got, bad)
	}
}

func TestCRCRLFInAColumnThatIsNoField(t *testing.T) {
	p, err := NewParser(mustParse(t, text(1)), csvDialect, []int{0}, Options{Width: 2})
	if err != nil {
		t.Fatal(err)
	}
	if got, bad := outcomes(t, p, "a,b\r\r\n"); len(got) > 0 || len(bad) != 1 {
		t.Errorf("got %q %q", got, bad)
	}
}

func TestLinesOfRecords(t *testing.T) {
	for data, want := range map[string][2]int{
		"": {}, "\n\r\n\n": {}, "a,b": {1, 0}, "a,b\n": {1, 0}, "a,b\n\nc,d": {2, 0}, "a,\"b\n\r\n\"\n\nc,d\r\n": {4, 0},
		"x\n": {0, 1}, "a,b\nx": {1, 1}, "a\rb\rc\n": {0, 3}, "\"a\nb\r\nc\rd\n": {0, 4}, "a,\"b\n1,2\n": {0, 2},
		"a,\"b\n\"c\n1,2\n": {1, 2}, "a,\"1\n2\"": {2, 0}, "a,b\r": {1, 0},
	} {
		p := mustParser(t, text(2), csvDialect, Options{})
		r := p.Parse(NewBatch(p.Types()), []byte(data), true)
		if got := [2]int{r.AcceptedLines, r.RejectedLines}; got != want {
			t.Errorf("%q: lines %v, want %v", data, got, want)
		}
	}
}

func TestLongestRecord(t *testing.T) {
	for _, data := range []string{"1,123456\n", "1,123456\r\n", "1,123456", "1,123456\r", "\"\n\",\"\"\"\"\n",
		"\"x\"yz,ab\n", "12345678\n"} {
		body := len(Trim([]byte(data)))
		for limit, want := range map[int]Stop{body: NeedData, body - 1: TooLong} {
			p := mustParser(t, text(2), csvDialect, Options{MaxRecord: limit})
			b := NewBatch(p.Types())
			r := p.Parse(b, []byte("a,b\n"+data), true)
			if r.Stop != want || want == TooLong && (r.Consumed != 4 || b.Rows != 1 || len(b.Columns[0].Present) != 1) {
				t.Errorf("%q, at most %d: %+v, %d rows", data, limit, r, b.Rows)
			}
		}
	}
	p := mustParser(t, `{"fields":[{"name":"a"}]}`, jsonDialect, Options{MaxRecord: 7})
	if r := p.Parse(NewBatch(p.Types()), []byte("{\"a\":1}\r\n{\"a\":12}\n"), true); r.Stop != TooLong || r.Consumed != 9 {
		t.Errorf("NDJSON: %+v", r)
	}
}

func TestOpening(t *testing.T) {
	for rec, want := range map[string]int{
		"a,b": -1, "\"a\",b": 0, "a,\"bcd\",\"e\"\n": 2, "\"a\",\"b\n": 4, "\"long text\",\"b\",\"c": 0, "5\",\"x": 3,
		"\"a\"b\",\"ccc\"": 6, "\"\"\"\",\"": 0,
	} {
		if got := Opening([]byte(rec), csvDialect); got != want {
			t.Errorf("%q: %d, want %d", rec, got, want)
		}
	}
	if got := Opening([]byte("\"a"), contract.Dialect{Encoding: contract.CSV, Delimiter: ","}); got != -1 {
		t.Errorf("without quoting: %d", got)
	}
}

func TestNoQuoting(t *testing.T) {
	d := contract.Dialect{Encoding: contract.CSV, Delimiter: "\t"}
	p := mustParser(t, text(2), d, Options{})
	got, bad := outcomes(t, p, "1\t\"Rome, Open City\n2\t \"x\"y\r\n\"\t\"\"\n\"3\n4\t\"\n\t\n5\\\t\\6\n")
	want := []string{"1|\"Rome, Open City", "2| \"x\"y", "\"|\"\"", "4|\"", "NULL|NULL", "5\\|\\6"}
	if !slices.Equal(got, want) || !slices.Equal(bad, []string{"! : has 1 fields, want 2"}) {
		t.Errorf("got %q %q", got, bad)
	}
	if names, err := Header([]byte("\"a\"\tb\"\r\n"), d); err != nil || !slices.Equal(names, []string{`"a"`, `b"`}) {
		t.Errorf("the header is %q, %v", names, err)
	}
	for data, want := range map[string]int{"\"a\nb\"\n": 3, "a\t\"\n\"": 4} {
		if end, complete := End([]byte(data), d); end != want || !complete {
			t.Errorf("the end of %q is %d, %v", data, end, complete)
		}
	}
	if !LoneCR([]byte("\"a\rb\""), d) {
		t.Error("a CR between quotes that are data is not seen")
	}
}

// In a column without a field, and where the blank is the delimiter.
// A comment is a line that begins where a record would, whatever its quotes; it is counted and nothing else.
func TestCommentLines(t *testing.T) {
	d := csvDialect
	d.Comment = "#"
	data := []byte("#a \"quote\n1,#x\r\n\n#\r\n\"2\n#3\",\"#y\"\n#\xff,,,\n #z,4\n#")
	if n, whole := End(data, d); n != 10 || !whole || Opening(data, d) != -1 {
		t.Errorf("the comment ends at %d, %t; its quote is at %d", n, whole, Opening(data, d))
	}
	p, err := NewParser(mustParse(t, text(2)), d, nil, Options{Length: func(b []byte) int64 { return 2 * int64(len(b)) }})
	if err != nil {
		t.Fatal(err)
	}
	b := NewBatch(p.Types())
	if r := p.Parse(b, data[:5], false); r.Consumed != 0 || r.Stop != NeedData {
		t.Errorf("a comment that is cut off: %+v", r)
	}
	r := p.Parse(b, data, true)
	if want := (contract.Skipped{Lines: 4, Bytes: 2 * (10 + 3 + 6 + 1)}); r.Skipped != want || r.Consumed != len(data) {
		t.Errorf("skipped %+v, want %+v", r.Skipped, want)
	}
	if r.Accepted != 3 || r.Rejected != 0 || r.AcceptedLines != 4 {
		t.Errorf("%d records of %d lines, %d rejected", r.Accepted, r.AcceptedLines, r.Rejected)
	}
}

func TestBlanksBeforeQuotes(t *testing.T) {
	s := mustParse(t, text(1))
	p, err := NewParser(s, csvDialect, []int{1}, Options{Width: 2})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`! : field 1, " \"x\"", has blanks before its quote: quotes must begin the field`}
	if got, bad := outcomes(t, p, " \"x\",a\n y,b\n"); !slices.Equal(got, []string{"b"}) || !slices.Equal(bad, want) {
		t.Errorf("got %q %q", got, bad)
	}
	p = mustParser(t, text(3), contract.Dialect{Encoding: contract.CSV, Delimiter: "\t", Quote: `"`}, Options{})
	if got, bad := outcomes(t, p, "\t\t\"x\"\n"); !slices.Equal(got, []string{"NULL|NULL|x"}) || bad != nil {
		t.Errorf("got %q %q", got, bad)
	}
}

func TestLoneCR(t *testing.T) {
	for rec, want := range map[string]bool{
		"": false, "a,b": false, "a,b\n": false, "a,b\r\n": false, "a,b\r": false, "a\rb": true, "a,b\r1,2": true,
		"a,b\r\r\n":      true,
		"\"a\rb\",c\r\n": false, "\"a\",\"b\"\r\"1\"": true, "\"a\"\"\rb": false, "a,\"b\"": false, "a,\"\"": false,
		",\r,": true, "\"a\"x,\rb": true,
	} {
		if got := LoneCR([]byte(rec), csvDialect); got != want {
			t.Errorf("%q: %v", rec, got)
		}
	}
}

func TestCSVColumns(t *testing.T) {
	s := mustParse(t, `{"fields":[{"name":"a","type":"integer"},{"name":"b","type":"string"},{"name":"c","type":"date"}]}`)
	p, err := NewParser(s, csvDialect, []int{3, -1, 1}, Options{Width: 5})
	if err != nil {
		t.Fatal(err)
	}
	got, bad := outcomes(t, p, "x,2024-01-02,\"skip,\n\",7,\nx,1970-01-01,,,\"\"\r\n1,2\n\xff,,,,\n,,,,\"x\"y\n")
	want := []string{"7|NULL|19724", "NULL|NULL|0"}
	wantBad := []string{"! : has 2 fields, want 5", "! : invalid UTF-8 at byte 0 of the record",
		`! : field 5, "x", has text after its closing quote`}
	if !slices.Equal(got, want) || !slices.Equal(bad, wantBad) {
		t.Errorf("got %q %q", got, bad)
	}
}

func TestCSVRequiredAbsentColumn(t *testing.T) {
	s := mustParse(t, `{"fields":[{"name":"a","type":"string"},`+
		`{"name":"b","type":"string","constraints":{"required":true}}]}`)
	p, err := NewParser(s, csvDialect, []int{0, -1}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, bad := outcomes(t, p, "x\n"); len(got) > 0 ||
		!slices.Equal(bad, []string{"! b: is required, but has no value"}) {
		t.Errorf("got %q %q", got, bad)
	}
}

func TestCSVValues(t *testing.T) {
	for _, c := range []struct{ properties, values, want string }{
		// Values are separated by a space; ~ stands for a space. Wanted: the value, NULL, or ! and the start of the reason.
		{`"type":"integer"`,
			`12 -7 007 +5 ~12~ "12" "" 1e3 5.0 9223372036854775807 999999999999999999 1.5 x 9223372036854775808 -`,
			`12 -7 7 5 12 12 NULL 1000 5 9223372036854775807 999999999999999999 ` +
				`!"1.5"~is~not~a~whole~number !"x"~is~not~an~integer !"9223372036854775808"~does !"-"~is`},
		{`"type":"integer"`, "12\r3 \r12", `!"12\r3"~is~not !"\r12"~is~not`},
		{`"type":"number"`, `1.5 -0.25 .5 5. 0.1 123456789.123456789 9007199254740993 1e5 inf -INF nan "2.5" ~3~ x`,
			`1.5 -0.25 0.5 5 0.1 1.2345678912345679e+08 9.007199254740992e+15 100000 +Inf -Inf NaN 2.5 3 !"x"`},
		{`"type":"number","decimal":{"precision":6,"scale":2}`, `1.5 -12.34 0 9999.99 .5 "3" 1e1 10000 1.005`,
			`150 -1234 0 999999 50 300 1000 !"10000"~has~more~than~6~digits !"1.005"~has~more~than~2~digits`},
		{`"type":"boolean"`, `true FALSE 1 "0" yes`, `true false true false !"yes"~is~not~a~boolean`},
		{`"type":"date"`, `1970-01-02 2024-02-29 ~1970-01-02 2023-02-29 2024-1-1`,
			`1 19782 1 !"2023-02-29"~is~not~a~calendar~day !"2024-1-1"~is~not~a~date`},
		{`"type":"datetime"`,
			`1970-01-01T00:00:01 1970-01-01~00:00:01Z 1970-01-01T00:00:01.5 1970-01-01T02:00:01+02:00 ` +
				`1970-01-01T00:01 1970-01-01T24:00:00 1970-02-30T00:00:00`,
			`1000000 1000000 1500000 1000000 60000000 !"1970-01-01T24:00:00"~is~not~a~datetime ` +
				`!"1970-02-30T00:00:00"~is~not~a~calendar~day`},
		{`"type":"time"`, `00:00:01 24:00:00`, `1000000 !"24:00:00"`},
		{`"type":"year"`, `2024 "1999" 24`, `2024 1999 !"24"`},
		{`"type":"yearmonth"`, `2024-02 2024`, `2024-02 !"2024"`},
		{`"type":"object"`, `"{""a"":1}" [1]`, `{"a":1} !"[1]"~is~not~a~JSON~object`},
		{`"type":"any"`, `5 x ""`, `5 x NULL`},
		{`"type":"string","missingValues":["NA","-"]`, `NA "-" x ""`, `NULL NULL x `},
		{`"type":"integer","missingValues":["-99","NA"]`, `-99 "-99" NA 5 ""`, `NULL NULL NULL 5 !""~is~not~an~integer`},
		{`"type":"number","missingValues":["nan","0"]`, `nan 0 0.0 NaN`, `NULL NULL 0 NaN`},
		{`"type":"date","missingValues":["0000-00-00","1970-01-01",""]`, `0000-00-00 1970-01-01 "" 1970-01-02`,
			`NULL NULL NULL 1`},
		{`"type":"datetime","missingValues":["1970-01-01T00:00:00"]`, `1970-01-01T00:00:00 1970-01-01T00:00:01`,
			`NULL 1000000`},
		{`"type":"integer","constraints":{"required":true}`, `5 ""`, `5 !is~required`},
		{`"type":"integer","constraints":{"minimum":3,"maximum":5}`, `3 2 6 "" 4.0`,
			`3 !"2"~is~less~than~the~minimum~3 !"6"~is~greater NULL 4`},
		{`"type":"date","constraints":{"minimum":"2024-01-01"}`, `2024-01-01 2023-12-31`,
			`19723 !"2023-12-31"~is~less~than~the~minimum~2024-01-01`},
		{`"type":"number","constraints":{"exclusiveMaximum":5}`, `4.5 5`, `4.5 !"5"~is~not~less`},
		{`"type":"string","constraints":{"pattern":"[a-c]+","maxLength":2}`, `ab abc abx "" "b"`,
			`ab !"abc"~is~longer !"abx"~is~longer NULL b`},
		{`"type":"string","format":"email"`, `a@b.c nope`, `a@b.c !"nope"~is~not~an~email`},
		{`"type":"integer","groupChar":","`, `"1,000" 5`, `1000 5`},
		{`"type":"datetime","format":"%Y-%m-%d %H:%M:%S"`,
			`1970-01-01~00:00:01 1970-01-01T00:00:01 1970-01-01~00:00:01Z 1970-1-1~~0:0:1 1970-01-01~00:00:01.5`,
			`1000000 !"1970-01-01T00:00:01"~does !"1970-01-01~00:00:01Z"~does 1000000 !"1970-01-01~00:00:01.5"~does`},
		{`"type":"datetime","format":"%FT%TZ"`, `1970-01-01T00:00:01Z 1970-01-01~00:00:01Z 1970-01-01T00:00:01`,
			`1000000 !"1970-01-01~00:00:01Z"~does !"1970-01-01T00:00:01"~does`},
		{`"type":"datetime","format":"%FT%T%z"`, `1970-01-01T00:00:01Z 1970-01-01T01:00:01+0100 1970-01-01T00:00:01`,
			`1000000 1000000 !"1970-01-01T00:00:01"~does`},
		{`"type":"datetime","format":"%F %H:%M"`, `1970-01-01~00:01 1970-01-01~00:00:01`,
			`60000000 !"1970-01-01~00:00:01"~does`},
		{`"type":"datetime","format":"any"`, `1970-01-01~00:00:01 1970-01-02`, `1000000 86400000000`},
		{`"type":"date","format":"%Y-%m-%d"`, `1970-01-02 1970-1-2 1970-01-02T00:00:00`, `1 1 !"1970-01-02T00:00:00"~does`},
		{`"type":"date","format":"%d/%m/%Y"`, `02/01/1970 1970-01-02`, `1 !"1970-01-02"~does~not~match`},
	} {
		p := mustParser(t, `{"fields":[{"name":"a","type":"string"},{"name":"x",`+c.properties+`}]}`, csvDialect, Options{})
		// CR before the line feed, none, and at the end of the input
		for _, end := range []string{"\n", "\r\n", "", "\r"} {
			want := strings.Split(c.want, " ")
			for i, v := range strings.Split(c.values, " ") {
				got, bad := outcomes(t, p, "k,"+strings.ReplaceAll(v, "~", " ")+end)
				expect := strings.ReplaceAll(want[i], "~", " ")
				if reason, isBad := strings.CutPrefix(expect, "!"); isBad {
					if len(bad) != 1 || !strings.HasPrefix(bad[0], "! x: "+reason) {
						t.Errorf("%s: %s%q: %q %q, want %q", c.properties, v, end, got, bad, expect)
					}
				} else if !slices.Equal(got, []string{"k|" + expect}) {
					t.Errorf("%s: %s%q: %q %q, want %q", c.properties, v, end, got, bad, expect)
				}
			}
		}
	}
}

// What encoding/csv writes is read back as it was.
func TestCSVAgainstWriter(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	alphabet := []string{"a", "b,", "\"", "\n", "\r\n", " ", "ü", "日本", "long text without anything special", ";", "'",
		"\t"}
	for range 300 {
		width := 2 + r.IntN(4)
		var want []string
		var data bytes.Buffer
		w := csv.NewWriter(&data)
		w.UseCRLF = r.IntN(2) == 0
		for range 20 {
			rec := make([]string, width)
			shown := make([]string, width)
			for i := range rec {
				for range r.IntN(4) {
					rec[i] += alphabet[r.IntN(len(alphabet))]
				}
				shown[i] = rec[i]
				if w.UseCRLF { // the writer turns every line feed into its line end
					shown[i] = strings.ReplaceAll(strings.ReplaceAll(rec[i], "\r", ""), "\n", "\r\n")
				}
				if shown[i] == "" {
					shown[i] = "NULL"
				}
			}
			if err := w.Write(rec); err != nil {
				t.Fatal(err)
			}
			want = append(want, strings.Join(shown, "|"))
		}
		w.Flush()
		got, bad := outcomes(t, mustParser(t, text(width), csvDialect, Options{}), data.String())
		if !slices.Equal(got, want) || bad != nil {
			t.Fatalf("%q\n got %q %q\nwant %q", data.String(), got, bad, want)
		}
	}
}

// Numbers against strconv, with forms on both sides of what the fast scanner takes.
func TestNumbersAgainstStrconv(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 3))
	p := mustParser(t, `{"fields":[{"name":"i","type":"integer"},{"name":"f","type":"number"}]}`, csvDialect, Options{})
	for range 20000 {
		digits := strconv.FormatUint(r.Uint64()>>r.IntN(64), 10)
		whole := []string{"", "-"}[r.IntN(2)] + digits
		real := whole
		if r.IntN(3) > 0 {
			at := r.IntN(len(digits) + 1)
			real = []string{"", "-"}[r.IntN(2)] + digits[:at] + "." + digits[at:]
		}
		if r.IntN(4) == 0 {
			real += "e" + strconv.Itoa(r.IntN(60)-30)
		}
		b := NewBatch(p.Types())
		res := p.Parse(b, []byte(whole+","+real+"\n"), false)
		i, err := strconv.ParseInt(whole, 10, 64)
		f, ferr := strconv.ParseFloat(real, 64)
		if (err == nil && ferr == nil) != (res.Accepted == 1) {
			t.Fatalf("%s,%s: %+v; strconv: %v, %v", whole, real, res, err, ferr)
		}
		if res.Accepted == 1 &&
			(b.Columns[0].Ints[0] != i || math.Float64bits(b.Columns[1].Floats[0]) != math.Float64bits(f)) {
			t.Fatalf("%s,%s = %v,%v, want %v,%v", whole, real, b.Columns[0].Ints[0], b.Columns[1].Floats[0], i, f)
		}
	}
}

// Records that the fast path must take: otherwise it only costs time.
func TestFastRecordTakes(t *testing.T) {
	p := mustParser(t, fuzzSchema, csvDialect, Options{})
	for _, rec := range []string{
		"1,2.5,a,2024-01-02,2024-01-02T03:04:05,1.25,true,x\n",
		"1,2.5,a,2024-01-02,2024-01-02 03:04:05Z,1.25,true,x\r\n",
		",NA,,2024-01-02,,,1,\"x\"\r\n",
		`"1","2.5","a""b","2024-01-02","2024-01-02T03:04:05","1.25","true","x"` + "\n",
		" 1 ,1e5,é,2024-01-02,2024-01-02T03:04:05.123+01:00,1.2,0,é\n",
	} {
		b := NewBatch(p.Types())
		if end, ok := p.fastRecord(b, []byte(rec+"next"), 0); !ok || end != len(rec) {
			t.Errorf("%q: %d, %v", rec, end, ok)
		}
	}
}

// strptime formats equal to the ISO form are as fast as that form.
func TestFormsOfFormats(t *testing.T) {
	for _, c := range []struct {
		properties string
		want       form
		instants   [2][2]bool // [blank][Z]
	}{
		{`"type":"datetime"`, formInstant, [2][2]bool{{true, true}, {true, true}}},
		{`"type":"datetime","format":"any"`, formInstant, [2][2]bool{{true, true}, {true, true}}},
		{`"type":"datetime","format":"%Y-%m-%d %H:%M:%S"`, formInstant, [2][2]bool{{}, {true, false}}},
		{`"type":"datetime","format":"%F %TZ"`, formInstant, [2][2]bool{{}, {false, true}}},
		{`"type":"datetime","format":"%FT%H:%M:%S"`, formInstant, [2][2]bool{{true, false}, {}}},
		{`"type":"datetime","format":"%Y-%m-%dT%TZ"`, formInstant, [2][2]bool{{false, true}, {}}},
		{`"type":"datetime","format":"%Y-%m-%dT%T%z"`, formInstant, [2][2]bool{{false, true}, {}}},
		{`"type":"datetime","format":"%Y-%d-%m %T"`, formGeneral, [2][2]bool{}},
		{`"type":"datetime","format":"%F %H:%M"`, formGeneral, [2][2]bool{}},
		{`"type":"datetime","format":"%F"`, formGeneral, [2][2]bool{}},
		{`"type":"date"`, formDate, [2][2]bool{}},
		{`"type":"date","format":"%Y-%m-%d"`, formDate, [2][2]bool{}},
		{`"type":"date","format":"%d.%m.%Y"`, formGeneral, [2][2]bool{}},
		{`"type":"time"`, formGeneral, [2][2]bool{}},
	} {
		p := mustParser(t, `{"fields":[{"name":"x",`+c.properties+`}]}`, csvDialect, Options{})
		if f := p.fields[0]; f.form != c.want || f.instants != c.instants {
			t.Errorf("%s: form %d, instants %v; want %d, %v", c.properties, f.form, f.instants, c.want, c.instants)
		}
	}
}

// The scanners of dates against the general path, for every text that is one byte off.
func TestDateScannersAgainstCast(t *testing.T) {
	s := mustParse(t, `{"fields":[{"name":"d","type":"date"},{"name":"t","type":"datetime"}]}`)
	for i, texts := range [][]string{{"2024-02-29", "1999-12-31"}, {"2024-02-29T23:59:59", "1969-12-31 00:00:00Z"}} {
		f := &s.Fields[i]
		for _, text := range texts {
			for at := range text {
				for _, c := range []byte("0123456789-:T Z/\x00\xb0;") {
					changed := []byte(text)
					changed[at] = c
					for _, warm := range []string{text, "2001-01-01T00:00:00"} {
						var cache dates
						if _, ok := cache.day([]byte(warm), 0); !ok {
							t.Fatalf("no date: %s", warm)
						}
						want, err := f.Cast(changed)
						got, end := cache.instant(changed, 0)
						ok := end == len(changed)
						if i == 0 {
							got, ok = cache.day(changed, 0)
						}
						if ok && (err != nil || got != want.Int) {
							t.Fatalf("%q after %s: scanned as %d; cast: %d, %v", changed, warm, got, want.Int, err)
						}
						if !ok && err == nil && c != ' ' {
							t.Fatalf("%q after %s: not scanned; cast: %d", changed, warm, want.Int)
						}
					}
				}
			}
		}
	}
}
