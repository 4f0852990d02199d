package parquet

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"dip/internal/record"
)

// A Partitioner checks its memory after this many rows or bytes of text.
const (
	routeRows  = 1 << 16
	routeBytes = 8 << 20
)

// Output is a finished file of a Partitioner.
type Output struct {
	Path string // Hive path element, name=value; empty without a partition
	Stats
}

// PartitionLimitError says that the rows have more partition values than outputs are allowed.
type PartitionLimitError struct {
	Field string
	Limit int
}

func (e *PartitionLimitError) Error() string {
	return fmt.Sprintf("partition by %s: more than %d different values in a chunk; choose a field with fewer or a longer "+
		"period, or raise segments.<name>.maxPartitions, and land the file again", e.Field, e.Limit)
}

// PartitionValueError says that a partition value is too long for an object key.
type PartitionValueError struct {
	Field  string
	Length int // bytes of the path element
}

func (e *PartitionValueError) Error() string {
	return fmt.Sprintf("partition by %s: a value makes a path element of %d bytes, want at most %d", e.Field, e.Length,
		maxPathBytes)
}

// Partitioner writes each row to the file of its partition. The partition field stays a column of the files.
// As with Writer, the same rows give the same files, however they are cut into batches.
type Partitioner struct {
	types   []record.Type
	opts    Options
	codec   *codec
	router  *router // nil: everything goes to one output
	open    func(path string) (io.Writer, error)
	paths   []string
	writers []*Writer
	stripe  stripe
	gather  Gatherer
	picked  *record.Batch
	routes  []int32   // output of each row of a stripe
	rows    [][]int32 // of each output, in a stripe
	err     error
}

// NewPartitioner divides rows by spec, or writes them to one output with an empty path if spec is nil. open is called
// at the first row of each partition, and what it returns is written to until Close, never closed.
func NewPartitioner(
	types []record.Type, spec *Partition, opts Options, open func(path string) (io.Writer, error)) (*Partitioner, error,
) {
	opts = opts.withDefaults()
	if err := errors.Join(opts.validate(), checkTypes(types)); err != nil {
		return nil, err
	}
	c, err := opts.Codecs.get(opts.Level)
	if err != nil {
		return nil, err
	}
	p := &Partitioner{types: types, opts: opts, codec: c, open: open, stripe: newStripe(routeRows, routeBytes),
		picked: record.NewBatch(types)}
	if spec != nil {
		if p.router, err = newRouter(*spec, types, p.output); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// output returns the number of the output with this path, and opens it if there is none.
func (p *Partitioner) output(path string) (int32, error) {
	if i := slices.Index(p.paths, path); i >= 0 {
		return int32(i), nil
	}
	if len(p.paths) == p.opts.MaxPartitions {
		return 0, &PartitionLimitError{Field: p.router.spec.Field, Limit: p.opts.MaxPartitions}
	}
	if len(path) > maxPathBytes {
		return 0, &PartitionValueError{Field: p.router.spec.Field, Length: len(path)}
	}
	out, err := p.open(path)
	if err != nil {
		return 0, fmt.Errorf("open output for partition %q: %w", path, err)
	}
	w, err := newWriter(out, p.types, p.opts, p.codec)
	if err != nil {
		return 0, fmt.Errorf("begin output of partition %q: %w", path, err)
	}
	p.paths = append(p.paths, path)
	p.writers = append(p.writers, w)
	p.rows = append(p.rows, nil)
	return int32(len(p.paths) - 1), nil
}

// Write divides a batch, of which nothing is kept. A PartitionLimitError or PartitionValueError is permanent.
func (p *Partitioner) Write(b *record.Batch) error {
	if p.err != nil {
		return p.err
	}
	if p.err = checkBatch(p.types, b); p.err != nil {
		p.err = fmt.Errorf("partition batch: %w", p.err)
		return p.err
	}
	from := newCursors(b)
	p.gather.src = nil
	for row := 0; row < b.Rows && p.err == nil; {
		n, ends := p.stripe.next(from, b.Rows-row)
		p.err = p.writeRows(b, from, row, n)
		row += n
		if ends && p.err == nil {
			p.err = p.shrink()
		}
	}
	return p.err
}

// writeRows writes the next n rows of the batch and moves the cursors past them.
func (p *Partitioner) writeRows(b *record.Batch, from []cursor, row, n int) error {
	if p.router == nil {
		o, err := p.output("")
		if err != nil {
			return err
		}
		return p.to(o, from, n)
	}
	field := from[p.router.column]
	r := field.take(n)
	var err error
	if p.routes, err = p.router.route(p.routes[:0], &r); err != nil {
		return err
	}
	if first := p.routes[0]; !slices.ContainsFunc(p.routes, func(o int32) bool { return o != first }) {
		return p.to(first, from, n)
	}
	if p.gather.src == nil {
		p.gather.Load(b)
	}
	for i, o := range p.routes {
		p.rows[o] = append(p.rows[o], int32(row+i))
	}
	for o, rows := range p.rows {
		if len(rows) == 0 {
			continue
		}
		p.picked.Reset()
		p.gather.Append(p.picked, rows)
		p.rows[o] = rows[:0]
		if err := p.to(int32(o), newCursors(p.picked), len(rows)); err != nil {
			return err
		}
	}
	for i := range from {
		from[i].take(n)
	}
	return nil
}

func (p *Partitioner) to(output int32, from []cursor, rows int) error {
	if err := p.writers[output].write(from, rows); err != nil {
		return fmt.Errorf("write partition %q: %w", p.paths[output], err)
	}
	return nil
}

// shrink writes the largest row groups until the outputs together hold no more than they may.
func (p *Partitioner) shrink() error {
	held := p.Buffered()
	for held > p.opts.BufferBytes {
		largest, size := 0, 0
		for i, w := range p.writers {
			if n := w.Buffered(); w.rows > 0 && n > size {
				largest, size = i, n
			}
		}
		if size == 0 {
			return nil
		}
		w := p.writers[largest]
		if err := w.flush(); err != nil {
			return fmt.Errorf("write partition %q: %w", p.paths[largest], err)
		}
		held -= size - w.Buffered()
	}
	return nil
}

// Buffered is the number of bytes that the outputs hold in memory together.
func (p *Partitioner) Buffered() int {
	n := 0
	for _, w := range p.writers {
		n += w.Buffered()
	}
	return n
}

// Close finishes the files and returns them in the order of their paths: none if there were no rows.
func (p *Partitioner) Close() ([]Output, error) {
	if p.err != nil {
		return nil, p.err
	}
	p.err = errors.New("the partitioner is closed")
	outputs := make([]Output, len(p.writers))
	for i, w := range p.writers {
		stats, err := w.Close()
		if err != nil {
			p.err = fmt.Errorf("finish partition %q: %w", p.paths[i], err)
			return nil, p.err
		}
		outputs[i] = Output{Path: p.paths[i], Stats: stats}
	}
	p.opts.Codecs.put(p.codec) // all writers are closed
	slices.SortFunc(outputs, func(a, b Output) int { return strings.Compare(a.Path, b.Path) })
	return outputs, nil
}
