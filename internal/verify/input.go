package verify

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"dip/contract"
	"dip/internal/decompress"
	"dip/internal/fault"
	"dip/tableschema"
)

// definition reads the schema and dialect that applied.
func (v *verification) definition(ctx context.Context) error {
	c := v.Certificate
	data, err := v.Lake.Get(ctx, c.Catalog)
	if err != nil {
		return fmt.Errorf("read the segment catalog: %w", err)
	}
	v.check(contract.CatalogKey(data) == c.Catalog, "the catalog %s has the content of %s", c.Catalog,
		contract.CatalogKey(data))
	var catalog contract.Catalog
	if err := json.Unmarshal(data, &catalog); err != nil {
		return fault.Permanent(fmt.Errorf("segment catalog %s: %w", c.Catalog, err))
	}
	if v.segment, err = catalog.Segment(c.Segment); err != nil {
		return fault.Permanent(fmt.Errorf("segment catalog %s: %w", c.Catalog, err))
	}
	v.dialect = v.segment.Dialect
	if v.schema, err = tableschema.Parse(v.segment.Schema); err != nil {
		return fault.Permanent(fmt.Errorf("segment catalog %s: %w", c.Catalog, err))
	}
	return nil
}

// input reads the whole input and adds each record to the chunk that it starts in.
func (v *verification) input(ctx context.Context) error {
	c := v.Certificate
	v.tallies = make([]tally, len(c.Chunks))
	object, err := v.Lake.Head(ctx, c.Input)
	if err != nil {
		return fmt.Errorf("head the input: %w", err)
	}
	v.check(object.Size == c.Input.Size, "the input has %d bytes, the certificate says %d", object.Size, c.Input.Size)
	v.check(object.ETag == c.Input.ETag, "the input has the ETag %q, the certificate says %q", object.ETag, c.Input.ETag)
	stored := v.Lake.Stream(ctx, object, 0)
	defer stored.Close()
	if v.dialect.Encoding == contract.NDJSON {
		v.check(c.Columns == nil && c.Width == 0, "NDJSON has no columns, the certificate says %v of %d", c.Columns, c.Width)
	}
	front := bufio.NewReader(&counted{stored, v})
	magic, err := front.Peek(decompress.MagicSize)
	if err != nil && !decompress.Ended(err) {
		return fmt.Errorf("read the input: %w", err)
	}
	found := decompress.Detect(magic)
	v.check(found == c.Compression, "the input's compression is %s, the certificate says %s", found, c.Compression)
	content, err := decompress.Decompress(front, found)
	if err != nil {
		return fmt.Errorf("read the input: %w", err)
	}
	defer content.Close()
	records := &tail{Reader: io.LimitReader(content, c.Length-c.Footer.Bytes)}
	r := newReader(records, v.dialect, 1<<20)
	if err := v.body(r); err != nil {
		return err
	}
	owner := 0
	for {
		rec, err := r.next()
		if decompress.Ended(err) {
			break
		}
		if err != nil {
			return fmt.Errorf("read the input at byte %d: %w", r.pos, err)
		}
		for owner < len(c.Chunks)-1 && rec.start >= c.Chunks[owner].CutEnd {
			owner++
		}
		if rec.comment {
			if len(v.tallies) > 0 {
				v.tallies[owner].skipped = v.tallies[owner].skipped.Plus(contract.Skipped{Lines: 1, Bytes: rec.end - rec.start})
			}
			continue
		}
		v.report.RowsIn++
		if len(v.tallies) > 0 {
			v.tallies[owner].add(v, r.width, rec)
		}
	}
	v.check(len(c.Chunks) > 0 || v.report.RowsIn == 0, "the input has %d records, the certificate has no chunk",
		v.report.RowsIn)
	return v.footer(content, r.pos, records)
}

// tail remembers the last bytes that were read.
type tail struct {
	io.Reader
	last []byte
}

func (t *tail) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	t.last = append(t.last, p[max(0, n-2):n]...)
	t.last = t.last[max(0, len(t.last)-2):]
	return n, err
}

