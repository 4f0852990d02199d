// Package verify proves a certificate again from scratch: it reads the input with a plain sequential reader and the
// outputs with Apache Arrow, and shares no reading or writing code with what made them. What a value means is defined
// by package schema alone.
package verify

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"dip/contract"
	"dip/internal/decompress"
	"dip/tableschema"
)

// Lake reads objects.
type Lake interface {
	Get(ctx context.Context, key string) ([]byte, error)
	Head(ctx context.Context, o contract.Object) (contract.Object, error)
	Stream(ctx context.Context, o contract.Object, from int64) io.ReadCloser
	Bucket() string
}

// Options of a verification.
type Options struct {
	Lake        Lake
	Certificate contract.Certificate
	Progress    func(done, total int64) // bytes read of input and outputs; may be nil
}

// Report is what a verification found.
type Report struct {
	Load        string   `json:"load"`
	Verified    bool     `json:"verified"`
	RowsIn      int64    `json:"rowsIn"`      // records that the sequential reader saw
	RowsOut     int64    `json:"rowsOut"`     // rows that the Parquet files hold
	Quarantined int64    `json:"quarantined"` // records that the quarantine files hold
	Checks      int      `json:"checks"`      // comparisons made
	Problems    []string `json:"problems,omitempty"`
}

// tally is what one chunk's records add up to.
type tally struct {
	out, bad       int64
	in, badLines   int64 // lines of all records, and of those that do not fit
	rawOut, rawBad sum
	rows           sum // values of the records that fit
	places         sum // byte ranges and bytes of those that do not
}

type verification struct {
	Options
	report  Report
	schema  *tableschema.Schema
	dialect contract.Dialect
	done    int64
	total   int64
}

// maxProblems bounds a report; a certificate for other data would list every record.
const maxProblems = 50

func (v *verification) check(holds bool, format string, args ...any) {
	v.report.Checks++
	if !holds && len(v.report.Problems) < maxProblems {
		v.report.Problems = append(v.report.Problems, fmt.Sprintf(format, args...))
	}
}

// Certificate proves a certificate again. The report lists what does not agree; the error says what could not be read.
func Certificate(ctx context.Context, o Options) (Report, error) {
	v := &verification{Options: o, report: Report{Load: o.Certificate.Load}}
	v.total = o.Certificate.Input.Size + o.Certificate.Totals.BytesOut
	if err := v.definition(ctx); err != nil {
		return v.report, err
	}
	v.arithmetic()
	tallies, err := v.input(ctx)
	if err != nil {
		return v.report, err
	}
	for i, k := range o.Certificate.Chunks {
		if err := v.chunk(ctx, k, tallies[i]); err != nil {
			return v.report, fmt.Errorf("chunk %d: %w", k.Chunk, err)
		}
	}
	v.report.Verified = len(v.report.Problems) == 0
	return v.report, nil
}

// definition reads the schema and dialect that applied.
func (v *verification) definition(ctx context.Context) error {
	c := v.Certificate
	data, err := v.Lake.Get(ctx, c.Catalog)
	if err != nil {
		return fmt.Errorf("read the segment catalog: %w", err)
	}
	var catalog contract.Catalog
	if err := json.Unmarshal(data, &catalog); err != nil {
		return fmt.Errorf("segment catalog %s: %w", c.Catalog, err)
	}
	key, _, err := catalog.Encode()
	if err != nil {
		return err
	}
	v.check(key == c.Catalog, "the catalog %s has the content of %s", c.Catalog, key)
	segment, err := catalog.Segment(c.Segment)
	if err != nil {
		return err
	}
	v.dialect = segment.Dialect
	v.schema, err = tableschema.Parse(segment.Schema)
	return err
}

