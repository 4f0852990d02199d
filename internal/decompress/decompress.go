// Package decompress turns the stored bytes of an object into its content: it detects and undoes compression.
package decompress

import (
	"bytes"
	"errors"
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

// Detect finds an object's compression by its first bytes. No magic number can begin a text: they are not UTF-8, or
// hold a control character.
func Detect(head []byte) contract.Compression {
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		return contract.Gzip
	case bytes.HasPrefix(head, zstdMagic), skippable(head):
		return contract.Zstd
	}
	return contract.Plain
}

// skippable says whether a zstd stream begins with a skippable frame (RFC 8878, 3.1.2), as those of pzstd do.
func skippable(head []byte) bool {
	return len(head) >= MagicSize && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:MagicSize], []byte{0x2a, 0x4d, 0x18})
}

// Decompress gives the decompressed bytes of stored. Damaged or truncated input is a permanent error that says how
// much content was intact. Closing the result does not close stored.
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
		z, err := zstd.NewReader(counted, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow),
			zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, counted.explain(c, 0, err)
		}
		return &decoder{r: z, close: func() error { z.Close(); return nil }, source: counted, kind: c}, nil
	}
	return nil, fmt.Errorf("unknown compression %q", c)
}

// Ended says whether a Read reached the end of its input. Only io.EOF itself means that: a connection that was closed
// too early fails with an error that wraps it, and taking that for the end would silently lose the rest.
func Ended(err error) bool {
	return err == io.EOF //nolint:errorlint // wrapped, it is a failure
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
	// The zstd decoder takes an unexpected end between two frames for the end: what the source said counts.
	if err != nil && (!Ended(err) || d.source.err != nil) {
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
	if err != nil && !Ended(err) {
		s.err = err
	}
	return n, err
}

func (s *source) explain(c contract.Compression, good int64, err error) error {
	if s.err != nil {
		return s.err
	}
	if Ended(err) {
		err = io.ErrUnexpectedEOF
	}
	what := "damaged"
	if errors.Is(err, io.ErrUnexpectedEOF) {
		what = "truncated"
	}
	return fault.Permanent(fmt.Errorf("the %s input is %s near byte %d (%d bytes of content are intact): %w", c, what, s.n,
		good, err))
}
