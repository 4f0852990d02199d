// Package interval decides what of a stream belongs to an interval of arrival time, and when the interval is closed:
// every record that the witness has archived is covered by exactly one acknowledgement, or is a duplicate. It is pure.
//
// Nothing here trusts a range of sequence numbers. Several batches of a shard are processed at once, by partition key:
// their ranges overlap. What an acknowledgement covers is a set.
package interval

import (
	"time"

	"dip/contract"
)

// Interval is a span of arrival time: from Start until, and without, End. Milliseconds since 1970.
type Interval struct{ Start, End int64 }

// Of is the interval of a length that an arrival belongs to.
func Of(arrival int64, length time.Duration) Interval {
	ms := length.Milliseconds()
	start := arrival - arrival%ms
	return Interval{start, start + ms}
}

// Next is the interval after this one.
func (i Interval) Next() Interval { return Interval{i.End, 2*i.End - i.Start} }

// Cursor is a place in a shard's archive.
type Cursor struct {
	After   contract.Sequence // the record before it
	Through int64             // the intervals that end here or before are over: the newest marker before it; 0: none
}

// Pass moves the cursor behind a record, and gives the time by which the record belongs to an interval: its arrival,
// but never within an interval that a marker before it has ended. So an interval loses nothing to a clock that is
// behind: what comes after its marker belongs to the next one.
func (c *Cursor) Pass(r Record) (at int64) {
	c.After, c.Through = r.Sequence, max(c.Through, r.Marker)
	return max(r.At, c.Through)
}
