package parquet

import (
	"fmt"

	"dip/internal/record"
)

// run is a range of one column's rows with the values that belong to them.
type run struct {
	present []byte
	nulls   int
	ints    []int64
	floats  []float64
	bools   []bool
	start   uint32   // offset in bytes of the first value
	ends    []uint32 // offsets in bytes
	bytes   []byte
}

func (r *run) values() int { return len(r.present) - r.nulls }

// split cuts a run before dense value n, and the nulls that stand before that value stay in the first part.
func (r *run) split(n int) (head, tail run) {
	row := rowOfValue(r.present, n)
	c := cursor{col: r.column(), offset: r.start}
	return c.take(row), c.take(len(r.present) - row)
}

func (r *run) column() *record.Column {
	return &record.Column{Present: r.present, Nulls: r.nulls, Ints: r.ints, Floats: r.floats, Bools: r.bools, Ends: r.ends,
		Bytes: r.bytes}
}

// cursor walks over a column in runs.
type cursor struct {
	col    *record.Column
	row    int
	value  int    // dense values before row
	offset uint32 // in Bytes, of value
}

// nullsIn counts the nulls of the next rows.
func (c *cursor) nullsIn(rows int) int {
	if c.col.Nulls == 0 {
		return 0
	}
	return countNulls(c.col.Present[c.row : c.row+rows])
}

// textBytes is the length of the text in the next rows.
func (c *cursor) textBytes(rows int) int {
	if len(c.col.Ends) == 0 {
		return 0
	}
	n := c.value + rows - c.nullsIn(rows)
	if n == 0 {
		return 0
	}
	return int(c.col.Ends[n-1] - c.offset)
}

// take returns the next rows and moves past them.
func (c *cursor) take(rows int) run {
	r := run{present: c.col.Present[c.row : c.row+rows], nulls: c.nullsIn(rows)}
	first, end := c.value, c.value+rows-r.nulls
	switch {
	case len(c.col.Ints) > 0:
		r.ints = c.col.Ints[first:end]
	case len(c.col.Floats) > 0:
		r.floats = c.col.Floats[first:end]
	case len(c.col.Bools) > 0:
		r.bools = c.col.Bools[first:end]
	case len(c.col.Ends) > 0:
		r.start, r.ends, r.bytes = c.offset, c.col.Ends[first:end], c.col.Bytes
		if end > first {
			c.offset = c.col.Ends[end-1]
		}
	}
	c.row += rows
	c.value = end
	return r
}

// checkBatch finds a batch that does not have the columns of types or whose slices do not fit each other.
func checkBatch(types []record.Type, b *record.Batch) error {
	if len(b.Columns) != len(types) {
		return fmt.Errorf("batch has %d columns, want %d", len(b.Columns), len(types))
	}
	for i := range b.Columns {
		c := &b.Columns[i]
		if c.Type != types[i] {
			return fmt.Errorf("batch column %d is %s %s, want %s %s", i, c.Name, c.Kind, types[i].Name, types[i].Kind)
		}
		values := len(c.Ints)
		switch c.Kind {
		case record.Bool:
			values = len(c.Bools)
		case record.Float64:
			values = len(c.Floats)
		case record.String, record.JSON:
			values = len(c.Ends)
		}
		if len(c.Present) != b.Rows || values != b.Rows-c.Nulls {
			return fmt.Errorf("batch column %s has %d rows with %d values and %d nulls, want %d rows",
				c.Name, len(c.Present), values, c.Nulls, b.Rows)
		}
	}
	return nil
}
