package parquet

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"dip/internal/record"
)

// allTypes has one column of each kind, and both sorts of timestamp.
func allTypes() []record.Type {
	return []record.Type{
		{Name: "flag", Kind: record.Bool},
		{Name: "count", Kind: record.Int64},
		{Name: "ratio", Kind: record.Float64},
		{Name: "price", Kind: record.Decimal, Precision: 12, Scale: 3},
		{Name: "label", Kind: record.String},
		{Name: "payload", Kind: record.JSON},
		{Name: "day", Kind: record.Date},
		{Name: "clock", Kind: record.Time},
		{Name: "local", Kind: record.Timestamp},
		{Name: "instant", Kind: record.Timestamp, UTC: true},
	}
}

// appendRow appends one value for each column: nil is null, otherwise bool, int64, float64 or string by kind.
func appendRow(b *record.Batch, row ...any) {
	for i, v := range row {
		c := &b.Columns[i]
		if v == nil {
			c.Present = append(c.Present, 0)
			c.Nulls++
			continue
		}
		c.Present = append(c.Present, 1)
		switch v := v.(type) {
		case bool:
			c.Bools = append(c.Bools, v)
		case int64:
			c.Ints = append(c.Ints, v)
		case float64:
			c.Floats = append(c.Floats, v)
		case string:
			c.Bytes = append(c.Bytes, v...)
			c.Ends = append(c.Ends, uint32(len(c.Bytes)))
		default:
			panic(fmt.Sprintf("no column holds a %T", v))
		}
	}
	b.Rows++
}

func batchOf(types []record.Type, rows [][]any) *record.Batch {
	b := record.NewBatch(types)
	for _, r := range rows {
		appendRow(b, r...)
	}
	return b
}

// shape says how random values of a column are drawn.
type shape struct {
	nulls    float64 // share
	distinct int     // values to draw from; 0 means all different
	sorted   bool
	length   int // of texts, at most
}

func randomShape(r *rand.Rand) shape {
	s := shape{length: []int{0, 3, 20, 300}[r.IntN(4)], sorted: r.IntN(3) == 0}
	s.nulls = []float64{0, 0, 0.01, 0.5, 1}[r.IntN(5)]
	s.distinct = []int{0, 1, 2, 100, 5000}[r.IntN(5)]
	return s
}

func randomValue(r *rand.Rand, t record.Type, s shape, row int) any {
	if r.Float64() < s.nulls {
		return nil
	}
	n := r.Uint64()
	if s.distinct > 0 {
		n %= uint64(s.distinct)
	}
	if s.sorted {
		n = uint64(row) * 1_000_003
	}
	switch t.Kind {
	case record.Bool:
		return n&1 == 1
	case record.Float64:
		return []float64{float64(n) / 8, -float64(n), math.NaN(), math.Inf(1), 0, math.Copysign(0, -1)}[n%6]
	case record.Decimal:
		return int64(n % 1_000_000_000_000)
	case record.Date:
		return int64(int32(n))
	case record.Time:
		return int64(n % 86_400_000_000)
	case record.String, record.JSON:
		text := fmt.Sprintf("%x-é世", n)
		return string(bytes.Repeat([]byte(text), 1+s.length/len(text)))
	default:
		return int64(n)
	}
}

func randomRows(r *rand.Rand, types []record.Type, n int) [][]any {
	shapes := make([]shape, len(types))
	for i := range shapes {
		shapes[i] = randomShape(r)
	}
	rows := make([][]any, n)
	for i := range rows {
		rows[i] = make([]any, len(types))
		for k, t := range types {
			rows[i][k] = randomValue(r, t, shapes[k], i)
		}
	}
	return rows
}

// encode writes the rows in batches of the sizes that cut gives.
func encode(t *testing.T, types []record.Type, rows [][]any, opts Options, cut func() int) ([]byte, Stats) {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, types, opts)
	if err != nil {
		t.Fatal(err)
	}
	b := record.NewBatch(types)
	for len(rows) > 0 {
		n := min(cut(), len(rows))
		b.Reset()
		for _, r := range rows[:n] {
			appendRow(b, r...)
		}
		rows = rows[n:]
		if err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	stats, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), stats
}

func every(n int) func() int { return func() int { return n } }
