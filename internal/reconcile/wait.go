package reconcile

import (
	"math"
	"time"

	"dip/internal/ledger"
)

// Bounds of the wait between two looks at the ledger. Step Functions waits whole seconds. A standard workflow ends
// after 25,000 events, outside of every Catch ("Service quotas", Step Functions), and a round of wait, look and choice
// makes nine of them: the bounds grow with the execution's age, so that one of 30 days has room left for retries.
const (
	minWait  = time.Second
	maxWait  = time.Minute
	ageShare = 200 // no wait is shorter than this part of the execution's age
)

// bound keeps a wait within the bounds for an execution of that age.
func bound(wait, age time.Duration) time.Duration {
	share := age / ageShare
	wait = min(max(wait, minWait, share), max(maxWait, share))
	return time.Duration(math.Ceil(wait.Seconds())) * time.Second
}

// wait is the time to the next look: that of the load's pace, which ends with the next due time, within the bounds.
func wait(look Look, load ledger.Load, chunks []ledger.Chunk, missing int, due time.Time) time.Duration {
	done := len(chunks) - missing
	if Restaging(load) {
		done = 0
	}
	w := pace(look.Now.Sub(load.Plan.At), look.Now.Sub(lastAck(load.Plan.At, chunks)), done, missing)
	if !due.IsZero() {
		w = min(w, due.Sub(look.Now))
	}
	return bound(w, look.Now.Sub(look.Started))
}

// pace is half of the time that the rest will take at the rate so far, and at most half of the time so far: the first
// chunks end at once, and one of them alone says little about the rate. It is no less than a quarter of the time since
// the last progress. So the number of looks grows with the logarithm of a load's length, even where it waits for a
// single chunk. elapsed counts from the plan, idle from the last acknowledgement.
func pace(elapsed, idle time.Duration, done, missing int) time.Duration {
	w := elapsed / 2
	if done > 0 {
		w = min(w, time.Duration(float64(elapsed)/float64(done)*float64(missing)/2))
	}
	return max(w, idle/4)
}

// Pause is the wait of a load of which nothing comes due, for simulations: elapsed counts from its plan, idle from its
// last acknowledgement, age is the execution's. A load that is being restaged has done nothing.
func Pause(elapsed, idle, age time.Duration, done, missing int) time.Duration {
	return bound(pace(elapsed, idle, done, missing), age)
}

func lastAck(last time.Time, chunks []ledger.Chunk) time.Time {
	for _, c := range chunks {
		if c.Ack != nil && c.Ack.At.After(last) {
			last = c.Ack.At
		}
	}
	return last
}
