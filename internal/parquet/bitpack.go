package parquet

import (
	"encoding/binary"
	"slices"
)

// rleGroups is the number of groups of 8 equal values from which a run is written as a run: a shorter one costs more
// in headers than it saves, because it also ends the bit-packed run before it.
const rleGroups = 4

// appendHybrid appends the RLE/bit-packed hybrid of ids, each below 1<<width.
func appendHybrid(out []byte, ids []uint32, width int) []byte {
	literal := 0 // start of the values that wait to be bit-packed
	for i := 0; i < len(ids); {
		n := runLength(ids[i:])
		if n < 8*rleGroups && n < len(ids) {
			i += 8
			continue
		}
		out = appendPacked(out, ids[literal:i], width)
		out = binary.AppendUvarint(out, uint64(n)<<1)
		for shift := 0; shift < width; shift += 8 {
			out = append(out, byte(ids[i]>>shift))
		}
		i += n
		literal = i
	}
	return appendPacked(out, ids[literal:], width)
}

// runLength counts how many values equal the first one; any small number where that is fewer than 8.
func runLength(ids []uint32) int {
	first := ids[0]
	if len(ids) >= 8 && ids[7] != first {
		return 1
	}
	for i, v := range ids {
		if v != first {
			return i
		}
	}
	return len(ids)
}

// appendPacked appends ids as one bit-packed run. Only the last run of a page may have a length that 8 does not divide.
func appendPacked(out []byte, ids []uint32, width int) []byte {
	if len(ids) == 0 {
		return out
	}
	groups := (len(ids) + 7) / 8
	out = binary.AppendUvarint(out, uint64(groups)<<1|1)
	base, size := len(out), groups*width
	// 16 bytes more than needed let the last two words be stored whole.
	out = slices.Grow(out, size+16)[:base+size+16]
	dst := out[base:]
	for ; len(ids) >= 8; ids = ids[8:] {
		packGroup(dst, (*[8]uint32)(ids), uint(width))
		dst = dst[width:]
	}
	if len(ids) > 0 {
		var last [8]uint32
		copy(last[:], ids)
		packGroup(dst, &last, uint(width))
	}
	return out[:base+size]
}

// packGroup packs 8 ids of w bits, at most 16, into w bytes of dst and overwrites 16. The masks, which change nothing,
// spare the tests of shifts.
func packGroup(dst []byte, ids *[8]uint32, w uint) {
	lo := uint64(ids[0]) | uint64(ids[1])<<(w&63) | uint64(ids[2])<<(2*w&63) | uint64(ids[3])<<(3*w&63)
	hi := uint64(ids[4]) | uint64(ids[5])<<(w&63) | uint64(ids[6])<<(2*w&63) | uint64(ids[7])<<(3*w&63)
	binary.LittleEndian.PutUint64(dst, lo|hi<<(4*w))
	binary.LittleEndian.PutUint64(dst[8:], hi>>(64-4*w))
}

// appendPacked64 appends values of up to 64 bits, least significant bit first. len(vals)*width must be whole bytes.
func appendPacked64(out []byte, vals []uint64, width int) []byte {
	if width == 0 {
		return out
	}
	var acc uint64
	used := 0
	for _, v := range vals {
		acc |= v << used
		used += width
		if used >= 64 {
			out = binary.LittleEndian.AppendUint64(out, acc)
			used -= 64
			acc = v >> (width - used) // a shift by 64 gives 0
		}
	}
	for ; used > 0; used -= 8 {
		out = append(out, byte(acc))
		acc >>= 8
	}
	return out
}
