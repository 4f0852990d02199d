package parquet

import (
	"encoding/binary"
	"slices"
)

// texts stores the pending values of a text column.
type texts struct {
	index bool
	dict  *textDict // stays after index has ended if pages refer to it
	ids   []uint32  // pending values while index is set
	plain []byte    // pending values in PLAIN form otherwise
	bytes int       // PLAIN size of the pending values
	stats textStats
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
	size := 4*n + int(r.ends[n-1]-r.start)
	t.bytes += size
	t.plain = slices.Grow(t.plain, size)
	start := r.start
	for _, end := range r.ends {
		v := r.bytes[start:end]
		t.plain = appendText(t.plain, v)
		t.stats.add(v)
		start = end
	}
	return n
}

func appendText(out, v []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(out, uint32(len(v))), v...)
}

func (t *texts) pending() int { return 4*len(t.ids) + len(t.plain) }

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
	t.plain = slices.Grow(t.plain, t.bytes)
	for _, id := range t.ids {
		t.plain = appendText(t.plain, t.dict.entry(id))
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

func (t *texts) encode(_ *codec, out []byte) ([]byte, int) {
	t.bytes = 0
	if t.index {
		width := idWidth(len(t.dict.ends))
		out = appendHybrid(append(out, byte(width)), t.ids, width)
		t.ids = t.ids[:0]
		return out, encDict
	}
	out = append(out, t.plain...)
	t.plain = t.plain[:0]
	return out, encPlain
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
