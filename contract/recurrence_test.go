package contract

import (
	"strings"
	"testing"
	"time"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	loaded, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func TestRecurrence(t *testing.T) {
	for _, c := range []struct{ text, zone, after, want string }{
		{"0 7 * * 1-5", "UTC", "2026-11-27T06:59:59Z", "2026-11-27T07:00:00Z"},
		{"0 7 * * 1-5", "UTC", "2026-11-27T07:00:00Z", "2026-11-30T07:00:00Z"}, // strictly after; over a weekend
		{"0 7 * * 0", "UTC", "2026-11-27T07:00:00Z", "2026-11-29T07:00:00Z"},
		{"0 7 * * 7", "UTC", "2026-11-27T07:00:00Z", "2026-11-29T07:00:00Z"}, // Sunday has two numbers
		{"*/20 5-6 * * *", "UTC", "2026-11-27T05:41:00Z", "2026-11-27T06:00:00Z"},
		{"5/20 * * * *", "UTC", "2026-11-27T05:26:00Z", "2026-11-27T05:45:00Z"},
		{"0 0 1,15 * *", "UTC", "2026-11-27T00:00:00Z", "2026-12-01T00:00:00Z"},
		{"0 0 13 * 5", "UTC", "2026-11-07T00:00:00Z", "2026-11-13T00:00:00Z"}, // one of both
		{"0 0 13 * 5", "UTC", "2026-11-13T00:00:00Z", "2026-11-20T00:00:00Z"},
		{"0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"},
		{"0 0 30 2 *", "UTC", "2026-01-01T00:00:00Z", ""},
		{"0 2 * * *", "Europe/Berlin", "2026-11-27T12:00:00Z", "2026-11-28T01:00:00Z"},
		{"0 2 * * *", "Europe/Berlin", "2026-07-01T12:00:00Z", "2026-07-02T00:00:00Z"},
		// The clocks skip 02:00 to 03:00: it begins as they change, once.
		{"30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
		{"30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
		// They show 02:30 twice: it begins the first time only.
		{"30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"},
		{"30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
		{"30 1 * * *", "America/New_York", "2026-11-01T00:00:00Z", "2026-11-01T05:30:00Z"},
		{"30 1 * * *", "America/New_York", "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"},
		{"0 0 * * *", "America/Santiago", "2026-09-05T12:00:00Z", "2026-09-06T04:00:00Z"}, // skips midnight
	} {
		r, err := ParseRecurrence(c.text)
		if err != nil {
			t.Fatal(err)
		}
		after, err := time.Parse(time.RFC3339, c.after)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if next := r.Next(after, zone(t, c.zone)); !next.IsZero() {
			got = next.UTC().Format(time.RFC3339)
		}
		if got != c.want {
			t.Errorf("%s in %s after %s begins at %q, want %q", c.text, c.zone, c.after, got, c.want)
		}
	}
}

// A year of days: a daily recurrence begins once on each date, in order, whatever the clocks do.
func TestRecurrenceBeginsOnceADay(t *testing.T) {
	for _, name := range []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago",
		"Asia/Kolkata"} {
		for _, text := range []string{"0 0 * * *", "30 1 * * *", "0 2 * * *", "45 2 * * *", "59 23 * * *"} {
			r, err := ParseRecurrence(text)
			if err != nil {
				t.Fatal(err)
			}
			at, in := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), zone(t, name)
			at = r.Next(at, in)
			for range 366 {
				next := r.Next(at, in)
				if before, day := at.In(in).YearDay(), next.In(in).YearDay(); day != before%365+1 {
					t.Errorf("%s in %s: %s is followed by %s", text, name, at.In(in), next.In(in))
				}
				at = next
			}
		}
	}
}

func TestBadRecurrences(t *testing.T) {
	for _, text := range []string{"", "0 7 * *", "0 7 * * * *", "60 7 * * *", "0 24 * * *", "0 7 0 * *", "0 7 * 13 *",
		"0 7 * * 8", "0 7 * * 5-1", "*/0 7 * * *", "0 7 * * mon", "0,, 7 * * *", "0 -1 * * *", "0 7 1-40 * *"} {
		if _, err := ParseRecurrence(text); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
