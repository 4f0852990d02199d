package simulate

import (
	"math"
	"slices"
	"testing"
	"time"
)

// Jobs that share cores end when a processor that divides its time evenly would end them.
func TestHostDividesItsCores(t *testing.T) {
	for _, c := range []struct {
		cores int
		work  []time.Duration // all begin at once
		ends  []time.Duration
	}{
		{1, []time.Duration{time.Second, time.Second}, []time.Duration{2 * time.Second, 2 * time.Second}},
		{2, []time.Duration{time.Second, 3 * time.Second}, []time.Duration{time.Second, 3 * time.Second}},
		// three jobs have two thirds of a core each, until the first one ends
		{2, []time.Duration{2 * time.Second, 4 * time.Second, 6 * time.Second},
			[]time.Duration{3 * time.Second, 5 * time.Second, 7 * time.Second}},
		{1, []time.Duration{0, time.Second}, []time.Duration{0, time.Second}},
	} {
		r := &run{host: &host{cores: float64(c.cores)}}
		ends := make([]time.Duration, len(c.work))
		for i, w := range c.work {
			r.spend(w, func() { ends[i] = r.now.Round(time.Microsecond) })
		}
		for r.step() {
		}
		if !slices.Equal(ends, c.ends) {
			t.Errorf("%d cores, work %v: ends at %v, want %v", c.cores, c.work, ends, c.ends)
		}
	}
}

// A job that comes later slows the ones that run, and what one's end starts has its turn.
func TestHostWithArrivals(t *testing.T) {
	r := &run{host: &host{cores: 1}}
	var ends []time.Duration
	end := func() { ends = append(ends, r.now.Round(time.Microsecond)) }
	r.spend(2*time.Second, end)
	r.after(time.Second, func() { r.spend(time.Second, func() { r.spend(time.Second, end) }) })
	for r.step() {
	}
	// both have a second of work left at 1 s, and end at 3 s; the last one runs alone
	if want := []time.Duration{3 * time.Second, 4 * time.Second}; !slices.Equal(ends, want) {
		t.Errorf("ends at %v, want %v", ends, want)
	}
}

// The shares that Shares finds in what a host did turn times back into work.
func TestSharesFindTheWork(t *testing.T) {
	work := []time.Duration{3 * time.Second, time.Second, 5 * time.Second, 2 * time.Second}
	r := &run{host: &host{cores: 2}}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	periods := make([]Period, len(work))
	for i, w := range work {
		r.after(time.Duration(i)*300*time.Millisecond, func() {
			periods[i].Start = start.Add(r.now)
			r.spend(w, func() { periods[i].End = start.Add(r.now) })
		})
	}
	for r.step() {
	}
	for i, share := range Shares(periods, 2) {
		if got := share * periods[i].End.Sub(periods[i].Start).Seconds(); math.Abs(got-work[i].Seconds()) > 1e-6 {
			t.Errorf("job %d: %v s of work, want %v", i, got, work[i])
		}
	}
	if got := Shares([]Period{{start, start}}, 2); got[0] != 1 {
		t.Errorf("%v of a period without length", got)
	}
}
