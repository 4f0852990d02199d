package verify

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/lake"
	"dip/internal/ledger"
	"dip/internal/load"
	"dip/internal/process"
	"dip/internal/reconcile"
)

// store is a lake in memory.
type store map[string][]byte

const lakeBucket = "lake"

func (s store) Bucket() string { return lakeBucket }

func (s store) Get(_ context.Context, key string) ([]byte, error) {
	data, ok := s[lakeBucket+"/"+key]
	if !ok {
		return nil, fmt.Errorf("no object %s", key)
	}
	return data, nil
}

func (s store) Head(_ context.Context, o contract.Object) (contract.Object, error) {
	data, ok := s[o.Bucket+"/"+o.Key]
	if !ok {
		return o, fmt.Errorf("no object %s", o.Key)
	}
	o.Size = int64(len(data))
	return o, nil
}

func (s store) Stream(_ context.Context, o contract.Object, from int64) io.ReadCloser {
	return io.NopCloser(bytes.NewReader(s[o.Bucket+"/"+o.Key][from:]))
}

func (s store) ReadRange(_ context.Context, o contract.Object, from, to int64) ([]byte, error) {
	return s[o.Bucket+"/"+o.Key][from:to], nil
}

func (s store) PutOnce(_ context.Context, key, _ string, body io.ReadSeeker, sha256Hex string) error {
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return err
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	if lake.Hash(data) != sha256Hex {
		return fmt.Errorf("%s: wrong hash", key)
	}
	s[lakeBucket+"/"+key] = data
	return nil
}

const testSchema = `{"fields":[
	{"name":"id","type":"integer","constraints":{"required":true}},
	{"name":"price","type":"number","decimal":{"precision":10,"scale":2}},
	{"name":"score","type":"number"},
	{"name":"day","type":"date"},
	{"name":"at","type":"datetime"},
	{"name":"ok","type":"boolean"},
	{"name":"note","type":"string","constraints":{"maxLength":40}}
]}`

// certify runs a whole load in memory and gives its certificate.
func certify(t *testing.T, s store, dialect contract.Dialect, content []byte, body int64, chunkSize int64, c contract.Compression) contract.Certificate {
	t.Helper()
	catalog := contract.Catalog{Version: contract.Version, Segments: map[string]contract.Segment{"things": {
		Dialect: dialect, Schema: json.RawMessage(testSchema), MaxBadShare: 1, MaxRecordMB: 8,
	}}}
	key, data, err := catalog.Encode()
	if err != nil {
		t.Fatal(err)
	}
	s[lakeBucket+"/"+key] = data
	object := contract.Object{Bucket: "landing", Key: "things/a.csv", VersionID: "v1", Size: int64(len(content))}
	s["landing/things/a.csv"] = content
	seg, err := process.Compile("things", catalog.Segments["things"])
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	l := ledger.Load{ID: contract.LoadID(object), Segment: "things", Object: object, Catalog: key, Received: now,
		Plan: &ledger.Plan{Compression: c, Body: body, At: now}}
	if dialect.Encoding == contract.CSV {
		l.Plan.Width = 7
	}
	var chunks []ledger.Chunk
	for at := body; at < object.Size && c == contract.Plain; at += chunkSize {
		chunks = append(chunks, ledger.Chunk{Index: len(chunks), Start: at, End: min(at+chunkSize, object.Size), Attempt: 1})
	}
	if c != contract.Plain {
		chunks = []ledger.Chunk{{Start: body, End: -1, Attempt: 1}}
	}
	if len(chunks) > 0 {
		chunks[0].From = &body
	}
	l.Plan.Chunks = len(chunks)
	run := func(i int) {
		ack, err := process.Process(t.Context(), s, s, seg, load.Message(l, chunks[i]))
		if err != nil {
			t.Fatal(err)
		}
		ack.Code, ack.At = "test", now
		chunks[i].Ack = &ack
	}
	for i := range chunks {
		run(i)
	}
	for range chunks {
		d := reconcile.Decide(now, l, chunks, reconcile.Limits{MaxAttempts: 100})
		if d.Action == contract.ActionCertify {
			break
		}
		for _, again := range d.Send {
			i := again.Chunk.Index
			chunks[i].From, chunks[i].Ack = again.From, nil
			chunks[i].Attempt++
			run(i)
		}
	}
	certificate, err := reconcile.Certificate("test", l, chunks)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
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
			pick("plain", "", `"quoted, with ""quotes"" and`+end+`line breaks"`, `a "bare" quote`, "ünï", `"closed" late`, ` "spaced"`, "\t \"", ` a "b"`, "\xff", strings.Repeat("long", 12)),
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
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 1))
		content := records(r, r.IntN(40))
		s := store{}
		dialect := csvDialect
		if seed%5 == 0 {
			dialect.Quote = "" // quotes are data
		}
		certificate := certify(t, s, dialect, content, 0, 1+r.Int64N(400), contract.Plain)
		verifies(t, s, certificate, fmt.Sprintf("seed %d: %q", seed, content))
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
	s := store{}
	verifies(t, s, certify(t, s, csvDialect, stored.Bytes(), 3, 0, contract.Gzip), "gzip")
}

