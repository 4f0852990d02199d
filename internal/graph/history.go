// Package graph draws what a stack did over a time: how much it read and how long that took, in a terminal or as one
// HTML file that needs nothing else.
package graph

import (
	"math"
	"slices"
	"time"
)

// History is what a stack did between two times.
type History struct {
	Stack    string        `json:"stack"`
	From     time.Time     `json:"from"`
	To       time.Time     `json:"to"`
	Step     time.Duration `json:"stepNanoseconds"` // width of a bar over the time
	Segments []Segment     `json:"segments"`        // by name
}

// Segment is the history of a segment.
type Segment struct {
	Name   string    `json:"segment"`
	Bytes  []float64 `json:"bytes"`        // content of the loads received in each step
	Loads  []Load    `json:"loads"`        // finished ones
	Chunks []float64 `json:"chunkSeconds"` // that each chunk took
	Age    []Sample  `json:"queueAge"`     // seconds that the oldest message of its queue had waited
}

// Load is a finished load.
type Load struct {
	Received time.Time `json:"received"`
	Seconds  float64   `json:"seconds"` // from its receipt to its end
	Failed   bool      `json:"failed,omitempty"`
}

// Sample is a value at a time.
type Sample struct {
	At    time.Time `json:"at"`
	Value float64   `json:"value"`
}

// mostSteps is how many bars a graph has at most.
const mostSteps = 60

var steps = []time.Duration{
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour,
	2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour,
}

// New is a history without events, in steps that a person can read: at most 60 of them, which begin at multiples of
// their length.
func New(stack string, from, to time.Time, segments []string) *History {
	h := &History{Stack: stack, To: to, Step: steps[len(steps)-1]}
	for _, step := range steps {
		if to.Sub(from) <= (mostSteps-1)*step {
			h.Step = step
			break
		}
	}
	h.From = from.Truncate(h.Step)
	n := int(to.Sub(h.From)/h.Step) + 1
	for _, name := range slices.Sorted(slices.Values(segments)) {
		h.Segments = append(h.Segments, Segment{Name: name, Bytes: make([]float64, n)})
	}
	return h
}

// Segment is a segment by name; nil if the stack has none of that name.
func (h *History) Segment(name string) *Segment {
	i := slices.IndexFunc(h.Segments, func(s Segment) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return &h.Segments[i]
}

// step is in which step a time is; ok is false outside.
func (h *History) step(at time.Time) (i int, ok bool) {
	if at.Before(h.From) || at.After(h.To) {
		return 0, false
	}
	return int(at.Sub(h.From) / h.Step), true
}

// AddBytes counts the content of a load that was received at a time.
func (h *History) AddBytes(segment string, at time.Time, n int64) {
	s := h.Segment(segment)
	if i, ok := h.step(at); ok && s != nil && i < len(s.Bytes) {
		s.Bytes[i] += float64(n)
	}
}

// ages are the largest samples of each step; a step without one is not a number.
func (h *History) ages(s Segment) []float64 {
	values := make([]float64, len(s.Bytes))
	for i := range values {
		values[i] = math.NaN()
	}
	for _, sample := range s.Age {
		if i, ok := h.step(sample.At); ok && i < len(values) {
			values[i] = max(sample.Value, orZero(values[i]))
		}
	}
	return values
}

func orZero(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}

// quantile is a quantile of values, between 0 and 1, by the nearest rank; 0 of none.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

// bins counts values in bins whose upper limits grow by 1-2-5, from the smallest that holds a value to the largest.
// Every segment's chunks are counted in the same bins.
func bins(segments []Segment) (limits []float64, counts [][]int) {
	least, most := math.Inf(1), 0.0
	for _, s := range segments {
		for _, v := range s.Chunks {
			least, most = min(least, v), max(most, v)
		}
	}
	if math.IsInf(least, 1) {
		return nil, nil
	}
	for magnitude := 0.001; len(limits) == 0 || limits[len(limits)-1] < most; magnitude *= 10 {
		for _, digit := range []float64{1, 2, 5} {
			limit := digit * magnitude
			if limit >= least && (len(limits) == 0 || limits[len(limits)-1] < most) {
				limits = append(limits, limit)
			}
		}
	}
	counts = make([][]int, len(segments))
	for i, s := range segments {
		counts[i] = make([]int, len(limits))
		for _, v := range s.Chunks {
			at, _ := slices.BinarySearch(limits, v)
			counts[i][min(at, len(limits)-1)]++
		}
	}
	return limits, counts
}
