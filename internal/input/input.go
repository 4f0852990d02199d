// Package input turns the stored bytes of an object into the bytes of its records: it tells and undoes compression.
package input

import (
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"dip/contract"
	"dip/internal/fault"
)

// MagicSize is the number of leading bytes that Detect needs.
const MagicSize = 4

// maxWindow bounds the decoder's memory: zstd asks decoders to support 8 MiB (RFC 8878, 3.1.1.1.2); `zstd --long`
// goes to 128 MiB.
const maxWindow = 128 << 20

var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// Detect tells an object's compression by its first bytes. Neither magic number can begin a text in UTF-8.
func Detect(head []byte) contract.Compression {
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		return contract.Gzip
	case bytes.HasPrefix(head, zstdMagic):
		return contract.Zstd
	}
	return contract.Plain
}

// Decompress gives the decompressed bytes of stored. Damaged or truncated input is a permanent error that tells how
// far the bytes were good. Closing the result does not close stored.
func Decompress(stored io.Reader, c contract.Compression) (io.ReadCloser, error) {
	counted := &source{r: stored}
	switch c {
	case contract.Plain:
		return io.NopCloser(stored), nil
	case contract.Gzip:
		z, err := gzip.NewReader(counted)
		if err != nil {
			return nil, counted.explain(c, 0, err)
		}
		return &decoder{r: z, close: z.Close, source: counted, kind: c}, nil
	case contract.Zstd:
		z, err := zstd.NewReader(counted, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, counted.explain(c, 0, err)
		}
		return &decoder{r: z, close: func() error { z.Close(); return nil }, source: counted, kind: c}, nil
	}
	return nil, fmt.Errorf("unknown compression %q", c)
}

type decoder struct {
	r      io.Reader
	close  func() error
	source *source
	kind   contract.Compression
	out    int64
}

func (d *decoder) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	d.out += int64(n)
	if err != nil && err != io.EOF {
		err = d.source.explain(d.kind, d.out, err)
	}
	return n, err
}

func (d *decoder) Close() error { return d.close() }

// source remembers what the stored bytes' reader failed with, to tell a network failure from a damaged input.
type source struct {
	r   io.Reader
	n   int64
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.n += int64(n)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

func (s *source) explain(c contract.Compression, good int64, err error) error {
	if s.err != nil {
		return s.err
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	what := "damaged"
	if err == io.ErrUnexpectedEOF {
		what = "truncated"
	}
	return fault.Permanent(fmt.Errorf("the %s input is %s near byte %d (%d bytes of content were good): %w", c, what, s.n, good, err))
}
