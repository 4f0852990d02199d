package parquet

import (
	"bytes"
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// boundBytes is the length in bytes of a text bound at most.
const boundBytes = 64

// bounds are the PLAIN encoded least and greatest value of a column chunk. An inexact one lies outside all values.
type bounds struct {
	min, max           []byte
	minExact, maxExact bool
}

// intStats gathers the bounds of integers.
type intStats struct {
	any      bool
	min, max int64
}

func (s *intStats) add(words []uint64) {
	if len(words) == 0 {
		return
	}
	if !s.any {
		s.any, s.min, s.max = true, math.MaxInt64, math.MinInt64
	}
	lo, hi := s.min, s.max
	for _, w := range words {
		lo, hi = min(lo, int64(w)), max(hi, int64(w))
	}
	s.min, s.max = lo, hi
}

// bounds gives values of width bytes, 4 or 8.
func (s *intStats) bounds(width int) *bounds {
	if !s.any {
		return nil
	}
	return &bounds{min: le64(uint64(s.min))[:width], max: le64(uint64(s.max))[:width], minExact: true, maxExact: true}
}

// floatStats gathers the bounds of the values that are not NaN.
type floatStats struct {
	any      bool
	min, max float64
}

func (s *floatStats) add(words []uint64) {
	if !s.any {
		s.any, s.min, s.max = true, math.Inf(1), math.Inf(-1)
	}
	lo, hi := s.min, s.max
	for _, w := range words { // both comparisons are false for NaN
		v := math.Float64frombits(w)
		if v < lo {
			lo = v
		}
		if v > hi {
			hi = v
		}
	}
	s.min, s.max = lo, hi
}

// bounds follows the format: zeros are taken as unordered, so a least one is written as -0 and a greatest one as +0.
func (s *floatStats) bounds() *bounds {
	if !s.any || s.min > s.max {
		return nil
	}
	lo, hi := s.min, s.max
	if lo == 0 {
		lo = math.Copysign(0, -1)
	}
	if hi == 0 {
		hi = math.Abs(hi)
	}
	return &bounds{min: le64(math.Float64bits(lo)), max: le64(math.Float64bits(hi)), minExact: true, maxExact: true}
}

func le64(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }

// textStats gathers the bounds of byte strings in unsigned byte order. It keeps one byte more than a bound may have,
// which is enough to order the bounds and to know that one was cut.
type textStats struct {
	any      bool
	min, max []byte
	lo, hi   uint64 // heads of min and max
}

// head is the first 8 bytes as a number: texts whose heads differ have the order of their heads.
func head(v []byte) uint64 {
	if len(v) >= 8 {
		return binary.BigEndian.Uint64(v)
	}
	var h uint64
	for i, c := range v {
		h |= uint64(c) << (56 - 8*i)
	}
	return h
}

func (s *textStats) add(v []byte) {
	h := head(v)
	if s.any && h > s.lo && h < s.hi {
		return
	}
	if len(v) > boundBytes {
		v = v[:boundBytes+1]
	}
	if !s.any || bytes.Compare(v, s.min) < 0 {
		s.min, s.lo = append(s.min[:0], v...), h
	}
	if !s.any || bytes.Compare(v, s.max) > 0 {
		s.max, s.hi = append(s.max[:0], v...), h
	}
	s.any = true
}

func (s *textStats) bounds() *bounds {
	if !s.any {
		return nil
	}
	b := &bounds{min: s.min, max: s.max, minExact: true, maxExact: true}
	if len(s.min) > boundBytes {
		b.min, b.minExact = cutText(s.min), false
	}
	if len(s.max) > boundBytes {
		b.max, b.maxExact = textAbove(cutText(s.max)), false
		if b.max == nil { // some readers take a missing bound next to a present one for an empty text
			return nil
		}
	}
	return b
}

// cutText shortens UTF-8 text to whole characters within boundBytes.
func cutText(v []byte) []byte {
	n := boundBytes
	for n > boundBytes-utf8.UTFMax && !utf8.RuneStart(v[n]) {
		n--
	}
	return v[:n]
}

// textAbove is the least text of whole characters that is greater than every text that begins with prefix: its last
// character that has a successor is raised by one. Nil where none has.
func textAbove(prefix []byte) []byte {
	for len(prefix) > 0 {
		r, size := utf8.DecodeLastRune(prefix)
		prefix = prefix[:len(prefix)-size]
		if r == utf8.RuneError && size == 1 {
			continue
		}
		if r++; r == 0xd800 { // surrogates are not characters
			r = 0xe000
		}
		if r <= utf8.MaxRune {
			return utf8.AppendRune(bytes.Clone(prefix), r)
		}
	}
	return nil
}

// boolStats gathers the bounds of booleans.
type boolStats struct{ yes, no bool }

func (s *boolStats) add(vals []bool) {
	for _, v := range vals {
		if v {
			s.yes = true
		} else {
			s.no = true
		}
	}
}

func (s *boolStats) bounds() *bounds {
	if !s.yes && !s.no {
		return nil
	}
	b := &bounds{min: []byte{0}, max: []byte{1}, minExact: true, maxExact: true}
	if !s.no {
		b.min = []byte{1}
	}
	if !s.yes {
		b.max = []byte{0}
	}
	return b
}
