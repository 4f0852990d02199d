package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"testing"

	"dip/contract"
	"dip/internal/ledger"
)

// Snapshot is all that a ledger holds but its sweep.
type Snapshot struct {
	Records map[string]ledger.Record
	Heads   map[string]ledger.Head                  // by segment
	Archive map[string]map[string]contract.Archived // by segment and shard, by the record before
}

// Snapshot copies what the ledger holds.
func (f *Fake) Snapshot() Snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := Snapshot{Records: map[string]ledger.Record{}, Heads: maps.Clone(f.heads), Archive: clone(f.stream.archive)}
	for id := range f.loads {
		load, err := f.read(id)
		if err != nil {
			panic(err) // it is there
		}
		s.Records[id] = ledger.Record{Load: load, Chunks: f.chunks(id, 0, math.MaxInt), Closing: f.frozen[id], Open: f.open[id]}
	}
	return s
}

// Restore stores what was rebuilt of a load.
func (f *Fake) Restore(ctx context.Context, r ledger.Record) error {
	return f.do(ctx, Op{Name: "Restore", Load: r.Load.ID, Write: true}, func() error {
		r.Load.Received, r.Load.Updated = r.Load.Received.UTC(), millis(r.Load.Updated)
		f.seed(r.Load, r.Chunks)
		f.open[r.Load.ID] = r.Open
		if r.Closing != "" {
			f.frozen[r.Load.ID] = r.Closing
		}
		return nil
	})
}

// RestoreHead stores the end of a segment's chain.
func (f *Fake) RestoreHead(ctx context.Context, segment string, h ledger.Head) error {
	return f.do(ctx, Op{Name: "RestoreHead", Load: segment, Write: true}, func() error {
		f.heads[segment] = h
		return nil
	})
}

// Empty fails with ledger.ErrOccupied unless the ledger holds nothing.
func (f *Fake) Empty(ctx context.Context) error {
	return f.do(ctx, Op{Name: "Empty"}, func() error {
		if len(f.loads)+len(f.work)+len(f.heads)+len(f.stream.archive) > 0 || f.sweep.owner != "" {
			return fmt.Errorf("table fake: %w", ledger.ErrOccupied)
		}
		return nil
	})
}

// What is restored is read as what the operations of a load's life have made, and goes on like it.
func restore(t *testing.T, l Subject) {
	ctx := t.Context()
	if err := l.Empty(ctx); err != nil {
		t.Fatal(err)
	}
	ack := contract.Ack{Start: 10, End: 100, RowsIn: 3, RowsOut: 3, HashOut: "a", Attempt: 2, At: at(5)}
	p := plan(1)
	link := contract.Link{Number: 1}
	published := ledger.Record{Load: received("L"), Chunks: cut(1)}
	published.Load.Status, published.Load.Updated, published.Load.Plan = contract.Published, at(9), &p
	published.Load.Totals, published.Load.Link, published.Load.SHA256 = &contract.Totals{RowsIn: 3}, &link, "sum"
	published.Chunks[0].Attempt, published.Chunks[0].Ack = 2, &ack

	restaged := ledger.Record{Load: received("R"), Open: true}
	whole := plan(0)
	whole.Restage = true
	restaged.Load.Status, restaged.Load.Plan, restaged.Load.Updated = contract.Certified, &whole, at(9)
	restaged.Load.Restage = &ledger.Chunk{Index: ledger.RestageIndex, Start: 10, End: -1, Attempt: 1, Ack: &ack}

	same := ledger.Record{Load: received("S")}
	same.Load.Status, same.Load.Of, same.Load.Updated = contract.Duplicate, "L", start
	failed := ledger.Record{Load: received("F")}
	failed.Load.Status, failed.Load.Reason, failed.Load.Updated = contract.Failed, "bad", start
	failed.Load.Sent, failed.Load.Proven = at(2), &ledger.Proven{Chunks: 1, End: 100, Last: at(5), Looked: at(6)}

	frozen := ledger.Record{Load: received("I"), Closing: "covers/closing"}
	frozen.Load.Status, frozen.Load.Updated = contract.Running, start
	frozen.Load.Interval = &contract.Interval{Start: start, End: at(60)}

	for _, r := range []ledger.Record{published, restaged, same, failed, frozen} {
		for range 2 {
			if err := l.Restore(ctx, r); err != nil {
				t.Fatal(err)
			}
		}
		got := must[ledger.Load](t)(l.Load(ctx, r.Load.ID))
		if !reflect.DeepEqual(got, r.Load) {
			t.Errorf("restored %+v\ngot      %+v", r.Load, got)
		}
		if chunks := chunksOf(t, l, r.Load.ID); len(chunks) != len(r.Chunks) ||
			len(chunks) > 0 && !reflect.DeepEqual(chunks, r.Chunks) {
			t.Errorf("restored %+v\ngot      %+v", r.Chunks, chunks)
		}
	}
	if key, err := l.Frozen(ctx, "I"); err != nil || key != "covers/closing" {
		t.Errorf("the closing is %q, %v", key, err)
	}
	var open []string
	for _, load := range must[[]ledger.Load](t)(l.Open(ctx, at(100), 10)) {
		open = append(open, load.ID)
	}
	if !slices.Equal(open, []string{"R"}) {
		t.Errorf("open: %q", open)
	}
	if days := must[[]ledger.Load](t)(l.Day(ctx, "2026-01-31")); len(days) != 5 {
		t.Errorf("%d loads of the day", len(days))
	}
	head := ledger.Head{Number: 1, Load: "L", SHA256: "sum"}
	if err := l.RestoreHead(ctx, "trips", head); err != nil {
		t.Fatal(err)
	}
	if got := must[ledger.Head](t)(l.Head(ctx, "trips")); got != head {
		t.Errorf("the head is %+v", got)
	}
	if err := l.Empty(ctx); !errors.Is(err, ledger.ErrOccupied) {
		t.Errorf("a table with items: %v", err)
	}
}