func TestHeaderAfterBlankLinesVerifies(t *testing.T) {
	dialect := csvDialect
	dialect.Header = true
	for _, rows := range [][]byte{nil, records(rand.New(rand.NewPCG(8, 8)), 20)} {
		for _, head := range []string{"id,price,score,day,at,ok,note\n", "\n\r\nid,price,score,day,at,ok,note\r\n", "\xef\xbb\xbf\nid,price,score,day,at,ok,note\n"} {
			s := store{}
			content := append([]byte(head), rows...)
			verifies(t, s, certify(t, s, dialect, content, int64(len(head)), 100, contract.Plain), head)
		}
	}
	s := store{}
	verifies(t, s, certify(t, s, dialect, []byte("\n\r\n\r"), 4, 100, contract.Plain), "blank lines only")
}

func TestQuotesAfterBlanksAreMalformed(t *testing.T) {
	for line, want := range map[string]bool{
		`1, "x"`: true, "1,\t \"": true, ` "x",1`: true, `1,"a", "x, y"`: true,
		`1," ""x"""`: false, `1, x "y"`: false, `1, `: false, ` , "`: true, `1,x "y"`: false,
	} {
		r := &reader{in: bufio.NewReader(strings.NewReader(line + "\n")), dialect: csvDialect, width: 2}
		rec, err := r.next()
		if err != nil || rec.malformed != want || string(rec.bytes) != line {
			t.Errorf("%q: %+v, %v", line, rec, err)
		}
	}
	tabs := csvDialect
	tabs.Delimiter = "\t"
	r := &reader{in: bufio.NewReader(strings.NewReader("1\t\t\"x\"\n")), dialect: tabs, width: 3}
	if rec, err := r.next(); err != nil || rec.malformed || len(rec.fields) != 3 || string(rec.fields[2]) != "x" {
		t.Errorf("%+v, %v", rec, err)
	}
}

func TestNDJSONVerifies(t *testing.T) {
	lines := []string{
		`{"id":1,"price":"1.50","score":1e2,"day":"2024-01-31","at":"2024-01-31T00:00:00Z","ok":true,"note":"caf\u00e9 \ud83d\ude00"}`,
		`{"id":2,"note":""}`, `{"id":3,"price":2.25,"score":"7","extra":{"id":1,"id":2}}`, ``, ` `,
		`{"id":4,"id":5}`, `{"id":"6"}`, `{"id":7.5}`, `{"id":8,"note":9}`, `{"id":9,}`, `[1]`, `null`, `{"id":10} x`,
		`{"id":11,"note":"\ud800"}`, `{"note":"no id"}`, `{"id":12,"score":""}`, `{"id":13,"ok":"true"}`, `{"id":14,"ok":1}`, "{\"id\":15,\"note\":\"\xff\"}",
		`{"id":16,"deep":` + strings.Repeat("[", 600) + strings.Repeat("]", 600) + `}`, `{"id":1e2}`, `{"id":-0}`, `{"score":1,"id":20}`,
	}
	s := store{}
	certificate := certify(t, s, contract.Dialect{Encoding: contract.NDJSON}, []byte(strings.Join(lines, "\n")), 0, 100, contract.Plain)
	verifies(t, s, certificate, "ndjson")
	if certificate.Totals.RowsOut < 5 || certificate.Totals.Quarantined < 8 {
		t.Errorf("the cases do not tell good from bad: %+v", certificate.Totals)
	}
}

