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

// 25 MiB/s a vCPU, which are 1,769 MiB. What is set stays, and what is not is no less than the environment's.
func TestMemoryAndChunksFollowTheDeadline(t *testing.T) {
	for _, c := range []struct {
		environment, members, segment  string
		memoryMB, concurrency, chunkMB int
	}{
		{"small", "", `"deadline": "1h", "largestGB": 450`, 1024, 18, 64},
		// 450 GiB in 1,800 s by 11 functions: 0.931 of a vCPU each
		{"small", "", `"deadline": "1h", "largestGB": 450, "concurrency": 11`, 1664, 11, 64},
		{"small", "", `"deadline": "1h", "largestGB": 450, "concurrency": 40`, 1024, 40, 64},
		// 1,000 functions of 1,024 MiB process 848 GiB in a minute, and it takes 0.697 of a vCPU each
		{"small", "", `"deadline": "2m", "largestGB": 1020`, 1280, 963, 64},
		// 0.145 of a vCPU: a fifth of half a minute, 6 s, is 21 MiB, and of 150 s it is 108
		{"small", "", `"deadline": "1m", "largestGB": 1, "memoryMB": 256`, 256, 10, 21},
		{"prod", "", `"deadline": "5m", "largestGB": 1, "memoryMB": 256, "maxPartitions": 8`, 256, 2, 108},
		{"prod", `"loads": {"chunkMB": 128}`, `"deadline": "5m", "largestGB": 1, "memoryMB": 256`, 256, 2, 128},
		{"small", `"loads": {"chunkMB": 32}`, `"deadline": "1h", "largestGB": 450`, 1024, 18, 32},
		{"small", "", `"deadline": "1m", "memoryMB": 256`, 256, 10, 64},
		// workers have other memory
		{"dev", "", `"deadline": "1m", "largestGB": 1, "memoryMB": 256, "lane": "workers"`, 256, 10, 64},
	} {
		s, err := parse(t, stack(c.environment, c.members, c.segment))
		if err != nil {
			t.Errorf("%s in %s: %v", c.segment, c.environment, err)
			continue
		}
		g := s.Segments["trips"]
		if g.MemoryMB != c.memoryMB || g.Concurrency != c.concurrency || s.Loads.ChunkMB != c.chunkMB {
			t.Errorf("%s in %s: %d MiB, %d at once, chunks of %d MiB", c.segment, c.environment, g.MemoryMB, g.Concurrency,
				s.Loads.ChunkMB)
		}
	}
}

// More than a vCPU makes nothing faster.
func TestMemoryForADeadlineIsAtMostAVCPU(t *testing.T) {
	g := Segment{Function: Function{MemoryMB: 512}, Deadline: hours(1), LargestGB: 900}
	if got := g.memoryFor(2); got != memoryPerVCPU {
		t.Errorf("%d MiB", got)
	}
}

// The chunks of all segments have one size: that of the deadline that takes the smallest.
func TestChunksAreThoseOfTheTightestDeadline(t *testing.T) {
	s, err := parse(t, `{"environment": "small", "segments": {
		"trips": {"deadline": "1m", "largestGB": 1, "memoryMB": 256},
		"more": {"schema": "schemas/trips.json", "deadline": "3m", "largestGB": 1, "memoryMB": 256}}}`)
	if err != nil {
		t.Fatal(err)
	}
	if s.Loads.ChunkMB != 21 {
		t.Errorf("chunks of %d MiB", s.Loads.ChunkMB)
	}
}

// Every setting that is set and cannot do is named.
func TestChunksThatTakeTooLong(t *testing.T) {
	_, err := parse(t, stack("prod", `"loads": {"chunkMB": 128}`,
		`"deadline": "1m", "largestGB": 1, "memoryMB": 128, "concurrency": 2`))
	for _, want := range []string{
		"loads.chunkMB: 128: a chunk takes 1m11s of segments.trips.deadline, 1m, with segments.trips.memoryMB, 128, at 25 MiB/s " +
			"a vCPU, and there is half of it: want at most 10, more memory, or a longer deadline",
		"segments.trips.concurrency: 2 at once take longer than half of segments.trips.deadline, 1m",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
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
