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

// wordDict numbers distinct 64-bit patterns in the order of their first appearance. Small ones are found in a table,
// others by open addressing, at most half full.
type wordDict struct {
	vals  []uint64
	small []uint32   // of each pattern below its length, which has no slot: id+1, 0 means none
	slots []wordSlot // of all other patterns
	used  int        // slots
	mask  uint64
}

type wordSlot struct {
	key uint64
	id  uint32 // id+1, 0 means free
}

// smallWords is the number of patterns that wordDict keeps in its table at most.
const smallWords = 1 << 16

// smallShare is how many of the table's 4 bytes an entry may take: as many as the slots that are half full.
const smallShare = 8

func newWordDict() *wordDict {
	d := &wordDict{}
	d.resize(dictFirstSize)
	return d
}

func (d *wordDict) resize(slots int) {
	old := d.slots
	d.slots, d.mask = make([]wordSlot, slots), uint64(slots-1)
	for _, s := range old {
		if s.id != 0 {
			*d.slot(s.key) = s
		}
	}
}

// slot is the slot that has a key, or the free one that would get it.
func (d *wordDict) slot(key uint64) *wordSlot {
	i := hashWord(key) & d.mask
	for {
		s := &d.slots[i]
		if s.key == key || s.id == 0 {
			return s
		}
		i = (i + 1) & d.mask
	}
}

func hashWord(v uint64) uint64 {
	hi, lo := bits.Mul64(v^0x9e3779b97f4a7c15, 0xd6e8feb86659fd93)
	return hi ^ lo
}

// put sets the ids of vals and returns how many it set: fewer than all where the dictionary is full.
func (d *wordDict) put(vals []uint64, ids []uint32) int {
	ids = ids[:len(vals)]
	for i, v := range vals {
		var id uint32
		if v < uint64(len(d.small)) {
			id = d.small[v]
		}
		if id == 0 {
			if id = d.lookup(v); id == 0 {
				return i
			}
		}
		ids[i] = id - 1
	}
	return len(vals)
}

// lookup finds or adds v and returns its id plus 1, or 0 where the dictionary is full.
func (d *wordDict) lookup(v uint64) uint32 {
	if v < uint64(len(d.small)) || v < smallWords && d.widen(v) {
		return d.addSmall(v)
	}
	s := d.slot(v)
	if s.id != 0 {
		return s.id
	}
	if len(d.vals) == dictEntries {
		return 0
	}
	d.vals = append(d.vals, v)
	id := uint32(len(d.vals))
	*s = wordSlot{key: v, id: id}
	if d.used++; 2*d.used > len(d.slots) {
		d.resize(4 * len(d.slots))
	}
	return id
}

// widen makes the table one that covers v, if that takes no more memory than slots for its entries would: a file of
// many columns and partitions has many tables.
func (d *wordDict) widen(v uint64) bool {
	length := max(dictFirstSize, 1<<bits.Len64(v))
	if length > smallShare*(len(d.vals)+dictFirstSize) {
		return false
	}
	grown, moved := make([]uint32, length), 0
	copy(grown, d.small)
	for _, s := range d.slots {
		if s.id != 0 && s.key < uint64(length) {
			grown[s.key] = s.id
			moved++
		}
	}
	if d.small = grown; moved == 0 {
		return true
	}
	kept := d.slots
	d.slots, d.used = make([]wordSlot, len(kept)), d.used-moved
	for _, s := range kept {
		if s.id != 0 && s.key >= uint64(length) {
			*d.slot(s.key) = s
		}
	}
	return true
}

// addSmall finds or adds a pattern that the table covers.
func (d *wordDict) addSmall(v uint64) uint32 {
	if id := d.small[v]; id != 0 { // it had a slot
		return id
	}
	if len(d.vals) == dictEntries {
		return 0
	}
	d.vals = append(d.vals, v)
	d.small[v] = uint32(len(d.vals))
	return d.small[v]
}

// size is the length of the entries and of everything held for them, in bytes.
func (d *wordDict) size() (entries, held int) {
	entries = 8 * len(d.vals)
	return entries, entries + 16*len(d.slots) + 4*len(d.small)
}

// freeze ends the look-ups and keeps the entries.
func (d *wordDict) freeze() { d.slots, d.small = nil, nil }

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
	if len(p) < 8 {
		var word uint64
		for i, c := range p {
			word |= uint64(c) << (8 * i)
		}
		return mixText(h, word)
	}
	for i := 0; i+8 < len(p); i += 8 {
		hi, lo := bits.Mul64(binary.LittleEndian.Uint64(p[i:])^h, 0xd6e8feb86659fd93)
		h = hi ^ lo
	}
	return mixText(h, binary.LittleEndian.Uint64(p[len(p)-8:]))
}

func mixText(h, word uint64) uint64 {
	hi, lo := bits.Mul64(word^h, 0xa0761d6478bd642f)
	return hi ^ lo
}

// hashTextAt is the hash of p[start:end], faster where bytes follow it.
func hashTextAt(p []byte, start, end uint32) uint64 {
	n := end - start
	if n >= 8 || uint64(start)+8 > uint64(len(p)) {
		return hashText(p[start:end])
	}
	word := binary.LittleEndian.Uint64(p[start:]) & (1<<(8*n) - 1)
	return mixText(uint64(n)*0x9e3779b97f4a7c15, word)
}

// put sets the ids of a run's values and returns how many it set: fewer than all where the dictionary is full.
func (d *textDict) put(r *run, ids []uint32) int {
	start := r.start
	for i, end := range r.ends {
		id := d.lookup(r.bytes[start:end], hashTextAt(r.bytes, start, end))
		if id == 0 {
			return i
		}
		ids[i] = id - 1
		start = end
	}
	return len(r.ends)
}

// lookup finds or adds v, whose hash is h, and returns its id plus 1, or 0 where the dictionary is full.
func (d *textDict) lookup(v []byte, h uint64) uint32 {
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
