// Package reconcile drives a load from its plan to its certificate. Pure functions over the ledger's state decide
// what to do; Reconciler carries it out.
package reconcile

import (
	"fmt"
	"math"
	"time"

	"dip/contract"
	"dip/internal/chunk"
	"dip/internal/ledger"
)

// Limits steer a load.
type Limits struct {
	DueAfter    time.Duration // after this, an unclaimed attempt's queue is asked whether it still has messages
	MaxAttempts int           // claims of a chunk that come to nothing
	Keep        time.Duration // how long a queue keeps a message
}

func limitsOf(l contract.Loads) Limits {
	return Limits{
		DueAfter: time.Duration(l.DueAfterSeconds) * time.Second, MaxAttempts: l.MaxAttempts,
		Keep: time.Duration(l.KeepSeconds) * time.Second,
	}
}

// Look is the time of a look at a load, and what is known besides the ledger.
type Look struct {
	Now     time.Time
	Started time.Time    // when this execution of the workflow began
	Lost    map[int]bool // by index: unclaimed work whose queue is empty
}

// Send asks for the message of an attempt at a chunk.
type Send struct {
	Chunk  ledger.Chunk
	Repair bool   // of the current attempt: it was opened, but its message was not sent
	From   *int64 // the proven start, when the last attempt began in the wrong place
	Failed int    // 1: the last attempt failed, and nobody has counted it
}

// Decision is what a load does next.
type Decision struct {
	Action contract.Action
	Wait   time.Duration // ActionWait
	Cause  string        // ActionFail
	Send   []Send
}

// Decide looks at a planned load. It is pure: the same ledger at the same time gives the same decision.
//
// Waiting is not failing: work that nobody has claimed waits as long as its queue keeps its message, and nothing is
// sent again before that message is gone. What counts against a load are claims that came to nothing.
func Decide(look Look, load ledger.Load, chunks []ledger.Chunk, limits Limits) Decision {
	for _, c := range work(load, chunks) {
		if c.Failure != "" {
			return fail("%s: %s", name(c), c.Failure)
		}
	}
	if why := incomplete(load, chunks); why != "" {
		return fail("%s", why)
	}
	verdict := Chain(load, chunks)
	if verdict.Closed {
		return Decision{Action: contract.ActionCertify}
	}
	missing := make([]ledger.Chunk, 0, len(verdict.Missing)+1)
	if Restaging(load) {
		missing = append(missing, *load.Restage)
	}
	for _, i := range verdict.Missing {
		missing = append(missing, chunks[i])
	}
	d := Decision{Action: contract.ActionWait}
	due := time.Time{} // the earliest time at which something may have to be sent again
	for _, c := range missing {
		if awaitsPiece(load, c) {
			continue
		}
		send, at := next(c, look, limits)
		if send == nil {
			if at.After(look.Now) && (due.IsZero() || at.Before(due)) {
				due = at
			}
			continue
		}
		if failures := c.Failures + send.Failed; failures >= limits.MaxAttempts {
			return fail("%s failed %d times; last error: %s", name(c), failures, orUnknown(c.LastError))
		}
		d.Send = append(d.Send, *send)
	}
	for _, r := range verdict.Rerun {
		d.Send = append(d.Send, Send{Chunk: chunks[r.Index], From: &r.From})
	}
	d.Wait = wait(look, load, chunks, len(verdict.Missing), due)
	return d
}

// awaitsPiece says whether a chunk waits for the restage job, which sends it once its piece is there: a redrive may
// find that the pieces have expired.
func awaitsPiece(load ledger.Load, c ledger.Chunk) bool {
	return Restaging(load) && c.Index != ledger.RestageIndex && c.Sent.IsZero()
}

// next says what has to be sent for unacknowledged work now; nil for nothing, and then when to look again.
func next(c ledger.Chunk, look Look, limits Limits) (send *Send, at time.Time) {
	switch {
	case c.Owner != "": // its holder died if its lease runs out
		send, at = &Send{Chunk: c, Failed: 1}, c.LeaseUntil
	case !c.Released.IsZero(): // its holder gave it up
		send, at = &Send{Chunk: c}, c.Released.Add(backoff(c.Failures))
		if c.Failures >= limits.MaxAttempts {
			at = look.Now // another attempt would not be made
		}
	case c.Sent.IsZero(): // whoever opened the attempt died before it sent the message
		return &Send{Chunk: c, Repair: true}, look.Now
	default: // it waits until its message expires
		send, at = &Send{Chunk: c}, c.Sent.Add(limits.Keep)
		overdue := c.Sent.Add(limits.DueAfter)
		switch {
		case !look.Now.Before(at):
		case look.Lost[c.Index]: // received again and again by functions that crashed before they claimed it
			return &Send{Chunk: c, Failed: 1}, look.Now
		case overdue.After(look.Now) && overdue.Before(at):
			return nil, overdue
		}
	}
	if look.Now.Before(at) {
		return nil, at
	}
	return send, at
}

