// Package load holds what the steps of a load share: which chunks it consists of, and how one is requested.
package load

import (
	"slices"
	"time"

	"dip/contract"
	"dip/internal/ledger"
)

// Planned returns the chunks of a load's plan, each with the time at which its current attempt was sent. A planner that
// died halfway, with another chunk size or before the input was restaged, may have left more.
func Planned(l ledger.Load, chunks []ledger.Chunk) []ledger.Chunk {
	if !l.Plan.Restage {
		planned := slices.Clone(chunks[:min(len(chunks), l.Plan.Chunks)])
		for i := range planned {
			if c := &planned[i]; c.Attempt == 1 && c.Sent.IsZero() {
				c.Sent = l.Sent
			}
		}
		return planned
	}
	return slices.DeleteFunc(slices.Clone(chunks), func(c ledger.Chunk) bool { return c.Staged == nil })
}

// Message is the message that requests a chunk's current attempt.
func Message(l ledger.Load, c ledger.Chunk) contract.ChunkMessage {
	m := contract.ChunkMessage{
		Version: contract.Version, Load: l.ID, Segment: l.Segment, Catalog: l.Catalog, Object: l.Object,
		Compression: l.Plan.Compression, Columns: l.Plan.Columns, Width: l.Plan.Width, Footer: l.Plan.Footer.Bytes,
		LoadDate: l.Received.UTC().Format(time.DateOnly),
		Chunk:    c.Index, Attempt: c.Attempt, Start: c.Start, End: c.End, From: c.From,
	}
	if c.Staged != nil { // pieces are plain
		m.Object, m.Base, m.Compression, m.Footer = *c.Staged, c.Start, contract.Plain, 0
	}
	return m
}
