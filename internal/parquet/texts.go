package parquet

import (
	"encoding/binary"
	"slices"
)

// texts stores the pending values of a text column.
type texts struct {
	index   bool
	dict    *textDict // stays after index has ended if pages refer to it
	ids     []uint32  // pending values while index is set
	lengths []uint32  // pending values otherwise: their lengths, and
	data    []byte    // their bytes
	bytes   int       // PLAIN size of the pending values
	stats   textStats
}

func newTexts() *texts {
	t := &texts{}
	t.reset()
	return t
}

func (t *texts) reset() { *t = texts{index: true, dict: newTextDict()} }

func (t *texts) add(_ *codec, r *run) int {
	n := len(r.ends)
	if n == 0 {
		return 0
	}
	if t.index {
		base := len(t.ids)
		t.ids = slices.Grow(t.ids, n)[:base+n]
		n = t.dict.put(r, t.ids[base:])
		t.ids = t.ids[:base+n]
		if n > 0 {
			t.bytes += 4*n + int(r.ends[n-1]-r.start)
		}
		return n
	}
	t.bytes += 4*n + int(r.ends[n-1]-r.start)
	t.data = append(t.data, r.bytes[r.start:r.ends[n-1]]...)
	t.lengths = slices.Grow(t.lengths, n)
	start := r.start
	for _, end := range r.ends {
		t.lengths = append(t.lengths, end-start)
		t.stats.add(r.bytes[start:end])
		start = end
	}
	return n
}

func appendText(out, v []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(out, uint32(len(v))), v...)
}

func (t *texts) pending() int { return 4*len(t.ids) + 4*len(t.lengths) + len(t.data) }

func (t *texts) dictSize() (entries, held int) {
	if t.dict == nil {
		return 0, 0
	}
	return t.dict.size()
}

func (t *texts) plainBytes() int { return t.bytes }

func (t *texts) indexing() bool { return t.index }

func (t *texts) indexPays(_ *codec, seen int) bool { return fewDistinct(len(t.dict.ends), seen) }

func (t *texts) endIndex(keep bool) {
	t.index = false
	if keep {
		t.dict.freeze()
		return
	}
	t.data = slices.Grow(t.data, t.bytes-4*len(t.ids))
	t.lengths = slices.Grow(t.lengths, len(t.ids))
	for _, id := range t.ids {
		v := t.dict.entry(id)
		t.data = append(t.data, v...)
		t.lengths = append(t.lengths, uint32(len(v)))
	}
	t.note()
	t.ids, t.dict = nil, nil
}

// note takes the dictionary's entries into the statistics.
func (t *texts) note() {
	for i := range t.dict.ends {
		t.stats.add(t.dict.entry(uint32(i)))
	}
}

// encode writes texts without the dictionary as DELTA_LENGTH_BYTE_ARRAY: where no lengths stand between them, they
// compress better and faster.
func (t *texts) encode(c *codec, out []byte) ([]byte, int, error) {
	t.bytes = 0
	if t.index {
		width := idWidth(len(t.dict.ends))
		out = appendHybrid(append(out, byte(width)), t.ids, width)
		t.ids = t.ids[:0]
		return out, encDict, nil
	}
	lengths := c.words(len(t.lengths))
	for i, n := range t.lengths {
		lengths[i] = uint64(n)
	}
	out = append(appendDelta(out, lengths), t.data...)
	t.lengths, t.data = t.lengths[:0], t.data[:0]
	return out, encDeltaLength, nil
}

func (t *texts) dictionary(out []byte) ([]byte, int) {
	if t.dict == nil {
		return out, 0
	}
	for i := range t.dict.ends {
		out = appendText(out, t.dict.entry(uint32(i)))
	}
	return out, len(t.dict.ends)
}

func (t *texts) bounds() (*bounds, error) {
	if t.dict != nil {
		t.note()
	}
	return t.stats.bounds(), nil
}
