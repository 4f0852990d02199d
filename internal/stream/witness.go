package stream

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/aws/aws-lambda-go/events"

	"dip/contract"
	"dip/internal/interval"
	"dip/internal/lake"
)

// WitnessLedger has the archive of each shard.
type WitnessLedger interface {
	Tail(ctx context.Context, segment, shard string) (*contract.Archived, error)
	Append(ctx context.Context, segment string, b contract.Archived) (bool, error)
}

// Witness archives the records of a stream raw and in order. Its mapping has the factor 1, so that each batch of a
// shard begins where the one before it ended, and retries until a record expires: it skips nothing.
type Witness struct {
	Segment string
	Ledger  WitnessLedger
	Sink    Sink
	Shards  Shards
	Log     *slog.Logger
}

// appends is how many others may append to a shard before an invocation gives up. Only redeliveries compete.
const appends = 20

// Handle archives a batch of one shard. What an earlier or concurrent delivery has archived is left out: a batch may
// come again, whole or bisected. An error has the whole batch delivered again.
func (w *Witness) Handle(ctx context.Context, e events.KinesisEvent) error {
	shard, list, err := read(e)
	if err != nil {
		return err
	}
	for range appends {
		at, err := w.end(ctx, shard)
		if err != nil {
			return fmt.Errorf("archive records of shard %s: %w", shard, err)
		}
		fresh := slices.DeleteFunc(slices.Clone(list), func(a arrived) bool {
			return a.digest.Sequence.Compare(at.After) <= 0
		})
		if len(fresh) == 0 {
			return nil
		}
		done, err := w.append(ctx, shard, at, fresh)
		if err != nil {
			return fmt.Errorf("archive records of shard %s: %w", shard, err)
		}
		if done {
			w.Log.InfoContext(ctx, "archived", "shard", shard, "after", at.After, "records", len(fresh))
			return nil
		}
	}
	return fmt.Errorf("archive records of shard %s: others were first %d times", shard, appends)
}

// end is where a shard's archive ends. A shard that has none goes on where its parents left off: their records have
// all been delivered before its first one.
func (w *Witness) end(ctx context.Context, shard string) (interval.Cursor, error) {
	last, err := w.Ledger.Tail(ctx, w.Segment, shard)
	if err != nil {
		return interval.Cursor{}, err
	}
	if last != nil {
		return interval.Cursor{After: contract.Sequence(last.Last), Through: last.Through}, nil
	}
	all, err := w.Shards.Shards(ctx)
	if err != nil {
		return interval.Cursor{}, err
	}
	if !slices.ContainsFunc(all, func(s Shard) bool { return s.ID == shard }) {
		return interval.Cursor{}, fmt.Errorf("the stream has no shard %s", shard)
	}
	through, err := w.inherit(ctx, shard, all)
	return interval.Cursor{Through: through}, err
}

// inherit gives the newest marker before the first record of a shard: that of its parents. A parent without a record
// has inherited it itself; one that the stream no longer has was gone before this lane began.
func (w *Witness) inherit(ctx context.Context, shard string, all []Shard) (through int64, err error) {
	i := slices.IndexFunc(all, func(s Shard) bool { return s.ID == shard })
	if i < 0 {
		return 0, nil
	}
	for _, parent := range all[i].Parents {
		last, err := w.Ledger.Tail(ctx, w.Segment, parent)
		if err != nil {
			return 0, err
		}
		before := int64(0)
		if last != nil {
			before = last.Through
		} else if before, err = w.inherit(ctx, parent, all); err != nil {
			return 0, err
		}
		through = max(through, before)
	}
	return through, nil
}

// append archives records behind a place. It returns false if the archive goes on there in another way.
func (w *Witness) append(ctx context.Context, shard string, at interval.Cursor, list []arrived) (bool, error) {
	data, err := pack(list)
	if err != nil {
		return false, err
	}
	n, sum := tally(list)
	b := contract.Archived{
		Shard: shard, After: string(at.After), From: at.Through, Records: n, Sum: sum.String(),
		Bytes: int64(len(data)), SHA256: lake.Hash(data),
	}
	for _, a := range list {
		at.Pass(a.digest)
	}
	b.Last, b.Through = string(at.After), at.Through
	b.Key = contract.ArchiveKey(w.Segment, shard, b.After, b.From, b.SHA256)
	if err := store(ctx, w.Sink, b.Key, "application/gzip", data); err != nil {
		return false, err
	}
	return w.Ledger.Append(ctx, w.Segment, b)
}
