// Package text turns the bytes of an input into UTF-8 and back, and finds its lines.
//
// Decoding loses nothing: bytes that are no character of the charset become surrogates, which UTF-8 does not allow, so
// that their record is rejected. Undefined single bytes become U+DC80 to U+DCFF (as Python's surrogateescape, PEP 383),
// and unpaired surrogates of UTF-16 stay what they are (as in WTF-8). Each character of the text thus stands for a
// known number of bytes of the input, and offsets are found by counting.
package text

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"dip/contract"
)

// Charset is how the characters of an input are written as bytes; nil is UTF-8, whose bytes are the text.
type Charset struct {
	name  contract.Charset
	order binary.ByteOrder // UTF-16; nil: one byte a character
	runes [256]rune        // of single bytes
	bytes map[rune]byte    // the reverse
}

// Of gives a charset, which has passed contract.Dialect.Validate.
func Of(name contract.Charset) *Charset {
	switch name {
	case contract.Windows1252:
		return single(name, charmap.Windows1252)
	case contract.Latin1:
		return single(name, charmap.ISO8859_1)
	case contract.UTF16LE:
		return &Charset{name: name, order: binary.LittleEndian}
	case contract.UTF16BE:
		return &Charset{name: name, order: binary.BigEndian}
	}
	return nil
}

// escape is added to bytes that are no character.
const escape = 0xdc00

func single(name contract.Charset, table *charmap.Charmap) *Charset {
	c := &Charset{name: name, bytes: map[rune]byte{}}
	for i := range c.runes {
		r := table.DecodeByte(byte(i))
		if r == utf8.RuneError {
			r = escape + rune(i)
		}
		c.runes[i], c.bytes[r] = r, byte(i)
	}
	return c
}

// Unit is the number of bytes that the length of any text is a multiple of.
func (c *Charset) Unit() int {
	if c == nil || c.order == nil {
		return 1
	}
	return 2
}

// decode appends the text of raw to dst, and says how many bytes it used: not those of a character that is cut off,
// unless final.
func (c *Charset) decode(dst, raw []byte, final bool) (text []byte, used int) {
	if c.order == nil {
		for _, b := range raw {
			dst = appendRune(dst, c.runes[b])
		}
		return dst, len(raw)
	}
	i := 0
	for ; i+2 <= len(raw); i += 2 {
		r := rune(c.order.Uint16(raw[i:]))
		if utf16.IsSurrogate(r) && r < escape {
			if i+4 > len(raw) && !final {
				break
			}
			if i+4 <= len(raw) {
				if pair := utf16.DecodeRune(r, rune(c.order.Uint16(raw[i+2:]))); pair != utf8.RuneError {
					r = pair
					i += 2
				}
			}
		}
		dst = appendRune(dst, r)
	}
	return dst, i
}

// appendRune is utf8.AppendRune for surrogates, too.
func appendRune(dst []byte, r rune) []byte {
	if utf16.IsSurrogate(r) {
		return append(dst, 0xe0|byte(r>>12), 0x80|byte(r>>6&0x3f), 0x80|byte(r&0x3f))
	}
	return utf8.AppendRune(dst, r)
}

// runeAt is utf8.DecodeRune for surrogates, too.
func runeAt(text []byte) (r rune, n int) {
	if len(text) >= 3 && text[0] == 0xed && text[1] >= 0xa0 {
		return 0xd000 | rune(text[1]&0x3f)<<6 | rune(text[2]&0x3f), 3
	}
	return utf8.DecodeRune(text)
}

// Len is the number of bytes that a decoded text has in the input.
func (c *Charset) Len(text []byte) int64 {
	if c == nil {
		return int64(len(text))
	}
	n := 0
	for _, b := range text {
		if b&0xc0 != 0x80 { // the first byte of a character
			n++
		}
		if b >= 0xf0 && c.order != nil { // of one that takes two units
			n++
		}
	}
	return int64(n) * int64(c.Unit())
}

// Prefix is the length of the longest part of a decoded text, from its start, that has at most n bytes in the input.
func (c *Charset) Prefix(text []byte, n int64) int {
	if c == nil {
		return int(min(int64(len(text)), n))
	}
	for i := 0; i < len(text); {
		_, size := runeAt(text[i:])
		if n -= c.Len(text[i : i+size]); n < 0 {
			return i
		}
		i += size
	}
	return len(text)
}

// Raw is the bytes of the input that a decoded text stands for.
func (c *Charset) Raw(text []byte) []byte {
	if c == nil {
		return text
	}
	raw := make([]byte, 0, c.Len(text))
	for len(text) > 0 {
		r, n := runeAt(text)
		text = text[n:]
		switch {
		case c.order == nil:
			raw = append(raw, c.bytes[r])
		case r >= 0x10000:
			high, low := utf16.EncodeRune(r)
			raw = c.append16(c.append16(raw, high), low)
		default:
			raw = c.append16(raw, r)
		}
	}
	return raw
}

func (c *Charset) append16(raw []byte, r rune) []byte {
	var unit [2]byte
	c.order.PutUint16(unit[:], uint16(r))
	return append(raw, unit[:]...)
}

// Fault says what of a decoded text is no character of the charset; "" when all of it is.
func (c *Charset) Fault(text []byte) string {
	if c == nil {
		return ""
	}
	for i := 0; i < len(text); {
		r, n := runeAt(text[i:])
		if utf16.IsSurrogate(r) {
			at := c.Len(text[:i])
			if c.order == nil {
				return fmt.Sprintf("byte 0x%02X, byte %d of the record, is no character of %s", r-escape, at, c.name)
			}
			return fmt.Sprintf("U+%04X at byte %d of the record is half of a surrogate pair", r, at)
		}
		i += n
	}
	return ""
}

// Narrow gives a byte for each unit of raw: itself when it is ASCII. Where records begin and end depends on ASCII
// alone, so that it can be found in these bytes.
func (c *Charset) Narrow(raw []byte) []byte {
	if c.Unit() == 1 {
		return raw
	}
	narrow := make([]byte, len(raw)/2)
	for i := range narrow {
		narrow[i] = byte(min(c.order.Uint16(raw[2*i:]), 0x80))
	}
	return narrow
}

// lastFeed is the offset of the last line feed in raw, which is whole units; -1 when there is none.
func (c *Charset) lastFeed(raw []byte) int {
	if c.Unit() == 1 {
		return bytes.LastIndexByte(raw, '\n')
	}
	for {
		i := bytes.LastIndexByte(raw, '\n')
		if i < 0 {
			return -1
		}
		i &^= 1 // its unit's start
		if c.order.Uint16(raw[i:]) == '\n' {
			return i
		}
		raw = raw[:i]
	}
}
