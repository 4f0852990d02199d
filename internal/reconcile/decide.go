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
	DueAfter    time.Duration // an unclaimed attempt is sent again after this
	MaxAttempts int           // attempts at a chunk in one execution of the workflow
}

func limitsOf(l contract.Loads) Limits {
	return Limits{DueAfter: time.Duration(l.DueAfterSeconds) * time.Second, MaxAttempts: l.MaxAttempts}
}

// Send asks for the next attempt at a chunk.
type Send struct {
	Chunk ledger.Chunk
	From  *int64 // the proven start, when the last attempt began in the wrong place
}

// Decision is what a load does next.
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
	progress := lastProgress(load, chunks)
	for _, c := range missing {
		at := dueAt(c, progress, limits)
		if now.Before(at) {
			if due.IsZero() || at.Before(due) {
				due = at
			}
			continue
		}
		if c.Attempt >= allowed(load, c, limits) {
			return fail("%s failed after %d attempts; last error: %s", name(c), c.Attempt, orUnknown(c.LastError))
		}
		d.Send = append(d.Send, Send{Chunk: c})
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

// allowed is how many attempts work gets. A worker that was interrupted and handed the work back may have used one up
// without a failure of the work: after a number of receives a queue moves a message to its dead-letter queue.
func allowed(load ledger.Load, c ledger.Chunk, limits Limits) int {
	return limits.MaxAttempts*(load.Execution+1) + c.HandedBack
}

func orUnknown(s string) string {
	if s == "" {
		return "none reported: the function crashed, timed out, ran out of memory or never started"
	}
	return s
}

// dueAt is when unacknowledged work is sent again: when its worker's lease expires or, while it is unclaimed, DueAfter
// after it was sent and after the load last made progress.
func dueAt(c ledger.Chunk, progress time.Time, limits Limits) time.Time {
	if c.Owner != "" {
		return c.LeaseUntil
	}
	if c.Sent.After(progress) {
		progress = c.Sent
	}
	return progress.Add(limits.DueAfter)
}

// lastProgress is the last time at which workers finished a chunk of a load. They take chunks as fast as the cluster
// has nodes: a chunk in their queue is not lost as long as others are acknowledged. Functions take all at once: zero.
func lastProgress(load ledger.Load, chunks []ledger.Chunk) time.Time {
	if load.Plan.Lane != contract.Workers {
		return time.Time{}
	}
	return lastAck(time.Time{}, chunks)
}

func lastAck(last time.Time, chunks []ledger.Chunk) time.Time {
	for _, c := range chunks {
		if c.Ack != nil && c.Ack.At.After(last) {
			last = c.Ack.At
		}
	}
	return last
}

// wait is the time to the next look: half of the time that the rest will take at the rate so far, and no less than a
// quarter of the time since the last progress, so that the number of looks grows with the logarithm of a load's length,
// even where it waits for a single chunk; never past the next due time.
func wait(now time.Time, load ledger.Load, chunks []ledger.Chunk, missing int, due time.Time) time.Duration {
	elapsed, last := now.Sub(load.Plan.At), lastAck(load.Plan.At, chunks)
	w := elapsed / 2
	if done := len(chunks) - missing; done > 0 && !Restaging(load) {
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
