package verify

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"

	"dip/contract"
	"dip/internal/decompress"
	"dip/internal/fault"
)

// feeds are the line feeds of the charsets.
var feeds = map[contract.Charset]string{contract.UTF16LE: "\n\x00", contract.UTF16BE: "\x00\n"}

// feedOf is the line feed in a charset.
func feedOf(c contract.Charset) string {
	if feed, ok := feeds[c]; ok {
		return feed
	}
	return "\n"
}

// characters gives the text of an input in UTF-8, byte by byte.
type characters struct {
	in     *bufio.Reader
	decode func(b []byte) []byte // the text of a character; nil: the input is UTF-8
	unit   int                   // bytes
	low    int                   // index in a unit of the byte that ASCII is in

	text []byte // of the character that is being given
	read []byte // since begin, unless the input is UTF-8
}

func newCharacters(content io.Reader, charset contract.Charset, size int) *characters {
	c := &characters{in: bufio.NewReaderSize(content, size), unit: 1}
	switch charset {
	case contract.Windows1252:
		c.decode = windows1252
	case contract.Latin1:
		c.decode = func(b []byte) []byte { return []byte(string(rune(b[0]))) }
	case contract.UTF16LE:
		c.unit, c.low, c.decode = 2, 0, utf16(unicode.LittleEndian, 1)
	case contract.UTF16BE:
		c.unit, c.low, c.decode = 2, 1, utf16(unicode.BigEndian, 0)
	}
	return c
}

// next gives the next byte of the text, and how many bytes of the input were read for it: those of a character with its
// first byte, 0 with the others.
func (c *characters) next() (b byte, width int, err error) {
	if c.decode == nil {
		if b, err = c.in.ReadByte(); err != nil {
			return 0, 0, err
		}
		return b, 1, nil
	}
	if len(c.text) == 0 {
		character, err := c.character()
		if err != nil {
			return 0, 0, err
		}
		width, c.text = len(character), c.decode(character)
		c.read = append(c.read, character...)
	}
	b = c.text[0]
	c.text = c.text[1:]
	return b, width, nil
}

// character reads the bytes of the next one: a unit, or two units of UTF-16 that are a surrogate pair.
func (c *characters) character() ([]byte, error) {
	b := make([]byte, c.unit, 2*c.unit)
	_, err := io.ReadFull(c.in, b)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fault.Permanent(errors.New("the input ends with half of a character"))
	}
	if err != nil || c.unit == 1 || b[1-c.low]&0xfc != 0xd8 {
		return b, err
	}
	if more, err := c.in.Peek(c.unit); err == nil && more[1-c.low]&0xfc == 0xdc {
		b = append(b, more...)
		_, err = c.in.Discard(c.unit)
		return b, err
	}
	return b, nil
}

// starts says whether the input goes on with some bytes.
func (c *characters) starts(with string) bool {
	next, err := c.in.Peek(len(with))
	return err == nil && string(next) == with
}

// startsWith says whether the text goes on with an ASCII character.
func (c *characters) startsWith(ascii byte) bool {
	next, err := c.in.Peek(c.unit)
	return err == nil && next[c.low] == ascii && (c.unit == 1 || next[1-c.low] == 0)
}

// ended says that nothing is left.
func (c *characters) ended() bool {
	_, err := c.in.Peek(1)
	return decompress.Ended(err)
}

// undefined is the text of a unit that is no character: a surrogate, which UTF-8 does not allow.
func undefined(unit int) []byte {
	return []byte{0xe0 | byte(unit>>12), 0x80 | byte(unit>>6&0x3f), 0x80 | byte(unit&0x3f)}
}

// cp1252 is the characters of the bytes 0x80 to 0x9f in windows-1252, blank where there is none (Unicode's mapping
// CP1252.TXT).
var cp1252 = []rune("€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ")

func windows1252(b []byte) []byte {
	switch c := b[0]; {
	case c < 0x80 || c >= 0xa0:
		return []byte(string(rune(c)))
	case cp1252[c-0x80] == ' ':
		return undefined(0xdc00 + int(c))
	default:
		return []byte(string(cp1252[c-0x80]))
	}
}

// utf16 decodes one character. high is the index in a unit of the byte with its upper half.
func utf16(order unicode.Endianness, high int) func(b []byte) []byte {
	decoder := unicode.UTF16(order, unicode.IgnoreBOM).NewDecoder()
	return func(b []byte) []byte {
		switch {
		case b[high] == 0 && b[1-high] < 0x80:
			return b[1-high : 2-high]
		case len(b) == 2 && b[high]&0xf8 == 0xd8:
			return undefined(int(b[high])<<8 | int(b[1-high]))
		}
		text, err := decoder.Bytes(b)
		if err != nil || !utf8.Valid(text) {
			panic(fmt.Sprintf("verify: % x does not decode: %q, %v", b, text, err))
		}
		return text
	}
}

// decodeAll gives the text of bytes of the input.
func decodeAll(b []byte, charset contract.Charset) ([]byte, error) {
	in := newCharacters(bytes.NewReader(b), charset, len(b))
	if in.decode == nil {
		return b, nil
	}
	var text []byte
	for {
		c, _, err := in.next()
		if decompress.Ended(err) {
			return text, nil
		}
		if err != nil {
			return nil, err
		}
		text = append(text, c)
	}
}
