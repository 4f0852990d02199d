package record

import (
	"bytes"
	"math/bits"
)

// plainObject tells whether a text is one JSON object of printable ASCII without escapes, as most are: it needs no
// closer look, and to know so takes two thirds of the time.
func plainObject(text []byte) bool {
	if !printable(text) || bytes.IndexByte(text, '\\') >= 0 {
		return false
	}
	i := spaces(text, 0)
	return i < len(text) && text[i] == '{' && spaces(text, max(0, plainMembers(text, i+1, 1, true))) == len(text)
}

// printable tells whether a text has only the characters from space to DEL.
func printable(text []byte) bool {
	const spaces = ' ' * low
	var wrong uint64 // the high bit of a byte: one is less than a space, or not ASCII
	for len(text) >= 64 {
		p := (*[64]byte)(text)
		a, b, c, d := load(p[:], 0), load(p[:], 8), load(p[:], 16), load(p[:], 24)
		e, f, g, h := load(p[:], 32), load(p[:], 40), load(p[:], 48), load(p[:], 56)
		wrong |= (a - spaces) | a | (b - spaces) | b | (c - spaces) | c | (d - spaces) | d
		wrong |= (e - spaces) | e | (f - spaces) | f | (g - spaces) | g | (h - spaces) | h
		text = text[64:]
	}
	for ; len(text) >= 8; text = text[8:] {
		w := load(text, 0)
		wrong |= (w - spaces) | w
	}
	for _, c := range text {
		wrong |= uint64(c-' ') | uint64(c)
	}
	return wrong&high == 0
}

// quote returns the offset of the first quote at or after i, -1 when there is none.
func quote(b []byte, i int) int {
	const quotes = '"' * low
	for near := i + 32; i+8 <= len(b) && i < near; i += 8 {
		q := load(b, i) ^ quotes
		if m := (q - low) &^ q & high; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	n := bytes.IndexByte(b[i:], '"')
	if n < 0 {
		return -1
	}
	return i + n
}

// plainValue returns the offset after the JSON value at b[i], in a text that is printable and has no backslash, -1 when
// it is invalid.
func plainValue(b []byte, i, depth int) int {
	if i >= len(b) {
		return -1
	}
	switch c := b[i]; c {
	case '"':
		return past(quote(b, i+1))
	case '{', '[':
		if depth == maxDepth {
			return -1
		}
		return plainMembers(b, i+1, depth+1, c == '{')
	case 't', 'n':
		if word := i + 4; word <= len(b) && (string(b[i:word]) == "true" || string(b[i:word]) == "null") {
			return word
		}
		return -1
	case 'f':
		if word := i + 5; word <= len(b) && string(b[i:word]) == "false" {
			return word
		}
		return -1
	}
	return skipNumber(b, i)
}

// past is the offset after another one; -1 stays.
func past(i int) int {
	if i < 0 {
		return -1
	}
	return i + 1
}

// plainMembers returns the offset after the object or array whose content begins at b[i].
func plainMembers(b []byte, i, depth int, named bool) int {
	closing := byte(']')
	if named {
		closing = '}'
	}
	if i = spaces(b, i); i < len(b) && b[i] == closing {
		return i + 1
	}
	for {
		if named {
			if i >= len(b) || b[i] != '"' {
				return -1
			}
			if i = quote(b, i+1); i < 0 {
				return -1
			}
			if i = spaces(b, i+1); i >= len(b) || b[i] != ':' {
				return -1
			}
			i = spaces(b, i+1)
		}
		if i = plainValue(b, i, depth); i < 0 {
			return -1
		}
		if i = spaces(b, i); i >= len(b) {
			return -1
		}
		switch b[i] {
		case ',':
			i = spaces(b, i+1)
		case closing:
			return i + 1
		default:
			return -1
		}
	}
}

func spaces(b []byte, i int) int {
	for i < len(b) && b[i] == ' ' {
		i++
	}
	return i
}
