package parquet

import (
	"encoding/binary"
	"math/bits"
)

const (
	deltaBlock     = 128
	deltaMini      = 32
	deltaMinisEach = deltaBlock / deltaMini
)

// appendDelta appends vals, read as signed 64-bit integers, in DELTA_BINARY_PACKED form. Differences wrap around.
func appendDelta(out []byte, vals []uint64) []byte {
	out = binary.AppendUvarint(out, deltaBlock)
	out = binary.AppendUvarint(out, deltaMinisEach)
	out = binary.AppendUvarint(out, uint64(len(vals)))
	if len(vals) == 0 {
		return binary.AppendVarint(out, 0)
	}
	prev := vals[0]
	out = binary.AppendVarint(out, int64(prev))
	var diffs [deltaBlock]uint64
	for rest := vals[1:]; len(rest) > 0; {
		n := min(deltaBlock, len(rest))
		least := int64(rest[0] - prev)
		for i, v := range rest[:n] {
			diffs[i] = v - prev
			prev = v
			least = min(least, int64(diffs[i]))
		}
		rest = rest[n:]
		for i := range diffs[:n] {
			diffs[i] -= uint64(least)
		}
		clear(diffs[n:])
		out = binary.AppendVarint(out, least)
		var widths [deltaMinisEach]int
		for k := range widths {
			var all uint64
			for _, d := range diffs[k*deltaMini : (k+1)*deltaMini] {
				all |= d
			}
			widths[k] = bits.Len64(all)
			out = append(out, byte(widths[k]))
		}
		for k, w := range widths {
			out = appendPacked64(out, diffs[k*deltaMini:(k+1)*deltaMini], w)
		}
	}
	return out
}
