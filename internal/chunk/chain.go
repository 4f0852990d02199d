package chunk

// Link is what the reader of a chunk reports. Start is the offset of the first record that it read. End is the offset
// of the first record at or after the range's end, or the input's size when none follows: where the chunk after it has
// to start. A chunk that owns nothing has Rows 0 and Start == End, whatever offset that is.
type Link struct {
	Start, End int64
	Rows       int64 // records read: those written and those quarantined
}

func (l Link) empty() bool { return l.Start == l.End && l.Rows == 0 }

// Rerun asks for a chunk to be read again with its first record at From, which is proven. From at or past the range's
// end means that the chunk owns nothing: its link is {From, From, 0}.
type Rerun struct {
	Index int
	From  int64
}

// Verdict is what a walk over the chain has shown. The indexes are those of the ranges.
type Verdict struct {
	// Accepted is the length of the proven prefix: chunks [0, Accepted) have read exactly their records.
	Accepted int
	// Position is how far the chain is proven: every record that starts before it was read by the chunk that owns it.
	Position int64
	// Rerun holds the chunks whose links are wrong for certain, in order. Chunks after the first one with records of
	// its own are not judged: their starts may yet prove right.
	Rerun []Rerun
	// Missing holds the chunks without a link, in order.
	Missing []int
	// Closed is true when every chunk is accepted and together they cover [body, size) without gap or overlap.
	Closed bool
}

// Chain walks the chunks in order from body, the offset of the first record, which is known for certain. links[i] is
// the link of ranges[i], nil if it has not reported; ranges are those of Plan(body, size, ...).
//
// The proof is by induction. The record automaton is deterministic, so a chunk that started on a record's start read
// true records and its End is a record's start. body is one. A link is accepted only where it starts at the End before
// it, so each accepted start is true and the accepted links meet without gap or overlap; a chunk whose whole range lies
// before that End, inside a record that an earlier chunk owns, must report nothing.
//
// Each rerun gives a link that is accepted, so a chain closes after at most one rerun a chunk.
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
			walking = false // where this chunk ends is not known
		}
		accepting = accepting && right
		if accepting {
			v.Accepted++
		}
	}
	v.Closed = v.Accepted == len(ranges) && v.Position == size
	return v
}
