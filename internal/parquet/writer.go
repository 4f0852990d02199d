// Package parquet writes record batches as Parquet files: zstd, dictionaries, statistics and page checksums.
//
// The same rows give the same bytes, however they are cut into batches, for the same build and options: pages, row
// groups and encodings are decided at rows and values, never at the borders of batches.
package parquet

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"dip/internal/record"
)

const (
	pageRows     = 1 << 16 // rows from which a page is written
	maxPageBytes = 1 << 20
	minPageBytes = 64 << 10
	// A stripe is the run of rows after which limits are checked: this many rows, or fewer with this much text, in bytes.
	stripeRows  = 4096
	stripeBytes = 1 << 20
)

// Options sets the shape of files. The zero value of each field stands for its default.
type Options struct {
	RowGroupBytes int    // compressed bytes after which a row group is written; default 32 MiB
	RowGroupRows  int    // rows of a row group at most; default 1,048,576
	Level         int    // zstd level as of the reference implementation, mapped to the nearest of this one; default 3
	CreatedBy     string // the footer's created_by, "<application> version <version>"; default "dip version 1"

	MaxPartitions int // outputs of a Partitioner at most; default 64
	BufferBytes   int // bytes that a Partitioner's outputs hold in memory together at most; default 128 MiB

	Codecs *Codecs // encoders that a Partitioner takes and leaves to others; nil: its own
}

func (o Options) withDefaults() Options {
	for _, f := range []struct {
		field *int
		value int
	}{
		{&o.RowGroupBytes, 32 << 20}, {&o.RowGroupRows, 1 << 20}, {&o.Level, 3},
		{&o.MaxPartitions, 64}, {&o.BufferBytes, 128 << 20},
	} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	if o.CreatedBy == "" {
		o.CreatedBy = "dip version 1"
	}
	return o
}

func (o Options) validate() error {
	var errs []error
	for _, f := range []struct {
		name  string
		value int
	}{
		{"RowGroupBytes", o.RowGroupBytes}, {"RowGroupRows", o.RowGroupRows}, {"Level", o.Level},
		{"MaxPartitions", o.MaxPartitions}, {"BufferBytes", o.BufferBytes},
	} {
		if f.value < 1 {
			errs = append(errs, fmt.Errorf("columnar option %s is %d, want at least 1", f.name, f.value))
		}
	}
	return errors.Join(errs...)
}

// Stats describes a finished file.
type Stats struct {
	Rows      int64
	Bytes     int64
	RowGroups int
	SHA256    [sha256.Size]byte // of the file's bytes
}

// Writer encodes batches into one Parquet file. It holds the compressed pages and the dictionaries of one row group
// and, per column, one page that is being filled. After an error it stays failed.
type Writer struct {
	types  []record.Type
	opts   Options
	codec  *codec
	out    io.Writer
	sum    hash.Hash
	chunks []*chunk
	groups thriftWriter // encoded row groups of the footer
	stats  Stats
	rows   int // of the open row group
	stripe stripe
	err    error
}

// NewWriter begins a file of columns with these types, all of them optional. It does not close out.
func NewWriter(out io.Writer, types []record.Type, opts Options) (*Writer, error) {
	opts = opts.withDefaults()
	if err := errors.Join(opts.validate(), checkTypes(types)); err != nil {
		return nil, err
	}
	c, err := newCodec(opts.Level)
	if err != nil {
		return nil, err
	}
	return newWriter(out, types, opts, c)
}

func newWriter(out io.Writer, types []record.Type, opts Options, c *codec) (*Writer, error) {
	w := &Writer{types: types, opts: opts, codec: c, out: out, sum: sha256.New(),
		stripe: newStripe(stripeRows, stripeBytes)}
	// Pages are smaller in wide tables, so that those that are being filled take no more than a row group.
	pageBytes := min(max(opts.RowGroupBytes/len(types), minPageBytes), maxPageBytes)
	for _, t := range types {
		w.chunks = append(w.chunks, newChunk(t, pageBytes))
	}
	return w, w.emit([]byte(magic))
}

// checkTypes joins the reasons why a list of columns cannot be written.
func checkTypes(types []record.Type) error {
	if len(types) == 0 {
		return errors.New("a Parquet file needs at least one column")
	}
	var errs []error
	seen := map[string]bool{}
	for i, t := range types {
		switch {
		case t.Name == "":
			errs = append(errs, fmt.Errorf("column %d has no name", i))
		case seen[t.Name]:
			errs = append(errs, fmt.Errorf("column name %q appears twice", t.Name))
		}
		seen[t.Name] = true
		if t.Kind > record.Timestamp {
			errs = append(errs, fmt.Errorf("column %q has unknown %s", t.Name, t.Kind))
		}
		if t.Kind == record.Decimal && (t.Precision < 1 || t.Precision > 18 || t.Scale < 0 || t.Scale > t.Precision) {
			errs = append(errs, fmt.Errorf("column %q is decimal(%d,%d), want a precision of 1 to 18 and a scale of 0 to "+
				"the precision",
				t.Name, t.Precision, t.Scale))
		}
	}
	return errors.Join(errs...)
}

// Write appends a batch, of which nothing is kept.
func (w *Writer) Write(b *record.Batch) error {
	if w.err != nil {
		return w.err
	}
	if err := checkBatch(w.types, b); err != nil {
		w.err = fmt.Errorf("write batch: %w", err)
		return w.err
	}
	return w.write(newCursors(b), b.Rows)
}

// write appends the next rows of the cursors.
func (w *Writer) write(from []cursor, rows int) error {
	for rows > 0 && w.err == nil {
		n, ends := w.stripe.next(from, min(rows, w.opts.RowGroupRows-w.rows))
		for i := range from {
			if err := w.chunks[i].add(w.codec, from[i].take(n)); err != nil {
				w.err = err
				return w.err
			}
		}
		rows -= n
		w.rows += n
		if w.rows == w.opts.RowGroupRows {
			w.err = w.flush()
		} else if ends {
			w.err = w.endStripe()
		}
	}
	return w.err
}

func (w *Writer) endStripe() error {
	for _, k := range w.chunks {
		if err := k.endStripe(w.codec); err != nil {
			return err
		}
	}
	// The second limit is for tables of many columns, whose dictionaries and open pages outweigh the finished pages.
	if ready, held := w.size(); ready >= w.opts.RowGroupBytes || held > 2*w.opts.RowGroupBytes {
		return w.flush()
	}
	return nil
}

func (w *Writer) size() (ready, held int) {
	for _, k := range w.chunks {
		r, h := k.size()
		ready += r
		held += h
	}
	return ready, held
}

// Buffered is the number of bytes held for the open row group: at most twice Options.RowGroupBytes, and what 4,096
// rows, or the rows of 1 MiB of text and the last of them whole, add to that. It depends on the rows alone.
func (w *Writer) Buffered() int {
	_, held := w.size()
	return held
}

// Close writes the rest and the footer. A file without rows is valid.
func (w *Writer) Close() (Stats, error) {
	if w.err == nil {
		w.err = w.flush()
	}
	if w.err == nil {
		w.err = w.emit(w.footer())
	}
	if w.err != nil {
		return Stats{}, w.err
	}
	w.sum.Sum(w.stats.SHA256[:0])
	w.err = errors.New("the Parquet file is closed")
	return w.stats, nil
}

func (w *Writer) emit(p []byte) error {
	if _, err := w.out.Write(p); err != nil {
		return fmt.Errorf("write Parquet bytes at offset %d: %w", w.stats.Bytes, err)
	}
	w.sum.Write(p) // a hash never fails
	w.stats.Bytes += int64(len(p))
	return nil
}
