package gateway

import (
	"bytes"
	"errors"
	"io"
	"net/http"

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

// piece is what a buffer grows by at least, bytes.
const piece = 64 << 10

// readAll reads up to most bytes, and takes the memory from the lease first. A buffer that has grown was copied: both
// copies count until the old one is gone.
func readAll(r io.Reader, most int64, l *lease) ([]byte, error) {
	if !l.grow(piece) {
		return nil, errBusy
	}
	data := make([]byte, 0, piece)
	for {
		if len(data) == cap(data) {
			old := int64(cap(data))
			size := min(2*old, most+1) // a full buffer holds at most `most`, so that this is more
			if !l.grow(size) {
				return nil, errBusy
			}
			data = append(make([]byte, 0, size), data...)
			l.shrink(old)
		}
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
	}
}

// content reads a body and decompresses it.
func content(body io.Reader, coding string, limits Limits, l *lease) ([]byte, *Problem) {
	wire, err := readAll(body, limits.Body, l)
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
	data, err := readAll(z, limits.Body, l)
	if err != nil {
		return nil, bodyProblem(err, limits, "decompress the body as "+coding)
	}
	l.shrink(int64(cap(wire)))
	return data, nil
}

func decoder(wire []byte, coding string) (io.ReadCloser, error) {
	if coding == "gzip" {
		return gzip.NewReader(bytes.NewReader(wire))
	}
	z, err := zstd.NewReader(bytes.NewReader(wire), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return z.IOReadCloser(), nil
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
