package parquet

import (
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// codec compresses pages and holds the memory that all columns, and all writers of a Partitioner, take turns to use.
type codec struct {
	zstd   *zstd.Encoder
	page   []byte
	packed []byte
	sample []byte
	word   []uint64
}

func newCodec(level int) (*codec, error) {
	// A page is a frame of its own, of about 1 MiB, and carries a checksum in its header: a wider window and a second
	// checksum would cost memory and time for nothing.
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)),
		zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderCRC(false), zstd.WithZeroFrames(true), zstd.WithWindowSize(1<<20))
	if err != nil {
		return nil, fmt.Errorf("make zstd encoder of level %d: %w", level, err)
	}
	return &codec{zstd: enc}, nil
}

// compress returns p compressed, valid until the next call.
func (c *codec) compress(p []byte) []byte {
	c.packed = c.zstd.EncodeAll(p, c.packed[:0])
	return c.packed
}

// words returns n words of scratch memory, valid until the next call.
func (c *codec) words(n int) []uint64 {
	if cap(c.word) < n {
		c.word = make([]uint64, n)
	}
	return c.word[:n]
}
