package record

import (
	"bytes"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

func skipSpace(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	return i
}

// skipString returns the offset of the quote that closes a JSON string whose content begins at b[i], and whether
// there are escapes in it; -1 when the string is not valid JSON or has half of a surrogate pair.
func skipString(b []byte, i int) (closing int, escaped bool) {
	const quotes, backslashes, spaces = '"' * low, '\\' * low, ' ' * low
	for from := i; ; {
		if i-from == longString {
			if closing := plainString(b, i); closing >= 0 {
				return closing, escaped
			}
		}
		if i+8 <= len(b) {
			w := load(b, i)
			q, s := w^quotes, w^backslashes
			// quotes, backslashes and control characters have their high bit set here, none below the first of them
			m := ((q-low)&^q | (s-low)&^s | (w-spaces)&^w) & high
			if m == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(m) >> 3
		} else {
			for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= ' ' {
				i++
			}
			if i >= len(b) {
				return -1, escaped
			}
		}
		switch b[i] {
		case '"':
			return i, escaped
		case '\\':
			escaped = true
			if i = skipEscape(b, i); i < 0 {
				return -1, true
			}
		default:
			return -1, escaped
		}
	}
}

// longString is after how many bytes of a string plainString is worth its calls. It is tried once: each time it may
// read on to the end of the text.
const longString = 64

// plainString is skipString for a string that goes on without escapes and control characters: -1 if there are some, or
// it does not end. It looks for each of them in a pass of its own, by instructions for many bytes.
func plainString(b []byte, i int) (closing int) {
	n := bytes.IndexByte(b[i:], '"')
	if n < 0 || bytes.IndexByte(b[i:i+n], '\\') >= 0 {
		return -1
	}
	const spaces = ' ' * low
	text, control := b[i:i+n], uint64(0)
	for ; len(text) >= 32; text = text[32:] {
		w, x, y, z := load(text, 0), load(text, 8), load(text, 16), load(text, 24)
		control |= (w-spaces)&^w | (x-spaces)&^x | (y-spaces)&^y | (z-spaces)&^z
	}
	if control&high != 0 {
		return -1
	}
	for _, c := range text {
		if c < ' ' {
			return -1
		}
	}
	return i + n
}

// skipEscape returns the offset after the escape at b[i], -1 when it is invalid. A surrogate pair is one escape.
func skipEscape(b []byte, i int) int {
	if i+1 >= len(b) {
		return -1
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		r := hex4(b, i+2)
		if r < 0 {
			return -1
		}
		if !utf16.IsSurrogate(r) {
			return i + 6
		}
		if i+7 >= len(b) || b[i+6] != '\\' || b[i+7] != 'u' || utf16.DecodeRune(r, hex4(b, i+8)) == utf8.RuneError {
			return -1
		}
		return i + 12
	}
	return -1
}

// hex4 reads four hex digits at b[i], -1 when there are none.
func hex4(b []byte, i int) (r rune) {
	if i+4 > len(b) {
		return -1
	}
	for _, c := range b[i : i+4] {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// unescape appends the text of a JSON string's content that skipString has accepted.
func unescape(dst, text []byte) []byte {
	for {
		k := bytes.IndexByte(text, '\\')
		if k < 0 {
			return append(dst, text...)
		}
		dst = append(dst, text[:k]...)
		c := text[k+1]
		if c != 'u' {
			if at := bytes.IndexByte([]byte("bfnrt"), c); at >= 0 {
				c = "\b\f\n\r\t"[at]
			}
			dst = append(dst, c)
			text = text[k+2:]
			continue
		}
		r := hex4(text, k+2)
		text = text[k+6:]
		if utf16.IsSurrogate(r) {
			r = utf16.DecodeRune(r, hex4(text, 2))
			text = text[6:]
		}
		dst = utf8.AppendRune(dst, r)
	}
}

// skipNumber returns the offset after the JSON number at b[i], -1 when it is invalid.
func skipNumber(b []byte, i int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	n := countDigits(b, i)
	if n == 0 || n > 1 && b[i] == '0' {
		return -1
	}
	i += n
	if i < len(b) && b[i] == '.' {
		if n = countDigits(b, i+1); n == 0 {
			return -1
		}
		i += 1 + n
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if n = countDigits(b, i); n == 0 {
			return -1
		}
		i += n
	}
	return i
}

func countDigits(b []byte, i int) int {
	start := i
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i - start
}

// skipValue checks the JSON value at b[i] and returns the offset after it: -1 after noting the fault.
func (p *Parser) skipValue(b []byte, i, depth int) int {
	if i >= len(b) {
		return p.syntax(i, "want a value")
	}
	if depth >= maxDepth && (b[i] == '{' || b[i] == '[') {
		return p.syntax(i, "nests deeper than %d", maxDepth)
	}
	switch b[i] {
	case '"':
		closing, _ := skipString(b, i+1)
		if closing < 0 {
			return p.syntax(i, "the string is not valid JSON")
		}
		return closing + 1
	case '{':
		return p.skipObject(b, i, depth)
	case '[':
		return p.skipArray(b, i, depth)
	case 't', 'f', 'n':
		for _, word := range [...]string{"true", "false", "null"} {
			if word[0] == b[i] && bytes.HasPrefix(b[i:], []byte(word)) {
				return i + len(word)
			}
		}
	default:
		if end := skipNumber(b, i); end > 0 {
			return end
		}
	}
	return p.syntax(i, "want a value")
}

func (p *Parser) skipObject(b []byte, i, depth int) int {
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return p.syntax(i, "want a key in quotes")
		}
		closing, _ := skipString(b, i+1)
		if closing < 0 {
			return p.syntax(i, "the string is not valid JSON")
		}
		i = skipSpace(b, closing+1)
		if i >= len(b) || b[i] != ':' {
			return p.syntax(i, "want a colon")
		}
		if i = p.skipValue(b, skipSpace(b, i+1), depth+1); i < 0 {
			return -1
		}
		i = skipSpace(b, i)
		switch {
		case i < len(b) && b[i] == ',':
			i = skipSpace(b, i+1)
		case i < len(b) && b[i] == '}':
			return i + 1
		default:
			return p.syntax(i, "want a comma or a closing brace")
		}
	}
}

func (p *Parser) skipArray(b []byte, i, depth int) int {
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		if i = p.skipValue(b, i, depth+1); i < 0 {
			return -1
		}
		i = skipSpace(b, i)
		switch {
		case i < len(b) && b[i] == ',':
			i = skipSpace(b, i+1)
		case i < len(b) && b[i] == ']':
			return i + 1
		default:
			return p.syntax(i, "want a comma or a closing bracket")
		}
	}
}
