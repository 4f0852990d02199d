package parquet

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"dip/internal/record"
)

// Encodings of the format's enum.
const (
	encPlain       = 0
	encRLE         = 3
	encDelta       = 5
	encDeltaLength = 6
	encDict        = 8
)

// deltaSample is the number of values on which PLAIN and DELTA_BINARY_PACKED are compared.
const deltaSample = 8192

// words stores the pending values of a numeric column.
type words struct {
	typ    record.Type
	width  int // bytes of a PLAIN value
	index  bool
	dict   *wordDict // stays after index has ended if pages refer to it
	ids    []uint32  // pending values while index is set
	vals   []uint64  // pending bit patterns otherwise
	plain  int       // encoding of pages without the dictionary
	chosen bool      // plain is set
	ints   intStats
	floats floatStats
}

func newWords(typ record.Type) *words {
	w := &words{typ: typ, width: 8}
	if typ.Kind == record.Date {
		w.width = 4
	}
	w.reset()
	return w
}

func (w *words) reset() {
	*w = words{typ: w.typ, width: w.width, index: true, dict: newWordDict()}
}

func (w *words) add(c *codec, r *run) int {
	src := c.words(r.values())
	if w.typ.Kind == record.Float64 {
		for i, v := range r.floats {
			src[i] = math.Float64bits(v)
		}
	} else {
		for i, v := range r.ints {
			src[i] = uint64(v)
		}
	}
	if w.index {
		base := len(w.ids)
		w.ids = slices.Grow(w.ids, len(src))[:base+len(src)]
		n := w.dict.put(src, w.ids[base:])
		w.ids = w.ids[:base+n]
		return n
	}
	w.vals = append(w.vals, src...)
	w.note(src)
	return len(src)
}

func (w *words) note(vals []uint64) {
	if w.typ.Kind == record.Float64 {
		w.floats.add(vals)
	} else {
		w.ints.add(vals)
	}
}

func (w *words) pending() int { return 4*len(w.ids) + 8*len(w.vals) }

func (w *words) dictSize() (entries, held int) {
	if w.dict == nil {
		return 0, 0
	}
	return w.dict.size()
}

func (w *words) plainBytes() int { return w.width * (len(w.ids) + len(w.vals)) }

func (w *words) indexing() bool { return w.index }

// dictPages is the number of pages that are expected to share a dictionary's entries.
const dictPages = 16

// indexPays also compares the dictionary with differences, which suit sorted and clustered integers better.
func (w *words) indexPays(c *codec, seen int) bool {
	distinct, n := len(w.dict.vals), len(w.ids)
	if !fewDistinct(distinct, seen) {
		return false
	}
	if !w.canDelta() || 10*distinct <= seen {
		return true
	}
	vals := c.words(n)
	for i, id := range w.ids {
		vals[i] = w.dict.vals[id]
	}
	c.sample = appendDelta(c.sample[:0], vals)
	return w.width*distinct/dictPages+n*idWidth(distinct)/8 <= len(c.sample)
}

// canDelta excludes dates: their 32-bit differences would have to wrap at 32 bits.
func (w *words) canDelta() bool { return w.width == 8 && w.typ.Kind != record.Float64 }

func (w *words) endIndex(keep bool) {
	w.index = false
	if keep {
		w.dict.freeze()
		return
	}
	for _, id := range w.ids {
		w.vals = append(w.vals, w.dict.vals[id])
	}
	w.note(w.dict.vals)
	w.ids, w.dict = nil, nil
}

func (w *words) encode(c *codec, out []byte) ([]byte, int, error) {
	if w.index {
		width := idWidth(len(w.dict.vals))
		out = appendHybrid(append(out, byte(width)), w.ids, width)
		w.ids = w.ids[:0]
		return out, encDict, nil
	}
	if !w.chosen {
		var err error
		if w.plain, err = w.choose(c); err != nil {
			return nil, 0, err
		}
		w.chosen = true
	}
	if w.plain == encDelta {
		out = appendDelta(out, w.vals)
	} else {
		out = appendWords(out, w.vals, w.width)
	}
	w.vals = w.vals[:0]
	return out, w.plain, nil
}

// plainGain is the part of the size of short differences, which take less than three quarters of PLAIN values, that
// PLAIN values must save, 1/n: zstd has to go through all their bytes, whereas differences are often not worth it.
const plainGain = 3

// choose compresses a sample of the page both ways.
func (w *words) choose(c *codec) (int, error) {
	if !w.canDelta() {
		return encPlain, nil
	}
	sample := w.vals[:min(len(w.vals), deltaSample)]
	c.sample = appendDelta(c.sample[:0], sample)
	delta, err := c.zstd.Encode(c.sample)
	if err != nil {
		return 0, err
	}
	size := len(delta)
	if short := 4*len(c.sample) < 3*w.width*len(sample); short {
		size -= size / plainGain
	}
	c.sample = appendWords(c.sample[:0], sample, w.width)
	plain, err := c.zstd.Encode(c.sample)
	if err != nil || size < len(plain) {
		return encDelta, err
	}
	return encPlain, nil
}

func (w *words) dictionary(out []byte) ([]byte, int) {
	if w.dict == nil {
		return out, 0
	}
	return appendWords(out, w.dict.vals, w.width), len(w.dict.vals)
}

func (w *words) bounds() (*bounds, error) {
	if w.dict != nil {
		w.note(w.dict.vals)
	}
	if w.typ.Kind == record.Float64 {
		return w.floats.bounds(), nil
	}
	if lo, hi := valueRange(w.typ); w.ints.any && (w.ints.min < lo || w.ints.max > hi) {
		return nil, fmt.Errorf("values from %d to %d do not fit %s (%d to %d)", w.ints.min, w.ints.max, w.typ.Kind, lo, hi)
	}
	return w.ints.bounds(w.width), nil
}

// valueRange is the range of integers that the column's declared type can hold.
func valueRange(t record.Type) (lo, hi int64) {
	switch t.Kind {
	case record.Date:
		return math.MinInt32, math.MaxInt32
	case record.Time:
		return 0, microsPerDay
	case record.Decimal:
		limit := int64(1)
		for range t.Precision {
			limit *= 10
		}
		return 1 - limit, limit - 1
	default:
		return math.MinInt64, math.MaxInt64
	}
}

func appendWords(out []byte, vals []uint64, width int) []byte {
	base := len(out)
	out = slices.Grow(out, width*len(vals))[:base+width*len(vals)]
	dst := out[base:]
	if width == 4 {
		for i, v := range vals {
			binary.LittleEndian.PutUint32(dst[4*i:], uint32(v))
		}
		return out
	}
	for i, v := range vals {
		binary.LittleEndian.PutUint64(dst[8*i:], v)
	}
	return out
}
