package ledgertest

import (
	"errors"
	"slices"
	"testing"

	"dip/contract"
	"dip/internal/intercept"
	"dip/internal/ledger"
)

func TestFakeConforms(t *testing.T) {
	Conform(t, func(*testing.T) Subject {
		f := New()
		return Subject{f, func(before func() error) Ledger {
			return f.With(intercept.Hooks[Op]{Before: func(op Op) error {
				if op.Write {
					return before()
				}
				return nil
			}})
		}}
	})
}

func TestSeedAndChange(t *testing.T) {
	f := New()
	load := received("L")
	p := plan(1)
	p.Restage = true
	load.Status, load.Plan, load.Restage = contract.Running, &p, &ledger.Chunk{Index: ledger.RestageIndex, Attempt: 3}
	f.Seed(load, cut(2)...)
	f.Change("L", func(l *ledger.Load, chunks []ledger.Chunk) {
		l.Restage.Attempt, l.Status, chunks[1].Owner = 4, contract.Failed, "a"
	})
	if got := loadOf(t, f); got.Restage.Attempt != 4 || got.Status != contract.Failed || f.Piece("L", 1).Owner != "a" ||
		f.Piece("L", ledger.RestageIndex).Attempt != 4 {
		t.Errorf("got %+v", got)
	}
	for range 2 {
		f.Change("L", func(l *ledger.Load, _ []ledger.Chunk) { l.Plan.Restage = false })
	}
	if f.Piece("L", ledger.RestageIndex).Attempt != 4 {
		t.Error("a change lost the restage")
	}
	load.Restage = nil
	f.Seed(load)
	if got := chunksOf(t, f, "L"); len(got) != 0 || f.Piece("L", ledger.RestageIndex).Attempt != 0 {
		t.Errorf("what was there before: %+v", got)
	}
}

// A plan's and a redrive's writes are seen one by one, and the hooks may use the ledger.
func TestHooks(t *testing.T) {
	f := New()
	var log []string
	f.Before = func(op Op) error {
		log = append(log, op.Name)
		if op.Name == "PutChunk" && op.Chunk == 1 {
			return errDied
		}
		return nil
	}
	f.After = func(op Op) error {
		if op.Name == "PutChunk" && len(f.chunks("L", 0, 9)) != 1 {
			t.Error("not written yet")
		}
		return nil
	}
	receivedLoad(t, f)
	if _, err := f.Plan(t.Context(), "L", plan(3), cut(3)); !errors.Is(err, errDied) {
		t.Error(err)
	}
	if want := []string{"Receive", "PutChunk", "PutChunk"}; !slices.Equal(log, want) {
		t.Errorf("got %q", log)
	}
}
