package parquet

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

const (
	dictEntries   = 1 << 16 // entries at most, so that a page's ids take 16 bits at most
	dictBytes     = 2 << 20 // bytes of text at most
	dictFirstSize = 64      // slots of a new hash table
)

// wordDict numbers distinct 64-bit patterns in the order of their first appearance. Open addressing, at most half full.
type wordDict struct {
	vals []uint64
	keys []uint64 // of each slot
	ids  []uint32 // of each slot: id+1, 0 means free
	mask uint64
}

func newWordDict() *wordDict {
	d := &wordDict{}
	d.resize(dictFirstSize)
	return d
}

func (d *wordDict) resize(slots int) {
	d.keys, d.ids, d.mask = make([]uint64, slots), make([]uint32, slots), uint64(slots-1)
	for i, v := range d.vals {
		slot := hashWord(v) & d.mask
		for d.ids[slot] != 0 {
			slot = (slot + 1) & d.mask
		}
		d.keys[slot], d.ids[slot] = v, uint32(i+1)
	}
}

func hashWord(v uint64) uint64 {
	hi, lo := bits.Mul64(v^0x9e3779b97f4a7c15, 0xd6e8feb86659fd93)
	return hi ^ lo
}

// put sets the ids of vals and returns how many it set: fewer than all where the dictionary is full.
func (d *wordDict) put(vals []uint64, ids []uint32) int {
	ids = ids[:len(vals)]
	var prev uint64
	var id uint32 // of prev, plus 1
	for i, v := range vals {
		if id == 0 || v != prev {
			if id = d.lookup(v); id == 0 {
				return i
			}
			prev = v
		}
		ids[i] = id - 1
	}
	return len(vals)
}

// lookup finds or adds v and returns its id plus 1, or 0 where the dictionary is full.
func (d *wordDict) lookup(v uint64) uint32 {
	slot := hashWord(v) & d.mask
	for {
		id := d.ids[slot]
		if id == 0 {
			break
		}
		if d.keys[slot] == v {
			return id
		}
		slot = (slot + 1) & d.mask
	}
	if len(d.vals) == dictEntries {
		return 0
	}
	d.vals = append(d.vals, v)
	id := uint32(len(d.vals))
	d.keys[slot], d.ids[slot] = v, id
	if 2*len(d.vals) > len(d.ids) {
		d.resize(4 * len(d.ids))
	}
	return id
}

// size is the length of the entries and of everything held for them, in bytes.
func (d *wordDict) size() (entries, held int) {
	entries = 8 * len(d.vals)
	return entries, entries + 12*len(d.ids)
}

// freeze ends the look-ups and keeps the entries.
func (d *wordDict) freeze() { d.keys, d.ids = nil, nil }

// textDict numbers distinct byte strings in the order of their first appearance.
type textDict struct {
	ends []uint32 // of each entry in data
	data []byte
	tags []uint32 // of each slot: upper half of the hash, which spares most comparisons
	ids  []uint32 // of each slot: id+1, 0 means free
	mask uint64
}

func newTextDict() *textDict {
	d := &textDict{}
	d.resize(dictFirstSize)
	return d
}

func (d *textDict) resize(slots int) {
	d.tags, d.ids, d.mask = make([]uint32, slots), make([]uint32, slots), uint64(slots-1)
	for i := range d.ends {
		h := hashText(d.entry(uint32(i)))
		slot := h & d.mask
		for d.ids[slot] != 0 {
			slot = (slot + 1) & d.mask
		}
		d.tags[slot], d.ids[slot] = uint32(h>>32), uint32(i+1)
	}
}

func (d *textDict) entry(i uint32) []byte {
	start := uint32(0)
	if i > 0 {
		start = d.ends[i-1]
	}
	return d.data[start:d.ends[i]]
}

func hashText(p []byte) uint64 {
	h := uint64(len(p)) * 0x9e3779b97f4a7c15
	for len(p) >= 8 {
		hi, lo := bits.Mul64(binary.LittleEndian.Uint64(p)^h, 0xd6e8feb86659fd93)
		h = hi ^ lo
		p = p[8:]
	}
	var tail uint64
	for i, c := range p {
		tail |= uint64(c) << (8 * i)
	}
	hi, lo := bits.Mul64(tail^h, 0xa0761d6478bd642f)
	return hi ^ lo
}

// put sets the ids of a run's values and returns how many it set: fewer than all where the dictionary is full.
func (d *textDict) put(r *run, ids []uint32) int {
	start := r.start
	for i, end := range r.ends {
		id := d.lookup(r.bytes[start:end])
		if id == 0 {
			return i
		}
		ids[i] = id - 1
		start = end
	}
	return len(r.ends)
}

func (d *textDict) lookup(v []byte) uint32 {
	h := hashText(v)
	tag, slot := uint32(h>>32), h&d.mask
	for {
		id := d.ids[slot]
		if id == 0 {
			break
		}
		if d.tags[slot] == tag && bytes.Equal(d.entry(id-1), v) {
			return id
		}
		slot = (slot + 1) & d.mask
	}
	if len(d.ends) == dictEntries || len(d.data)+len(v) > dictBytes {
		return 0
	}
	d.data = append(d.data, v...)
	d.ends = append(d.ends, uint32(len(d.data)))
	id := uint32(len(d.ends))
	d.tags[slot], d.ids[slot] = tag, id
	if 2*len(d.ends) > len(d.ids) {
		d.resize(4 * len(d.ids))
	}
	return id
}

// freeze ends the look-ups and keeps the entries.
func (d *textDict) freeze() { d.tags, d.ids = nil, nil }

// size is the length of the entries and of everything held for them, in bytes.
func (d *textDict) size() (entries, held int) {
	entries = len(d.data) + 4*len(d.ends)
	return entries, entries + 8*len(d.ids)
}

// idWidth is the number of bits that ids below n take. At least 1: some readers stumble over 0.
func idWidth(n int) int { return max(1, bits.Len(uint(n-1))) }

// fewDistinct reports whether a dictionary of distinct entries for n values is worth its lookups.
func fewDistinct(distinct, n int) bool { return 10*distinct <= 6*n }
