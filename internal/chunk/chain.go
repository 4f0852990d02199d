package chunk

// Link is what the reader of a chunk reports. Start is the offset of the first record that it read. End is the offset
// of the first record at or after the range's end, or the input's size if there is none: where the next chunk must
// start. A chunk that owns no records has Rows 0 and Start == End, whatever that offset.
type Link struct {
	Start, End int64
	Rows       int64 // records read: those written and those quarantined
}

func (l Link) empty() bool { return l.Start == l.End && l.Rows == 0 }

// Rerun requests that a chunk be read again with its first record at From, which is proven. From at or past the range's
// end means that the chunk owns no records: its link is {From, From, 0}.
type Rerun struct {
	Index int
	From  int64
}

// Verdict is the result of a walk over the chain. The indexes are those of the ranges.
type Verdict struct {
	// Accepted is the length of the proven prefix: chunks [0, Accepted) have read exactly their records.
	Accepted int
	// Position is how far the chain is proven: every record that starts before it was read by the chunk that owns it.
	Position int64
	// Rerun holds the chunks whose links are certainly wrong, in order. Chunks after the first of them that owns
	// records are not judged: their starts may still prove right.
	Rerun []Rerun
	// Missing holds the chunks without a link, in order.
	Missing []int
	// Closed is true when every chunk is accepted and together they cover [body, size) without gap or overlap.
	Closed bool
}

// Chain walks the chunks in order from body, the known offset of the first record. links[i] is the link of ranges[i],
// nil if it has not been reported; ranges are those of Plan(body, size, ...).
//
// The proof is by induction. The record automaton is deterministic, so a chunk that started at a record's start read
// true records, and its End is a record's start. body is one. A link is accepted only if it starts at the End of the
// link before it, so each accepted start is true and the accepted links meet without gap or overlap; a chunk whose
// whole range lies before that End, inside a record that an earlier chunk owns, must report no records.
//
// Each rerun yields a link that is accepted, so a chain closes after at most one rerun per chunk.
func Chain(body, size int64, ranges []Range, links []*Link) Verdict {
	v := Verdict{Position: body}
	accepting, walking := true, true
	for i, r := range ranges {
		var link *Link
		if i < len(links) {
			link = links[i]
		}
		if link == nil {
			v.Missing = append(v.Missing, i)
		}
		if !walking {
			continue
		}
		ownsNothing := v.Position >= r.End
		right := link != nil && (ownsNothing && link.empty() ||
			!ownsNothing && link.Start == v.Position && link.End >= r.End && link.End <= size)
		if link != nil && !right {
			v.Rerun = append(v.Rerun, Rerun{Index: i, From: v.Position})
		}
		switch {
		case right && !ownsNothing:
			v.Position = link.End
		case !right && !ownsNothing:
			walking = false // the end of this chunk is unknown
		}
		accepting = accepting && right
		if accepting {
			v.Accepted++
		}
	}
	v.Closed = v.Accepted == len(ranges) && v.Position == size
	return v
}
