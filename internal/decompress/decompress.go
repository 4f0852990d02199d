// Package decompress turns the stored bytes of an object into its content: it detects and undoes compression.
package decompress

import (
	"bufio"
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
	// skippableRest follows the first byte of a skippable frame, 0x50 to 0x5f (RFC 8878, 3.1.2).
	skippableRest = []byte{0x2a, 0x4d, 0x18}
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
	return len(head) >= MagicSize && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:MagicSize], skippableRest)
}

// Decompress gives the decompressed bytes of stored. Damaged or truncated input, and bytes after the end of the
// compressed data, are permanent errors that say how much content is intact. Closing the result does not close stored.
func Decompress(stored io.Reader, c contract.Compression) (io.ReadCloser, error) {
	counted := &source{r: stored}
	switch c {
	case contract.Plain:
		return io.NopCloser(stored), nil
	case contract.Gzip:
		z, err := newMembers(counted)
		if err != nil {
			return nil, counted.explain(c, 0, err)
		}
		return &decoder{r: z, close: z.z.Close, source: counted, kind: c}, nil
	case contract.Zstd:
		f := &frames{r: counted}
		z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow),
			zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, counted.explain(c, 0, err)
		}
		return &decoder{r: &framed{z, f}, close: func() error { z.Close(); return nil }, source: counted, kind: c}, nil
	}
	return nil, fmt.Errorf("unknown compression %q", c)
}

// Ended says whether a Read reached the end of its input. Only io.EOF itself means that: a connection that was closed
// too early fails with an error that wraps it, and taking that for the end would silently lose the rest.
func Ended(err error) bool {
	return err == io.EOF //nolint:errorlint // wrapped, it is a failure
}

// members reads the members of a gzip stream (RFC 1952, 2.2) one after the other.
type members struct {
	z  *gzip.Reader
	in *bufio.Reader // a member's reader takes no byte too many from it
}

func newMembers(stored io.Reader) (*members, error) {
	in := bufio.NewReader(stored)
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	return &members{z, in}, nil
}

func (m *members) Read(p []byte) (int, error) {
	n, err := m.z.Read(p)
	for Ended(err) {
		if err = m.next(); err == nil && n == 0 && len(p) > 0 {
			n, err = m.z.Read(p)
			continue
		}
		break
	}
	return n, err
}

// next begins the next member; io.EOF when there is none.
func (m *members) next() error {
	start, err := m.in.Peek(len(gzipMagic))
	switch {
	case err != nil && !Ended(err):
		return err
	case len(start) == 0:
		return io.EOF
	case !bytes.HasPrefix(gzipMagic, start):
		return trailing(m.in, 0)
	}
	err = m.z.Reset(m.in)
	m.z.Multistream(false)
	if Ended(err) { // within the header's name or comment
		err = io.ErrUnexpectedEOF
	}
	return err
}

// trailingError says that bytes follow the compressed data.
type trailingError struct{ bytes int64 }

func (e trailingError) Error() string {
	if e.bytes > maxTrailing {
		return fmt.Sprintf("more than %d bytes after the end of the compressed data", maxTrailing)
	}
	if e.bytes == 1 {
		return "1 byte after the end of the compressed data"
	}
	return fmt.Sprintf("%d bytes after the end of the compressed data", e.bytes)
}

// maxTrailing is how many of the bytes after the compressed data are read to count them.
const maxTrailing = 16 << 20

// trailing counts the bytes after the compressed data: n that were read, and the rest.
func trailing(rest io.Reader, n int64) error {
	more, err := io.Copy(io.Discard, io.LimitReader(rest, maxTrailing+1-n))
	if err != nil {
		return err
	}
	return trailingError{n + more}
}

type decoder struct {
	r      io.Reader
	close  func() error
	source *source
	kind   contract.Compression
	out    int64
	err    error // of the last Read: the reader keeps failing
}

func (d *decoder) Read(p []byte) (int, error) {
	if d.err != nil {
		return 0, d.err
	}
	n, err := d.r.Read(p)
	d.out += int64(n)
	// The zstd decoder takes an unexpected end between two frames for the end: what the source said counts.
	if err != nil && (!Ended(err) || d.source.err != nil) {
		err = d.source.explain(d.kind, d.out, err)
	}
	d.err = err
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
	intact := fmt.Sprintf("(%d bytes of content are intact)", good)
	var more trailingError
	switch {
	case errors.As(err, &more):
		err = fmt.Errorf("the %s input has %w %s: cut it there, or compress the file again", c, more, intact)
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		err = fmt.Errorf("the %s input needs a window of more than %d MiB to be decompressed, as zstd --long=28 and above "+
			"make it: compress it again with --long=27 or less: %w", c, maxWindow>>20, err)
	case errors.Is(err, zstd.ErrUnknownDictionary):
		err = fmt.Errorf("the %s input was compressed with a dictionary: compress it again without: %w", c, err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("the %s input is truncated near byte %d %s: %w", c, s.n, intact, err)
	default:
		err = fmt.Errorf("the %s input is damaged near byte %d %s: %w", c, s.n, intact, err)
	}
	return fault.Permanent(err)
}
