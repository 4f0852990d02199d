package runner

import (
	"testing"
	"time"

	"dip/internal/testenv"
)

func TestNextFiring(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		testenv.Missing(t, err)
	}
	origin := time.Date(2026, 1, 1, 0, 0, 30, 0, time.UTC)
	for _, c := range []struct {
		text, after, want string
		location          *time.Location
	}{
		{"rate(1 minute)", "2026-01-01T00:00:00Z", "2026-01-01T00:01:30Z", time.UTC},
		{"rate(5 minutes)", "2026-01-01T00:05:30Z", "2026-01-01T00:10:30Z", time.UTC},
		{"rate(1 day)", "2026-01-03T12:00:00Z", "2026-01-04T00:00:30Z", time.UTC},
		{"at(2026-11-20T13:00:00)", "2026-01-01T00:00:00Z", "2026-11-20T13:00:00Z", time.UTC},
		{"at(2026-11-20T13:00:00)", "2026-01-01T00:00:00Z", "2026-11-20T12:00:00Z", berlin},
		{"at(2026-11-20T13:00:00)", "2026-11-20T13:00:00Z", "", time.UTC},
		{"cron(0 10 * * ? *)", "2026-01-01T10:00:00Z", "2026-01-02T10:00:00Z", time.UTC},
		{"cron(15 12 * * ? *)", "2026-01-01T10:00:00Z", "2026-01-01T12:15:00Z", time.UTC},
		{"cron(0/15 * * * ? *)", "2026-01-01T10:16:00Z", "2026-01-01T10:30:00Z", time.UTC},
		{"cron(0 18 ? * MON-FRI *)", "2026-01-02T18:00:00Z", "2026-01-05T18:00:00Z", time.UTC},
		{"cron(0 8 1 * ? *)", "2026-01-02T00:00:00Z", "2026-02-01T08:00:00Z", time.UTC},
		{"cron(5 8-9 ? * 2,4 2027)", "2026-06-01T00:00:00Z", "2027-01-04T08:05:00Z", time.UTC},
		{"cron(0 0 L * ? *)", "2028-02-01T00:00:00Z", "2028-02-29T00:00:00Z", time.UTC},
		{"cron(0 0 3W * ? *)", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", time.UTC},
		{"cron(0 0 1W * ? *)", "2026-08-01T00:00:00Z", "2026-08-03T00:00:00Z", time.UTC},
		{"cron(0 0 31W * ? *)", "2026-05-01T00:00:00Z", "2026-05-29T00:00:00Z", time.UTC},
		{"cron(0 0 ? * 6L *)", "2026-01-01T00:00:00Z", "2026-01-30T00:00:00Z", time.UTC},
		{"cron(0 0 ? * FRI#3 *)", "2026-01-01T00:00:00Z", "2026-01-16T00:00:00Z", time.UTC},
		{"cron(0 0 ? JAN,JUN SAT-MON *)", "2026-01-05T00:00:00Z", "2026-01-10T00:00:00Z", time.UTC},
		{"cron(0 0 1 1 ? 2025)", "2026-01-01T00:00:00Z", "", time.UTC},
		// 02:30 does not exist on the day that daylight saving time begins.
		{"cron(30 2 29 3 ? *)", "2026-03-28T00:00:00Z", "2027-03-29T00:30:00Z", berlin},
	} {
		e, err := parseExpression(c.text, c.location)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		after, err := time.Parse(time.RFC3339, c.after)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if at, ok := e.next(after, origin); ok {
			got = at.UTC().Format(time.RFC3339)
		}
		if got != c.want {
			t.Errorf("%s after %s: %s, want %s", c.text, c.after, got, c.want)
		}
	}
}

func TestBadExpressions(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "5 minutes", "rate(0 minutes)", "rate(5 weeks)", "rate(minute)", "at(tomorrow)", "cron(* * * * *)",
		"every(1 day)",
		"cron(0 10 * * * *)", "cron(0 10 ? * ? *)", "cron(60 10 * * ? *)", "cron(0 24 * * ? *)", "cron(0 0 32 * ? *)",
		"cron(0 0 * 13 ? *)", "cron(0 0 ? * 8 *)", "cron(0 0 ? * MON#6 *)", "cron(0/0 0 * * ? *)", "cron(a 0 * * ? *)",
		"rate(5 minutes",
	} {
		if e, err := parseExpression(text, time.UTC); err == nil {
			t.Errorf("%q: %+v instead of an error", text, e)
		}
	}
}
