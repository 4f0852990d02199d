package decompress

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
)

// frames passes a zstd stream on and follows its frames (RFC 8878, 3.1), to tell a frame that is cut off from other
// bytes after the last one: the decoder does not say which it has met.
type frames struct {
	r     io.Reader
	piece []byte // of the part that is being read
	need  int    // bytes of that part; 0: the next frame's magic number
	skip  int64  // bytes that mean nothing here: of a block, or of a skippable frame
	part  part
	sums  bool // the frame ends with a checksum
	whole bool // a frame has ended
	over  bool // what follows is no frame
}

// part is what of a frame comes next.
type part uint8

const (
	magic part = iota
	skippedSize
	descriptor
	headerRest
	blockHeader
)

const magicBytes, sizeBytes, blockHeaderBytes, checksumBytes = 4, 4, 3, 4

func (f *frames) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	f.follow(p[:n])
	return n, err
}

func (f *frames) follow(data []byte) {
	for len(data) > 0 && !f.over {
		if f.skip > 0 {
			n := min(f.skip, int64(len(data)))
			f.skip, data = f.skip-n, data[n:]
			continue
		}
		if f.need == 0 {
			f.begin(magic, magicBytes)
		}
		n := min(f.need-len(f.piece), len(data))
		f.piece, data = append(f.piece, data[:n]...), data[n:]
		if len(f.piece) == f.need {
			f.finish()
		}
	}
}

func (f *frames) begin(p part, bytes int) { f.part, f.need, f.piece = p, bytes, f.piece[:0] }

// finish moves on after a whole part.
func (f *frames) finish() {
	switch b := f.piece; f.part {
	case magic:
		switch {
		case bytes.Equal(b, zstdMagic):
			f.begin(descriptor, 1)
		case skippable(b):
			f.begin(skippedSize, sizeBytes)
		default:
			f.over = true
		}
	case skippedSize:
		f.skip, f.whole = int64(binary.LittleEndian.Uint32(b)), true
		f.begin(magic, 0)
	case descriptor: // RFC 8878, 3.1.1.1.1
		single, dictionary, size := b[0]&0x20 != 0, []int{0, 1, 2, 4}[b[0]&3], []int{0, 2, 4, 8}[b[0]>>6]
		f.sums = b[0]&4 != 0
		if !single {
			dictionary++ // the window descriptor
		} else if size == 0 {
			size = 1
		}
		if n := dictionary + size; n > 0 {
			f.begin(headerRest, n)
		} else {
			f.begin(blockHeader, blockHeaderBytes)
		}
	case headerRest:
		f.begin(blockHeader, blockHeaderBytes)
	case blockHeader: // RFC 8878, 3.1.1.2: last block, type, size
		h := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
		f.skip = int64(h >> 3)
		if h>>1&3 == 1 { // one byte, repeated
			f.skip = 1
		}
		f.begin(blockHeader, blockHeaderBytes)
		if h&1 != 0 {
			if f.whole = true; f.sums {
				f.skip += checksumBytes
			}
			f.begin(magic, 0)
		}
	}
}

// foreign says that the bytes after the last whole frame begin no other, and how many of them were read.
func (f *frames) foreign() (n int, is bool) {
	if !f.whole || f.part != magic || f.skip > 0 || len(f.piece) == 0 {
		return 0, false
	}
	start := f.piece
	cut := bytes.HasPrefix(zstdMagic, start) || start[0]&0xf0 == 0x50 && bytes.HasPrefix(skippableRest, start[1:])
	return len(start), f.over || !cut
}

// framed is a decoder whose error says that bytes follow the compressed data, where that is it.
type framed struct {
	*zstd.Decoder
	frames *frames
}

func (d *framed) Read(p []byte) (int, error) {
	n, err := d.Decoder.Read(p)
	if errors.Is(err, zstd.ErrMagicMismatch) || errors.Is(err, io.ErrUnexpectedEOF) {
		if read, is := d.frames.foreign(); is {
			err = trailing(d.frames.r, int64(read))
		}
	}
	return n, err
}
