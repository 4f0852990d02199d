// Package infer proposes a Table Schema for a file and proves it: the whole file is read to choose each field's type,
// and then processed with that schema by the code that a segment runs.
//
// The proposal never changes a value. A type is proposed only if every value of the column has it and reads back the
// same: codes such as 007 stay texts, and so do numbers that a double would round and dates whose day and month could
// be either. The only constraint is required, where no record lacks a value. The proposal does not depend on the order
// of the records.
package infer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"dip/contract"
	"dip/internal/decompress"
	"dip/internal/plan"
	"dip/internal/process"
	"dip/internal/record"
)

// Options say how the file is written.
type Options struct {
	Encoding  contract.Encoding // "": detected
	Delimiter string            // CSV; "": detected
	Quote     string            // CSV; "": no quoting
	NoHeader  bool              // CSV: the first record is data
}

// Result is a proposed schema and what came of processing the file with it.
type Result struct {
	File        string               `json:"file"`
	Compression contract.Compression `json:"compression"`
	Dialect     contract.Dialect     `json:"dialect"`
	Schema      json.RawMessage      `json:"schema"`
	Records     int64                `json:"records"`
	Fit         int64                `json:"fit"`               // records that the schema accepts
	Misfits     []Misfit             `json:"misfits,omitempty"` // the first of the others
	Notes       []Note               `json:"notes,omitempty"`
}

// Misfit is a record that the schema does not accept: no schema does, unless the dialect is wrong.
type Misfit struct {
	Start  int64  `json:"start"` // byte range in the decompressed file
	End    int64  `json:"end"`
	Field  string `json:"field,omitempty"`
	Reason string `json:"reason"`
}

// Note is something that a person should know about a field, or about the file when Field is "".
type Note struct {
	Field string `json:"field,omitempty"`
	Text  string `json:"text"`
}

// Limits.
const (
	maxRecordMB = 16 // the default of a segment's maxRecordMB
	maxRecord   = maxRecordMB << 20
	maxMisfits  = 5
	maxKeys     = 5000 // different keys of NDJSON records
)

// File proposes a schema for a file. It reads the file twice.
func File(ctx context.Context, path string, o Options) (Result, error) {
	f, err := openFile(path)
	if err != nil {
		return Result{}, err
	}
	r, err := f.infer(ctx, o)
	if err != nil {
		return Result{}, fmt.Errorf("infer a schema of %s: %w", path, err)
	}
	return r, nil
}

func (f *file) infer(ctx context.Context, o Options) (r Result, err error) {
	head, err := f.head()
	if err != nil {
		return r, err
	}
	r = Result{File: f.path, Compression: f.compression}
	if r.Dialect, err = dialect(head, o, &r); err != nil {
		return r, err
	}
	fields, err := f.profile(ctx, head, &r)
	if err != nil {
		return r, err
	}
	if r.Schema, err = encode(fields); err != nil {
		return r, err
	}
	return r, f.prove(ctx, &r)
}

// prove processes the file with the schema as a segment would.
func (f *file) prove(ctx context.Context, r *Result) error {
	s, err := process.Compile("inferred", contract.Segment{Dialect: r.Dialect, Schema: r.Schema, MaxRecordMB: maxRecordMB})
	if err != nil {
		return err
	}
	layout, err := plan.Layout(ctx, f, s, f.object)
	if err != nil {
		return err
	}
	m := contract.ChunkMessage{
		Version: contract.Version, Load: "inferred", Segment: s.Name, Object: f.object, Compression: layout.Compression,
		Columns: layout.Columns, Width: layout.Width, LoadDate: "1970-01-01", Attempt: 1,
		Start: layout.Body, End: f.object.Size, From: &layout.Body,
	}
	if !layout.Compression.Splittable() {
		m.End = -1
	}
	ack, err := process.Process(ctx, f, (*misfits)(r), s, m)
	if err != nil {
		return err
	}
	r.Records, r.Fit = ack.RowsIn, ack.RowsOut
	return nil
}

// misfits is where the proof's outputs go: the first quarantined records are kept, Parquet is dropped.
type misfits Result

// PutOnce implements process.Sink.
func (r *misfits) PutOnce(_ context.Context, key, _ string, body io.ReadSeeker, _ string) error {
	if contract.SegmentOf(key)+"/" != contract.QuarantinePrefix {
		return nil
	}
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read the records that do not fit: %w", err)
	}
	lines, err := contract.Quarantine(body)
	if err != nil {
		return fmt.Errorf("read the records that do not fit: %w", err)
	}
	for in := json.NewDecoder(lines); len(r.Misfits) < maxMisfits; {
		var line contract.Rejected
		if err := in.Decode(&line); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read the records that do not fit: %w", err)
		}
		r.Misfits = append(r.Misfits, Misfit{Start: line.Start, End: line.End, Field: line.Field, Reason: line.Reason})
	}
	return nil
}

// profile reads all records and chooses the fields of the schema.
func (f *file) profile(ctx context.Context, head []byte, r *Result) (schema, error) {
	if r.Dialect.Encoding == contract.NDJSON {
		p := newObjects()
		if err := f.read(ctx, int64(record.SkipBOM(head)), p.take); err != nil {
			return schema{}, err
		}
		return p.schema(r)
	}
	names, body, err := header(head, r.Dialect)
	if err != nil {
		return schema{}, f.explain(ctx, r.Dialect, err)
	}
	p, err := newTable(r.Dialect, len(names))
	if err != nil {
		return schema{}, err
	}
	if err := f.read(ctx, int64(body), p.take); err != nil {
		return schema{}, err
	}
	return p.schema(names, r)
}

// explain is why the header cannot be read: what a load of the file would fail with, which knows what else the file may
// be, or err.
func (f *file) explain(ctx context.Context, d contract.Dialect, err error) error {
	s, compileErr := process.Compile("inferred", contract.Segment{Dialect: d, MaxRecordMB: maxRecordMB,
		Schema: json.RawMessage(`{"fields":[{"name":"x"},{"name":"y"}]}`)})
	if compileErr != nil {
		return err
	}
	if _, loadErr := plan.Layout(ctx, f, s, f.object); loadErr != nil {
		return loadErr
	}
	return err
}

// read passes the content from an offset on to take, in blocks that begin with a record. take returns how many bytes it
// used: all whole records, and everything when the block is the last one.
func (f *file) read(ctx context.Context, from int64, take func(block []byte, last bool) (int, error)) (err error) {
	content, err := f.content()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	if _, err := io.CopyN(io.Discard, content, from); err != nil {
		return fmt.Errorf("skip to the first record: %w", err)
	}
	pos, block := from, make([]byte, 0, 4<<20)
	for last := false; !last; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(block) == cap(block) {
			if len(block) > maxRecord+2 {
				return fmt.Errorf("the record at byte %d is longer than %d MiB: is the quote right?", pos, maxRecordMB)
			}
			block = append(make([]byte, 0, 2*cap(block)), block...)
		}
		n, err := io.ReadFull(content, block[len(block):cap(block)])
		block = block[:len(block)+n]
		switch {
		case decompress.Ended(err) || err == io.ErrUnexpectedEOF: //nolint:errorlint // of ReadFull itself
			last = true
		case err != nil:
			return fmt.Errorf("read from byte %d: %w", pos+int64(len(block)), err)
		}
		used, err := take(block, last)
		if err != nil {
			return err
		}
		pos += int64(used)
		block = block[:copy(block, block[used:])]
	}
	return nil
}
