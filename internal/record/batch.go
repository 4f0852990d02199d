// Package record turns the bytes of delimited and JSON-lines inputs into typed column batches.
//
// A Batch is the interface between parsing and encoding: parsers append records to it, encoders read it,
// and neither knows the other.
package record

import "fmt"

// Kind is the physical type of a column's values.
type Kind uint8

// The kinds, with the field of Column that holds their values.
const (
	Bool      Kind = iota // Bools
	Int64                 // Ints
	Float64               // Floats
	Decimal               // Ints: unscaled value, at most 18 digits; Scale digits follow the point
	String                // Bytes/Ends: valid UTF-8
	JSON                  // Bytes/Ends: one JSON value as it stood in the input
	Date                  // Ints: days since 1970-01-01
	Time                  // Ints: microseconds since midnight
	Timestamp             // Ints: microseconds since 1970-01-01T00:00:00 (UTC when Type.UTC)
)

var kindNames = [...]string{"bool", "int64", "float64", "decimal", "string", "json", "date", "time", "timestamp"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Type is a column's name and value type.
type Type struct {
	Name             string
	Kind             Kind
	Precision, Scale int  // Decimal only: total digits (1 to 18) and digits after the point
	UTC              bool // Timestamp only: the value is an instant, not a local time
}

// Column holds one column of a batch. Values are dense: a null takes a byte in Present and nothing elsewhere.
type Column struct {
	Type
	Present []byte // one byte a row: 1 value, 0 null
	Nulls   int    // zeros in Present
	Ints    []int64
	Floats  []float64
	Bools   []bool
	Ends    []uint32 // end offset in Bytes of each value; a value starts where the one before it ends
	Bytes   []byte
}

// Batch is a run of complete records in column form.
type Batch struct {
	Columns []Column
	Rows    int
}

// NewBatch makes an empty batch.
func NewBatch(types []Type) *Batch {
	b := &Batch{Columns: make([]Column, len(types))}
	for i, t := range types {
		b.Columns[i].Type = t
	}
	return b
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	b.Rows = 0
	for i := range b.Columns {
		c := &b.Columns[i]
		c.Present, c.Nulls = c.Present[:0], 0
		c.Ints, c.Floats, c.Bools = c.Ints[:0], c.Floats[:0], c.Bools[:0]
		c.Ends, c.Bytes = c.Ends[:0], c.Bytes[:0]
	}
}

// Size is the number of bytes that the batch's values take.
func (b *Batch) Size() int {
	n := 0
	for i := range b.Columns {
		c := &b.Columns[i]
		n += len(c.Present) + 8*len(c.Ints) + 8*len(c.Floats) + len(c.Bools) + 4*len(c.Ends) + len(c.Bytes)
	}
	return n
}

// Truncate drops every value that belongs to rows at or after Rows: the leftovers of an abandoned record.
func (b *Batch) Truncate() {
	for i := range b.Columns {
		b.Columns[i].truncate(b.Rows)
	}
}

func (c *Column) truncate(rows int) {
	for len(c.Present) > rows {
		last := len(c.Present) - 1
		present := c.Present[last]
		c.Present = c.Present[:last]
		if present == 0 {
			c.Nulls--
			continue
		}
		switch c.Kind {
		case Bool:
			c.Bools = c.Bools[:len(c.Bools)-1]
		case Float64:
			c.Floats = c.Floats[:len(c.Floats)-1]
		case String, JSON:
			c.Ends = c.Ends[:len(c.Ends)-1]
			c.Bytes = c.Bytes[:c.start(len(c.Ends))]
		default:
			c.Ints = c.Ints[:len(c.Ints)-1]
		}
	}
}

// start is the offset in Bytes of value i.
func (c *Column) start(i int) uint32 {
	if i == 0 {
		return 0
	}
	return c.Ends[i-1]
}

// Value returns the bytes of dense value i of a String or JSON column. It stays valid until the batch is reset.
func (c *Column) Value(i int) []byte { return c.Bytes[c.start(i):c.Ends[i]] }
