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

// chunksPerFunction is how many chunks, one after the other, a function has the time for in deadlineShare of a deadline
// at least: the last round of a load may have work for one function only, and makes it longer by as much.
const chunksPerFunction = 5

// memoryStep is what memory is rounded up to, MiB.
const memoryStep = 64

// timed says whether the segment has a load of some size that functions have to process within a deadline.
func (g Segment) timed() bool { return g.Deadline > 0 && g.LargestGB > 0 && g.Lane != contract.Workers }

// processWithin is how long the chunks of a segment's largest load may take.
func (g Segment) processWithin() time.Duration {
	return time.Duration(deadlineShare * float64(g.Deadline))
}

// memoryFor is the least memory, MiB, with which at most some functions meet the segment's deadline: what it has, or as
// much more as that takes, up to a whole vCPU.
func (g Segment) memoryFor(functions int) int {
	share := float64(g.LargestGB<<10) / (MBPerSecond * float64(functions) * g.processWithin().Seconds())
	steps := int(math.Ceil(share * memoryPerVCPU / memoryStep))
	return max(g.MemoryMB, min(steps*memoryStep, memoryPerVCPU))
}

// chunkFor is the largest size of chunks, MiB, up to what they have, of which a function of the segment processes
// chunksPerFunction within its share of the deadline.
func (g Segment) chunkFor(chunkMB int) int {
	most := MBPerSecond * VCPU(g.MemoryMB) * g.processWithin().Seconds() / chunksPerFunction
	return max(1, min(chunkMB, int(most)))
}

// meetDeadlines chooses what the deadlines of largest loads take and nobody has set: more memory where the functions
// that there may be are too slow, then smaller chunks where those of the environment take too long. Concurrency follows
// from both. What is set stays, and is refused if it cannot do.
func (s *Stack) meetDeadlines(raw map[string]any) {
	segments, _ := raw["segments"].(map[string]any)
	loads, _ := raw["loads"].(map[string]any)
	_, chunkSet := loads["chunkMB"]
	for name, g := range s.Segments {
		if !g.timed() {
			continue
		}
		given, _ := segments[name].(map[string]any)
		functions := maxConcurrency
		if g.Concurrency > 0 {
			functions = min(g.Concurrency, maxConcurrency)
		}
		if _, set := given["memoryMB"]; !set {
			g.MemoryMB = g.memoryFor(functions)
			s.Segments[name] = g
		}
		if !chunkSet && g.MemoryMB > 0 {
			s.Loads.ChunkMB = g.chunkFor(s.Loads.ChunkMB)
		}
	}
}

// forDeadline is how many functions process the segment's largest load in deadlineShare of its deadline, at MBPerSecond
// a vCPU; 0 if it has no deadline, or none for a load of some size.
func (g Segment) forDeadline() int {
	if g.Deadline <= 0 || g.LargestGB <= 0 || g.MemoryMB <= 0 {
		return 0
	}
	seconds := Predict(g.LargestGB<<10, 1, g.MemoryMB).Seconds()
	return int(math.Ceil(seconds / g.processWithin().Seconds()))
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
	if one := Predict(s.Loads.ChunkMB, 1, g.MemoryMB); g.timed() && one > g.processWithin() {
		found.add("loads.chunkMB", "%d: a chunk takes %s of %s.deadline, %s, with %s.memoryMB, %d, at %d MiB/s a vCPU, "+
			"and there is half of it: want at most %d, more memory, or a longer deadline", s.Loads.ChunkMB,
			one.Round(time.Second), path, g.Deadline, path, g.MemoryMB, MBPerSecond, g.chunkFor(s.Loads.ChunkMB))
	}
	setting, have, most := path+".concurrency", g.Concurrency, maxConcurrency
	if w := s.Cluster.Workers; g.Lane == contract.Workers {
		setting, have, most = "cluster.workers.max", w.Max, math.MaxInt
		want = int(math.Ceil(float64(want) * VCPU(g.MemoryMB) * 1000 / float64(max(w.MilliCPU, 1))))
	}
	switch {
	case want > most:
		found.add(path+".deadline", "%s: to process %d GiB in half of it takes %d functions at %d MiB/s a vCPU, and Lambda "+
			"runs %d for a queue: want a longer deadline, lane: workers, or up to %d MiB of memoryMB", g.Deadline, g.LargestGB, want,
			MBPerSecond, most, memoryPerVCPU)
	case have < want:
		found.add(setting, "%d at once take longer than half of %s.deadline, %s, for %s.largestGB, %d GiB, at %d MiB/s a "+
			"vCPU: want at least %d at once, or a longer deadline", have, path, g.Deadline, path, g.LargestGB, MBPerSecond, want)
	}
}
