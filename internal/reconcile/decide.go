// Package reconcile drives a load from its plan to its certificate. What to do is decided by pure functions over the
// ledger's state; Reconciler carries the decisions out.
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
	DueAfter    time.Duration // an attempt that nobody works on is sent again after this
	MaxAttempts int           // tries at a chunk in one execution of the workflow
}

// Send asks for the next attempt at a chunk.
type Send struct {
	Chunk ledger.Chunk
	From  *int64 // the proven start, when the last attempt began in the wrong place
}

// Decision is how a load goes on.
type Decision struct {
	Action contract.Action
	Wait   time.Duration // ActionWait
	Cause  string        // ActionFail
	Send   []Send
}

// Bounds of the wait between two looks at the ledger: Step Functions waits whole seconds, and a standard workflow may
// have 25,000 history events ("Service quotas").
const (
	minWait = time.Second
	maxWait = time.Minute
)

// Decide looks at a planned load. It is pure: the same ledger at the same time gives the same decision.
func Decide(now time.Time, load ledger.Load, chunks []ledger.Chunk, limits Limits) Decision {
	for _, c := range chunks {
		if c.Failure != "" {
			return fail("chunk %d (%s): %s", c.Index, span(c), c.Failure)
		}
	}
	if len(chunks) != load.Plan.Chunks {
		return fail("the ledger has %d of %d chunks of load %s", len(chunks), load.Plan.Chunks, load.ID)
	}
	verdict := Chain(load, chunks)
	if verdict.Closed {
		return Decision{Action: contract.ActionCertify}
	}
	allowed := limits.MaxAttempts * (load.Execution + 1)
	d := Decision{Action: contract.ActionWait}
	due := time.Time{} // the earliest time at which something may have to be sent again
	for _, i := range verdict.Missing {
		at := dueAt(chunks[i], limits)
		if now.Before(at) {
			if due.IsZero() || at.Before(due) {
				due = at
			}
			continue
		}
		if chunks[i].Attempt >= allowed {
			return fail("chunk %d (%s) was sent %d times in vain; the last error: %s", i, span(chunks[i]), chunks[i].Attempt, orUnknown(chunks[i].LastError))
		}
		d.Send = append(d.Send, Send{Chunk: chunks[i]})
	}
	for _, r := range verdict.Rerun {
		d.Send = append(d.Send, Send{Chunk: chunks[r.Index], From: &r.From})
	}
	d.Wait = wait(now, load, chunks, len(verdict.Missing), due)
	return d
}

func fail(format string, args ...any) Decision {
	return Decision{Action: contract.ActionFail, Cause: fmt.Sprintf(format, args...)}
}

func span(c ledger.Chunk) string {
	if c.End < 0 {
		return fmt.Sprintf("bytes from %d", c.Start)
	}
	return fmt.Sprintf("bytes %d to %d", c.Start, c.End)
}

func orUnknown(s string) string {
	if s == "" {
		return "none was reported: the function crashed, ran out of time or memory, or never started"
	}
	return s
}

// dueAt is when an unacknowledged chunk is to be sent again: when its worker's lease has ended, or, when nobody works
// on it, DueAfter its sending.
func dueAt(c ledger.Chunk, limits Limits) time.Time {
	if c.Owner != "" {
		return c.LeaseUntil
	}
	return c.Sent.Add(limits.DueAfter)
}

// wait is the time to the next look: half of the time that the rest will take at the rate so far, and no less than a
// quarter of the time in which nothing happened, so that a load is looked at a number of times that grows with the
// logarithm of its length, even where one chunk keeps it waiting; never past the next due time.
func wait(now time.Time, load ledger.Load, chunks []ledger.Chunk, missing int, due time.Time) time.Duration {
	elapsed, last := now.Sub(load.Plan.At), load.Plan.At
	for _, c := range chunks {
		if c.Ack != nil && c.Ack.At.After(last) {
			last = c.Ack.At
		}
	}
	w := elapsed / 2
	if done := len(chunks) - missing; done > 0 {
		w = time.Duration(float64(elapsed) / float64(done) * float64(missing) / 2)
	}
	w = max(w, now.Sub(last)/4)
	if !due.IsZero() {
		w = min(w, due.Sub(now))
	}
	return time.Duration(math.Ceil(min(max(w, minWait), maxWait).Seconds())) * time.Second
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
	length := Length(load, chunks)
	if !load.Plan.Compression.Splittable() && len(ranges) == 1 {
		ranges[0].End = length // known once the only chunk has read to the end
	}
	return chunk.Chain(load.Plan.Body, length, ranges, links)
}

// Length is the length of the decompressed input. That of a compressed one is known from the chunk that read it to its
// end; before, it is the plan's Body.
func Length(load ledger.Load, chunks []ledger.Chunk) int64 {
	if load.Plan.Compression.Splittable() {
		return load.Object.Size
	}
	if len(chunks) == 1 && chunks[0].Ack != nil {
		return chunks[0].Ack.End
	}
	return load.Plan.Body
}
