package verify

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
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
	r := &reader{in: bufio.NewReaderSize(content, 1<<20), dialect: v.dialect}
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
		v.report.RowsIn++
		if len(v.tallies) > 0 {
			v.tallies[owner].add(v, r.width, rec)
		}
	}
	v.check(len(c.Chunks) > 0 || v.report.RowsIn == 0, "the input has %d records, the certificate has no chunk",
		v.report.RowsIn)
	v.check(r.pos == c.Length, "the input is %d bytes long, the certificate says %d", r.pos, c.Length)
	return nil
}

// body skips byte order mark and header, and checks which columns the header names and where the first record starts.
func (v *verification) body(r *reader) error {
	c := v.Certificate
	if bom, err := r.in.Peek(3); err == nil && string(bom) == "\xef\xbb\xbf" {
		if _, err := r.in.Discard(len(bom)); err != nil {
			return err
		}
		r.pos += int64(len(bom))
	}
	if v.dialect.Encoding == contract.CSV {
		columns, width, err := v.header(r)
		if err != nil {
			return err
		}
		v.check(slices.Equal(columns, c.Columns) && width == c.Width,
			"the columns are %v of %d, the certificate says %v of %d", columns, width, c.Columns, c.Width)
		v.columns, r.width = columns, width
	}
	v.check(r.pos == c.Body, "the first record starts at byte %d, the certificate says %d", r.pos, c.Body)
	return nil
}

// header reads the header of a CSV input, if it has one: the column of each field, nil where they stand in order, and
// the number of columns.
func (v *verification) header(r *reader) (columns []int, width int, err error) {
	width = len(v.schema.Fields)
	for v.dialect.Header {
		line, err := r.line()
		if decompress.Ended(err) {
			break
		}
		if err != nil {
			return nil, 0, fmt.Errorf("read the header: %w", err)
		}
		// Blank lines may precede it, unless a record may be blank.
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
		t.rejects.add(rejected(rec.start, rec.end, rec.bytes))
		return
	}
	t.out++
	t.rawOut.add(rec.bytes)
	t.rows.add(r.b)
}

// rejected is a text in which different records of an input never look the same.
func rejected(start, end int64, raw []byte) []byte {
	return append(fmt.Appendf(nil, "%d-%d:", start, end), raw...)
}
