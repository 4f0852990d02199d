package client

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"dip/contract"
	"dip/internal/sample"
)

// Kinds of sample input, by the segment that ingests them.
var kinds = map[string]func(io.Writer, sample.Options) (sample.Stats, error){
	"trips":    sample.Trips,
	"events":   sample.Events,
	"readings": sample.Readings,
}

// gzipLevel keeps up with the generator; higher levels save little on generated text.
const gzipLevel = 3

// Generate writes sample input of a kind: "trips", "events" or "readings". The same options give the same bytes. Limits and Stats
// count the text before compression.
func Generate(w io.Writer, kind string, c contract.Compression, o sample.Options) (stats sample.Stats, err error) {
	generate, ok := kinds[kind]
	if !ok {
		return stats, fmt.Errorf("generate %q: want trips, events or readings", kind)
	}
	buffered := bufio.NewWriterSize(w, 1<<20)
	out, err := compressor(buffered, c)
	if err != nil {
		return stats, fmt.Errorf("generate %s: %w", kind, err)
	}
	stats, err = generate(out, o)
	if err := errors.Join(err, out.Close(), buffered.Flush()); err != nil {
		return stats, fmt.Errorf("generate %s: %w", kind, err)
	}
	return stats, nil
}

func compressor(w io.Writer, c contract.Compression) (io.WriteCloser, error) {
	switch c {
	case contract.Plain:
		return uncompressed{w}, nil
	case contract.Gzip:
		return gzip.NewWriterLevel(w, gzipLevel)
	case contract.Zstd:
		// One thread gives the same bytes on every machine.
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	default:
		return nil, fmt.Errorf("unknown compression %q", c)
	}
}

type uncompressed struct{ io.Writer }

func (uncompressed) Close() error { return nil }
