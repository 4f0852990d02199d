package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"dip/contract"
	"dip/internal/interval"
	"dip/internal/lake"
	"dip/internal/ledger"
	"dip/internal/record"
)

// view is all that is known of an interval.
type view struct {
	interval.Closing
	settings contract.Stream
	shards   []Shard                        // of Closing.Shards
	batches  map[string][]contract.Archived // by shard
	acks     []contract.StreamAck           // of Closing.Acks
	attempt  int                            // the highest one of them
}

// look reads what is archived and acknowledged of an interval.
func (c *Closer) look(ctx context.Context, load ledger.Load, of interval.Interval, before *contract.Certificate) (
	view, error) {
	definition, err := c.Processor.Segments.Catalogs.Segment(ctx, load.Catalog, load.Segment)
	if err != nil {
		return view{}, err
	}
	s, err := settings(definition, load.Segment)
	if err != nil {
		return view{}, err
	}
	v := view{settings: s, batches: map[string][]contract.Archived{}, Closing: interval.Closing{
		Interval: of, First: before == nil, Now: c.Processor.Now().UnixMilli(),
		Due: of.End + seconds(s.DueSeconds).Milliseconds(),
	}}
	if v.shards, err = c.known(ctx, before); err != nil {
		return v, err
	}
	if v.Seen, err = c.seen(ctx, v, before); err != nil {
		return v, err
	}
	for _, shard := range v.shards {
		if err := c.shard(ctx, &v, load, shard, before); err != nil {
			return v, err
		}
	}
	return v, nil
}

// known lists the shards: those that the stream has, and those that it had when it was last looked at and whose
// records may not all be closed. Children come before their parents: what is archived of a child shows that its
// parents are archived to their ends, so it is read first.
func (c *Closer) known(ctx context.Context, before *contract.Certificate) ([]Shard, error) {
	shards, err := c.Stream.Shards(ctx)
	if err != nil {
		return nil, err
	}
	if before != nil {
		for _, old := range before.Stream.Shards {
			listed := slices.ContainsFunc(shards, func(s Shard) bool { return s.ID == old.Shard })
			if !listed && !over(old, before.Stream.Interval) {
				shards = append(shards, Shard{ID: old.Shard, Parents: old.Parents, Closed: true})
			}
		}
	}
	slices.SortFunc(shards, func(a, b Shard) int { return cmp.Compare(b.ID, a.ID) }) // ids ascend as shards are made
	return shards, nil
}

// over says that an interval has the last of a shard. There was nothing new of it, and no marker that ends the
// interval: so the interval was closed by markers of its children, which come after all that it had.
func over(s contract.ShardProof, of contract.Interval) bool {
	return len(s.Batches) == 0 && s.Next.Through < of.End.UnixMilli()
}

// shard adds a shard to the view.
func (c *Closer) shard(ctx context.Context, v *view, load ledger.Load, s Shard, before *contract.Certificate) error {
	from := cursor(before, s.ID)
	batches, err := c.Ledger.Archive(ctx, load.Segment, s.ID, string(from.After))
	if err != nil {
		return err
	}
	if from.After == "" && len(batches) > 0 {
		from.Through = batches[0].From // what its parents left
	}
	in := interval.Shard{ID: s.ID, Parents: s.Parents, From: from}
	for _, b := range batches {
		list, err := unpack(ctx, c.Lake, b)
		if err != nil {
			return err
		}
		digest := interval.Batch{After: contract.Sequence(b.After), Last: contract.Sequence(b.Last)}
		for _, a := range list {
			digest.Records = append(digest.Records, a.digest)
		}
		in.Batches = append(in.Batches, digest)
	}
	v.Shards, v.batches[s.ID] = append(v.Shards, in), batches
	acks, err := c.Ledger.Covers(ctx, load.ID, s.ID)
	if err != nil {
		return err
	}
	for _, ack := range acks {
		if err := c.ack(ctx, v, load, ack); err != nil {
			return err
		}
	}
	return nil
}

// ack adds an acknowledgement to the view, unless its rows were made by another catalog than the interval's.
func (c *Closer) ack(ctx context.Context, v *view, load ledger.Load, ack contract.StreamAck) error {
	v.attempt = max(v.attempt, ack.Attempt)
	if ack.Catalog != load.Catalog {
		return nil
	}
	set, err := setOf(ctx, c.Lake, ack.Cover)
	if err != nil {
		return fmt.Errorf("read acknowledgement %s: %w", ack.ID, err)
	}
	var out, bad record.Sum
	if err := errors.Join(out.UnmarshalText([]byte(ack.HashOut)), bad.UnmarshalText([]byte(ack.HashBad))); err != nil {
		return fmt.Errorf("read acknowledgement %s: %w", ack.ID, err)
	}
	v.acks = append(v.acks, ack)
	v.Acks = append(v.Acks, interval.Ack{ID: ack.ID, Shard: ack.Shard, Records: set, Rows: ack.RowsIn, Sum: out.Plus(bad)})
	return nil
}

// cursor is where an interval begins in a shard: where the one before left off.
func cursor(before *contract.Certificate, shard string) interval.Cursor {
	if before != nil {
		for _, s := range before.Stream.Shards {
			if s.Shard == shard {
				return interval.Cursor{After: contract.Sequence(s.Next.After), Through: s.Next.Through}
			}
		}
	}
	return interval.Cursor{}
}

// seen are the record ids of the intervals that the look-back reaches.
func (c *Closer) seen(ctx context.Context, v view, before *contract.Certificate) (map[interval.ID]bool, error) {
	ids := map[interval.ID]bool{}
	back := v.Interval.Start - seconds(v.settings.LookBackSeconds).Milliseconds()
	for old := before; old != nil && old.Stream.End.UnixMilli() > back; {
		if o := old.Stream.IDs; o != nil {
			data, err := c.Lake.Get(ctx, o.Key)
			if err != nil {
				return nil, err
			}
			if lake.Hash(data) != o.SHA256 || len(data)%len(interval.ID{}) != 0 {
				return nil, fmt.Errorf("%s has not what the certificate of load %s says", o.Key, old.Load)
			}
			for part := range slices.Chunk(data, len(interval.ID{})) {
				ids[interval.ID(part)] = true
			}
		}
		if old.Link == nil || old.Link.Load == "" {
			break
		}
		var err error
		if old, err = c.certificate(ctx, old.Link.Load); err != nil {
			return nil, err
		}
	}
	return ids, nil
}
