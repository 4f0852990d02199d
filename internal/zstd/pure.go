//go:build !cgo || !libzstd

package zstd

import (
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// Library is the implementation, for display.
const Library = "zstd in Go"

// Encoder compresses one block after the other. It is not safe for concurrent use.
type Encoder struct {
	zstd *zstd.Encoder
	out  []byte
}

// NewEncoder makes an encoder of a level, 1 to 19, which stands for the nearest of this implementation.
func NewEncoder(level int) (*Encoder, error) {
	if err := checkLevel(level); err != nil {
		return nil, err
	}
	// Blocks are about 1 MiB long: a wider window would cost memory for nothing.
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)),
		zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderCRC(false), zstd.WithZeroFrames(true), zstd.WithWindowSize(1<<20))
	if err != nil {
		return nil, fmt.Errorf("make a zstd encoder of level %d: %w", level, err)
	}
	return &Encoder{zstd: enc}, nil
}

// Encode returns src as one frame without a checksum, which is valid until the next call.
func (e *Encoder) Encode(src []byte) ([]byte, error) {
	e.out = e.zstd.EncodeAll(src, e.out[:0])
	return e.out, nil
}
