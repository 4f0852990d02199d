package stream

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"dip/contract"
	"dip/internal/attest"
	"dip/internal/interval"
	"dip/internal/lake"
	"dip/internal/ledger"
	"dip/internal/reconcile"
	"dip/internal/record"
)

// freeze fixes what a closed interval consists of: acknowledgements may go on coming, and another closer may have
// picked others. The first one counts.
func (c *Closer) freeze(ctx context.Context, load ledger.Load, v view, d interval.Decision) error {
	proof, err := c.proof(ctx, load, v, d)
	if err != nil {
		return err
	}
	certificate, err := c.certify(load, v, d, proof)
	if err != nil {
		return err
	}
	data, err := certificate.Encode()
	if err != nil {
		return err
	}
	key := contract.ClosingKey(load.Segment, load.ID, lake.Hash(data))
	if err := store(ctx, c.Lake, key, "application/json", data); err != nil {
		return err
	}
	_, err = c.Ledger.Freeze(ctx, load.ID, key)
	return err
}

// finish certifies, signs and publishes a frozen interval.
func (c *Closer) finish(ctx context.Context, load ledger.Load) (*contract.Certificate, error) {
	key, err := c.Ledger.Frozen(ctx, load.ID)
	if err != nil {
		return nil, err
	}
	certificate, err := c.read(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read the closed interval: %w", err)
	}
	// What stands counts: another closer may be further.
	if load, err = c.Ledger.Load(ctx, load.ID); err != nil {
		return nil, err
	}
	manifest := manifestOf(c.Lake.Bucket(), *certificate)
	a := attest.Attester{Ledger: c.Ledger, Lake: c.Lake, Signer: c.Signer, Now: c.Processor.Now, Pause: c.Pause}
	if err := a.Certify(ctx, load, *certificate, manifest); err != nil {
		return nil, err
	}
	if err := store(ctx, c.Lake, contract.ManifestKey(load.Segment, load.ID), "text/plain", manifest); err != nil {
		return nil, err
	}
	// The event comes before the ledger says that the interval is published: whoever dies in between sends it again.
	load.Status, load.Totals = contract.Published, &certificate.Totals
	if err := c.Announce(ctx, load); err != nil {
		return nil, err
	}
	first, err := c.Ledger.Publish(ctx, load.ID, c.Processor.Now())
	if err != nil {
		return nil, err
	}
	if first { // of the closers that close it at the same time
		c.published(*certificate)
	}
	return c.certificate(ctx, load.ID)
}

// manifestOf lists what is published of an interval.
func manifestOf(bucket string, c contract.Certificate) []byte {
	var list bytes.Buffer
	for _, k := range c.Chunks {
		for _, o := range k.Outputs {
			fmt.Fprintf(&list, "s3://%s/%s\n", bucket, o.Key)
		}
	}
	return list.Bytes()
}

// proof is the part of the certificate that a load of files does not have. It counts no acknowledgement: see certify.
func (c *Closer) proof(ctx context.Context, load ledger.Load, v view, d interval.Decision) (*contract.StreamProof,
	error) {
	p := &contract.StreamProof{
		Interval: *load.Interval, First: v.First, LookBackSeconds: v.settings.LookBackSeconds,
		Shards: []contract.ShardProof{}, Covers: []contract.Cover{},
		Archived: contract.Tally{Records: d.Archived.Records, Sum: d.Archived.Sum.String()},
		Repeated: contract.Tally{Records: d.Repeated.Records, Sum: d.Repeated.Sum.String()},
	}
	for _, s := range v.Shards {
		next := d.Next[s.ID]
		p.Shards = append(p.Shards, contract.ShardProof{
			Shard: s.ID, Parents: s.Parents, Batches: v.batches[s.ID],
			From: contract.StreamCursor{After: string(s.From.After), Through: s.From.Through},
			Next: contract.StreamCursor{After: string(next.After), Through: next.Through},
		})
	}
	slices.SortFunc(p.Shards, func(a, b contract.ShardProof) int { return cmp.Compare(a.Shard, b.Shard) })
	for _, piece := range d.Duplicates {
		key := contract.CoverKey(load.Segment, load.ID, piece.Records.ID(piece.Shard))
		cover, err := keep(ctx, c.Lake, piece.Shard, piece.Records, key)
		if err != nil {
			return nil, err
		}
		p.Duplicates = append(p.Duplicates, cover)
	}
	if v.settings.LookBackSeconds > 0 && len(d.IDs) > 0 {
		var data []byte
		for _, id := range d.IDs {
			data = append(data, id[:]...)
		}
		sum := lake.Hash(data)
		p.IDs = &contract.Output{Key: contract.IDsKey(load.Segment, load.ID, sum), Rows: int64(len(d.IDs)),
			Bytes: int64(len(data)), SHA256: sum}
		if err := store(ctx, c.Lake, p.IDs.Key, "application/octet-stream", data); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// certify makes the certificate of a closed interval, without its link. The error says which part of the proof does
// not hold.
func (c *Closer) certify(load ledger.Load, v view, d interval.Decision, p *contract.StreamProof) (
	contract.Certificate, error) {
	certificate := contract.Certificate{
		Version: contract.Version, Load: load.ID, Segment: load.Segment, Stack: c.Stack, Catalog: load.Catalog,
		Input: load.Object, Chunks: []contract.ChunkProof{}, Received: load.Received, Certified: load.Interval.End,
		Stream: p,
	}
	counted := slices.SortedFunc(slices.Values(d.Counted), func(i, j int) int {
		a, b := v.Acks[i], v.Acks[j]
		return cmp.Or(cmp.Compare(a.Shard, b.Shard), a.Records[0].Compare(b.Records[0]))
	})
	var errs []error
	for at, i := range counted {
		k := contract.ChunkProof{Chunk: at, Ack: v.acks[i].Ack}
		certificate.Chunks = append(certificate.Chunks, k)
		p.Covers = append(p.Covers, v.acks[i].Cover)
		errs = append(errs, reconcile.Conserved(k))
		if k.At.After(certificate.Certified) {
			certificate.Certified = k.At
		}
	}
	totals, err := reconcile.Totals(certificate)
	if err := errors.Join(append(errs, err)...); err != nil {
		return certificate, err
	}
	certificate.Totals, certificate.Length = totals, totals.Bytes
	certificate.Chain = contract.ChainProof{Closed: true, Position: totals.Bytes}
	return certificate, conserved(totals, d)
}

// conserved checks that what is archived is in the output, in quarantine or repeated, by count and by hash.
func conserved(t contract.Totals, d interval.Decision) error {
	var out, bad record.Sum
	if err := errors.Join(out.UnmarshalText([]byte(t.HashOut)), bad.UnmarshalText([]byte(t.HashBad))); err != nil {
		return err
	}
	all := interval.Tally{Records: t.RowsIn + d.Repeated.Records, Sum: out.Plus(bad).Plus(d.Repeated.Sum)}
	if all != d.Archived {
		return fmt.Errorf("%d records are archived with the sum %s; %d out, %d quarantined and %d repeated have %s",
			d.Archived.Records, d.Archived.Sum, t.RowsOut, t.Quarantined, d.Repeated.Records, all.Sum)
	}
	return nil
}
