package config

import (
	"strings"
	"testing"
)

func TestReserveConcurrency(t *testing.T) {
	for _, c := range []struct {
		name, segment        string
		quota                int
		err                  string
		splitter, reconciler int
	}{
		{"a new account", ``, 10, `up to 242 functions run at once (segments.trips 200, intake 10, splitter 10, ` +
			`reconciler 20, sweeper 1, rollout 1), the account allows 10: ask for more (Service Quotas, AWS Lambda, Concurrent ` +
			`executions, L-B99A9384), or lower segments.<name>.concurrency`, 0, 0},
		{"a new account with a stream", `"arrival": "stream", "stream": {"shards": 3}`, 10, `up to 75 functions run at once ` +
			`(segments.trips 30, trips-witness 3, trips-closer 1, intake 10, splitter 10, reconciler 20, sweeper 1), the ` +
			`account allows 10: ask for more (Service Quotas, AWS Lambda, Concurrent executions, L-B99A9384), or lower ` +
			`segments.<name>.concurrency, or shards or parallelization of segments.<name>.stream`, 0, 0},
		{"just enough for a stream", `"arrival": "stream", "stream": {"shards": 3}`, 75, ``, 0, 0},
		{"just enough", ``, 242, ``, 0, 0},
		{"room to reserve", ``, 1000, ``, 10, 20},
		{"no room beside the segments", ``, 300, ``, 0, 0},
		{"reserved by the settings", `"reservedConcurrency": 250`, 300,
			`250 are reserved in all, and Lambda leaves 100`, 0, 0},
		{"and within the quota", `"reservedConcurrency": 250`, 1000, ``, 10, 20},
	} {
		s, err := parse(t, stack("prod", ``, c.segment))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the preview asks, and so does the update
			err = s.ReserveConcurrency(c.quota)
		}
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v", c.name, err)
		}
		if a, b := s.Functions.Splitter.ReservedConcurrency, s.Functions.Reconciler.ReservedConcurrency; a != c.splitter ||
			b != c.reconciler {
			t.Errorf("%s: splitter %d, reconciler %d", c.name, a, b)
		}
	}
}
