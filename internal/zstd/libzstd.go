//go:build cgo && libzstd

package zstd

import (
	"fmt"

	"github.com/DataDog/zstd"
)

// Library is the implementation, for display.
const Library = "libzstd 1.5.7"

// Encoder compresses one block after the other. It is not safe for concurrent use. Its memory, a few MiB, is outside
// Go's heap and its limit.
type Encoder struct {
	ctx   zstd.Ctx
	level int
	out   []byte
}

// NewEncoder makes an encoder of a level, 1 to 19.
func NewEncoder(level int) (*Encoder, error) {
	if err := checkLevel(level); err != nil {
		return nil, err
	}
	return &Encoder{ctx: zstd.NewCtx(), level: level}, nil
}

// Encode returns src as one frame without a checksum, which is valid until the next call.
func (e *Encoder) Encode(src []byte) ([]byte, error) {
	out, err := e.ctx.CompressLevel(e.out, src, e.level)
	if err != nil {
		return nil, fmt.Errorf("compress %d bytes: %w", len(src), err)
	}
	e.out = out[:0]
	return out, nil
}
