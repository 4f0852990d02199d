package cli

import (
	"slices"
	"time"

	"dip/internal/graph"
	"dip/internal/simulate"
)

// planHistory is what was simulated, as if it had just happened: each segment as it is now, and beside it with the
// proposed settings, and the loads as they really were.
func planHistory(r planReport, now time.Time) *graph.History {
	before, after := r.Proposal.Before, r.Proposal.After
	var names []string
	for _, s := range before.Segments {
		names = append(names, s.Name)
		if len(r.Proposal.Changes) > 0 {
			names = append(names, proposed(s.Name))
		}
		if slices.ContainsFunc(r.Checks, func(c planCheck) bool { return c.Segment == s.Name }) {
			names = append(names, measured(s.Name))
		}
	}
	title := r.Stack + ", simulated"
	if r.WhatIf != "" {
		title += ": what if " + r.WhatIf
	}
	h := graph.New(title, now.Add(-before.Span), now, names)
	for _, l := range before.Loads {
		h.AddBytes(l.Segment, now.Add(l.At-before.Span), l.Bytes)
	}
	same := func(name string) string { return name }
	addSimulated(h, before, now, same)
	if len(r.Proposal.Changes) > 0 {
		addSimulated(h, after, now, proposed)
	}
	for _, c := range r.Checks {
		s := h.Segment(measured(c.Segment))
		s.Loads = append(s.Loads, graph.Load{Received: now.Add(c.At - before.Span), Seconds: c.Took})
	}
	return h
}

// proposed is the name of a segment's series with other settings.
func proposed(segment string) string { return segment + ", proposed" }

// measured is the name of a segment's series of what really happened.
func measured(segment string) string { return segment + ", measured" }

// addSimulated adds times to the series that name gives for a segment.
func addSimulated(h *graph.History, r *simulate.Result, now time.Time, name func(string) string) {
	for _, l := range r.Loads {
		s := h.Segment(name(l.Segment))
		s.Loads = append(s.Loads, graph.Load{Received: now.Add(l.At - r.Span), Seconds: l.Took.Seconds()})
	}
	for _, of := range r.Segments {
		s := h.Segment(name(of.Name))
		s.Chunks = of.ChunkSeconds
		for _, w := range of.Waits {
			s.Age = append(s.Age, graph.Sample{At: now.Add(w.At - r.Span), Value: w.Most.Seconds()})
		}
	}
}
