package simulate

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"dip/config"
)

// parser gives a small stack with some changed settings.
func parser(t *testing.T, deadline string) Parse {
	t.Helper()
	return func(s Settings) (*config.Stack, error) {
		member := func(name, setting string, otherwise int) string {
			if v, ok := s[setting].(int); ok {
				otherwise = v
			}
			return fmt.Sprintf(`%q: %d`, name, otherwise)
		}
		text := fmt.Sprintf(`{"environment": "small", "loads": {%s}, "segments": {"trips": {%s, %s, "deadline": %q}}}`,
			member("chunkMB", "loads.chunkMB", 64), member("memoryMB", "segments.trips.memoryMB", 1024),
			member("concurrency", "segments.trips.concurrency", 2), deadline)
		return config.Parse([]byte(text), config.Options{Files: files})
	}
}

func hourly(bytes int64) Workload {
	w := Workload{Span: day}
	for i := range 24 {
		w.Loads = append(w.Loads, Arrival{Segment: "trips", At: time.Duration(i) * time.Hour, Bytes: bytes})
	}
	return w
}

// Loads that are late get what they need, and cost no more than they have to.
func TestProposalKeepsDeadlines(t *testing.T) {
	paces := map[string]Pace{"trips": spread()}
	p, err := Propose(parser(t, "2m"), hourly(20e9), paces, DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	if p.Before.Segments[0].Late != 24 || p.After.Segments[0].Late != 0 || p.Misses != 0 {
		t.Errorf("late before %d, after %d, misses %d", p.Before.Segments[0].Late, p.After.Segments[0].Late, p.Misses)
	}
	if len(p.Changes) == 0 || p.After.Cost.Total() > 1.05*p.Before.Cost.Total() {
		t.Errorf("%+v: %v, before %v", p.Changes, p.After.Cost.Total(), p.Before.Cost.Total())
	}
	changes, err := json.MarshalIndent(p.Changes, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "changes.json", string(changes)+"\n")
}

// A deadline that nothing can keep is said to be missed.
func TestProposalOfTheImpossible(t *testing.T) {
	m := DefaultModel()
	m.MostChunks = 1 // a single load
	p, err := Propose(parser(t, "1m"), hourly(4e11), nil, m)
	if err != nil {
		t.Fatal(err)
	}
	if p.Misses == 0 {
		t.Errorf("%+v", p)
	}
}

// What is good stays: an idle stack gets no proposal.
func TestNoProposalWithoutReason(t *testing.T) {
	p, err := Propose(parser(t, "1h"), Workload{Span: day}, nil, DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Changes) != 0 || p.Misses != 0 {
		t.Errorf("%+v", p)
	}
}

// What only limits stays as high as it is, although fewer workers at once make a month with little input cheaper.
func TestProposalNeverLowersCapacity(t *testing.T) {
	parse := func(changes Settings) (*config.Stack, error) {
		text := fmt.Sprintf(`{"environment": "dev", "cluster": {"privateAccess": true, "digestsOnly": false,
			"workers": {"max": %d}}, "loads": {"chunkMB": %d},
			"segments": {"trips": {"lane": "workers", "concurrency": %d, "memoryMB": %d}}}`, number(changes, "cluster.workers.max", 60),
			number(changes, "loads.chunkMB", 64), number(changes, "segments.trips.concurrency", 10),
			number(changes, "segments.trips.memoryMB", 1769))
		return config.Parse([]byte(text), config.Options{Files: files})
	}
	p, err := Propose(parse, Assumed([]string{"trips"}, 1e11), nil, DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range p.Changes {
		if c.To < c.From && c.Setting != "loads.chunkMB" && c.Setting != "segments.trips.memoryMB" {
			t.Errorf("proposes %+v", c)
		}
	}
	if p.Tried < 5 {
		t.Errorf("%d settings were tried", p.Tried)
	}
}

func number(changes Settings, setting string, otherwise int) int {
	if v, ok := changes[setting].(int); ok {
		return v
	}
	return otherwise
}

func TestProposalNeedsValidSettings(t *testing.T) {
	broken := errors.New("broken")
	_, err := Propose(func(Settings) (*config.Stack, error) { return nil, broken }, Workload{Span: day}, nil, Model{})
	if !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// The first bottleneck of much input is what there is least of.
func TestLimits(t *testing.T) {
	for _, c := range []struct {
		environment, trips string
		perDay             float64
		quota              int
		want               string
	}{
		{"small", `"concurrency": 2`, 1e12, 1000, "functions of trips"},
		{"small", `"concurrency": 500`, 1e12, 60, "concurrent executions of the account"},
		{"dev", `"lane": "workers"`, 1e12, 1000, "workers of trips"},
	} {
		s := stackOf(t, c.environment, trips(c.trips))
		m := DefaultModel()
		m.Quota = c.quota
		w := Assumed(s.SegmentNames(), c.perDay)
		limits := Limits(s, w, nil, m)
		if len(limits) == 0 || limits[0].Name != c.want {
			t.Fatalf("%s: %+v", c.want, limits)
		}
		// As many times the input as fit leave no room.
		room := limits[0].Room()
		full := Limits(s, w.Scale(room), nil, m)
		if r := full[0].Room(); r < 0.8 || r > 1.3 {
			t.Errorf("%s: room for %v of it, and then for %v", c.want, room, r)
		}
	}
	if limits := Limits(stackOf(t, "dev", trips("")), Workload{Span: day}, nil, DefaultModel()); len(limits) > 0 {
		t.Errorf("without input: %+v", limits)
	}
}

// What the input exceeds is raised, even where a segment without a deadline would be no slower than it is: the part
// that is simulated is too short to show that its queue grows.
func TestProposalFitsTheInput(t *testing.T) {
	s := parser(t, "168h")
	stack, err := s(nil)
	if err != nil {
		t.Fatal(err)
	}
	w, m := Assumed(stack.SegmentNames(), 100e12), DefaultModel()
	m.MostChunks = 2000
	if first := Limits(stack, w, nil, m)[0]; !first.overload() {
		t.Fatalf("%+v", first)
	}
	p, err := Propose(s, w, nil, m)
	if err != nil {
		t.Fatal(err)
	}
	if p.Misses != 0 || len(p.Changes) == 0 || p.Limits[0].overload() {
		t.Errorf("misses %d, %+v, then %+v", p.Misses, p.Changes, p.Limits[0])
	}
}

// A petabyte a day is simulated in part, and names what is missing.
func TestPetabyteADay(t *testing.T) {
	s := stackOf(t, "prod", trips(`"deadline": "1h"`))
	w := Assumed(s.SegmentNames(), 1e15)
	m := DefaultModel()
	m.MostChunks = 20_000
	r := simulated(t, s, w, m)
	if r.Simulated <= 0 || r.Simulated >= 0.1 || r.Cost.Input < 100 {
		t.Errorf("%v of it, %+v", r.Simulated, r.Cost)
	}
	first := Limits(s, w, nil, m)[0]
	if first.Room() >= 1 || !strings.Contains(first.Mend, "concurrency") {
		t.Errorf("%+v", first)
	}
}

func TestMisses(t *testing.T) {
	s := &search{
		before: &Result{Segments: []SegmentResult{{Deadline: 60, Longest: 50}, {Longest: 50}, {Longest: 50}}},
		limits: func(*config.Stack) []Limit {
			return []Limit{{Demand: 2, Capacity: 1, Unit: "functions"}, {Demand: 2, Capacity: 1, Unit: "bytes"},
				{Demand: 1, Capacity: 1, Unit: "vCPUs"}}
		},
	}
	now := &Result{Segments: []SegmentResult{{Deadline: 60, Longest: 90, Late: 2}, {Longest: 59}, {Longest: 61}}}
	if n := s.misses(nil, now); n != 1+2+1 {
		t.Errorf("%d misses, want an exceeded limit, two late loads and a slower segment", n)
	}
}
