package main

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/parquet/file"

	"dip/bench/rival"
	"dip/internal/terminal"
)

// The opponents are asked for what the inputs have, and for nothing else.
func TestJobOfEachInput(t *testing.T) {
	for _, in := range inputs() {
		if in.name != "quoted" {
			in.schema = func() ([]byte, error) { return os.ReadFile(filepath.Join("..", "schemas", in.name+".json")) }
		}
		d, err := in.definition()
		if err != nil {
			t.Fatal(err)
		}
		width := strings.Count(string(d.Schema), `"name"`) - 1
		j, err := newJob(d, nil, width)
		if err != nil || len(j.Columns) != width {
			t.Errorf("%s: %d columns, want %d: %v", in.name, len(j.Columns), width, err)
		}
	}
}

func TestJob(t *testing.T) {
	d := definition(`{"fields":[{"name":"a","type":"boolean","trueValues":["ja"],"falseValues":["nein"]},`+
		`{"name":"b","type":"number","decimal":{"precision":5,"scale":1}}]}`, comma)
	j, err := newJob(d, []int{2, 0}, 3)
	want := []rival.Column{{Name: "a", Kind: rival.Bool, At: 2, True: "ja", False: "nein"},
		{Name: "b", Kind: rival.Decimal, At: 0, Precision: 5, Scale: 1}}
	if err != nil || j.NDJSON || j.Comma != "," || j.Width != 3 {
		t.Fatalf("%+v, %v", j, err)
	}
	if !reflect.DeepEqual(j.Columns, want) {
		t.Errorf("columns %+v, want %+v", j.Columns, want)
	}
	for _, schema := range []string{
		`{"fields":[{"name":"a","type":"date"}]}`,
		`{"fields":[{"name":"a","type":"datetime","format":"%d.%m.%Y"}]}`,
		`{"fields":[{"name":"a","type":"string","missingValues":["-"]}]}`,
		`{"fields":[{"name":"a","type":"boolean"}]}`,
	} {
		if _, err := newJob(definition(schema, comma), nil, 1); err == nil || !strings.Contains(err.Error(), `"a"`) {
			t.Errorf("%s: error %v, want one that names the field", schema, err)
		}
	}
}

// A report has a row for each opponent, with dip's ratios to it, and a line for each that is missing or failed.
func TestReportOfMatches(t *testing.T) {
	run := func(seconds ...float64) side {
		s := side{Output: 100}
		for _, n := range seconds {
			s.Runs = append(s.Runs, usage{CPU: secondsOf(n), Wall: secondsOf(n)})
		}
		return s
	}
	slow := run(4, 6)
	slow.Output = 80
	m := match{Input: "trips", Bytes: 10e6, Rows: 7, Ours: run(2, 2), Opponents: []result{
		{Name: "DuckDB", side: slow, Differs: "odd"}, {Name: "Polars", Skipped: "it failed"}}}
	m.summarize()
	r := report{Matches: []match{m}, Rounds: 2, Missing: []string{"ClickHouse: not for this machine"},
		Opponents: []opponent{{Name: "DuckDB", Versions: "DuckDB 1"}, {Name: "Polars", Versions: "Polars 2"}}}
	text := r.matches(0)
	for _, want := range []string{"2.50x (2.00-3.00)", "1.25\n", "Without ClickHouse: not for this machine\n",
		"trips without Polars: it failed\n", "trips by DuckDB has other values: odd\n", "DuckDB 1; Polars 2"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s\nlacks %q", text, want)
		}
	}
	if got := slices.Collect(strings.Lines(text)); len(got) != 10 {
		t.Errorf("%d lines:\n%s", len(got), text)
	}
}

// The opponent in Go writes the rows that dip writes.
func TestGeneralOpponentReadsEachInput(t *testing.T) {
	for _, in := range inputs() {
		if in.name != "quoted" {
			in.schema = func() ([]byte, error) { return os.ReadFile(filepath.Join("..", "schemas", in.name+".json")) }
		}
		dir := t.TempDir()
		path, err := in.generate(dir, 300_000, &terminal.Screen{Out: new(strings.Builder), Err: new(strings.Builder)})
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
		j, err := newJob(d, out.Plan.Columns, out.Plan.Width)
		if err != nil {
			t.Fatal(err)
		}
		j.Input, j.Output = path, filepath.Join(dir, "general.parquet")
		if err := rival.Write(j); err != nil {
			t.Errorf("%s: %v", in.name, err)
		}
		if rows := rowsIn(t, j.Output); rows != out.Ack.RowsOut {
			t.Errorf("%s: %d rows, dip wrote %d", in.name, rows, out.Ack.RowsOut)
		}
	}
}

func secondsOf(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

func rowsIn(t *testing.T, path string) int64 {
	t.Helper()
	r, err := file.OpenParquetFile(path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	return r.NumRows()
}
