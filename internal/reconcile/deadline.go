package reconcile

import (
	"math"
	"time"

	"dip/contract"
	"dip/internal/emf"
	"dip/internal/ledger"
)

// Predict is when a load will be over, seen from now: the bytes that remain take as long as those that are done have
// taken since the plan. A chunk that somebody holds counts as half done, so that the first look at a load does not take
// its whole first wave of chunks for missing. Without anything to go by (nothing is done, nothing runs, or the content
// is longer than anybody knows) the rest takes as long again as the load has taken so far.
func Predict(now time.Time, load ledger.Load, chunks []ledger.Chunk) time.Time {
	if load.Status.Final() {
		return load.Updated
	}
	again := now.Add(now.Sub(load.Received))
	if load.Plan == nil || Restaging(load) {
		return again
	}
	var done, total float64
	for _, c := range chunks {
		switch size := float64(c.End - c.Start); {
		case c.Ack != nil:
			done, total = done+float64(c.Ack.End-c.Ack.Start), total+float64(c.Ack.End-c.Ack.Start)
		case c.End < 0:
			return again
		case c.Owner != "" && now.Before(c.LeaseUntil):
			done, total = done+size/2, total+size
		default:
			total += size
		}
	}
	if done <= 0 {
		return again
	}
	rest := float64(now.Sub(load.Plan.At)) / done * (total - done)
	return now.Add(time.Duration(min(max(0, rest), math.MaxInt64/2)))
}

// Slack is what a load in a segment with a deadline has left at its end, or at the end that is predicted; below zero: it
// is too late by that much. Late says whether its deadline is over. ok is false without a deadline.
func Slack(
	now time.Time, segment contract.Segment, load ledger.Load, chunks []ledger.Chunk,
) (slack time.Duration, late, ok bool) {
	if segment.DeadlineSeconds == 0 {
		return 0, false, false
	}
	deadline := load.Received.Add(time.Duration(segment.DeadlineSeconds) * time.Second)
	end := Predict(now, load, chunks)
	return deadline.Sub(end), deadline.Before(now) && deadline.Before(end), true
}

// measureSlack emits what a load has left of its time.
func (r *Reconciler) measureSlack(now time.Time, s contract.Segment, load ledger.Load, chunks []ledger.Chunk) {
	slack, late, ok := Slack(now, s, load, chunks)
	if !ok {
		return
	}
	values := emf.Values{contract.DeadlineSlack: slack.Seconds(), contract.LateLoads: 0}
	if late {
		values[contract.LateLoads] = 1
	}
	r.measure(load, values)
}
