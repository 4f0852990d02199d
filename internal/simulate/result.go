package simulate

import (
	"math"
	"slices"
	"time"

	"dip/config"
	"dip/contract"
)

// Result is what a simulation came to.
type Result struct {
	// Simulated is the share of the workload's bytes that was simulated: 1, or less of a workload with very many chunks.
	Simulated float64         `json:"simulatedShare"`
	Span      time.Duration   `json:"-"`        // in which the simulated loads arrive
	Segments  []SegmentResult `json:"segments"` // by name
	Groups    []GroupResult   `json:"nodeGroups,omitempty"`
	Cost      Cost            `json:"cost"`
	Loads     []LoadResult    `json:"-"` // in the order of their arrival
}

// LoadResult is a load's.
type LoadResult struct {
	Segment string        `json:"segment"`
	At      time.Duration `json:"atNanoseconds"` // when it was received
	Bytes   int64         `json:"bytes"`
	Chunks  int           `json:"chunks"`
	Lane    contract.Lane `json:"lane"`
	// Processed is when its last chunk was acknowledged, Took when it was published, both since its receipt.
	Processed time.Duration `json:"processedNanoseconds"`
	Took      time.Duration `json:"tookNanoseconds"`
	Late      bool          `json:"late,omitempty"` // published after its deadline
}

// SegmentResult is a segment's.
type SegmentResult struct {
	Name     string  `json:"segment"`
	Loads    int     `json:"loads"`
	Late     int     `json:"late"` // of those with a deadline
	Deadline float64 `json:"deadlineSeconds,omitempty"`
	Bytes    int64   `json:"bytes"`
	Chunks   int     `json:"chunks"`
	// times of loads from receipt to publication, seconds
	Median  float64 `json:"medianSeconds"`
	P95     float64 `json:"p95Seconds"`
	Longest float64 `json:"longestSeconds"`
	// how long a chunk waited in a queue at most, seconds
	QueueAge float64 `json:"queueAgeSeconds"`
	// of its function
	Concurrent  int     `json:"concurrent"`  // largest number of invocations at once
	Utilisation float64 `json:"utilisation"` // share of its concurrency that is used while any is
	ColdStarts  int     `json:"coldStarts"`
	// for graphs: what its chunks took, seconds, and how long they had waited, by lane
	ChunkSeconds []float64 `json:"-"`
	Waits        []Wait    `json:"-"`
}

// GroupResult is a node group's, of those that process chunks.
type GroupResult struct {
	Name          string  `json:"nodeGroup"`
	Most          int     `json:"nodes"` // at once
	Hours         float64 `json:"nodeHours"`
	Interruptions int     `json:"interruptions"`
	HandedBack    int     `json:"handedBack"`  // pieces of work
	Utilisation   float64 `json:"utilisation"` // share of the nodes' vCPUs that work requested while it ran
}

// result sums up. whole is the workload of which part was simulated.
func (r *run) result(whole, part Workload) (*Result, error) {
	out := &Result{Simulated: 1, Span: part.Span}
	if n := whole.Bytes(); n > 0 {
		out.Simulated = float64(part.Bytes()) / float64(n)
	}
	end := part.Span
	took, segments := map[string][]time.Duration{}, map[string]*SegmentResult{}
	for _, f := range r.functions {
		deadline := time.Duration(r.stack.Segments[f.name].Deadline)
		segments[f.name] = &SegmentResult{Name: f.name, Deadline: deadline.Seconds()}
	}
	for _, l := range r.loads {
		s := segments[l.Segment]
		one := LoadResult{
			Segment: l.Segment, At: l.At, Bytes: l.Bytes, Chunks: len(l.chunks), Lane: l.lane,
			Processed: l.lastAck - l.At, Took: l.finished - l.At,
		}
		one.Late = s.Deadline > 0 && one.Took.Seconds() > s.Deadline
		out.Loads = append(out.Loads, one)
		s.Loads, s.Bytes, s.Chunks = s.Loads+1, s.Bytes+l.Bytes, s.Chunks+len(l.chunks)
		if one.Late {
			s.Late++
		}
		took[l.Segment] = append(took[l.Segment], one.Took)
		end = max(end, l.finished)
	}
	for _, f := range r.functions {
		s := segments[f.name]
		slices.Sort(took[f.name])
		s.Median, s.P95, s.Longest = rank(took[f.name], 0.5), rank(took[f.name], 0.95), rank(took[f.name], 1)
		s.Concurrent, s.ColdStarts = f.most, f.cold
		s.add(f.queue)
		if p := r.heavy.workers[f.name]; p != nil {
			s.add(p.queue)
		}
		if f.active > 0 {
			s.Utilisation = f.busy.Seconds() / (f.active.Seconds() * float64(f.limit))
		}
		out.Segments = append(out.Segments, *s)
	}
	for _, g := range r.heavy.groups {
		out.Groups = append(out.Groups, g.result(end))
	}
	cost, err := r.cost(out, whole, end)
	out.Cost = cost
	return out, err
}

