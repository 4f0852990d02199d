package plan

import (
	"cmp"

	"github.com/klauspost/compress/zstd"

	"dip/contract"
)

// Route is where a load's chunks run, and whether its input is restaged first.
type Route struct {
	Lane    contract.Lane
	Restage bool
}

// Choose routes a load. content is the (predicted) length of its content, chunk the largest piece of it that is
// processed at once if it can be cut, both in bytes. restage says whether the stack can restage.
//
// Ordinary chunks go where the segment says. Chunks larger than a function may take go to workers; an input that is
// larger and cannot be cut is restaged, and its pieces go where chunks of their size go. Without a cluster, functions
// take everything.
func Choose(s contract.Segment, restage, splittable bool, content, chunk int64) Route {
	tooMuch := func(bytes int64) bool { return s.FunctionMB > 0 && bytes > int64(s.FunctionMB)<<20 }
	r := Route{Lane: cmp.Or(s.Lane, contract.Functions), Restage: restage && !splittable && tooMuch(content)}
	if !splittable && !r.Restage {
		chunk = content
	}
	switch {
	case s.Workers == "":
		r.Lane = contract.Functions
	case tooMuch(chunk):
		r.Lane = contract.Workers
	}
	return r
}

// What compressed text is assumed to expand by. zlib's authors give 2:1 to 5:1 as typical ("zlib Technical Details").
// We take the upper end: a load that goes to the heavy lane without need is only slower, but a function that takes too
// long times out. zstd compresses the Silesia corpus at its default level by about a fifth more than zlib (README of
// zstd).
const (
	gzipExpansion = 5.0
	zstdExpansion = 6.0
)

// seen is what the first bytes of a compressed input tell.
type seen struct {
	start   []byte // the first stored bytes
	stored  int64  // bytes that were read
	content int64  // bytes of content that they gave
	whole   bool   // there are no more
}

// predict is the likely length of a compressed input's content, bytes. size is its stored size.
//
// A zstd frame may state its content's size (RFC 8878, 3.1.1.1.4). An input may hold many frames, and only the first is
// seen: its size counts for the whole where it is no less than the stored size. gzip's ISIZE (RFC 1952, 2.3.1) is not
// used: it is the length modulo 4 GiB, of the last member alone, at the far end of the object.
//
// Where no size is stated, the ratio of the first bytes counts if it is above the assumed one.
func predict(c contract.Compression, size int64, s seen) int64 {
	if s.whole {
		return s.content
	}
	expansion := gzipExpansion
	if c == contract.Zstd {
		var h zstd.Header
		if err := h.Decode(s.start); err == nil && h.HasFCS && h.FrameContentSize >= uint64(size) &&
			h.FrameContentSize < 1<<62 {
			return int64(h.FrameContentSize)
		}
		expansion = zstdExpansion
	}
	if s.stored > 0 {
		expansion = max(expansion, float64(s.content)/float64(s.stored))
	}
	return int64(float64(size) * expansion)
}
