package main

import (
	"bytes"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/terminal"
)

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		in   []float64
		want spread
	}{
		{nil, spread{}},
		{[]float64{3}, spread{3, 3, 3}},
		{[]float64{4, 1, 2}, spread{1, 2, 4}},
		{[]float64{4, 1, 2, 3}, spread{1, 2.5, 4}},
	} {
		if got := spreadOf(c.in); got != c.want {
			t.Errorf("%v: %v, want %v", c.in, got, c.want)
		}
	}
}

func TestSummaryCountsInputPerCPUSecond(t *testing.T) {
	s := side{Runs: []usage{{Wall: 4 * time.Second, CPU: 2 * time.Second, Peak: 7},
		{Wall: time.Second, CPU: time.Second, Peak: 5}}}
	s.summarize(10e6)
	if s.Speed.Min != 5 || s.Speed.Max != 10 || s.Wall.Min != 2.5 || s.Peak != 7 {
		t.Errorf("%+v", s)
	}
}

func definition(schema string, d contract.Dialect) contract.Segment {
	return contract.Segment{Dialect: d, Schema: []byte(schema), MaxRecordMB: 1}
}

func TestSelection(t *testing.T) {
	ndjson := contract.Dialect{Encoding: contract.NDJSON}
	for _, c := range []struct {
		name, schema string
		dialect      contract.Dialect
		columns      []int
		width        int
		want         []string
	}{
		{
			"columns by position, the schema's types",
			`{"fields":[{"name":"b","type":"integer"},{"name":"o'a","type":"datetime","timezone":"UTC"}]}`,
			comma, []int{2, 0}, 3,
			[]string{`SELECT c2 AS "b", c0 AS "o'a" FROM read_csv('f', `,
				`columns={'c0': 'TIMESTAMPTZ', 'c1': 'VARCHAR', 'c2': 'BIGINT'}`, `nullstr=['']`, `strict_mode=true`},
		},
		{
			"absent column", `{"fieldsMatch":"superset","fields":[{"name":"a","type":"integer"},{"name":"b","type":"date"}]}`,
			comma, []int{0, -1}, 1, []string{`CAST(NULL AS DATE) AS "b"`},
		},
		{
			"own nulls by field",
			`{"fields":[{"name":"a","type":"string","missingValues":["-"]},` +
				`{"name":"b","type":"number","decimal":{"precision":5,"scale":1}}]}`,
			comma, nil, 2, []string{`CAST(CASE WHEN c0 IN ('-') THEN NULL ELSE c0 END AS VARCHAR) AS "a"`,
				`CAST(CASE WHEN c1 IN ('') THEN NULL ELSE c1 END AS DECIMAL(5,1)) AS "b"`},
		},
		{
			"formats", `{"fields":[{"name":"a","type":"date","format":"%d/%m/%Y"},` +
				`{"name":"b","type":"boolean","trueValues":["ja"],"falseValues":["nein"]}]}`,
			comma, nil, 2, []string{`CAST(strptime(c0, '%d/%m/%Y') AS DATE) AS "a"`, `CASE WHEN c1 IN ('ja') THEN true`},
		},
		{
			"paths", `{"fields":[{"name":"a","type":"integer","path":"o.a"},` +
				`{"name":"b","type":"string","path":"o.p.b"},{"name":"j","type":"object"}]}`,
			ndjson, nil, 0, []string{
				`SELECT "o"."a" AS "a", "o"."p"."b" AS "b", CAST("j" AS VARCHAR) AS "j" FROM read_json('f', `,
				`columns={'o': 'STRUCT("a" BIGINT, "p" STRUCT("b" VARCHAR))', 'j': 'JSON'}`,
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := newReading(definition(c.schema, c.dialect), c.columns, c.width)
			if err != nil {
				t.Fatal(err)
			}
			got, err := r.selection("f")
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("%s\nlacks %s", got, want)
				}
			}
		})
	}
}