// Overdue lists work that nobody has claimed for so long that its message may be gone: into the dead-letter queue,
// after it was received too many times.
func Overdue(now time.Time, load ledger.Load, chunks []ledger.Chunk, limits Limits) []ledger.Chunk {
	var overdue []ledger.Chunk
	for _, c := range work(load, chunks) {
		if c.Ack == nil && c.Owner == "" && c.Released.IsZero() && !c.Sent.IsZero() &&
			!now.Before(c.Sent.Add(limits.DueAfter)) {
			overdue = append(overdue, c)
		}
	}
	return overdue
}

// backoff is the pause after the n-th failure: 15 s, 1 min, 4 min, 16 min and then half an hour. Five attempts outlast
// an outage of twenty minutes.
func backoff(failures int) time.Duration {
	const first, most = 15 * time.Second, 30 * time.Minute
	pause := first
	for range failures - 1 {
		if pause *= 4; pause >= most {
			return most
		}
	}
	return pause
}

func fail(format string, args ...any) Decision {
	return Decision{Action: contract.ActionFail, Cause: fmt.Sprintf(format, args...)}
}

func name(c ledger.Chunk) string {
	switch {
	case c.Index == ledger.RestageIndex:
		return "the restage of the input"
	case c.End < 0:
		return fmt.Sprintf("chunk %d (bytes from %d)", c.Index, c.Start)
	}
	return fmt.Sprintf("chunk %d (bytes %d to %d)", c.Index, c.Start, c.End)
}

// work is all that a load consists of: its chunks, and its restage when it has one.
func work(load ledger.Load, chunks []ledger.Chunk) []ledger.Chunk {
	if load.Restage == nil {
		return chunks
	}
	return append([]ledger.Chunk{*load.Restage}, chunks...)
}

// Restaging says whether more chunks are to come.
func Restaging(load ledger.Load) bool { return load.Restage != nil && load.Restage.Ack == nil }

// incomplete says which chunks the ledger lacks; "" when it has all that are known.
func incomplete(load ledger.Load, chunks []ledger.Chunk) string {
	if load.Restage == nil {
		if len(chunks) != load.Plan.Chunks {
			return fmt.Sprintf("the ledger has %d of %d chunks of load %s", len(chunks), load.Plan.Chunks, load.ID)
		}
		return ""
	}
	end := load.Plan.Body
	for i, c := range chunks {
		if c.Index != i || c.Start != end {
			return fmt.Sprintf("the ledger has no chunk of load %s that starts at byte %d", load.ID, end)
		}
		end = c.End
	}
	if ack := load.Restage.Ack; ack != nil && ack.End != end {
		return fmt.Sprintf("the ledger has chunks of load %s up to byte %d of %d", load.ID, end, ack.End)
	}
	return ""
}

func orUnknown(s string) string {
	if s == "" {
		return "none reported: the function crashed, timed out, ran out of memory or never started"
	}
	return s
}

// Chain gives the chain's verdict on a planned load.
func Chain(load ledger.Load, chunks []ledger.Chunk) chunk.Verdict {
	ranges := make([]chunk.Range, len(chunks))
	links := make([]*chunk.Link, len(chunks))
	for i, c := range chunks {
		ranges[i] = chunk.Range{Start: c.Start, End: c.End}
		if c.Ack != nil {
			links[i] = &chunk.Link{Start: c.Ack.Start, End: c.Ack.End, Rows: c.Ack.RowsIn}
		}
	}
	end := End(load, chunks)
	if Restaging(load) {
		return chunk.Chain(load.Plan.Body, math.MaxInt64, ranges, links) // never closed: the end is not known yet
	}
	if !load.Plan.Compression.Splittable() && load.Restage == nil && len(ranges) == 1 {
		ranges[0].End = end // known once the only chunk has read to the end
	}
	return chunk.Chain(load.Plan.Body, end, ranges, links)
}

// End is where the records of the decompressed input end: at its own end, or where its footer begins. That of a
// compressed one is known from the chunk or restage that read it to its end; before, it is the plan's Body.
func End(load ledger.Load, chunks []ledger.Chunk) int64 {
	if load.Plan.Compression.Splittable() {
		return load.Object.Size - load.Plan.Footer.Bytes
	}
	if reader := wholeReader(load, chunks); reader != nil {
		return reader.End
	}
	return load.Plan.Body
}

// footer is what follows the records.
func footer(load ledger.Load, chunks []ledger.Chunk) contract.Skipped {
	if reader := wholeReader(load, chunks); reader != nil {
		return reader.Footer
	}
	return load.Plan.Footer
}

// wholeReader is the acknowledgement of who read all of an input that cannot be split; nil when there is none.
func wholeReader(load ledger.Load, chunks []ledger.Chunk) *contract.Ack {
	switch {
	case load.Plan.Compression.Splittable():
		return nil
	case load.Restage != nil:
		return load.Restage.Ack
	case len(chunks) == 1:
		return chunks[0].Ack
	}
	return nil
}
