package client

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"

	"dip/contract"
	"dip/internal/lake"
	"dip/internal/ledger"
	"dip/internal/load"
	"dip/internal/reconcile"
	"dip/internal/verify"
)

// Certificate reads a load's certificate as it is stored, and gives its file's SHA-256 in hex.
func Certificate(ctx context.Context, from Lake, l ledger.Load) (c contract.Certificate, sha256Hex string, err error) {
	if l.Totals == nil {
		return c, "", fmt.Errorf("load %s has no certificate: %w: it is %s %s", l.ID, ErrNotFound, l.Status, l.Reason)
	}
	data, err := from.Get(ctx, contract.CertificateKey(l.Segment, l.ID))
	if err != nil {
		return c, "", err
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, "", fmt.Errorf("certificate of load %s: %w", l.ID, err)
	}
	return c, lake.Hash(data), nil
}

// Recorded is the certificate that the ledger's own records of a load amount to, with the totals that the ledger has
// of it. A stored certificate that says anything else was changed. stack may be qualified, as Pulumi does it.
func Recorded(ctx context.Context, stack string, chunks Chunks, l ledger.Load) (contract.Certificate, error) {
	if l.Plan == nil || l.Totals == nil {
		return contract.Certificate{}, fmt.Errorf("load %s is not certified in the ledger: %w", l.ID, ErrNotFound)
	}
	all, err := chunks.Chunks(ctx, l.ID)
	if err != nil {
		return contract.Certificate{}, err
	}
	c, err := reconcile.Certificate(path.Base(stack), l, load.Planned(l, all))
	if err != nil {
		return c, fmt.Errorf("the ledger does not prove load %s: %w", l.ID, err)
	}
	c.Totals = *l.Totals
	return c, nil
}

// Chunks is the part of the ledger that holds a load's chunks.
type Chunks interface {
	Chunks(ctx context.Context, load string) ([]ledger.Chunk, error)
}

// Evidence is what a load's certificate is proven with: its lake, the ledger's own records and, of an interval, the
// stream. The caller adds a key and a progress.
func Evidence(ctx context.Context, s *Stack, l ledger.Load, c contract.Certificate, sha256Hex string) (verify.Options,
	error) {
	o := verify.Options{Lake: s.Lake, Certificate: c, SHA256: sha256Hex, Unpublished: l.Status != contract.Published}
	var recorded contract.Certificate
	var err error
	if c.Stream != nil {
		recorded, err = RecordedInterval(ctx, s.Ledger, l, c)
		o.Stream = Retained{s.Kinesis, c.Input.Bucket, Pause}
	} else {
		recorded, err = Recorded(ctx, s.Name, s.Ledger, l)
	}
	o.Ledger = &recorded
	return o, err
}

// Intervals is the part of the ledger that holds what intervals are made of.
type Intervals interface {
	Batches(ctx context.Context, segment, shard, after string, n int) ([]contract.Archived, error)
	Covers(ctx context.Context, load, shard string) ([]contract.StreamAck, error)
}

// RecordedInterval is an interval's certificate with all that the ledger has of it in place of what the certificate
// says: identity, totals and link, archived batches and acknowledgements. A batch or an acknowledgement that the ledger
// does not have is empty.
func RecordedInterval(ctx context.Context, books Intervals, l ledger.Load, c contract.Certificate) (
	contract.Certificate, error) {
	if l.Interval == nil || l.Totals == nil || c.Stream == nil {
		return c, fmt.Errorf("load %s is no certified interval in the ledger: %w", l.ID, ErrNotFound)
	}
	c.Load, c.Segment, c.Catalog, c.Input, c.Received = l.ID, l.Segment, l.Catalog, l.Object, l.Received
	c.Totals, c.Link = *l.Totals, l.Link
	proof := *c.Stream
	c.Stream, proof.Interval = &proof, *l.Interval
	proof.Shards, c.Chunks = slices.Clone(proof.Shards), slices.Clone(c.Chunks)
	acks := map[string]map[string]contract.Ack{} // of each shard, by the set of records
	for i, s := range proof.Shards {
		if len(s.Batches) > 0 {
			batches, err := books.Batches(ctx, l.Segment, s.Shard, s.From.After, len(s.Batches))
			if err != nil {
				return c, err
			}
			proof.Shards[i].Batches = batches
		}
		covers, err := books.Covers(ctx, l.ID, s.Shard)
		if err != nil {
			return c, err
		}
		acks[s.Shard] = map[string]contract.Ack{}
		for _, a := range covers {
			if a.Catalog != l.Catalog {
				continue
			}
			acks[s.Shard][setName(a.Cover, a.Ack)] = a.Ack
		}
	}
	for i, k := range c.Chunks {
		if i < len(proof.Covers) {
			c.Chunks[i].Ack = acks[proof.Covers[i].Shard][setName(proof.Covers[i], k.Ack)]
		}
	}
	return c, nil
}

// setName tells the acknowledgements of a shard apart: by what each covers, and by the attempt.
func setName(c contract.Cover, a contract.Ack) string {
	if c.Stored != nil {
		return fmt.Sprintf("%d %s", a.Attempt, c.Stored.SHA256)
	}
	return fmt.Sprintf("%d %x", a.Attempt, c.Records)
}
