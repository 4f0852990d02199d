package ledgertest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"dip/contract"
	"dip/internal/ledger"
)

// stream is the state of streams.
type stream struct {
	archive map[string]map[string]contract.Archived  // by segment and shard, by the record before
	covers  map[string]map[string]contract.StreamAck // by load and shard, by id
	frozen  map[string]string                        // by load
}

func newStream() stream {
	return stream{map[string]map[string]contract.Archived{}, map[string]map[string]contract.StreamAck{},
		map[string]string{}}
}

// putNew stores a document unless there is one, and returns the one that stands.
func putNew[T any](table map[string]map[string]T, partition, sort string, document T) T {
	if table[partition] == nil {
		table[partition] = map[string]T{}
	}
	if _, ok := table[partition][sort]; !ok {
		table[partition][sort] = clone(document)
	}
	return table[partition][sort]
}

// Append adds a batch to what is archived of a shard.
func (f *Fake) Append(ctx context.Context, segment string, b contract.Archived) (ok bool, err error) {
	err = f.do(ctx, Op{Name: "Append", Load: b.Shard, Write: true}, func() error {
		ok = putNew(f.stream.archive, segment+"#"+b.Shard, b.After, b) == b
		return nil
	})
	return ok, err
}

// Tail is the last archived batch of a shard.
func (f *Fake) Tail(ctx context.Context, segment, shard string) (last *contract.Archived, err error) {
	err = f.do(ctx, Op{Name: "Tail", Load: shard}, func() error {
		if all := f.batches(segment, shard, ""); len(all) > 0 {
			last = &all[len(all)-1]
		}
		return nil
	})
	return last, err
}

// Archive lists the archived batches of a shard from the one behind a sequence number on.
func (f *Fake) Archive(ctx context.Context, segment, shard, after string) (list []contract.Archived, err error) {
	return f.Batches(ctx, segment, shard, after, 0)
}

// Batches lists the first n archived batches behind a sequence number; 0: all.
func (f *Fake) Batches(ctx context.Context, segment, shard, after string, n int) (list []contract.Archived, err error) {
	err = f.do(ctx, Op{Name: "Archive", Load: shard}, func() error {
		if list = f.batches(segment, shard, after); n > 0 {
			list = list[:min(n, len(list))]
		}
		return nil
	})
	return list, err
}

func (t *table) batches(segment, shard, after string) []contract.Archived {
	batches := slices.SortedFunc(maps.Values(t.stream.archive[segment+"#"+shard]), func(a, b contract.Archived) int {
		return contract.Sequence(a.After).Compare(contract.Sequence(b.After))
	})
	return slices.DeleteFunc(batches, func(b contract.Archived) bool {
		return contract.Sequence(b.After).Compare(contract.Sequence(after)) < 0
	})
}

// Cover records an acknowledgement of records of an interval.
func (f *Fake) Cover(ctx context.Context, load string, a contract.StreamAck) error {
	return f.do(ctx, Op{Name: "Cover", Load: load, Write: true}, func() error {
		putNew(f.stream.covers, load+"#"+a.Shard, a.ID, a)
		return nil
	})
}

// Covers lists the acknowledgements of records of a shard in an interval.
func (f *Fake) Covers(ctx context.Context, load, shard string) (list []contract.StreamAck, err error) {
	err = f.do(ctx, Op{Name: "Covers", Load: load}, func() error {
		list = slices.SortedFunc(maps.Values(f.stream.covers[load+"#"+shard]), func(a, b contract.StreamAck) int {
			return strings.Compare(a.ID, b.ID)
		})
		return nil
	})
	return list, err
}

// Freeze records under which key the closed interval's certificate is.
func (f *Fake) Freeze(ctx context.Context, load, closing string) (stands string, err error) {
	err = f.do(ctx, Op{Name: "Freeze", Load: load, Write: true}, func() error {
		if _, ok := f.loads[load]; !ok {
			return fmt.Errorf("load %s: %w", load, ledger.ErrNotFound)
		}
		if f.stream.frozen[load] == "" {
			f.stream.frozen[load] = closing
		}
		stands = f.stream.frozen[load]
		return nil
	})
	return stands, err
}

// Frozen is the key that Freeze has recorded.
func (f *Fake) Frozen(ctx context.Context, load string) (closing string, err error) {
	err = f.do(ctx, Op{Name: "Frozen", Load: load}, func() error {
		closing = f.stream.frozen[load]
		return nil
	})
	return closing, err
}