func verifies(t *testing.T, s store, c contract.Certificate, what string) {
	t.Helper()
	report, err := Certificate(t.Context(), Options{Lake: s, Certificate: c})
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if !report.Verified || report.RowsIn != c.Totals.RowsIn || report.RowsOut != c.Totals.RowsOut || report.Quarantined != c.Totals.Quarantined {
		t.Fatalf("%s:\n%+v\n%+v", what, report, c.Totals)
	}
}

// Whatever is changed behind the certificate's back is found.
func TestTampering(t *testing.T) {
	content := records(rand.New(rand.NewPCG(3, 9)), 60)
	fresh := func() (store, contract.Certificate) {
		s := store{}
		return s, certify(t, s, csvDialect, content, 0, 500, contract.Plain)
	}
	withRows := func(c contract.Certificate) int {
		for i, k := range c.Chunks {
			if k.RowsOut > 0 && k.Quarantined > 0 {
				return i
			}
		}
		t.Fatal("no chunk has rows and quarantined records")
		return 0
	}
	cases := map[string]func(store, *contract.Certificate){
		"a row more":        func(_ store, c *contract.Certificate) { c.Chunks[withRows(*c)].RowsOut++ },
		"a total":           func(_ store, c *contract.Certificate) { c.Totals.RowsOut++ },
		"a hash":            func(_ store, c *contract.Certificate) { c.Chunks[withRows(*c)].HashOut = strings.Repeat("0", 32) },
		"a quarantine hash": func(_ store, c *contract.Certificate) { c.Chunks[withRows(*c)].HashBad = strings.Repeat("0", 32) },
		"a boundary":        func(_ store, c *contract.Certificate) { c.Chunks[1].Start++ },
		"the length":        func(_ store, c *contract.Certificate) { c.Length++ },
		"the body":          func(_ store, c *contract.Certificate) { c.Body++ },
		"the input": func(s store, _ *contract.Certificate) {
			data := bytes.Clone(s["landing/things/a.csv"])
			data[bytes.Index(data, []byte("plain"))] = 'P'
			s["landing/things/a.csv"] = data
		},
		"an output dropped": func(_ store, c *contract.Certificate) { c.Chunks[withRows(*c)].Outputs = nil },
		"an output's hash":  func(_ store, c *contract.Certificate) { c.Chunks[withRows(*c)].Outputs[0].SHA256 = "00" },
		"an output swapped": func(_ store, c *contract.Certificate) {
			i := withRows(*c)
			for j, k := range c.Chunks {
				if j != i && len(k.Outputs) > 0 {
					c.Chunks[i].Outputs = k.Outputs
				}
			}
		},
		"the quarantine": func(s store, c *contract.Certificate) {
			key := lakeBucket + "/" + c.Chunks[withRows(*c)].Quarantine.Key
			s[key] = bytes.Replace(s[key], []byte(`"start":`), []byte(`"start":1`), 1)
		},
		"the load id": func(_ store, c *contract.Certificate) { c.Load = strings.Repeat("a", 32) },
		"the chain":   func(_ store, c *contract.Certificate) { c.Chain.Closed = false },
	}
	for name, tamper := range cases {
		t.Run(name, func(t *testing.T) {
			s, c := fresh()
			tamper(s, &c)
			report, err := Certificate(t.Context(), Options{Lake: s, Certificate: c})
			if err == nil && report.Verified {
				t.Error("the certificate still verifies")
			}
		})
	}
}
