// Package chunk decides how an input is cut into chunks that are read in parallel, where each chunk's first record
// starts, and whether the chunks that were read add up to the whole input.
//
// Everything here is pure: offsets and bytes in, decisions out. A chunk owns the records that START in its Range. The
// reader of a chunk finds its first record with FindStart, reads past the range's end to finish the last record, and
// reports a Link. Chain proves from the links that the chunks meet exactly, and names those that must be read again. A
// wrong guess of FindStart therefore costs a second read of one chunk, never a record.
package chunk

// MaxChunks is the maximum number of chunks that Plan cuts an input into. It bounds the ledger items of a load and the
// time of one walk over its chain; at a target of 64 MiB, inputs of 625 GiB reach it.
const MaxChunks = 10_000

// Range is the half-open span of byte offsets [Start, End) between two cuts. Cuts fall anywhere, even inside records.
type Range struct {
	Start, End int64
}

// Plan cuts [body, size) into chunks of target bytes. body is the offset of the first record, after a byte order mark
// and a header; size is the input's length.
//
// The ranges are in order, not empty, and leave no gap. A remainder below a quarter of the target joins the chunk
// before it, so every chunk, unless it is the only one, has at least target/4 and less than target*5/4 bytes. The
// target grows if there would be more than MaxChunks; one below 1 counts as 1. An input without records
// (body >= size) has no ranges.
func Plan(body, size, target int64) []Range {
	total := size - body
	if total <= 0 {
		return nil
	}
	target = max(target, 1, (total-1)/MaxChunks+1)
	n := total / target
	if rest := total % target; n == 0 || rest > (target-1)/4 {
		n++
	}
	ranges := make([]Range, n)
	for i := range ranges {
		start := body + int64(i)*target
		ranges[i] = Range{Start: start, End: start + target}
	}
	ranges[n-1].End = size
	return ranges
}
