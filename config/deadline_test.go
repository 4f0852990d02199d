package config

import (
	"strings"
	"testing"
)

// 25 MiB/s a vCPU: 450 GiB take a vCPU 18,432 s, and half of an hour is 1,800 s.
func TestConcurrencyFollowsTheDeadline(t *testing.T) {
	for _, c := range []struct {
		environment, segment string
		want                 int
	}{
		{"prod", `"deadline": "1h", "largestGB": 450`, 11},
		{"prod", `"deadline": "1h", "largestGB": 450, "concurrency": 20`, 20},
		{"prod", `"deadline": "1h", "largestGB": 1`, 2},
		{"prod", `"deadline": "1h"`, 200},
		{"prod", ``, 200},
		{"dev", ``, 10},
		// 0.58 of a vCPU
		{"small", `"deadline": "1h", "largestGB": 450`, 18},
	} {
		s, err := parse(t, stack(c.environment, "", c.segment))
		if err != nil {
			t.Errorf("%s: %v", c.segment, err)
		} else if got := s.Segments["trips"].Concurrency; got != c.want {
			t.Errorf("%s in %s: concurrency %d, want %d", c.segment, c.environment, got, c.want)
		}
	}
}

func TestDeadlinesThatCannotBeMet(t *testing.T) {
	for _, c := range []struct{ environment, segment, want string }{
		{"prod", `"deadline": "1h", "largestGB": 450, "concurrency": 10`, "segments.trips.concurrency: 10 at once take " +
			"longer than half of segments.trips.deadline, 1h, for segments.trips.largestGB, 450 GiB, at 25 MiB/s a vCPU: " +
			"want at least 11 at once, or a longer deadline"},
		{"prod", `"deadline": "1m", "largestGB": 1000`, "segments.trips.deadline: 1m: to process 1000 GiB in half of it takes " +
			"1366 functions at 25 MiB/s a vCPU, and Lambda runs 1000 for a queue: want a longer deadline, lane: workers, or up to " +
			"1769 MiB of memoryMB"},
		{"prod", `"largestGB": 450`, "segments.trips.largestGB: 450, but there is no deadline to meet: set " +
			"segments.trips.deadline, or remove it"},
		{"dev", `"deadline": "1h", "largestGB": 450, "lane": "workers"`, "cluster.workers.max: 8 at once take longer than half " +
			"of segments.trips.deadline, 1h, for segments.trips.largestGB, 450 GiB, at 25 MiB/s a vCPU: want at least 12 at once"},
	} {
		_, err := parse(t, stack(c.environment, "", c.segment))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got  %v\nwant %s", c.segment, err, c.want)
		}
	}
}
