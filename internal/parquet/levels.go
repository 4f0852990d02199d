package parquet

import (
	"encoding/binary"
	"math/bits"
)

const allPresent = 0x0101010101010101

// appendLevels appends the definition levels of a page (1 value, 0 null) with their length before them.
func appendLevels(out, present []byte, nulls int) []byte {
	base := len(out)
	out = append(out, 0, 0, 0, 0)
	switch nulls {
	case 0:
		out = appendLevelRun(out, len(present), 1)
	case len(present):
		out = appendLevelRun(out, len(present), 0)
	default:
		out = appendMixedLevels(out, present)
	}
	binary.LittleEndian.PutUint32(out[base:], uint32(len(out)-base-4))
	return out
}

func appendLevelRun(out []byte, n int, level byte) []byte {
	return append(binary.AppendUvarint(out, uint64(n)<<1), level)
}

func appendMixedLevels(out, present []byte) []byte {
	out = binary.AppendUvarint(out, uint64(len(present)+7)/8<<1|1)
	for len(present) >= 8 {
		// The multiplication gathers the lowest bit of each of the 8 bytes in the topmost byte.
		out = append(out, byte(binary.LittleEndian.Uint64(present)*0x0102040810204080>>56))
		present = present[8:]
	}
	if len(present) == 0 {
		return out
	}
	var last byte
	for i, p := range present {
		last |= p << i
	}
	return append(out, last)
}

// countNulls counts the zeros of present.
func countNulls(present []byte) int {
	nulls := len(present)
	for len(present) >= 8 {
		nulls -= bits.OnesCount64(binary.LittleEndian.Uint64(present) & allPresent)
		present = present[8:]
	}
	for _, p := range present {
		nulls -= int(p)
	}
	return nulls
}

// rowOfValue is the row of dense value i.
func rowOfValue(present []byte, i int) int {
	row := 0
	for len(present) >= 8 {
		n := bits.OnesCount64(binary.LittleEndian.Uint64(present) & allPresent)
		if n > i {
			break
		}
		i -= n
		row += 8
		present = present[8:]
	}
	for _, p := range present {
		if p == 1 {
			if i == 0 {
				break
			}
			i--
		}
		row++
	}
	return row
}