// arithmetic checks what the certificate says of itself: identity, chain and totals.
func (v *verification) arithmetic() {
	c := v.Certificate
	v.check(c.Load == contract.LoadID(c.Input), "the load id %s is not that of the input", c.Load)
	v.check(c.Chain.Closed && c.Chain.Position == c.Length, "the certificate's chain is not closed")
	pos, t := c.Body, contract.Totals{}
	for i, k := range c.Chunks {
		v.check(k.Chunk == i, "chunk %d stands at place %d", k.Chunk, i)
		if k.CutEnd >= 0 && pos >= k.CutEnd {
			v.check(k.RowsIn == 0, "chunk %d owns no record but has %d", i, k.RowsIn)
		} else {
			v.check(k.Start == pos, "chunk %d starts at byte %d, the one before it ends at %d", i, k.Start, pos)
			pos = k.End
		}
		v.check(k.RowsIn == k.RowsOut+k.Quarantined, "chunk %d: %d rows in, %d out, %d quarantined", i, k.RowsIn, k.RowsOut, k.Quarantined)
		t.RowsIn += k.RowsIn
		t.RowsOut += k.RowsOut
		t.Quarantined += k.Quarantined
		t.LinesIn += k.LinesIn
		t.LinesBad += k.LinesBad
	}
	v.check(pos == c.Length, "the chunks cover %d of %d bytes", pos, c.Length)
	v.check(t.RowsIn == c.Totals.RowsIn && t.RowsOut == c.Totals.RowsOut && t.Quarantined == c.Totals.Quarantined,
		"the totals are not the sum of the chunks")
	v.check(t.LinesIn == c.Totals.LinesIn && t.LinesBad == c.Totals.LinesBad, "the totals of lines are not the sum of the chunks'")
}

// input reads the whole input and adds each record to the chunk that it starts in.
func (v *verification) input(ctx context.Context) ([]tally, error) {
	c := v.Certificate
	tallies := make([]tally, len(c.Chunks))
	stored := v.Lake.Stream(ctx, c.Input, 0)
	defer stored.Close()
	content, err := decompress.Decompress(&counted{stored, v}, c.Compression)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	r := &reader{in: bufio.NewReaderSize(content, 1<<20), dialect: v.dialect, width: c.Width}
	if err := v.body(r); err != nil {
		return nil, err
	}
	owner := 0
	for {
		rec, err := r.next()
		if decompress.Ended(err) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read the input at byte %d: %w", r.pos, err)
		}
		for owner < len(c.Chunks)-1 && rec.start >= c.Chunks[owner].CutEnd {
			owner++
		}
		if owner >= len(tallies) {
			v.check(false, "the record at byte %d belongs to no chunk", rec.start)
			break
		}
		v.report.RowsIn++
		tallies[owner].add(v, rec)
	}
	v.check(r.pos == c.Length, "the input is %d bytes long, the certificate says %d", r.pos, c.Length)
	return tallies, nil
}

// unlined says that the certificate is of a time when lines were not counted.
func (v *verification) unlined() bool {
	return v.Certificate.Totals.LinesIn == 0 && v.Certificate.Totals.RowsIn > 0
}

// body skips byte order mark and header, and checks where the first record starts.
func (v *verification) body(r *reader) error {
	c := v.Certificate
	if bom, err := r.in.Peek(3); err == nil && string(bom) == "\xef\xbb\xbf" {
		if _, err := r.in.Discard(len(bom)); err != nil {
			return err
		}
		r.pos += int64(len(bom))
	}
	if v.dialect.Encoding == contract.CSV && v.dialect.Header {
		for {
			header, err := r.line()
			if err != nil && !decompress.Ended(err) {
				return fmt.Errorf("read the header: %w", err)
			}
			// Blank lines may stand before it, unless a record may look like one.
			if err != nil || len(header.bytes) > 0 || len(v.schema.Fields) == 1 {
				break
			}
		}
	}
	v.check(r.pos == c.Body, "the first record starts at byte %d, the certificate says %d", r.pos, c.Body)
	return nil
}

func (t *tally) add(v *verification, rec raw) {
	c := v.Certificate
	r, err := values(v.schema, v.dialect, c.Columns, c.Width, rec)
	t.in += lines(rec.bytes, err != nil)
	if err != nil {
		t.badLines += lines(rec.bytes, true)
		t.bad++
		t.rawBad.add(rec.bytes)
		t.places.add(fmt.Appendf(nil, "%d-%d", rec.start, rec.end))
		return
	}
	t.out++
	t.rawOut.add(rec.bytes)
	t.rows.add(r.b)
}

