package ledgertest

import (
	"context"
	"reflect"
	"testing"
	"time"

	"dip/internal/lake"
	"dip/internal/ledger"
)

// sweep is the sweep's item.
type sweep struct {
	owner string
	until time.Time
	state ledger.Sweep
}

// TakeSweep grants the sweep unless another owner has it.
func (f *Fake) TakeSweep(ctx context.Context, owner string, now, until time.Time) (s ledger.Sweep, ok bool, err error) {
	err = f.do(ctx, Op{Name: "TakeSweep", Write: true}, func() error {
		if ok = f.sweep.owner == "" || f.sweep.owner == owner || f.sweep.until.Before(millis(now)); ok {
			f.sweep.owner, f.sweep.until, s = owner, millis(until), clone(f.sweep.state)
		}
		return nil
	})
	return s, ok && err == nil, err
}

// KeepSweep records how far an owner has come.
func (f *Fake) KeepSweep(ctx context.Context, owner string, s ledger.Sweep, over bool) (ok bool, err error) {
	err = f.do(ctx, Op{Name: "KeepSweep", Write: true}, func() error {
		if ok = f.sweep.owner == owner && owner != ""; ok {
			f.sweep.state = clone(s)
		}
		if ok && over {
			f.sweep.owner = ""
		}
		return nil
	})
	return ok && err == nil, err
}

// One sweeps at a time, and the next goes on where it stopped.
func sweeping(t *testing.T, l Subject) {
	take := func(owner string, now, until int) (ledger.Sweep, bool) {
		t.Helper()
		s, ok, err := l.TakeSweep(t.Context(), owner, at(now), at(until))
		if err != nil {
			t.Fatal(err)
		}
		return s, ok
	}
	keep := func(owner string, s ledger.Sweep, over bool) bool {
		t.Helper()
		return must[bool](t)(l.KeepSweep(t.Context(), owner, s, over))
	}
	if keep("a", ledger.Sweep{}, false) {
		t.Error("kept what was never taken")
	}
	if s, ok := take("a", 0, 60); !ok || !reflect.DeepEqual(s, ledger.Sweep{}) {
		t.Fatalf("the first one got %+v, %t", s, ok)
	}
	half := ledger.Sweep{Began: at(0), Full: true, Marker: lake.Marker{Key: "trips/ü", Version: "v"}, Versions: 7,
		FullAt: at(-9)}
	if !keep("a", half, false) {
		t.Fatal("not kept")
	}
	if _, ok := take("b", 60, 90); ok {
		t.Error("two sweep")
	}
	if _, ok := take("a", 30, 60); !ok { // it did not get its answer
		t.Error("a repeated request was refused")
	}
	if s, ok := take("b", 61, 90); !ok || !reflect.DeepEqual(s, half) {
		t.Errorf("after a's lease b got %+v, %t", s, ok)
	}
	if keep("a", ledger.Sweep{}, true) {
		t.Error("a kept what b has taken over")
	}
	if !keep("b", half, true) {
		t.Error("b lost it")
	}
	if _, ok := take("c", 62, 90); !ok {
		t.Error("it was not given back")
	}
}
