package client

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dip/contract"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func loadID(prefix string) string { return (prefix + "00000000000000000000000000000000")[:idLength] }

func TestFindLoad(t *testing.T) {
	f := ledgertest.New()
	old := noon.AddDate(0, 0, -PrefixDays-1)
	for id, received := range map[string]time.Time{loadID("abc1"): noon, loadID("abc2"): noon.Add(-48 * time.Hour),
		loadID("def"): old} {
		f.Seed(ledger.Load{ID: id, Received: received})
	}
	for id, want := range map[string]string{"abc1": loadID("abc1"), "ABC2": loadID("abc2"), loadID("def"): loadID("def")} {
		if got, err := FindLoad(t.Context(), f, id, noon); err != nil || got.ID != want {
			t.Errorf("FindLoad(%q) = %s, %v", id, got.ID, err)
		}
	}
	for id, text := range map[string]string{
		"abc": "2 loads match", "def": "the whole id of an older load", "": "hex digits", "xyz": "hex digits",
		loadID("999"): "not found", loadID("abc1") + "0": "hex digits",
	} {
		if _, err := FindLoad(t.Context(), f, id, noon); !errors.Is(err, ErrNotFound) ||
			!strings.Contains(err.Error(), text) {
			t.Errorf("FindLoad(%q): %v, want one with %q", id, err, text)
		}
	}
}

func TestListLoads(t *testing.T) {
	f := ledgertest.New()
	for i, l := range []ledger.Load{
		{Segment: "trips", Status: contract.Failed}, {Segment: "events", Status: contract.Published},
		{Segment: "trips", Status: contract.Published},
	} {
		l.ID, l.Received = loadID(string(rune('a'+i))), noon.Add(-time.Duration(i)*20*time.Hour)
		f.Seed(l)
	}
	ids := func(f2 Filter) string {
		loads, err := ListLoads(t.Context(), f, f2, noon)
		if err != nil {
			t.Fatal(err)
		}
		var s string
		for _, l := range loads {
			s += l.ID[:1]
		}
		return s
	}
	since := noon.Add(-72 * time.Hour)
	for want, filter := range map[string]Filter{
		"abc": {Since: since}, "ac": {Since: since, Segment: "trips"}, "bc": {Since: since, Status: contract.Published},
		"ab": {Since: noon.Add(-39 * time.Hour)}, "a": {Since: since, Limit: 1}, "": {Since: noon.Add(time.Second)},
	} {
		if got := ids(filter); got != want {
			t.Errorf("%+v: %q, want %q", filter, got, want)
		}
	}
}

func TestListLoadsAsksForEveryDayOnce(t *testing.T) {
	f := ledgertest.New()
	var mu sync.Mutex
	var days []string
	f.Before = func(op ledgertest.Op) error {
		mu.Lock()
		defer mu.Unlock()
		days = append(days, op.Name+" "+op.Load)
		return nil
	}
	midnight := time.Date(2026, 3, 1, 0, 0, 1, 0, time.UTC)
	if _, err := ListLoads(t.Context(), f, Filter{Since: midnight.Add(-2 * time.Second)}, midnight); err != nil {
		t.Fatal(err)
	}
	slices.Sort(days)
	if want := []string{"Day 2026-02-28", "Day 2026-03-01"}; !slices.Equal(days, want) {
		t.Errorf("asked for %q, want %q", days, want)
	}
}

func TestFollowWaitsForALoadThatIsNotThereYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := ledgertest.New()
		load := running(1000, contract.Plain, 1)
		go func() {
			<-time.After(3 * time.Second)
			f.Seed(load)
			<-time.After(3 * time.Second)
			load.Status, load.Reason = contract.Failed, "too many bad records"
			f.Seed(load)
		}()
		var seen []contract.Status
		p, err := Follow(t.Context(), f, load.ID, func(p Progress) {
			if len(seen) == 0 || seen[len(seen)-1] != p.Status {
				seen = append(seen, p.Status)
			}
		})
		if err != nil || !slices.Equal(seen, []contract.Status{"", contract.Running, contract.Failed}) {
			t.Fatalf("seen %q, %v", seen, err)
		}
		var failed *FailedError
		if !errors.As(Outcome(p), &failed) || failed.Progress.Reason != "too many bad records" {
			t.Errorf("outcome %v", Outcome(p))
		}
	})
}