// chunk compares a chunk's outputs with what its records add up to.
func (v *verification) chunk(ctx context.Context, k contract.ChunkProof, t tally) error {
	v.check(k.RowsOut == t.out, "chunk %d: %d rows out, the input has %d that fit the schema", k.Chunk, k.RowsOut, t.out)
	v.check(k.Quarantined == t.bad, "chunk %d: %d records quarantined, the input has %d that do not fit", k.Chunk, k.Quarantined, t.bad)
	if !v.unlined() {
		v.check(k.LinesIn == t.in && k.LinesBad == t.badLines, "chunk %d: %d lines, %d of them quarantined; the input has %d and %d",
			k.Chunk, k.LinesIn, k.LinesBad, t.in, t.badLines)
	}
	v.check(k.HashOut == t.rawOut.String(), "chunk %d: the hash of its records is not that of the input's", k.Chunk)
	v.check(k.HashBad == t.rawBad.String(), "chunk %d: the hash of its quarantined records is not that of the input's", k.Chunk)
	var stored sum
	rows := int64(0)
	for _, o := range k.Outputs {
		n, s, err := v.output(ctx, o)
		if err != nil {
			return fmt.Errorf("%s: %w", o.Key, err)
		}
		v.check(n == o.Rows, "%s holds %d rows, the certificate says %d", o.Key, n, o.Rows)
		rows += n
		stored.plus(s)
	}
	v.report.RowsOut += rows
	v.check(rows == t.out && stored == t.rows, "chunk %d: the values in its %d Parquet files are not those of the input (%d rows of %d)",
		k.Chunk, len(k.Outputs), rows, t.out)
	return v.quarantine(ctx, k, t)
}

// output reads one Parquet file.
func (v *verification) output(ctx context.Context, o contract.Output) (rows int64, total sum, err error) {
	f, err := os.CreateTemp("", "dip-verify-*")
	if err != nil {
		return 0, total, err
	}
	defer func() { err = firstOf(err, f.Close()) }()
	if err := os.Remove(f.Name()); err != nil {
		return 0, total, err
	}
	hash := sha256.New()
	size, err := v.copy(ctx, io.MultiWriter(f, hash), o.Key)
	if err != nil {
		return 0, total, err
	}
	v.check(size == o.Bytes, "%s has %d bytes, the certificate says %d", o.Key, size, o.Bytes)
	v.check(hex.EncodeToString(hash.Sum(nil)) == o.SHA256, "%s has not the SHA-256 of the certificate", o.Key)
	return parquetRows(ctx, io.NewSectionReader(f, 0, size))
}

func (v *verification) copy(ctx context.Context, to io.Writer, key string) (int64, error) {
	object, err := v.Lake.Head(ctx, contract.Object{Bucket: v.Lake.Bucket(), Key: key})
	if err != nil {
		return 0, err
	}
	stream := v.Lake.Stream(ctx, object, 0)
	defer stream.Close()
	return io.Copy(to, &counted{stream, v})
}

// quarantine reads a chunk's rejected records.
func (v *verification) quarantine(ctx context.Context, k contract.ChunkProof, t tally) error {
	var places, raws sum
	n := int64(0)
	if k.Quarantine != nil {
		var lines strings.Builder
		if _, err := v.copy(ctx, &lines, k.Quarantine.Key); err != nil {
			return fmt.Errorf("%s: %w", k.Quarantine.Key, err)
		}
		for line := range strings.Lines(lines.String()) {
			var rejected contract.Rejected
			if err := json.Unmarshal([]byte(line), &rejected); err != nil {
				return fmt.Errorf("%s: record %d: %w", k.Quarantine.Key, n, err)
			}
			raw := rejected.Bytes()
			raw = trimLineEnd(raw)
			raws.add(raw)
			places.add(fmt.Appendf(nil, "%d-%d", rejected.Start, rejected.End))
			n++
		}
	}
	v.report.Quarantined += n
	v.check(n == t.bad && places == t.places && raws == t.rawBad,
		"chunk %d: the quarantined records are not those of the input that do not fit (%d of %d)", k.Chunk, n, t.bad)
	return nil
}

func trimLineEnd(raw []byte) []byte {
	if n := len(raw); n > 0 && raw[n-1] == '\n' {
		raw = raw[:n-1]
	}
	if n := len(raw); n > 0 && raw[n-1] == '\r' {
		raw = raw[:n-1]
	}
	return raw
}

// counted reports progress.
type counted struct {
	io.Reader
	v *verification
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.v.done += int64(n)
	if c.v.Progress != nil {
		c.v.Progress(c.v.done, c.v.total)
	}
	return n, err
}
