// Package rival defines the job that dip's opponents do in `make bench`, and is the opponent that is written in Go: a
// general program on encoding/csv, encoding/json and arrow-go's Parquet writer.
package rival

import (
	"bufio"
	"errors"
	"fmt"
	"os"
)

// Job is to write the records of a text file as one zstd Parquet file. The inputs of the benchmark need no more than
// this; clickhouse.mjs and polars.mjs read it as JSON.
type Job struct {
	Input   string   `json:"input"`
	Output  string   `json:"output"`
	NDJSON  bool     `json:"ndjson"`          // else CSV with a header and `"` around fields that need it
	Comma   string   `json:"comma,omitempty"` // CSV: the delimiter, one byte
	Width   int      `json:"width,omitempty"` // CSV: columns of the input
	Columns []Column `json:"columns"`         // of the output, in order
}

// Column is a column of the output. An empty field, a null and an absent key are null.
type Column struct {
	Name      string   `json:"name"`
	Kind      string   `json:"kind"`           // one of those below
	At        int      `json:"at"`             // CSV: column of the input
	Path      []string `json:"path,omitempty"` // NDJSON: keys from the record down to the value
	Precision int      `json:"precision,omitempty"`
	Scale     int      `json:"scale,omitempty"`
	UTC       bool     `json:"utc,omitempty"`  // timestamp: 2006-01-02T15:04:05Z, an instant; else 2006-01-02 15:04:05
	True      string   `json:"true,omitempty"` // CSV: the texts of booleans
	False     string   `json:"false,omitempty"`
}

// The kinds of columns, by the names of internal/record.
const (
	Bool      = "bool"
	Int64     = "int64"
	Float64   = "float64"
	Decimal   = "decimal" // Precision digits, Scale of them after the point
	String    = "string"
	JSON      = "json" // one JSON value as text
	Timestamp = "timestamp"
)

// batchRows is the number of rows that go into the Parquet writer at once.
const batchRows = 8192

// Write does the job.
func Write(j Job) (err error) {
	in, err := os.Open(j.Input)
	if err != nil {
		return fmt.Errorf("open the input: %w", err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.Create(j.Output)
	if err != nil {
		return fmt.Errorf("create the output: %w", err)
	}
	// The Parquet writer closes the file.
	t, err := newTable(j.Columns, out)
	if err != nil {
		return errors.Join(err, out.Close())
	}
	if r := bufio.NewReaderSize(in, 1<<20); j.NDJSON {
		err = readJSON(r, j, t)
	} else {
		err = readCSV(r, j, t)
	}
	if err = errors.Join(err, t.close()); err != nil {
		return fmt.Errorf("%s: %w", j.Input, err)
	}
	return nil
}
