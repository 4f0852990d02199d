package parquet

import "dip/internal/record"

// Gatherer copies rows of a batch into other batches. The zero value is ready, and reuse spares memory.
type Gatherer struct {
	src   *record.Batch
	value [][]uint32 // of each column with nulls: the dense value that belongs to a row
}

// Load sets the batch to copy from. It must not change until the last Append.
func (g *Gatherer) Load(src *record.Batch) {
	g.src = src
	if len(g.value) < len(src.Columns) {
		g.value = append(g.value, make([][]uint32, len(src.Columns)-len(g.value))...)
	}
	for i := range src.Columns {
		g.value[i] = g.value[i][:0]
		if src.Columns[i].Nulls == 0 {
			continue
		}
		n := uint32(0)
		for _, p := range src.Columns[i].Present {
			g.value[i] = append(g.value[i], n)
			n += uint32(p)
		}
	}
}

// Append copies rows, in the order given, to the end of dst, whose columns must be of the same types.
func (g *Gatherer) Append(dst *record.Batch, rows []int32) {
	for i := range dst.Columns {
		g.appendColumn(&dst.Columns[i], &g.src.Columns[i], g.value[i], rows)
	}
	dst.Rows += len(rows)
}

func (g *Gatherer) appendColumn(dst, src *record.Column, value []uint32, rows []int32) {
	picked := rows
	if src.Nulls == 0 {
		for range rows {
			dst.Present = append(dst.Present, 1)
		}
	} else {
		picked = make([]int32, 0, len(rows))
		for _, r := range rows {
			p := src.Present[r]
			dst.Present = append(dst.Present, p)
			if p == 1 {
				picked = append(picked, int32(value[r]))
			}
		}
		dst.Nulls += len(rows) - len(picked)
	}
	switch src.Kind {
	case record.Bool:
		dst.Bools = appendPicked(dst.Bools, src.Bools, picked)
	case record.Float64:
		dst.Floats = appendPicked(dst.Floats, src.Floats, picked)
	case record.String, record.JSON:
		for _, v := range picked {
			dst.Bytes = append(dst.Bytes, src.Value(int(v))...)
			dst.Ends = append(dst.Ends, uint32(len(dst.Bytes)))
		}
	default:
		dst.Ints = appendPicked(dst.Ints, src.Ints, picked)
	}
}

func appendPicked[T any](dst, src []T, picked []int32) []T {
	for _, v := range picked {
		dst = append(dst, src[v])
	}
	return dst
}
