package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"dip/contract"
	"dip/internal/chunk"
	"dip/internal/decompress"
	"dip/internal/record"
	"dip/internal/terminal"
	"dip/internal/text"
)

// comparison compares dip's reading of a file with DuckDB's.
type comparison struct {
	File        string       `json:"file"`
	DuckDB      string       `json:"duckdb"`
	Equal       bool         `json:"equal"`
	Rows        int64        `json:"rows"`       // of ours
	DuckDBRows  int64        `json:"duckdbRows"` // of the records that we did not quarantine
	OnlyOurs    int64        `json:"onlyOurs"`   // rows, by EXCEPT ALL
	OnlyDuckDB  int64        `json:"onlyDuckdb"`
	Columns     []columnDiff `json:"columns,omitempty"` // if both have the same number of rows
	Samples     []string     `json:"samples,omitempty"` // rows of one side only, if the numbers differ
	Errors      []string     `json:"errors,omitempty"`  // records that dip accepted and DuckDB rejected
	Quarantined []rejected   `json:"quarantined,omitempty"`
}

// columnDiff are the differing values of a column.
type columnDiff struct {
	Column  string   `json:"column"`
	Rows    int64    `json:"rows"`
	Samples []string `json:"samples"`
}

// rejected is a quarantined record and DuckDB's reading of it alone.
type rejected struct {
	Row    int64  `json:"row"` // number of the record in the input, from 1, without the header
	Field  string `json:"field,omitempty"`
	Reason string `json:"reason"`
	Raw    string `json:"raw"`
	DuckDB string `json:"duckdb"` // the row that DuckDB reads, or its error
}

const (
	shownRows     = 5    // samples of a difference
	askedRejected = 100  // quarantined records that DuckDB reads
	maxRejected   = 1000 // quarantined records that are listed
)

func equalCommand(o *options) *cobra.Command {
	var schemaFile, encoding string
	d := contract.Dialect{}
	var noHeader bool
	cmd := &cobra.Command{
		Use:   "equal [FILE --schema SCHEMA.json]",
		Short: "Compare the rows, values and nulls of a file with what DuckDB reads",
		Long: "Processes FILE as a segment with that schema would, reads it with DuckDB too (types and names from the " +
			"schema, nothing\n" +
			"detected), and compares all rows both ways. Quarantined records are listed and left out. Exits with 1 if " +
			"they differ.\n\n" +
			"Without FILE it does so with the constructed inputs: the cases of internal/verify, csv-spectrum, and the " +
			"values of\nJSONTestSuite; then only differences without a known reason count.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return o.equalConstructed(cmd.Context())
			}
			if schemaFile == "" {
				return errors.New("--schema: missing: FILE needs a schema")
			}
			if encoding == "" {
				encoding = guessEncoding(args[0])
			}
			if err := d.Encoding.UnmarshalText([]byte(encoding)); err != nil {
				return fmt.Errorf("--encoding: %w", err)
			}
			d.Header = !noHeader
			if d.Encoding == contract.NDJSON {
				d = contract.Dialect{Encoding: contract.NDJSON}
			}
			text, err := os.ReadFile(schemaFile)
			if err != nil {
				return fmt.Errorf("--schema: %w", err)
			}
			p, err := o.installPeer(cmd.Context())
			if err != nil {
				return err
			}
			c, err := o.equal(cmd.Context(), p, args[0],
				contract.Segment{Dialect: d, Schema: text, MaxRecordMB: maxRecordMB}, nil)
			if err != nil {
				return err
			}
			if err := c.print(o.screen, o.json); err != nil {
				return err
			}
			if !c.Equal {
				return errDiffer
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&schemaFile, "schema", "", "Table Schema of the file")
	f.StringVar(&encoding, "encoding", "", "csv or ndjson (default by the file's name)")
	f.StringVar(&d.Delimiter, "delimiter", ",", "CSV: delimiter")
	f.StringVar(&d.Quote, "quote", `"`, "CSV: quote")
	f.BoolVar(&noHeader, "no-header", false, "CSV: the first record is data")
	return cmd
}

