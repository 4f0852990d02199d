package record

import (
	"encoding/binary"
	"math/bits"

	"dip/tableschema"
)

// Scanners of the common forms of values, eight bytes at a time where that helps. Each gives up (end = 0, or false)
// on anything else, and the general path then decides what the text means.

const (
	low  = 0x0101010101010101
	high = 0x8080808080808080
)

func load(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }

// findEither is the offset of the first byte at or after i that is one of both, len(b) when there is none. The
// masks are the bytes times low.
func findEither(b []byte, i int, mask1, mask2 uint64) int {
	for ; i+8 <= len(b); i += 8 {
		w := load(b, i)
		x, y := w^mask1, w^mask2
		// a byte that is zero has its high bit set here; so may those above it, never those below
		if m := ((x-low)&^x | (y-low)&^y) & high; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for i < len(b) && b[i] != byte(mask1) && b[i] != byte(mask2) {
		i++
	}
	return i
}

// notDigits marks bytes that are none of 0 to 9 by their high bit, in a word of digits less '0': the lowest mark is
// right, those above it may be wrong.
func notDigits(x uint64) uint64 { return (x + 0x76*low | x) & high }

// number is what the n lowest bytes of a word of digits less '0' write, n from 1 to 8: it adds
// neighbours up three times.
func number(x uint64, n int) int64 {
	x <<= uint(64-8*n) & 63
	x = x * (10<<8 + 1) >> 8 & 0x00ff00ff00ff00ff
	x = x * (100<<16 + 1) >> 16 & 0x0000ffff0000ffff
	return int64(x * (10000<<32 + 1) >> 32)
}

// scanInt reads an optional minus and 1 to 18 digits at b[i].
func scanInt(b []byte, i int) (v int64, end int) {
	negative := i < len(b) && b[i] == '-'
	if negative {
		i++
	}
	if i+8 <= len(b) {
		x := load(b, i) ^ '0'*low
		if n := bits.TrailingZeros64(notDigits(x)) >> 3; uint(n-1) < 7 {
			if v = number(x, n); negative {
				v = -v
			}
			return v, i + n
		}
	}
	start := i
	for i < len(b) {
		d := b[i] - '0'
		if d > 9 {
			break
		}
		v = v*10 + int64(d)
		i++
	}
	if n := i - start; n == 0 || n > 18 {
		return 0, 0
	}
	if negative {
		v = -v
	}
	return v, i
}

// scanDigits reads an optional minus, digits with an optional point among them, at most 18 of them.
func scanDigits(b []byte, i int) (v int64, scale int, negative bool, end int) {
	negative = i < len(b) && b[i] == '-'
	if negative {
		i++
	}
	if i+8 <= len(b) {
		x := load(b, i) ^ '0'*low
		n := bits.TrailingZeros64(notDigits(x)) >> 3
		point := 0
		if n < 8 && b[i+n] == '.' {
			// Without the point, the digits on both sides of it are neighbours.
			before := uint64(1)<<uint(8*n) - 1
			x = x&before | x>>8&^before
			point = 1
			whole := n
			n = bits.TrailingZeros64(notDigits(x)) >> 3
			scale = n - whole
		}
		if uint(n-1) < 7 && n+point < 8 {
			return number(x, n), scale, negative, i + n + point
		}
		scale = 0
	}
	start := i
	for i < len(b) {
		d := b[i] - '0'
		if d > 9 {
			break
		}
		v = v*10 + int64(d)
		i++
	}
	n := i - start
	if i < len(b) && b[i] == '.' {
		i++
		start = i
		for i < len(b) {
			d := b[i] - '0'
			if d > 9 {
				break
			}
			v = v*10 + int64(d)
			i++
		}
		scale = i - start
		n += scale
	}
	if n == 0 || n > 18 {
		return 0, 0, false, 0
	}
	return v, scale, negative, i
}

var powers = [23]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
	1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

var intPowers = [19]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
	1e17, 1e18}

// scanFloat reads what scanDigits does as a double, correctly rounded: below 2^53 the digits and the power of ten
// are exact, so that one division rounds once (Clinger).
func scanFloat(b []byte, i int) (x float64, end int) {
	v, scale, negative, end := scanDigits(b, i)
	if end == 0 || v >= 1<<53 {
		return 0, 0
	}
	x = float64(v) / powers[scale]
	if negative {
		x = -x
	}
	return x, end
}

// scanDecimal reads what scanDigits does as an integer of 10^-scale units with at most precision digits.
func scanDecimal(b []byte, i, precision, scale int) (v int64, end int) {
	v, n, negative, end := scanDigits(b, i)
	if end == 0 || n > scale || v >= intPowers[precision-(scale-n)] {
		return 0, 0
	}
	v *= intPowers[scale-n]
	if negative {
		v = -v
	}
	return v, end
}

// dates remembers the last date: dates repeat in almost every input.
type dates struct {
	head uint64
	tail uint16
	days int64
}

// day reads yyyy-mm-dd at b[i].
func (c *dates) day(b []byte, i int) (days int64, ok bool) {
	if i+10 > len(b) {
		return 0, false
	}
	head, tail := load(b, i), binary.LittleEndian.Uint16(b[i+8:])
	if head == c.head && tail == c.tail {
		return c.days, true
	}
	digit := func(k int) int { return int(b[i+k]) - '0' }
	const dashes, zeros = 0xff<<32 | 0xff<<56, '0'<<32 | '0'<<56
	if b[i+4] != '-' || b[i+7] != '-' || !allDigits(head&^dashes|zeros) || uint(digit(8)) > 9 || uint(digit(9)) > 9 {
		return 0, false
	}
	days, ok = tableschema.Days(digit(0)*1000+digit(1)*100+digit(2)*10+digit(3), digit(5)*10+digit(6),
		digit(8)*10+digit(9))
	if ok {
		c.head, c.tail, c.days = head, tail, days
	}
	return days, ok
}

// instant reads yyyy-mm-ddThh:mm:ss or yyyy-mm-dd hh:mm:ss at b[i], and a Z after it, as microseconds.
func (c *dates) instant(b []byte, i int) (micros int64, end int) {
	if i+19 > len(b) || b[i+10] != 'T' && b[i+10] != ' ' {
		return 0, 0
	}
	const colons, zeros = 0xff<<16 | 0xff<<40, '0'<<16 | '0'<<40
	w := load(b, i+11)
	if w&colons != ':'<<16|':'<<40 {
		return 0, 0
	}
	w = w&^colons | zeros
	if !allDigits(w) {
		return 0, 0
	}
	days, ok := c.day(b, i)
	if !ok {
		return 0, 0
	}
	w -= '0' * low
	w = w*10 + w>>8 // bytes 0, 3 and 6 now hold two-digit numbers
	hour, minute, second := int64(w&0xff), int64(w>>24&0xff), int64(w>>48&0xff)
	if hour > 23 || minute > 59 || second > 59 {
		return 0, 0
	}
	end = i + 19
	if end < len(b) && b[end] == 'Z' {
		end++
	}
	return (days*86400 + hour*3600 + minute*60 + second) * 1_000_000, end
}

// allDigits says whether all eight bytes are '0' to '9'.
func allDigits(w uint64) bool {
	return w&0xf0f0f0f0f0f0f0f0|(w+0x0606060606060606)&0xf0f0f0f0f0f0f0f0>>4 == 0x3333333333333333
}
