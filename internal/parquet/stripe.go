package parquet

import (
	"sort"

	"dip/internal/record"
)

// stripe cuts a sequence of rows at points that depend on the rows alone: after maxRows rows, or after the row with
// which the text since the last cut reaches maxBytes.
type stripe struct {
	maxRows, maxBytes   int
	leftRows, leftBytes int
}

func newStripe(rows, bytes int) stripe {
	return stripe{maxRows: rows, maxBytes: bytes, leftRows: rows, leftBytes: bytes}
}

// next returns how many of the next rows, at most limit, belong to the open stripe, and whether they end it.
func (s *stripe) next(from []cursor, limit int) (rows int, ends bool) {
	rows = min(limit, s.leftRows)
	text := textBytes(from, rows)
	if text >= s.leftBytes {
		rows = 1 + sort.Search(rows-1, func(i int) bool { return textBytes(from, i+1) >= s.leftBytes })
		text = textBytes(from, rows)
	}
	s.leftRows -= rows
	s.leftBytes -= text
	ends = s.leftRows == 0 || s.leftBytes <= 0
	if ends {
		s.leftRows, s.leftBytes = s.maxRows, s.maxBytes
	}
	return rows, ends
}

func textBytes(from []cursor, rows int) int {
	n := 0
	for i := range from {
		n += from[i].textBytes(rows)
	}
	return n
}

func newCursors(b *record.Batch) []cursor {
	from := make([]cursor, len(b.Columns))
	for i := range from {
		from[i].col = &b.Columns[i]
	}
	return from
}