func guessEncoding(path string) string {
	for _, part := range []string{".ndjson", ".jsonl", ".json"} {
		if strings.Contains(filepath.Base(path), part) {
			return string(contract.NDJSON)
		}
	}
	return string(contract.CSV)
}

// equal compares a file with DuckDB's reading. also, when it is set, looks at the comparison before its outputs are
// removed.
func (o *options) equal(
	ctx context.Context, p *peer, path string, d contract.Segment, also func(context.Context, *equality) error,
) (c comparison, err error) {
	c = comparison{File: path, DuckDB: p.versions}
	work, err := o.place("work")
	if err != nil {
		return c, err
	}
	if work, err = os.MkdirTemp(work, "equal-*"); err != nil {
		return c, fmt.Errorf("make a work folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	obj, err := object(path)
	if err != nil {
		return c, err
	}
	out, err := loadFile(ctx, folder(work), d, obj)
	if err != nil {
		return c, err
	}
	c.Rows = out.Ack.RowsOut
	e := &equality{comparison: &c, peer: p, work: folder(work), out: out, dialect: d.Dialect}
	if e.reading, err = newReading(d, out.Plan.Columns, out.Plan.Width); err != nil {
		return c, err
	}
	if err := e.separate(obj); err != nil {
		return c, err
	}
	if err := e.compare(ctx); err != nil {
		return c, err
	}
	if also != nil {
		if err := also(ctx, e); err != nil {
			return c, err
		}
	}
	return c, e.askQuarantined(ctx)
}

// equality is a comparison in progress.
type equality struct {
	*comparison
	peer    *peer
	work    folder
	out     outcome
	dialect contract.Dialect
	reading *reading
	header  []byte // what stands before the first record
}

func (e *equality) good() string { return e.work.path("good") }

// separate writes the records that were not quarantined to a separate file, unchanged.
func (e *equality) separate(obj contract.Object) (err error) {
	bad, err := e.quarantined()
	if err != nil {
		return err
	}
	stored := e.work.Stream(context.Background(), obj, 0)
	defer func() { err = errors.Join(err, stored.Close()) }()
	content, err := decompress.Decompress(stored, e.out.Plan.Compression)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	f, err := os.Create(e.good())
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	if err := errors.Join(e.copyGood(w, bufio.NewReaderSize(content, 1<<20), bad), w.Flush(), f.Close()); err != nil {
		return fmt.Errorf("copy the good records: %w", err)
	}
	return nil
}

func (e *equality) quarantined() (lines []contract.Rejected, err error) {
	if e.out.Ack.Quarantine == nil {
		return nil, nil
	}
	f, err := os.Open(e.work.path(e.out.Ack.Quarantine.Key))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	content, err := contract.Quarantine(f)
	if err != nil {
		return nil, err
	}
	for in := json.NewDecoder(content); ; {
		var r contract.Rejected
		if err := in.Decode(&r); err == io.EOF {
			return lines, nil
		} else if err != nil {
			return nil, fmt.Errorf("read the quarantine: %w", err)
		}
		lines = append(lines, r)
	}
}

// copyGood copies the header and the records that are not among the bad ones, decoded and without the lines that are no
// records, and notes the bad ones with their numbers.
func (e *equality) copyGood(w io.Writer, r *bufio.Reader, bad []contract.Rejected) error {
	charset := text.Of(e.dialect.Charset)
	front := make([]byte, e.out.Plan.Body)
	if _, err := io.ReadFull(r, front); err != nil {
		return err
	}
	front, err := io.ReadAll(charset.Reader(bytes.NewReader(front), 0))
	if err != nil {
		return err
	}
	e.header = e.headerOf(front)
	if _, err := w.Write(e.header); err != nil {
		return err
	}
	content := bufio.NewReaderSize(charset.Reader(r, e.out.Plan.Body), 1<<20)
	records := chunk.NewScanner(e.dialect)
	pos, number := e.out.Plan.Body, int64(0)
	for eof := false; !eof && number < e.out.Ack.RowsIn; { // what follows the last record is the footer
		record, err := nextRecord(records, content)
		if eof = errors.Is(err, io.EOF); err != nil && !eof {
			return err
		}
		start := pos
		pos += charset.Len(record)
		switch {
		case e.dialect.Comments(record):
			continue
		case e.blank(record):
			if _, err := w.Write(record); err != nil {
				return err
			}
			continue
		}
		number++
		if len(bad) > 0 && bad[0].Start == start {
			if len(e.Quarantined) < maxRejected {
				e.Quarantined = append(e.Quarantined,
					rejected{Row: number, Field: bad[0].Field, Reason: bad[0].Reason, Raw: string(record)})
			}
			bad = bad[1:]
			continue
		}
		if _, err := w.Write(record); err != nil {
			return err
		}
	}
	if len(bad) > 0 {
		return fmt.Errorf("the quarantined record at byte %d does not start at a record's start", bad[0].Start)
	}
	return nil
}

// headerOf is the header in what stands before the first record: the last record there that is not blank.
func (e *equality) headerOf(front []byte) []byte {
	if !e.dialect.Header {
		return nil
	}
	front = front[record.SkipBOM(front):]
	for range e.dialect.SkipLines {
		front = front[bytes.IndexByte(front, '\n')+1:]
	}
	var header []byte
	for len(front) > 0 {
		n, _ := record.End(front, e.dialect)
		if line := front[:n]; len(record.Trim(line)) > 0 && !e.dialect.Comments(line) {
			header = line
		}
		front = front[n:]
	}
	return header
}

// blank reports that the bytes are not a record.
func (e *equality) blank(line []byte) bool {
	if e.dialect.Encoding == contract.NDJSON {
		return len(bytes.Trim(line, " \t\r\n")) == 0
	}
	return len(line) == 0 || e.out.Plan.Width > 1 && len(bytes.TrimRight(line, "\r\n")) == 0
}

// nextRecord reads one record with its line end; the last one returns io.EOF.
func nextRecord(s *chunk.Scanner, r *bufio.Reader) (record []byte, err error) {
	for {
		if _, err := r.Peek(1); err != nil {
			return record, err
		}
		data, err := r.Peek(r.Buffered())
		if err != nil {
			return record, err
		}
		n, ended := s.Next(data)
		record = append(record, data[:n]...)
		if _, err := r.Discard(n); err != nil {
			return record, err
		}
		if ended {
			return record, nil
		}
	}
}

func (c comparison) print(scr *terminal.Screen, asJSON bool) error {
	if asJSON {
		text, err := json.MarshalIndent(c, "", "  ")
		if err != nil {
			return fmt.Errorf("encode the comparison: %w", err)
		}
		return scr.Printf("%s\n", text)
	}
	var b strings.Builder
	line := func(format string, args ...any) {
		b.WriteString(terminal.Printable(fmt.Sprintf(format, args...)) + "\n")
	}
	for _, q := range c.Quarantined {
		line("quarantined row %d: %s %s: %.120s", q.Row, q.Field, q.Reason, strings.TrimRight(q.Raw, "\r\n"))
		if q.DuckDB != "" {
			line("    DuckDB %.200s", q.DuckDB)
		}
	}
	for _, e := range c.Errors {
		line("error: %s", e)
	}
	for _, d := range c.Columns {
		line("column %s differs in %s rows", d.Column, terminal.Count(d.Rows))
		for _, s := range d.Samples {
			line("    %s", s)
		}
	}
	for _, s := range c.Samples {
		line("%s", s)
	}
	verdict := "EQUAL"
	if !c.Equal {
		verdict = "DIFFERENT"
	}
	line("%s: %s rows by dip, %s by %s, %s only in dip's, %s only in DuckDB's, %s quarantined", verdict,
		terminal.Count(c.Rows),
		terminal.Count(c.DuckDBRows), c.DuckDB, terminal.Count(c.OnlyOurs), terminal.Count(c.OnlyDuckDB),
		terminal.Count(int64(len(c.Quarantined))))
	return scr.Printf("%s", b.String())
}
