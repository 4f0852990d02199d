package restore

import (
	"slices"
	"time"

	"dip/contract"
	"dip/internal/lake"
	"dip/internal/ledger"
)

// Record is what the ledger had of a certified load, as far as its certificate and the manifest tell. What they do not
// tell is left out: executions, claims and leases, failures, when messages were sent, the lane, and the keys of
// restaged pieces. A certificate built from the record is the same as c.
func Record(c contract.Certificate, sha256Hex string, published bool) ledger.Record {
	r := ledger.Record{Load: ledger.Load{
		ID: c.Load, Segment: c.Segment, Object: c.Input, Catalog: c.Catalog, Received: c.Received.UTC(),
		Status: contract.Published, Totals: &c.Totals, Link: c.Link, Updated: c.Certified.UTC(),
	}}
	if c.Link != nil {
		r.Load.SHA256 = sha256Hex
	}
	if !published { // the sweeper has it published
		r.Load.Status, r.Open = contract.Certified, c.Stream == nil
	}
	if c.Stream != nil {
		r.Load.Interval, r.Closing = &c.Stream.Interval, closingOf(c)
		return r
	}
	plan := ledger.Plan{
		Compression: c.Compression, Front: c.Front, Body: c.Body, Columns: c.Columns, Width: c.Width,
		Restage: restaged(c), Chunks: len(c.Chunks), At: plannedAt(c),
	}
	if c.Compression.Splittable() {
		plan.Footer = c.Footer
	}
	r.Load.Plan = &plan
	if plan.Restage {
		plan.Chunks = 0
		r.Load.Restage = &ledger.Chunk{Index: ledger.RestageIndex, Start: c.Body, End: -1, Attempt: 1,
			Ack: &contract.Ack{Start: c.Body, End: c.Length - c.Footer.Bytes, Footer: c.Footer, Attempt: 1}}
	}
	again := rerun(c)
	for i, k := range c.Chunks {
		chunk := ledger.Chunk{Index: k.Chunk, Start: k.CutStart, End: k.CutEnd, Attempt: k.Attempt, Ack: &k.Ack}
		if again[i] || i == 0 && !plan.Restage {
			chunk.From = &chunk.Ack.Start
		}
		if plan.Restage { // a piece lives for days, and nobody reads that of a certified load
			chunk.Staged = &contract.Object{Key: contract.StagingKey(c.Segment, c.Load, k.Chunk, k.CutStart, ""),
				Size: k.CutEnd - k.CutStart}
		}
		r.Chunks = append(r.Chunks, chunk)
	}
	return r
}

// restaged says whether an input was cut into pieces first: one that cannot be split is a single chunk without an end
// otherwise.
func restaged(c contract.Certificate) bool {
	return !c.Compression.Splittable() && !(len(c.Chunks) == 1 && c.Chunks[0].CutEnd == -1)
}

// plannedAt is when a load was planned, which its certificate tells only if no chunk was acknowledged after that.
func plannedAt(c contract.Certificate) time.Time {
	for _, k := range c.Chunks {
		if k.At.Equal(c.Certified) {
			return c.Received.UTC()
		}
	}
	return c.Certified.UTC()
}

// rerun picks the chunks that ran again from a proven start: the certificate has their number, and the attempts of
// each. All starts of a closed chain are proven, so it does no harm where several may be meant.
func rerun(c contract.Certificate) map[int]bool {
	var order []int
	for i := 1; i < len(c.Chunks); i++ {
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(a, b int) int { return c.Chunks[b].Attempt - c.Chunks[a].Attempt })
	again := map[int]bool{}
	for _, i := range order[:min(len(order), max(0, c.Chain.Reruns))] {
		again[i] = true
	}
	return again
}

// closingOf is the key under which a closed interval's certificate was kept before it had a place in the chain; "" if
// it cannot be told.
func closingOf(c contract.Certificate) string {
	c.Link = nil
	data, err := c.Encode()
	if err != nil {
		return ""
	}
	return contract.ClosingKey(c.Segment, c.Load, lake.Hash(data))
}

// frozen is what the ledger had of an interval that is closed but not certified.
func frozen(c contract.Certificate, closing string) ledger.Record {
	return ledger.Record{Closing: closing, Load: ledger.Load{
		ID: c.Load, Segment: c.Segment, Object: c.Input, Catalog: c.Catalog, Received: c.Received.UTC(),
		Status: contract.Running, Interval: &c.Stream.Interval, Updated: c.Received.UTC(),
	}}
}
