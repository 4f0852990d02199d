package ledgertest

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/ledger"
)

func statuses(t *testing.T, l Subject) {
	want, ids := map[string]contract.Status{}, []string{}
	for i := range 205 {
		id := fmt.Sprintf("L%03d", i)
		ids = append(ids, id)
		if i%4 == 0 {
			continue // unknown
		}
		load := received(id)
		if want[id] = contract.Received; i%2 == 0 {
			load.Status, want[id] = contract.Failed, contract.Failed
		}
		if _, _, err := l.Receive(t.Context(), load); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := l.Statuses(t.Context(), ids); err != nil || !maps.Equal(got, want) {
		t.Errorf("%v\ngot  %v\nwant %v", err, got, want)
	}
	if got, err := l.Statuses(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("none: %v, %v", got, err)
	}
}

// Newest first, also within a second; a text of a time is in order only if all have the same number of digits.
func day(t *testing.T, l Subject) {
	midnight := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	for id, when := range map[string]time.Time{
		"e": midnight.Add(-time.Millisecond), "a": midnight, "b": midnight.Add(time.Millisecond),
		"c": midnight.Add(120 * time.Millisecond), "d": midnight.Add(123 * time.Millisecond), "f": midnight.Add(time.Second),
		"g": midnight.Add(24*time.Hour - time.Nanosecond), "h": midnight.Add(24 * time.Hour),
	} {
		load := received(id)
		load.Received = when.In(time.FixedZone("east", 9*3600))
		if _, _, err := l.Receive(t.Context(), load); err != nil {
			t.Fatal(err)
		}
	}
	for day, want := range map[string]string{
		"2026-01-31": "e", "2026-02-01": "gfdcba", "2026-02-02": "h", "2026-02-03": "",
	} {
		got := ""
		for _, load := range must[[]ledger.Load](t)(l.Day(t.Context(), day)) {
			got += load.ID
			if load.Segment != "trips" || load.Received.IsZero() {
				t.Errorf("got %+v", load)
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", day, got, want)
		}
	}
}
