package simulate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"dip/config"
	"dip/contract"
	"dip/internal/chunk"
)

// Limit is what bounds the input that a stack can take.
type Limit struct {
	Name string `json:"limit"`
	Mend string `json:"mend"` // the setting or quota to raise
	// what the workload needs at its busiest, and what there is, in the same unit
	Demand   float64 `json:"demand"`
	Capacity float64 `json:"capacity"`
	Unit     string  `json:"unit"`
}

// Room is how many times the workload fits: below 1, it does not.
func (l Limit) Room() float64 { return l.Capacity / l.Demand }

// overload says that the input exceeds what there is: queues grow without end. A load that is too large for the chunk
// size only gets larger chunks.
func (l Limit) overload() bool { return l.Unit != "bytes" && l.Room() < 1 }

// Quotas that an account has by default. Sources: "Service quotas" of Step Functions (StartExecution of standard
// workflows), DynamoDB (on-demand tables) and "Performance guidelines" of S3 (reads of a prefix), November 2026.
const (
	executionStarts = 150.0    // a second, in the regions with the smaller quota
	tableWrites     = 40_000.0 // a second
	prefixReads     = 5_500.0  // a second
)

// unlessDeadline is the time over which demand is averaged where a segment has no deadline.
const unlessDeadline = time.Hour

// need is work that arrives with a load.
type need struct {
	at                       time.Duration
	functions, slots, pieces float64 // seconds of functions, of workers' slots and of restage jobs
	chunks, reads            float64
}

// Limits are what bounds the input, the tightest first: those that the workload needs nothing of are left out. Demand
// is the largest mean over a deadline, or an hour where there is none: queues even out what is shorter.
func Limits(s *config.Stack, w Workload, paces map[string]Pace, m Model) []Limit {
	var all []Limit
	add := func(name, mend string, demand, capacity float64, unit string) {
		if demand > 0 {
			all = append(all, Limit{name, mend, demand, capacity, unit})
		}
	}
	workers := s.Cluster.Workers
	functions, jobs, writes, reads, largest := 0.0, 0.0, 0.0, 0.0, 0.0
	cpu := map[string]float64{} // by node group
	known := map[Arrival]need{} // of loads of the same size
	for _, name := range s.FileNames() {
		g, needs := s.Segments[name], []need(nil)
		for _, a := range w.Loads {
			if a.Segment == name {
				kind := Arrival{Segment: name, Bytes: a.Bytes, Whole: a.Whole}
				n, ok := known[kind]
				if !ok {
					n = needOf(s, kind, pace(paces, name), m)
					known[kind] = n
				}
				n.at = a.At
				needs = append(needs, n)
				largest = max(largest, float64(a.Bytes))
			}
		}
		over := cmp.Or(time.Duration(g.Deadline), unlessDeadline)
		peak := func(of func(need) float64) float64 { return busiest(needs, over, of) }
		busy := peak(func(n need) float64 { return n.functions })
		slots := peak(func(n need) float64 { return n.slots })
		jobs += peak(func(n need) float64 { return n.pieces })
		functions += busy
		writes += peak(func(n need) float64 { return n.chunks }) * chunkWrites
		reads += peak(func(n need) float64 { return n.reads })
		add("functions of "+name, "segments."+name+".concurrency", busy, float64(g.Concurrency), "functions")
		if s.Cluster.Enabled {
			add("workers of "+name, "cluster.workers.max", slots/float64(workers.Slots), float64(workers.Max), "workers")
			cpu[workers.Group] += slots / float64(workers.Slots) * float64(workers.MilliCPU) / 1000
		}
	}
	add("restage jobs", "cluster.restage.max", jobs, float64(s.Cluster.Restage.Max), "jobs")
	cpu[s.Cluster.Restage.Group] += jobs * float64(s.Cluster.Restage.MilliCPU) / 1000
	for name, used := range cpu {
		if used == 0 {
			continue
		}
		g := s.NodeGroups[name]
		if size, err := config.InstanceSize(g.InstanceTypes[0]); err == nil { // the group's rules report an error
			room := float64(g.Max) * (float64(size.VCPU) - nodeMilliCPU/1000.0)
			add("nodes of "+name, "nodeGroups."+name+".max", used, room, "vCPUs")
		}
	}
	add("concurrent executions of the account", "the quota "+config.ConcurrencyQuota+" of AWS Lambda", functions,
		float64(m.Room(s)), "functions")
	add("starts of workflows", "the quota of StartExecution of AWS Step Functions, or larger files",
		busiestLoads(w), executionStarts, "a second")
	add("writes of the ledger", "the quota of the table's write throughput, or loads.chunkMB", writes, tableWrites,
		"a second")
	add("reads of the landing bucket", "prefixes: S3 splits busy ones by itself, not at once", reads, prefixReads,
		"a second")
	add("size of a load", fmt.Sprintf("loads.chunkMB: beyond %d chunks, they grow and go to workers", chunk.MaxChunks),
		largest, chunk.MaxChunks*float64(s.Loads.ChunkMB<<20), "bytes")
	slices.SortStableFunc(all, func(a, b Limit) int {
		return cmp.Or(cmp.Compare(a.Room(), b.Room()), cmp.Compare(a.Name, b.Name))
	})
	return all
}

func pace(paces map[string]Pace, segment string) Pace {
	if p, ok := paces[segment]; ok {
		return p
	}
	return AssumedPace()
}

// needOf is the work of a load, on average. Its chunks but the last have the same size.
func needOf(s *config.Stack, a Arrival, p Pace, m Model) need {
	chunks, route := cut(s, a)
	n := need{chunks: float64(len(chunks)), reads: math.Ceil(float64(a.Bytes) / rangeBytes)}
	share := config.VCPU(s.Segments[a.Segment].MemoryMB)
	if route.Lane == contract.Workers {
		share = WorkerShare(s.Cluster.Workers)
	}
	work := p.Fixed*float64(len(chunks)) + p.PerByte*float64(a.Bytes)/share
	if route.Lane == contract.Workers {
		n.slots = work
	} else {
		n.functions = work
	}
	if route.Restage {
		n.pieces = float64(a.Bytes) / m.RestageRate / restageShare(s.Cluster.Restage)
	}
	return n
}

// WorkerShare is the share of a vCPU that a slot of a worker has, restageShare that of a restage job.
func WorkerShare(w config.Workers) float64 {
	return min(1, float64(w.MilliCPU)/1000/float64(w.Slots))
}

func restageShare(r config.Restage) float64 { return min(1, float64(r.MilliCPU)/1000) }

// busiest is the largest mean of needs, in the order of their arrival, over any span of some length.
func busiest(needs []need, over time.Duration, of func(need) float64) float64 {
	most, sum, from := 0.0, 0.0, 0
	for _, n := range needs {
		sum += of(n)
		for needs[from].at <= n.at-over {
			sum -= of(needs[from])
			from++
		}
		most = max(most, sum)
	}
	return most / over.Seconds()
}

// busiestLoads is the largest number of loads a second in any minute.
func busiestLoads(w Workload) float64 {
	needs := make([]need, len(w.Loads))
	for i, a := range w.Loads {
		needs[i] = need{at: a.At, chunks: 1}
	}
	return busiest(needs, time.Minute, func(n need) float64 { return n.chunks })
}
