package text

import (
	"fmt"
	"io"

	"dip/internal/decompress"
	"dip/internal/fault"
)

// blockSize is how many bytes are decoded at a time.
const blockSize = 64 << 10

// Reader decodes what r reads, from an offset of the input on at which a character starts. An end within a unit is a
// permanent error.
func (c *Charset) Reader(r io.Reader, at int64) io.Reader {
	if c == nil {
		return r
	}
	return &reader{charset: c, in: r, at: at, raw: make([]byte, 0, blockSize)}
}

type reader struct {
	charset *Charset
	in      io.Reader
	at      int64  // offset of raw
	raw     []byte // not decoded yet
	text    []byte // not read yet
	decoded []byte // memory of text
	err     error
}

func (r *reader) Read(p []byte) (int, error) {
	for len(r.text) == 0 && r.err == nil && len(p) > 0 {
		r.fill()
	}
	n := copy(p, r.text)
	if r.text = r.text[n:]; len(r.text) > 0 {
		return n, nil
	}
	return n, r.err
}

func (r *reader) fill() {
	n, err := r.in.Read(r.raw[len(r.raw):cap(r.raw)])
	r.raw, r.err = r.raw[:len(r.raw)+n], err
	var used int
	r.decoded, used = r.charset.decode(r.decoded[:0], r.raw, decompress.Ended(err))
	r.text, r.at = r.decoded, r.at+int64(used)
	r.raw = r.raw[:copy(r.raw, r.raw[used:])]
	if decompress.Ended(err) && len(r.raw) > 0 {
		r.err = r.charset.HalfUnit(r.at)
	}
}

// HalfUnit is the permanent error of an input that ends with a byte, at an offset, that is half of a unit.
func (c *Charset) HalfUnit(at int64) error {
	return fault.Permanent(fmt.Errorf("the input is not %s, or it is truncated: its last byte, %d, is half of a character",
		c.name, at))
}
