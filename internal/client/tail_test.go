package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"dip/contract"
	"dip/internal/intercept"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
	"dip/internal/stream/streamtest"
)

func tailOf(l *streamtest.Lane) Tail {
	return Tail{Segment: streamtest.Segment, Chains: l.Ledger, Lake: l.Lake, Pause: Pause, Failed: func(error) {}}
}

func TestTailShowsWhatIsCertified(t *testing.T) {
	l, _ := lane(t)
	run := func(since time.Time) (list []Certified) {
		t.Helper()
		tail := tailOf(l)
		tail.Since = since
		if err := tail.Run(t.Context(), func(c Certified) error { list = append(list, c); return nil }); err != nil {
			t.Fatal(err)
		}
		return list
	}
	all := run(time.Time{})
	if len(all) != 2 {
		t.Fatalf("%+v", all)
	}
	want := Certified{Segment: streamtest.Segment, Load: all[1].Load, Start: streamtest.Start.Add(time.Minute),
		End: streamtest.Start.Add(2 * time.Minute), Records: 3, RowsOut: 1, Quarantined: 1, Duplicates: 1, PerSecond: 0.05,
		LagSeconds: 5}
	if all[1] != want || all[0].Records != 5 || all[0].End != want.Start {
		t.Errorf("%+v, want %+v", all, want)
	}
	if got := run(want.End); !slices.Equal(got, all[1:]) {
		t.Errorf("since %s: %+v", want.End, got)
	}
	if got := run(want.End.Add(1)); len(got) > 0 {
		t.Errorf("since later: %+v", got)
	}
	// What is certified and not published has no certificate to show yet; what is before it has.
	l.Ledger.Change(all[1].Load, func(load *ledger.Load, _ []ledger.Chunk) { load.Status = contract.Certified })
	if got := run(time.Time{}); !slices.Equal(got, all[:1]) {
		t.Errorf("unpublished: %+v", got)
	}
	failed := errors.New("full")
	if err := tailOf(l).Run(t.Context(), func(Certified) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("%v", err)
	}
	none := Tail{Segment: "other", Chains: l.Ledger, Lake: l.Lake}
	if err := none.Run(t.Context(), func(Certified) error { t.Error("an interval"); return nil }); err != nil {
		t.Error(err)
	}
}

// A tail that follows shows each interval once, looks less often while nothing happens, survives failed reads, and ends
// with its context.
func TestTailFollows(t *testing.T) {
	l := streamtest.New(t, 1, 0) // outside of the bubble: its zstd encoders are kept
	for i := range 3 {
		l.Put(0, "", fmt.Sprintf(`{"v":%d}`, i))
		l.Close()
	}
	ids := []string{}
	if err := tailOf(l).Run(t.Context(), func(c Certified) error { ids = append(ids, c.Load); return nil }); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		heads, shown, failed := 0, []string{}, 0
		until := map[int]int{0: 1, 8: 2, 9: 3} // at which look the head is at which interval
		chains := &movingHead{Fake: l.Ledger.With(intercept.Hooks[ledgertest.Op]{}), ids: ids}
		chains.look = func() error {
			if at, ok := until[heads]; ok {
				chains.at = at
			}
			if heads++; heads == 3 {
				return errors.New("throttled")
			}
			return nil
		}
		began := time.Now()
		tail := tailOf(l)
		tail.Chains, tail.Follow = chains, true
		tail.Failed = func(error) { failed++ }
		err := tail.Run(ctx, func(c Certified) error {
			if shown = append(shown, c.Load); len(shown) == 3 {
				time.AfterFunc(20*time.Second, cancel)
			}
			return nil
		})
		// 1, 2, 4, 8, 16, 16, 16, 16 s to the eighth look, 1 s to the next one, and 20 s at the end
		if took := time.Since(began); err != nil || !slices.Equal(shown, ids) || failed != 1 ||
			took != (79+1+20)*time.Second {
			t.Errorf("%v, shown %q, %d failed, %s", err, shown, failed, took)
		}
	})
}

// movingHead is a ledger whose chain has grown to one of its loads.
type movingHead struct {
	*ledgertest.Fake
	ids  []string
	at   int
	look func() error
}

func (m *movingHead) Head(context.Context, string) (ledger.Head, error) {
	if err := m.look(); err != nil {
		return ledger.Head{}, err
	}
	return ledger.Head{Load: m.ids[m.at-1]}, nil
}