func TestSelectionNamesWhatDuckDBCannotRead(t *testing.T) {
	r, err := newReading(definition(`{"fields":[{"name":"o","type":"object"},{"name":"a","type":"integer","path":"o.a"}]}`,
		contract.Dialect{Encoding: contract.NDJSON}), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.selection("f"); err == nil || !strings.Contains(err.Error(), `"a"`) {
		t.Errorf("error %v, want one that names the field", err)
	}
}

// TestSeparate processes a file with bad records among good ones: the good ones stay as they stand, line ends, blank
// lines and header included, but for the byte order mark, and the bad ones get the numbers that a reader of the file
// would give them.
func TestSeparate(t *testing.T) {
	const text = "\ufeffa,b\r\n1,\"x\ny\"\n\nbad,2\n3,4\r\n5\n6,last"
	dir := t.TempDir()
	path := filepath.Join(dir, "in.csv")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	o, err := object(path)
	if err != nil {
		t.Fatal(err)
	}
	d := definition(`{"fields":[{"name":"a","type":"integer"},{"name":"b","type":"string"}]}`, comma)
	out, err := loadFile(t.Context(), folder(dir), d, o)
	if err != nil {
		t.Fatal(err)
	}
	if out.Ack.RowsOut != 3 || out.Ack.Quarantined != 2 || len(out.Ack.Outputs) != 1 {
		t.Fatalf("%+v", out.Ack)
	}
	e := &equality{comparison: &comparison{}, work: folder(dir), out: out, dialect: comma}
	if err := e.separate(o); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(e.good())
	if err != nil {
		t.Fatal(err)
	}
	if want := "a,b\r\n1,\"x\ny\"\n\n3,4\r\n6,last"; string(good) != want {
		t.Errorf("good records %q, want %q", good, want)
	}
	if q := e.Quarantined; len(q) != 2 || q[0].Row != 2 || q[0].Raw != "bad,2\n" || q[0].Field != "a" || q[1].Row != 4 ||
		q[1].Raw != "5\n" {
		t.Errorf("quarantined %+v", q)
	}
}

func TestInputsAreGoodAndTheSameEveryTime(t *testing.T) {
	for _, in := range inputs() {
		t.Run(in.name, func(t *testing.T) {
			if in.name == "quoted" {
				in.schema = func() ([]byte, error) { return quotedSchema, nil }
			} else {
				in.schema = func() ([]byte, error) { return os.ReadFile(filepath.Join("..", "schemas", in.name+".json")) }
			}
			const size = 300_000
			var first, second bytes.Buffer
			if err := errors.Join(in.write(&first, size), in.write(&second, size)); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(first.Bytes(), second.Bytes()) || first.Len() < size {
				t.Errorf("%d and %d bytes, want the same %d or more", first.Len(), second.Len(), size)
			}
			dir := t.TempDir()
			path, err := in.generate(dir, size, &terminal.Screen{Out: &first, Err: &first})
			if err != nil {
				t.Fatal(err)
			}
			d, err := in.definition()
			if err != nil {
				t.Fatal(err)
			}
			o, err := object(path)
			if err != nil {
				t.Fatal(err)
			}
			out, err := loadFile(t.Context(), folder(dir), d, o)
			if err != nil {
				t.Fatal(err)
			}
			if out.Ack.Quarantined != 0 || out.Ack.RowsOut < 400 {
				t.Errorf("%d rows, %d quarantined", out.Ack.RowsOut, out.Ack.Quarantined)
			}
			server := httptest.NewServer(serve(path))
			defer server.Close()
			o.Key = filepath.Base(path)
			over, err := loadFile(t.Context(), lakeAt(server.URL), d, o)
			if err != nil {
				t.Fatalf("over S3: %v", err)
			}
			if over.Ack.RowsOut != out.Ack.RowsOut {
				t.Errorf("%d rows over S3, want %d", over.Ack.RowsOut, out.Ack.RowsOut)
			}
		})
	}
}

func TestEqualGuessesTheEncoding(t *testing.T) {
	for name, want := range map[string]string{"a/x.ndjson": "ndjson", "x.jsonl.gz": "ndjson", "x.json": "ndjson",
		"x.csv": "csv", "json/x.tsv": "csv"} {
		if got := guessEncoding(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestOptionsNameEveryProblem(t *testing.T) {
	err := (&options{bytes: 1, rounds: 0, memoryMB: 1, inputs: []string{"trips", "nope"}}).validate()
	for _, want := range []string{"--size", "--rounds", "--memory", "--vcpus", `"nope"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %s", err, want)
		}
	}
}
