package parquet

import (
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// thriftReader reads the integers of a compact struct, nested ones as 100*field + inner field.
type thriftReader struct {
	buf []byte
	pos int
}

func (r *thriftReader) structure(prefix int, into map[int]int64) {
	for id := 0; ; {
		head := r.buf[r.pos]
		r.pos++
		if head == 0 {
			return
		}
		id += int(head >> 4)
		if head&15 == thriftStruct {
			r.structure(100*id, into)
			continue
		}
		v, n := binary.Varint(r.buf[r.pos:])
		r.pos += n
		into[prefix+id] = v
	}
}

// TestPageHeaders walks over all pages of a file, which must fill each column chunk without a gap.
func TestPageHeaders(t *testing.T) {
	types := allTypes()
	rows := randomRows(rand.New(rand.NewPCG(31, 31)), types, 150_000)
	data, _ := encode(t, types, rows, Options{}, every(9999))
	unzstd, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer unzstd.Close()
	for c, m := range chunkMeta(t, data, 0) {
		pos := m.DataPageOffset()
		if m.HasDictionaryPage() {
			pos = m.DictionaryPageOffset()
		}
		end := pos + m.TotalCompressedSize()
		raw, values := int64(0), int64(0)
		for pages := 0; pos < end; pages++ {
			h := map[int]int64{}
			r := thriftReader{buf: data[pos:]}
			r.structure(0, h)
			body := data[pos+int64(r.pos):][:h[3]]
			if uint32(h[4]) != crc32.ChecksumIEEE(body) {
				t.Errorf("column %s, page %d: wrong checksum", types[c].Name, pages)
			}
			plain, err := unzstd.DecodeAll(body, nil)
			if err != nil || int64(len(plain)) != h[2] {
				t.Fatalf("column %s, page %d: %d bytes for %d: %v", types[c].Name, pages, len(plain), h[2], err)
			}
			if h[1] == pageData {
				values += h[501]
				if h[501] >= pageRows+stripeRows || len(plain) > 3*maxPageBytes {
					t.Errorf("column %s, page %d has %d rows in %d bytes", types[c].Name, pages, h[501], len(plain))
				}
			} else if pages > 0 || h[1] != pageDictionary {
				t.Errorf("column %s, page %d is of type %d", types[c].Name, pages, h[1])
			}
			raw += int64(r.pos) + h[2]
			pos += int64(r.pos) + h[3]
		}
		if pos != end || raw != m.TotalUncompressedSize() || values != int64(len(rows)) {
			t.Errorf("column %s: pages end at %d with %d bytes and %d values, want %d, %d and %d",
				types[c].Name, pos, raw, values, end, m.TotalUncompressedSize(), len(rows))
		}
	}
}
