package simulate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"dip/internal/terminal"
)

// Arrival is a load that arrives.
type Arrival struct {
	Segment string        `json:"segment"`
	At      time.Duration `json:"atNanoseconds"` // when it is received, since the workload's beginning
	Bytes   int64         `json:"bytes"`         // of its content, decompressed
	// Whole says that its input cannot be read from the middle: gzip or zstd.
	Whole bool `json:"whole,omitempty"`
	// Took is how long it really took from its receipt to its publication; 0: it did not happen, or is not over.
	Took time.Duration `json:"-"`
	// Open is how long it was in progress, whatever became of it: until now, if it is not over.
	Open time.Duration `json:"-"`
}

// Workload is the loads that arrive in a time, in the order of their arrival.
type Workload struct {
	Span  time.Duration `json:"spanNanoseconds"` // over which they arrive; longer than zero
	Loads []Arrival     `json:"loads"`
}

// What Scale makes of a workload that grows, and what Assumed is made of.
const (
	// mostLoads is how many loads a day repeats of loads come to; beyond, the loads grow.
	mostLoads = 10_000
	// loadBytes is the size of an assumed load: that of docs/costs.md.
	loadBytes = 10e9
)

// Bytes is the content of all loads.
func (w Workload) Bytes() (sum int64) {
	for _, a := range w.Loads {
		sum += a.Bytes
	}
	return sum
}

// PerDay is the content that arrives in a day, bytes.
func (w Workload) PerDay() float64 { return float64(w.Bytes()) * float64(day) / float64(w.Span) }

const day = 24 * time.Hour

// Assumed is a day on which some bytes arrive in loads of 10 GB, evenly over the day and the segments.
func Assumed(segments []string, perDay float64) Workload {
	w := Workload{Span: day}
	n := min(max(len(segments), int(math.Ceil(perDay/loadBytes))), mostLoads)
	if len(segments) == 0 || perDay < 1 {
		return w
	}
	for i := range n {
		w.Loads = append(w.Loads, Arrival{
			Segment: segments[i%len(segments)], At: time.Duration(i) * (day / time.Duration(n)),
			Bytes: max(1, int64(perDay/float64(n))),
		})
	}
	return w
}

// Scale is the workload with a factor of its bytes. Loads are repeated, evenly within the mean time between two loads,
// until there are 10,000 a day; beyond that they grow. A factor below 1 leaves loads out, evenly.
func (w Workload) Scale(factor float64) Workload {
	scaled := Workload{Span: w.Span}
	if len(w.Loads) == 0 || factor <= 0 {
		return scaled
	}
	most := max(1, mostLoads*float64(w.Span)/float64(day)/float64(len(w.Loads)))
	repeat := min(factor, most)
	grow := factor / repeat
	gap := w.Span / time.Duration(len(w.Loads))
	for i, a := range w.Loads {
		n := int(math.Floor(float64(i+1)*repeat) - math.Floor(float64(i)*repeat))
		for j := range n {
			copied := a
			copied.At = (a.At + gap/time.Duration(n)*time.Duration(j)) % w.Span
			copied.Bytes = int64(float64(a.Bytes) * grow)
			copied.Took = 0 // among others it would have taken longer
			scaled.Loads = append(scaled.Loads, copied)
		}
	}
	scaled.sort()
	return scaled
}

func (w Workload) sort() {
	slices.SortStableFunc(w.Loads, func(a, b Arrival) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Segment, b.Segment), cmp.Compare(a.Bytes, b.Bytes))
	})
}

// busiest is the part of the workload, whole loads in a row, that has at most some pieces (at least one load) and the
// most of them for its time. It is all of a workload that has no more pieces than that.
func (w Workload) busiest(most int, pieces func(Arrival) int) Workload {
	total := 0
	for _, a := range w.Loads {
		total += pieces(a)
	}
	if total <= most {
		return w
	}
	var best Workload
	densest := -1.0
	for from, to, held := 0, 0, 0; from < len(w.Loads) && to < len(w.Loads); from++ {
		for to < len(w.Loads) && (to == from || held+pieces(w.Loads[to]) <= most) {
			held += pieces(w.Loads[to])
			to++
		}
		span := w.Span / time.Duration(len(w.Loads))
		if n := time.Duration(to - from); n > 1 {
			span = (w.Loads[to-1].At - w.Loads[from].At) / (n - 1) * n
		}
		span = max(span, time.Second)
		if density := float64(held) / span.Seconds(); density > densest {
			densest, best = density, Workload{Span: span, Loads: w.Loads[from:to]}
		}
		held -= pieces(w.Loads[from])
	}
	first := best.Loads[0].At
	best.Loads = slices.Clone(best.Loads)
	for i := range best.Loads {
		best.Loads[i].At -= first
	}
	return best
}

// WhatIf is another amount of input: a factor of what there is, or bytes a day.
type WhatIf struct {
	Factor float64
	PerDay float64
}

// ParseWhatIf reads "10x", "1TB/day" or "500MB/hour".
func ParseWhatIf(text string) (WhatIf, error) {
	if number, ok := strings.CutSuffix(strings.ToLower(text), "x"); ok {
		if f, err := strconv.ParseFloat(number, 64); err == nil && f > 0 && f <= 1e6 {
			return WhatIf{Factor: f}, nil
		}
	}
	size, unit, ok := strings.Cut(text, "/")
	periods := map[string]float64{"day": 1, "hour": 24}
	if per := periods[unit]; ok && per > 0 {
		n, err := sizeOf(size)
		if err == nil && n > 0 {
			return WhatIf{PerDay: n * per}, nil
		}
	}
	return WhatIf{}, fmt.Errorf("what if %q: want a factor up to a million such as 10x, or an amount such as 1TB/day or "+
		"500MB/hour", text)
}

// sizeOf is terminal.ParseBytes with petabytes.
func sizeOf(text string) (float64, error) {
	factor := 1.0
	if n, ok := strings.CutSuffix(strings.ToLower(text), "pb"); ok {
		text, factor = n+"TB", 1000
	}
	n, err := terminal.ParseBytes(text)
	return float64(n) * factor, err
}

// Apply is the workload with that amount. Where nothing arrives, an amount a day arrives in loads of 10 GB.
func (q WhatIf) Apply(w Workload, segments []string) (Workload, error) {
	switch {
	case q.Factor > 0:
		if w.Bytes() == 0 {
			return w, fmt.Errorf("what if %gx of nothing: no load has been received: give an amount such as 1TB/day", q.Factor)
		}
		return w.Scale(q.Factor), nil
	case w.Bytes() == 0:
		return Assumed(segments, q.PerDay), nil
	}
	return w.Scale(q.PerDay / w.PerDay()), nil
}
