package verify

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"dip/contract"
)

const testSchema = `{"fields":[
	{"name":"id","type":"integer","constraints":{"required":true}},
	{"name":"price","type":"number","decimal":{"precision":10,"scale":2}},
	{"name":"score","type":"number"},
	{"name":"day","type":"date"},
	{"name":"at","type":"datetime"},
	{"name":"ok","type":"boolean"},
	{"name":"note","type":"string","constraints":{"maxLength":40}}
]}`

func things(d contract.Dialect, schema string) contract.Segment {
	return contract.Segment{Dialect: d, Schema: json.RawMessage(schema), MaxBadShare: 1, MaxRecordMB: 8}
}

var csvDialect = contract.Dialect{Encoding: contract.CSV, Delimiter: ",", Quote: `"`}

// records writes random records, some of them bad in every way that is known.
func records(r *rand.Rand, n int) []byte {
	var b bytes.Buffer
	end := []string{"\n", "\r\n"}[r.IntN(2)]
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	for i := range n {
		fields := []string{
			pick(fmt.Sprint(i), fmt.Sprint(i), "-7", "007", "x", "", "99999999999999999999"),
			pick("1.5", "12", "-0.01", "1.234", ""),
			pick("1e3", ".5", "2.", "NaN", "-INF", "", "1,5"),
			pick("2024-02-29", "2023-02-29", "", "1969-12-31"),
			pick("2024-01-02 03:04:05", "2024-01-02T03:04:05.123456Z", "2024-01-02T03:04:05+02:00", "", "soon"),
			pick("true", "false", "1", "0", "", "maybe"),
			pick("plain", "", `"quoted, with ""quotes"" and`+end+`line breaks"`, `a "bare" quote`, "ünï", `"closed" late`,
				` "spaced"`, "\t \"", ` a "b"`, "\xff", strings.Repeat("long", 12)),
		}
		switch r.IntN(20) {
		case 0:
			fields = fields[:6]
		case 1:
			fields = append(fields, "more")
		case 2:
			b.WriteString(end)
		}
		b.WriteString(strings.Join(fields, ","))
		if i < n-1 || r.IntN(2) == 0 {
			b.WriteString(end)
		}
	}
	return b.Bytes()
}

func TestAnyLoadVerifies(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		content := records(r, r.IntN(40))
		dialect := csvDialect
		if seed%5 == 0 {
			dialect.Quote = "" // quotes are data
		}
		verifies(t, things(dialect, testSchema), content, 8+r.Int64N(400))
	}
}

func TestCompressedLoadVerifies(t *testing.T) {
	content := append([]byte("\xef\xbb\xbf"), records(rand.New(rand.NewPCG(7, 7)), 200)...)
	var stored bytes.Buffer
	z := gzip.NewWriter(&stored)
	if _, err := z.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if w := verifies(t, things(csvDialect, testSchema), stored.Bytes(), 100); w.certificate.Compression != contract.Gzip {
		t.Errorf("%+v", w.certificate)
	}
}

func TestHeaderAfterBlankLinesVerifies(t *testing.T) {
	dialect := csvDialect
	dialect.Header = true
	segment := things(dialect, testSchema)
	for _, rows := range [][]byte{nil, records(rand.New(rand.NewPCG(8, 8)), 20)} {
		for _, head := range []string{"id,price,score,day,at,ok,note\n", "\n\r\nid,price,score,day,at,ok,note\r\n",
			"\xef\xbb\xbf\nid,price,score,day,at,ok,note\n"} {
			verifies(t, segment, append([]byte(head), rows...), 100)
		}
	}
	verifies(t, segment, []byte("\n\r\n\r"), 100)
}

func TestQuotesAfterBlanksAreMalformed(t *testing.T) {
	for line, want := range map[string]bool{
		`1, "x"`: true, "1,\t \"": true, ` "x",1`: true, `1,"a", "x, y"`: true,
		`1," ""x"""`: false, `1, x "y"`: false, `1, `: false, ` , "`: true, `1,x "y"`: false,
	} {
		r := newReader(strings.NewReader(line+"\n"), csvDialect, 64)
		r.width = 2
		rec, err := r.next()
		if err != nil || rec.malformed != want || string(rec.bytes) != line {
			t.Errorf("%q: %+v, %v", line, rec, err)
		}
	}
	tabs := csvDialect
	tabs.Delimiter = "\t"
	r := newReader(strings.NewReader("1\t\t\"x\"\n"), tabs, 64)
	r.width = 3
	if rec, err := r.next(); err != nil || rec.malformed || len(rec.fields) != 3 || string(rec.fields[2]) != "x" {
		t.Errorf("%+v, %v", rec, err)
	}
}

func TestNDJSONVerifies(t *testing.T) {
	lines := []string{
		`{"id":1,"price":"1.50","score":1e2,"day":"2024-01-31","at":"2024-01-31T00:00:00Z","ok":true,"note":"caf\u00e9 \ud83d\ude00"}`,
		`{"id":2,"note":""}`, `{"id":3,"price":2.25,"score":"7","extra":{"id":1,"id":2}}`, ``, ` `,
		`{"id":4,"id":5}`, `{"id":"6"}`, `{"id":7.5}`, `{"id":8,"note":9}`, `{"id":9,}`, `[1]`, `null`, `{"id":10} x`,
		`{"id":11,"note":"\ud800"}`, `{"note":"no id"}`, `{"id":12,"score":""}`, `{"id":13,"ok":"true"}`, `{"id":14,"ok":1}`,
		"{\"id\":15,\"note\":\"\xff\"}",
		`{"id":16,"deep":` + strings.Repeat("[", 600) + strings.Repeat("]", 600) + `}`,
		`{"id":17,"deep":` + strings.Repeat("[", 511) + strings.Repeat("]", 511) + `}`, // the deepest that fits
		`{"id":18,"deep":` + strings.Repeat("[", 512) + strings.Repeat("]", 512) + `}`, `{"id":1e2}`, `{"id":-0}`,
		`{"score":1,"id":20}`,
	}
	w := verifies(t, things(contract.Dialect{Encoding: contract.NDJSON}, testSchema), []byte(strings.Join(lines, "\n")),
		100)
	if total := w.certificate.Totals; total.RowsOut < 5 || total.Quarantined < 8 {
		t.Errorf("the cases do not tell good from bad: %+v", total)
	}
}