// forget drops what only graphs need.
func (r *Result) forget() {
	r.Loads = nil
	for i := range r.Segments {
		r.Segments[i].ChunkSeconds, r.Segments[i].Waits = nil, nil
	}
}

// add counts what went through a queue of the segment.
func (s *SegmentResult) add(q queue) {
	s.ChunkSeconds, s.Waits = append(s.ChunkSeconds, q.times...), append(s.Waits, q.waits...)
	for _, w := range q.waits {
		s.QueueAge = max(s.QueueAge, w.Most.Seconds())
	}
}

// result of a group at the end of the simulation. It is asked once: it ends the nodes that are left.
func (g *group) result(end time.Duration) GroupResult {
	for _, n := range g.nodes {
		g.bill(n, max(end, n.began))
	}
	g.nodes = nil
	out := GroupResult{Name: g.name, Most: g.most, Hours: (g.spot + g.bought).Hours(), Interruptions: g.interruptions}
	busy := 0.0
	for _, p := range g.heavy.pools {
		if p.group == g {
			out.HandedBack += p.handedBack
			busy += p.busy.Hours() / float64(p.slots) * float64(p.cpu)
		}
	}
	if out.Hours > 0 {
		out.Utilisation = busy / (out.Hours * float64(g.cpu))
	}
	return out
}

// rank is a quantile of ascending values by the nearest rank, seconds; 0 of none.
func rank(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)].Seconds()
}

// Cost is a month's, USD, by the list prices of config/prices.json.
type Cost struct {
	Idle  float64 `json:"idle"`  // what the stack costs while nothing arrives
	Input float64 `json:"input"` // what a month of the workload adds
	Items []Item  `json:"items"` // of Input
}

// Item is a line of a bill.
type Item struct {
	Name   string  `json:"item"`
	Amount float64 `json:"amount"` // USD a month
}

// Total is the whole month's.
func (c Cost) Total() float64 { return c.Idle + c.Input }

// Requests of the pipeline. Sources: internal/process and internal/ledger, rounded up; docs/costs.md counts the same.
const (
	rangeBytes    = 16 << 20 // of a ranged read
	chunkOutputs  = 2        // Parquet, quarantine
	chunkWrites   = 6        // of the ledger: planned, claimed, renewed, acknowledged, and some of it again
	chunkReads    = 6        // of the ledger, by the looks
	chunkRequests = 4        // of SQS: sent, received, deleted, empty receives
)

// cost extrapolates from the part that was simulated, until end, by its share of the bytes, to a month of the whole
// workload.
func (r *run) cost(out *Result, whole Workload, end time.Duration) (Cost, error) {
	p := config.ListPrices()
	idle := 0.0
	for _, c := range r.stack.IdleCosts(p) {
		idle += c.Amount
	}
	c := Cost{Idle: idle}
	if out.Simulated <= 0 || whole.Bytes() == 0 {
		return c, nil
	}
	months := float64(whole.Span) / float64(config.HoursPerMonth*time.Hour) * out.Simulated
	add := func(name string, amount float64) {
		c.Items = append(c.Items, Item{name, amount / months})
		c.Input += amount / months
	}
	compute, calls, reads, chunks, steps := 0.0, 0.0, 0.0, 0.0, 0.0
	for _, f := range r.functions {
		compute += f.busy.Seconds() * float64(r.stack.Segments[f.name].MemoryMB) / 1024
		calls += float64(f.calls)
	}
	for _, l := range r.loads {
		steps, chunks = steps+float64(l.steps), chunks+float64(len(l.chunks))
		for i := range l.chunks {
			reads += math.Ceil(float64(l.size(i)) / rangeBytes)
		}
	}
	add("Lambda, GB-seconds", compute*p.LambdaGBSecond[r.stack.Architecture])
	add("Lambda, requests", calls/1e6*p.LambdaMillionRequests)
	add("S3, requests", reads/1e3*p.S3ThousandReads+chunks*chunkOutputs/1e3*p.S3ThousandWrites)
	add("DynamoDB", chunks/1e6*(chunkWrites*p.DynamoMillionWrites+chunkReads*p.DynamoMillionReads))
	add("SQS", chunks/1e6*chunkRequests*p.SQSMillionRequests)
	add("Step Functions", steps/1e3*p.StepThousandTransitions)
	for _, g := range r.heavy.groups {
		spot, err := p.NodeHour(g.settings, config.Spot)
		if err != nil {
			return c, err
		}
		onDemand, err := p.NodeHour(g.settings, config.OnDemand)
		if err != nil {
			return c, err
		}
		kept := spot // the nodes that the group keeps anyway are part of the idle cost
		if g.settings.Capacity == config.OnDemand {
			kept = onDemand
		}
		amount := g.spot.Hours()*spot + g.bought.Hours()*onDemand - float64(g.settings.Min)*end.Hours()*kept
		if amount > 0 {
			add("nodes of "+g.name+", with their volumes", amount)
		}
	}
	return c, nil
}
