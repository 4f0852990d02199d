package gateway

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Errors of bodies that are not read to their end.
var (
	errTooLarge = errors.New("body too large")
	errBusy     = errors.New("buffers are full")
)

// maxWindow bounds a zstd decoder's memory: all decoders support 8 MiB (RFC 8878, 3.1.1.1.2).
const maxWindow = 8 << 20

// A buffer begins with the length that a request announces, but at most with eager bytes: a client that sends nothing
// holds no more. Where the length is unknown it begins with piece bytes.
const (
	piece = 64 << 10
	eager = 1 << 20
)

// readAll reads up to most bytes into a buffer of the lease. length is what is expected, -1: nothing is known. While a
// buffer grows, both copies count.
func readAll(r io.Reader, length, most int64, l *lease) ([]byte, error) {
	first := int64(piece)
	if length >= 0 {
		first = min(length+1, eager) // one more byte, for the end
	}
	data, ok := l.buffer(int(first))
	for ok {
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case int64(len(data)) > most:
			return nil, errTooLarge
		case err == io.EOF: //nolint:errorlint // wrapped, it is a connection that was closed too early
			return data, nil
		case err != nil:
			return nil, err
		}
		if len(data) == cap(data) {
			old := data
			if data, ok = l.buffer(2 * cap(old)); ok {
				data = append(data, old...)
				l.drop(old)
			}
		}
	}
	return nil, errBusy
}

// content reads a body and decompresses it. length is the one that the request announces; -1: none.
func content(body io.Reader, length int64, coding string, limits Limits, l *lease) ([]byte, *Problem) {
	wire, err := readAll(body, length, limits.Body, l)
	if err != nil {
		return nil, bodyProblem(err, limits, "read the body")
	}
	if coding == "" {
		return wire, nil
	}
	z, err := decoder(wire, coding)
	if err != nil {
		return nil, bodyProblem(err, limits, "decompress the body as "+coding)
	}
	defer z.Close() // a decoder of bytes in memory has nothing to report
	data, err := readAll(z, -1, limits.Body, l)
	if err != nil {
		return nil, bodyProblem(err, limits, "decompress the body as "+coding)
	}
	l.drop(wire)
	return data, nil
}

// Decoders that no request uses: their tables are worth more than a small body.
var (
	gzips sync.Pool // of *gzip.Reader
	zstds sync.Pool // of *zstd.Decoder, which have no goroutines: with a concurrency of one they decode as they are read
)

// stored returns a decoder to its pool when it is closed.
type stored struct {
	io.Reader
	close func()
}

func (s stored) Close() error { s.close(); return nil }

func decoder(wire []byte, coding string) (io.ReadCloser, error) {
	if coding == "gzip" {
		z, ok := gzips.Get().(*gzip.Reader)
		if !ok {
			z = new(gzip.Reader)
		}
		err := z.Reset(bytes.NewReader(wire))
		return stored{z, func() { gzips.Put(z) }}, err
	}
	z, ok := zstds.Get().(*zstd.Decoder)
	if !ok {
		var err error
		if z, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow)); err != nil {
			return nil, err
		}
	}
	err := z.Reset(bytes.NewReader(wire))
	return stored{z, func() {
		if z.Reset(nil) == nil { // it keeps no body
			zstds.Put(z)
		}
	}}, err
}

func bodyProblem(err error, l Limits, attempt string) *Problem {
	switch {
	case errors.Is(err, errTooLarge):
		return tooLarge(l)
	case errors.Is(err, errBusy):
		return busy()
	}
	return problem(http.StatusBadRequest, "%s: %v", attempt, err)
}

func busy() *Problem {
	return problem(http.StatusTooManyRequests, "more records are on their way to Kinesis than it takes: try again")
}
