package parquet

import (
	"fmt"
	"hash/crc32"
	"math"
)

// Types of pages.
const (
	pageData       = 0
	pageDictionary = 2
)

// page is a header with its compressed data.
type page struct {
	bytes []byte
	raw   int64 // bytes before compression
}

type pageHeader struct {
	dictionary bool
	values     int // with nulls
	encoding   int
}

// seal compresses c.page and puts the header before it.
func (c *codec) seal(h *pageHeader, how effort) (page, error) {
	if len(c.page) > math.MaxInt32 {
		return page{}, fmt.Errorf("%d bytes are more than a page can have (2 GiB)", len(c.page))
	}
	data, err := c.compress(c.page, how)
	if err != nil {
		return page{}, err
	}
	head := h.bytes(len(c.page), data)
	sealed := make([]byte, 0, len(head)+len(data)) // held until the row group ends: no spare capacity
	sealed = append(append(sealed, head...), data...)
	return page{bytes: sealed, raw: int64(len(head) + len(c.page))}, nil
}

func (h *pageHeader) bytes(raw int, data []byte) []byte {
	var t thriftWriter
	kind := int32(pageData)
	if h.dictionary {
		kind = pageDictionary
	}
	t.i32(1, kind)
	t.i32(2, int32(raw))
	t.i32(3, int32(len(data)))
	t.i32(4, int32(crc32.ChecksumIEEE(data)))
	if h.dictionary {
		t.begin(7)
		t.i32(1, int32(h.values))
		t.i32(2, int32(h.encoding))
	} else {
		t.begin(5)
		t.i32(1, int32(h.values))
		t.i32(2, int32(h.encoding))
		t.i32(3, encRLE) // definition levels
		t.i32(4, encRLE) // repetition levels
	}
	t.end()
	t.end()
	return t.buf
}
