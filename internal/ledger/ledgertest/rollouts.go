package ledgertest

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"

	"dip/contract"
	"dip/internal/ledger"
)

// written is a deployment group's last rollout, and how many times the group's were written.
type written struct {
	rollout contract.Rollout
	writes  int64
}

// Rollout reads the last rollout of a deployment group.
func (f *Fake) Rollout(ctx context.Context, group string) (r contract.Rollout, writes int64, err error) {
	err = f.do(ctx, Op{Name: "Rollout", Load: group}, func() error {
		stands := f.rollouts[group]
		r, writes = clone(stands.rollout), stands.writes
		return nil
	})
	return r, writes, err
}

// PutRollout records a rollout unless another one was recorded since it was read.
func (f *Fake) PutRollout(ctx context.Context, r contract.Rollout, writes int64) error {
	return f.do(ctx, Op{Name: "PutRollout", Load: r.Group, Write: true}, func() error {
		stands := f.rollouts[r.Group]
		switch next := (written{clone(r), writes + 1}); {
		case stands.writes == writes:
			f.rollouts[r.Group] = next
		case !reflect.DeepEqual(stands, next):
			return ledger.ErrMoved
		}
		return nil
	})
}

func rollout(target string) contract.Rollout {
	return contract.Rollout{
		RolloutStart: contract.RolloutStart{Version: 1, Segment: "trips", Group: "g", Target: target}, Began: at(1),
	}
}

// A rollout is written over what was read, and over nothing else; a write whose answer was lost may be repeated.
func rollouts(t *testing.T, l Subject) {
	if r, writes, err := l.Rollout(t.Context(), "g"); err != nil || writes != 0 || r != (contract.Rollout{}) {
		t.Errorf("of nothing: %+v, %d, %v", r, writes, err)
	}
	first, second := rollout("2"), rollout("3")
	second.Before = &contract.Check{At: at(2), Passed: true, Chunks: 3, Text: "the same"}
	for range 2 {
		if err := l.PutRollout(t.Context(), first, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.PutRollout(t.Context(), second, 0); !errors.Is(err, ledger.ErrMoved) {
		t.Errorf("a second first one: %v", err)
	}
	if err := l.PutRollout(t.Context(), second, 2); !errors.Is(err, ledger.ErrMoved) {
		t.Errorf("one that was not read: %v", err)
	}
	if err := l.PutRollout(t.Context(), second, 1); err != nil {
		t.Fatal(err)
	}
	if err := l.PutRollout(t.Context(), first, 0); !errors.Is(err, ledger.ErrMoved) {
		t.Errorf("one of before: %v", err)
	}
	got, writes, err := l.Rollout(t.Context(), "g")
	if err != nil || writes != 2 || !reflect.DeepEqual(got, second) {
		t.Errorf("got %+v, %d, %v", got, writes, err)
	}
	if _, writes, err := l.Rollout(t.Context(), "other"); err != nil || writes != 0 {
		t.Errorf("another group's: %d, %v", writes, err)
	}
}

// Of several that write over the same rollout, one does.
func rolloutsAtOnce(t *testing.T, l Subject) {
	var group sync.WaitGroup
	var in atomic.Int64
	for _, target := range []string{"2", "3", "4", "5"} {
		group.Go(func() {
			switch err := l.PutRollout(t.Context(), rollout(target), 0); {
			case err == nil:
				in.Add(1)
			case !errors.Is(err, ledger.ErrMoved):
				t.Error(err)
			}
		})
	}
	if group.Wait(); in.Load() != 1 {
		t.Errorf("%d rollouts were recorded", in.Load())
	}
}
