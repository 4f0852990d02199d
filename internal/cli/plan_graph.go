package cli

import (
	"time"

	"dip/internal/graph"
	"dip/internal/simulate"
)

// planHistory is what was simulated, as if it had just happened: each segment as it is now, and beside it with the
// proposed settings.
func planHistory(r planReport, now time.Time) *graph.History {
	before, after := r.Proposal.Before, r.Proposal.After
	var names []string
	for _, s := range before.Segments {
		names = append(names, s.Name)
		if len(r.Proposal.Changes) > 0 {
			names = append(names, proposed(s.Name))
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
	return h
}

// proposed is the name of a segment's series with other settings.
func proposed(segment string) string { return segment + ", proposed" }

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
