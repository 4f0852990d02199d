package parquet

import (
	"encoding/binary"
	"sync"

	"dip/internal/zstd"
)

// codec compresses pages and holds the memory that all columns, and all writers of a Partitioner, take turns to use.
type codec struct {
	zstd   *zstd.Encoder // of the level that was asked for
	fast   *zstd.Encoder // of level 1
	page   []byte
	stored []byte
	sample []byte
	word   []uint64

	level int
	ready []byte // the page that choose was asked about, as it has chosen; nil: not compressed yet
}

// Codecs keeps encoders that nobody uses, for files of one level: to make them takes longer than to compress a small
// batch. The zero value is ready; it may be used by several goroutines.
type Codecs struct{ pool sync.Pool }

// get gives a codec of its own until put. Nil keeps none.
func (k *Codecs) get(level int) (*codec, error) {
	if k == nil {
		return newCodec(level)
	}
	if c, ok := k.pool.Get().(*codec); ok && c.level == level {
		return c, nil
	}
	return newCodec(level)
}

// put keeps a codec for others.
func (k *Codecs) put(c *codec) {
	if k != nil {
		k.pool.Put(c)
	}
}

func newCodec(level int) (*codec, error) {
	enc, err := zstd.NewEncoder(level)
	if err != nil {
		return nil, err
	}
	fast := enc
	if level > 1 {
		if fast, err = zstd.NewEncoder(1); err != nil {
			return nil, err
		}
	}
	return &codec{zstd: enc, fast: fast, level: level}, nil
}

// words returns n words of scratch memory, valid until the next call.
func (c *codec) words(n int) []uint64 {
	if cap(c.word) < n {
		c.word = make([]uint64, n)
	}
	return c.word[:n]
}

// effort is how hard the pages of a column chunk are compressed.
type effort uint8

const (
	untried effort = iota
	full           // with the level that was asked for
	fast           // with level 1
	stored         // not at all
)

// A sample of a page shows which effort is worth its time.
const (
	sampleBytes = 64 << 10
	sampleLeast = 4 << 10 // a smaller page is not worth the trial
	// storedGain is the part of a sample that compression must save, 1/n.
	storedGain = 16
	// fullGain is the part of its own size that a level must save over level 1, 1/n.
	fullGain = 10
)

// choose tries a sample from the middle of a page. Of a page that is no larger, compress has its result.
func (c *codec) choose(page []byte) (effort, error) {
	c.ready = nil
	if len(page) < sampleLeast {
		return full, nil
	}
	sample := page
	if extra := len(page) - sampleBytes; extra > 0 {
		sample = page[extra/2:][:sampleBytes]
	}
	quick, err := c.fast.Encode(sample)
	if err != nil {
		return untried, err
	}
	small := quick
	if c.fast != c.zstd {
		if small, err = c.zstd.Encode(sample); err != nil {
			return untried, err
		}
	}
	whole := len(sample) == len(page)
	switch {
	case len(small) > len(sample)-len(sample)/storedGain:
		return stored, nil
	case len(quick)-len(small) > len(small)/fullGain:
		if whole {
			c.ready = small
		}
		return full, nil
	}
	if whole {
		c.ready = quick
	}
	return fast, nil
}

// compress returns a page compressed, valid until the next call.
func (c *codec) compress(page []byte, how effort) ([]byte, error) {
	if ready := c.ready; ready != nil {
		c.ready = nil
		return ready, nil
	}
	switch how {
	case stored:
		c.stored = appendStored(c.stored[:0], page)
		return c.stored, nil
	case fast:
		return c.fast.Encode(page)
	}
	return c.zstd.Encode(page)
}

// Parts of a frame of RFC 8878.
const (
	frameMagic    = 0xfd2fb528
	frameSized    = 2 << 6 // the content's size follows, in 4 bytes
	frameWindow   = 7 << 3 // 128 KiB: raw blocks look back at nothing
	frameBlock    = 128 << 10
	lastBlock     = 1
	blockSizeFrom = 3 // bit; the type before it, 0, is raw
)

// appendStored appends content as a zstd frame of raw blocks.
func appendStored(out, content []byte) []byte {
	out = binary.LittleEndian.AppendUint32(out, frameMagic)
	out = append(out, frameSized, frameWindow)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(content)))
	for last := false; !last; {
		n := min(len(content), frameBlock)
		last = n == len(content)
		header := uint32(n) << blockSizeFrom
		if last {
			header |= lastBlock
		}
		out = append(out, byte(header), byte(header>>8), byte(header>>16))
		out = append(out, content[:n]...)
		content = content[n:]
	}
	return out
}
