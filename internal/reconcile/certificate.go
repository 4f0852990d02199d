package reconcile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"dip/contract"
	"dip/internal/ledger"
	"dip/internal/record"
)

// Certificate builds a load's certificate from the ledger. It is pure, and the same ledger gives the same bytes: a
// repeated Certify step finds what the first one has written. The error says which part of the proof does not hold.
func Certificate(stack string, load ledger.Load, chunks []ledger.Chunk) (contract.Certificate, error) {
	verdict := Chain(load, chunks)
	c := contract.Certificate{
		Version: contract.Version, Load: load.ID, Segment: load.Segment, Stack: stack, Catalog: load.Catalog,
		Input: load.Object, Compression: load.Plan.Compression, Front: load.Plan.Front, Body: load.Plan.Body,
		Footer: footer(load, chunks), Columns: load.Plan.Columns, Width: load.Plan.Width,
		Chunks:   make([]contract.ChunkProof, len(chunks)),
		Chain:    contract.ChainProof{Closed: verdict.Closed, Position: verdict.Position},
		Received: load.Received, Certified: load.Plan.At, Link: load.Link,
	}
	c.Length = End(load, chunks) + c.Footer.Bytes
	if !verdict.Closed {
		return c, fmt.Errorf("the chain is not closed: proven up to byte %d of %d; missing chunks %v, chunks to rerun %v",
			verdict.Position, c.Length, verdict.Missing, verdict.Rerun)
	}
	var errs []error
	for i, k := range chunks {
		c.Chunks[i] = contract.ChunkProof{Chunk: i, CutStart: k.Start, CutEnd: k.End, Ack: *k.Ack}
		errs = append(errs, Conserved(c.Chunks[i]))
		if k.From != nil && k.Staged == nil && i > 0 {
			c.Chain.Reruns++
		}
		// The time of the last acknowledgement, not the clock: a repeated step must give the same bytes.
		if k.Ack.At.After(c.Certified) {
			c.Certified = k.Ack.At
		}
	}
	totals, err := Totals(c)
	c.Totals = totals
	return c, errors.Join(append(errs, err)...)
}

// Conserved checks that no record of a chunk is unaccounted for.
func Conserved(k contract.ChunkProof) error {
	written := int64(0)
	for _, o := range k.Outputs {
		written += o.Rows
	}
	quarantined := int64(0)
	if k.Quarantine != nil {
		quarantined = k.Quarantine.Rows
	}
	switch {
	case k.RowsIn != k.RowsOut+k.Quarantined:
		return fmt.Errorf("chunk %d: %d rows in, %d out, %d quarantined", k.Chunk, k.RowsIn, k.RowsOut, k.Quarantined)
	case written != k.RowsOut:
		return fmt.Errorf("chunk %d: %d rows out, its outputs hold %d", k.Chunk, k.RowsOut, written)
	case quarantined != k.Quarantined:
		return fmt.Errorf("chunk %d: %d rows quarantined, its quarantine holds %d", k.Chunk, k.Quarantined, quarantined)
	}
	return nil
}

// Totals sums up a certificate's chunks.
func Totals(c contract.Certificate) (contract.Totals, error) {
	t := contract.Totals{Chunks: len(c.Chunks), Codes: []string{}, Skipped: c.Front.Plus(c.Footer)}
	var out, bad record.Sum
	for _, k := range c.Chunks {
		t.RowsIn += k.RowsIn
		t.RowsOut += k.RowsOut
		t.Quarantined += k.Quarantined
		t.LinesIn += k.LinesIn
		t.LinesBad += k.LinesBad
		t.Skipped = t.Skipped.Plus(k.Skipped)
		t.Bytes += k.End - k.Start
		t.Attempts += k.Attempt
		for _, o := range k.Outputs {
			t.BytesOut += o.Bytes
		}
		var chunkOut, chunkBad record.Sum
		if err := errors.Join(chunkOut.UnmarshalText([]byte(k.HashOut)),
			chunkBad.UnmarshalText([]byte(k.HashBad))); err != nil {
			return t, fmt.Errorf("chunk %d: %w", k.Chunk, err)
		}
		out, bad = out.Plus(chunkOut), bad.Plus(chunkBad)
		if !slices.Contains(t.Codes, k.Code) {
			t.Codes = append(t.Codes, k.Code)
		}
	}
	slices.Sort(t.Codes)
	t.HashOut, t.HashBad = out.String(), bad.String()
	return t, nil
}

// TooBad says why a load must not be published although every record is accounted for; "" when it may be. The share of
// lines is limited as well as that of records: an unclosed quote makes one bad record of any number of lines.
func TooBad(t contract.Totals, maxBadShare float64) string {
	// Quotients, not products: 29 of 100 is 0.29 exactly as the limit is read, 0.29 times 100 is less than 29.
	share := func(bad, all int64) float64 { return float64(bad) / float64(max(all, 1)) }
	records, lines := share(t.Quarantined, t.RowsIn), share(t.LinesBad, t.LinesIn)
	limit := fmt.Sprintf("the segment's limit maxBadShare is %.2f %%: see them with `dip quarantine`", 100*maxBadShare)
	switch {
	case records > maxBadShare:
		return fmt.Sprintf("%d of %d records (%.2f %%) do not fit the schema; %s", t.Quarantined, t.RowsIn, 100*records,
			limit)
	case lines > maxBadShare && t.LinesIn >= t.RowsIn: // older code did not count lines
		return fmt.Sprintf("%d of %d lines (%.2f %%) belong to %d records that do not fit the schema: is a quote never "+
			"closed? %s",
			t.LinesBad, t.LinesIn, 100*lines, t.Quarantined, strings.ToUpper(limit[:1])+limit[1:])
	}
	return ""
}