// footer reads what follows the records, up to the end of the input: it begins after a line feed, and has as many lines
// as the dialect says.
func (v *verification) footer(content io.Reader, pos int64, records *tail) error {
	c := v.Certificate
	v.check(c.Footer.Lines == int64(v.dialect.FooterLines), "the footer has %d lines, the certificate says %d",
		v.dialect.FooterLines, c.Footer.Lines)
	v.check(c.Footer.Lines == 0 || pos == c.Body || bytes.HasSuffix(records.last, []byte(feedOf(v.dialect.Charset))),
		"the footer at byte %d does not begin a line", pos)
	dialect := contract.Dialect{Encoding: contract.NDJSON, Charset: v.dialect.Charset}
	r := newReader(content, dialect, 1<<20)
	lines := int64(0)
	for ; ; lines++ {
		_, err := r.line()
		if decompress.Ended(err) {
			break
		}
		if err != nil {
			return fmt.Errorf("read the footer at byte %d: %w", pos+r.pos, err)
		}
	}
	v.check(lines == c.Footer.Lines && r.pos == c.Footer.Bytes,
		"the footer has %d lines and %d bytes, the certificate says %d and %d", lines, r.pos, c.Footer.Lines, c.Footer.Bytes)
	v.check(pos+r.pos == c.Length, "the input is %d bytes long, the certificate says %d", pos+r.pos, c.Length)
	return nil
}

// body skips byte order mark, skipped lines and header, and checks which columns the header names and where the first
// record starts.
func (v *verification) body(r *reader) error {
	c := v.Certificate
	if err := v.mark(r); err != nil {
		return err
	}
	front := contract.Skipped{}
	skip := func(rec raw) { front = front.Plus(contract.Skipped{Lines: 1, Bytes: rec.end - rec.start}) }
	for range v.dialect.SkipLines {
		line, err := r.plain(raw{start: r.pos})
		if err != nil && !decompress.Ended(err) {
			return fmt.Errorf("read the first lines: %w", err)
		}
		v.check(err == nil, "the input has fewer than %d lines, which are to be skipped", v.dialect.SkipLines)
		skip(line)
	}
	if v.dialect.Encoding == contract.CSV {
		columns, width, err := v.header(r, skip)
		if err != nil {
			return err
		}
		v.check(slices.Equal(columns, c.Columns) && width == c.Width,
			"the columns are %v of %d, the certificate says %v of %d", columns, width, c.Columns, c.Width)
		v.columns, r.width = columns, width
	}
	v.check(front == c.Front, "%d lines and %d bytes are skipped before the header, the certificate says %d and %d",
		front.Lines, front.Bytes, c.Front.Lines, c.Front.Bytes)
	v.check(r.pos == c.Body, "the first record starts at byte %d, the certificate says %d", r.pos, c.Body)
	return nil
}

// mark skips a byte order mark.
func (v *verification) mark(r *reader) error {
	bom := map[contract.Charset]string{"": "\xef\xbb\xbf", contract.UTF16LE: "\xff\xfe", contract.UTF16BE: "\xfe\xff"}
	if mark := bom[v.dialect.Charset]; mark == "" || !r.in.starts(mark) {
		return nil
	}
	for range len("\ufeff") {
		if _, err := r.byte(); err != nil {
			return err
		}
	}
	return nil
}

// header reads the header of a CSV input, if it has one: the column of each field, nil where they stand in order, and
// the number of columns.
func (v *verification) header(r *reader, skip func(raw)) (columns []int, width int, err error) {
	width = len(v.schema.Fields)
	for v.dialect.Header {
		line, err := r.line()
		if decompress.Ended(err) {
			break
		}
		if err != nil {
			return nil, 0, fmt.Errorf("read the header: %w", err)
		}
		// Comments may precede it, and blank lines unless a record may be blank.
		if line.comment {
			skip(line)
			continue
		}
		if len(line.bytes) == 0 && len(v.schema.Fields) > 1 {
			continue
		}
		var names []string
		for _, name := range line.fields {
			names = append(names, string(name))
		}
		if columns, err = tableschema.MatchHeader(v.schema, names); err != nil {
			return nil, 0, fault.Permanent(fmt.Errorf("match the header: %w", err))
		}
		return columns, len(names), nil
	}
	return nil, width, nil
}

func (t *tally) add(v *verification, width int, rec raw) {
	r, err := values(v.schema, v.dialect, v.columns, width, rec)
	t.in += lines(rec.bytes, err != nil)
	if err != nil {
		t.badLines += lines(rec.bytes, true)
		t.bad++
		t.rawBad.add(rec.bytes)
		t.rejects.add(rejected(rec.start, rec.end, rec.sequence, rec.original()))
		return
	}
	t.out++
	t.rawOut.add(rec.bytes)
	t.rows.add(r.b)
}

// original is the record's bytes in the input, without the line end where it is UTF-8.
func (r raw) original() []byte {
	if len(r.input) > 0 {
		return r.input
	}
	return r.bytes
}

// rejected is a text in which different records of an input never look the same.
func rejected(start, end int64, sequence string, raw []byte) []byte {
	return append(fmt.Appendf(nil, "%d-%d-%s:", start, end, sequence), raw...)
}
