package config

import (
	"math"
	"time"

	"dip/contract"
)

// deadlineShare is the share of a deadline within which a load's chunks have to be processed. The rest is for its
// start and for Lambda's ramp, for chunks that run again, and for its certificate.
const deadlineShare = 0.5

// maxConcurrency is what an event source mapping of SQS allows ("Configuring maximum concurrency for Amazon SQS event
// sources").
const maxConcurrency = 1000

// forDeadline is how many functions process the segment's largest load in deadlineShare of its deadline, at MBPerSecond
// a vCPU; 0 if it has no deadline, or none for a load of some size.
func (g Segment) forDeadline() int {
	if g.Deadline <= 0 || g.LargestGB <= 0 || g.MemoryMB <= 0 {
		return 0
	}
	seconds := Predict(g.LargestGB<<10, 1, g.MemoryMB).Seconds()
	return int(math.Ceil(seconds / (deadlineShare * time.Duration(g.Deadline).Seconds())))
}

// concurrencyOf is the default of a segment's concurrency.
func (s *Stack) concurrencyOf(g Segment) int {
	if n := g.forDeadline(); n > 0 && g.Lane != contract.Workers {
		return min(max(n, 2), maxConcurrency)
	}
	return pick(s.Environment, 4, 10, 50, 200)
}

// validateDeadline reports settings with which the segment's largest load misses its deadline.
func (s *Stack) validateDeadline(path string, g Segment, found *problems) {
	if g.LargestGB > 0 && g.Deadline == 0 {
		found.add(path+".largestGB", "%d, but there is no deadline to meet: set %s.deadline, or remove it", g.LargestGB, path)
	}
	want := g.forDeadline()
	if want == 0 {
		return
	}
	setting, have, most := path+".concurrency", g.Concurrency, maxConcurrency
	if w := s.Cluster.Workers; g.Lane == contract.Workers {
		setting, have, most = "cluster.workers.max", w.Max, math.MaxInt
		want = int(math.Ceil(float64(want) * VCPU(g.MemoryMB) * 1000 / float64(max(w.MilliCPU, 1))))
	}
	switch {
	case want > most:
		found.add(path+".deadline", "%s: to process %d GiB in half of it takes %d functions at %d MiB/s a vCPU, and Lambda runs "+
			"%d for a queue: want a longer deadline, lane: workers, or up to %d MiB of memoryMB", g.Deadline, g.LargestGB, want,
			MBPerSecond, most, memoryPerVCPU)
	case have < want:
		found.add(setting, "%d at once take longer than half of %s.deadline, %s, for %s.largestGB, %d GiB, at %d MiB/s a vCPU: "+
			"want at least %d at once, or a longer deadline", have, path, g.Deadline, path, g.LargestGB, MBPerSecond, want)
	}
}
