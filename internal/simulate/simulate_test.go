package simulate

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"dip/config"
	"dip/contract"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var files = fstest.MapFS{
	"schemas/trips.json":  {Data: []byte(`{"fields": [{"name": "id"}]}`)},
	"schemas/events.json": {Data: []byte(`{"fields": [{"name": "id"}]}`)},
}

// stackOf are the settings of a stack with one more member.
func stackOf(t *testing.T, environment, member string) *config.Stack {
	t.Helper()
	cluster := ""
	if environment != "small" {
		cluster = `"cluster": {"privateAccess": true, "digestsOnly": false},`
	}
	text := fmt.Sprintf(`{"environment": %q, %s %s}`, environment, cluster, member)
	s, err := config.Parse([]byte(text), config.Options{Files: files})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func trips(members string) string { return `"segments": {"trips": {` + members + `}}` }

func simulated(t *testing.T, s *config.Stack, w Workload, m Model) *Result {
	t.Helper()
	paces := map[string]Pace{}
	for _, name := range s.SegmentNames() {
		paces[name] = spread()
	}
	r, err := Run(s, w, paces, m)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// spread is a pace with slow chunks.
func spread() Pace {
	return Pace{Fixed: 0.2, PerByte: 1 / 80e6, Spread: []float64{0.6, 0.8, 0.8, 1, 1.8}}
}

// burst is loads of many sizes, all at once or spread over some time.
func burst(seed uint64, n int, over time.Duration) Workload {
	random := rand.New(rand.NewPCG(seed, 0))
	w := Workload{Span: day}
	for range n {
		at := time.Duration(0)
		if over > 0 {
			at = time.Duration(random.Int64N(int64(over)))
		}
		w.Loads = append(w.Loads, Arrival{Segment: "trips", At: at, Bytes: 1 + random.Int64N(4e9)})
	}
	w.sort()
	return w
}

// More concurrency is never longer: chunks take what they take, and are taken in their order. The ramp of a mapping
// and cold starts depend on what ran before, and are left out here.
func TestMoreConcurrencyIsNeverLonger(t *testing.T) {
	m := DefaultModel()
	m.ColdStart, m.MappingStart = 0, 2000
	for seed := range uint64(5) {
		w := burst(seed, 12, 10*time.Minute)
		var last []LoadResult
		for _, n := range []int{2, 3, 7, 20, 100, 900} {
			s := stackOf(t, "small", trips(fmt.Sprintf(`"concurrency": %d`, n)))
			r := simulated(t, s, w, m)
			for i, l := range r.Loads {
				if last != nil && l.Processed > last[i].Processed {
					t.Errorf("seed %d, load %d: %s with a concurrency of %d, less with fewer", seed, i, l.Processed, n)
				}
			}
			last = r.Loads
		}
	}
}

// Every chunk of every load is processed once, and the time of functions is what the chunks take and the cold starts.
func TestWorkIsConserved(t *testing.T) {
	m := DefaultModel()
	for seed := range uint64(5) {
		w := burst(seed, 8, time.Hour)
		s := stackOf(t, "small", trips(`"batchSize": 3`))
		r := simulated(t, s, w, m)
		work, chunks := 0.0, 0
		for i, a := range w.Loads {
			ranges, _ := cut(s, a)
			chunks += len(ranges)
			for j, c := range ranges {
				work += spread().draw(m.Seed, i, j, c.End-c.Start, config.VCPU(s.Segments["trips"].MemoryMB)).Seconds()
			}
			if l := r.Loads[i]; l.Chunks != len(ranges) || l.Took <= l.Processed || l.Lane != contract.Functions {
				t.Errorf("seed %d, load %d: %+v", seed, i, l)
			}
		}
		got := r.Segments[0]
		if got.Chunks != chunks || got.Bytes != w.Bytes() {
			t.Errorf("seed %d: %d chunks of %d bytes, want %d of %d", seed, got.Chunks, got.Bytes, chunks, w.Bytes())
		}
		work += m.ColdStart.Seconds() * float64(got.ColdStarts)
		p, months := config.ListPrices(), w.Span.Hours()/config.HoursPerMonth
		want := work * float64(s.Segments["trips"].MemoryMB) / 1024 * p.LambdaGBSecond[s.Architecture] / months
		if item := r.Cost.Items[0].Amount; item < want*0.999999 || item > want*1.000001 {
			t.Errorf("seed %d: functions cost %v, want %v", seed, item, want)
		}
		// Invocations take three chunks where there are as many.
		if calls := r.Cost.Items[1].Amount * months / p.LambdaMillionRequests * 1e6; calls > float64(chunks)/2 {
			t.Errorf("seed %d: %v invocations of %d chunks", seed, calls, chunks)
		}
	}
}

// A month in which nothing arrives costs what the stack costs at rest.
func TestNoLoadsCostTheIdleOnly(t *testing.T) {
	for _, environment := range []string{"small", "dev"} {
		s := stackOf(t, environment, trips(""))
		r := simulated(t, s, Workload{Span: day}, DefaultModel())
		want := 0.0
		for _, c := range s.IdleCosts(config.ListPrices()) {
			want += c.Amount
		}
		if r.Cost.Input != 0 || r.Cost.Idle != want || want == 0 || r.Cost.Total() != want {
			t.Errorf("%s: %+v, want %v", environment, r.Cost, want)
		}
	}
}

// The same seed gives the same simulation, another seed another.
func TestSeedReplays(t *testing.T) {
	s := stackOf(t, "dev", trips(`"lane": "workers"`))
	w, m := burst(7, 10, time.Hour), DefaultModel()
	m.Interruptions = 4
	first, again := simulated(t, s, w, m), simulated(t, s, w, m)
	if !reflect.DeepEqual(first, again) {
		t.Error("the same seed gives another result")
	}
	m.Seed = 2
	if reflect.DeepEqual(first.Loads, simulated(t, s, w, m).Loads) {
		t.Error("another seed gives the same result")
	}
}

// Workers need nodes, which take their time; after the work, the group shrinks to its minimum.
func TestWorkersWaitForNodes(t *testing.T) {
	s := stackOf(t, "dev", trips(`"lane": "workers"`))
	m := DefaultModel()
	m.Interruptions = 0
	w := Workload{Span: day, Loads: []Arrival{{Segment: "trips", Bytes: 20e9}}}
	r := simulated(t, s, w, m)
	l, g := r.Loads[0], r.Groups[0]
	if l.Lane != contract.Workers || l.Processed < m.NodeStart {
		t.Errorf("%+v", l)
	}
	if g.Most < 2 || g.Most > s.NodeGroups["batch"].Max || g.Hours > 8 || g.Hours < 0.1 || g.Interruptions != 0 {
		t.Errorf("%+v", g)
	}
	if r.Cost.Input <= 0 || !strings.Contains(r.Cost.Items[len(r.Cost.Items)-1].Name, "batch") {
		t.Errorf("%+v", r.Cost)
	}
}

// Work that does not end within the grace of an interruption is handed back and done elsewhere: nothing is lost, and it
// takes longer.
func TestInterruptionsCostTimeOnly(t *testing.T) {
	s := stackOf(t, "dev", trips(`"lane": "workers"`))
	paces := map[string]Pace{"trips": {PerByte: 1 / 0.5e6}} // minutes for a chunk
	w := Workload{Span: day, Loads: []Arrival{{Segment: "trips", Bytes: 20e9}}}
	storms := func(rate float64) *Result {
		m := DefaultModel()
		m.Interruptions = rate
		r, err := Run(s, w, paces, m)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	calm, storm := storms(0), storms(2)
	if g := storm.Groups[0]; g.Interruptions == 0 || g.HandedBack == 0 || calm.Groups[0].HandedBack != 0 {
		t.Errorf("%+v, calm %+v", g, calm.Groups[0])
	}
	if storm.Loads[0].Took <= calm.Loads[0].Took {
		t.Errorf("%s, calm %s", storm.Loads[0].Took, calm.Loads[0].Took)
	}
	if n := len(storm.Segments[0].ChunkSeconds); n != storm.Loads[0].Chunks {
		t.Errorf("%d chunks were finished, of %d", n, storm.Loads[0].Chunks)
	}
}

// A large compressed input is restaged piece by piece, and its chunks go where chunks of their size go.
func TestRestage(t *testing.T) {
	s := stackOf(t, "dev", trips(""))
	w := Workload{Span: day, Loads: []Arrival{{Segment: "trips", Bytes: 50e9, Whole: true}}}
	r := simulated(t, s, w, DefaultModel())
	l := r.Loads[0]
	if want := seconds(50e9 / DefaultModel().RestageRate); l.Processed < want || l.Lane != contract.Functions {
		t.Errorf("%+v: shorter than the restage, %s", l, want)
	}
	small := stackOf(t, "small", trips(""))
	if l := simulated(t, small, w, DefaultModel()).Loads[0]; l.Chunks != 1 {
		t.Errorf("without a cluster: %+v", l)
	}
}

// The account's quota is shared by all segments.
func TestQuotaIsShared(t *testing.T) {
	s := stackOf(t, "small", `"segments": {"trips": {"concurrency": 50}, "events": {"concurrency": 50}}`)
	w := Workload{Span: day}
	for _, name := range []string{"events", "trips"} {
		w.Loads = append(w.Loads, Arrival{Segment: name, Bytes: 60e9})
	}
	m := DefaultModel()
	m.Quota = systemFunctions + 30
	r := simulated(t, s, w, m)
	if n := r.Segments[0].Concurrent; n > 30 {
		t.Errorf("%d at once", n)
	}
	m.Quota = 1000
	for i, free := range simulated(t, s, w, m).Loads {
		if free.Processed >= r.Loads[i].Processed {
			t.Errorf("%s with a large quota, %s with a small one", free.Processed, r.Loads[i].Processed)
		}
	}
}

// A mapping begins with five batches and adds five a second.
func TestMappingRamps(t *testing.T) {
	s := stackOf(t, "prod", trips(`"concurrency": 200`))
	w := Workload{Span: day, Loads: []Arrival{{Segment: "trips", Bytes: 100e9}}}
	m := DefaultModel()
	slow := simulated(t, s, w, m)
	m.MappingStart = 200
	if fast := simulated(t, s, w, m); fast.Loads[0].Processed >= slow.Loads[0].Processed {
		t.Errorf("%s without a ramp, %s with one", fast.Loads[0].Processed, slow.Loads[0].Processed)
	}
}

func TestUnknownSegment(t *testing.T) {
	s := stackOf(t, "small", trips(""))
	_, err := Run(s, Workload{Span: day, Loads: []Arrival{{Segment: "x"}}}, nil, DefaultModel())
	if err == nil || !strings.Contains(err.Error(), `"x"`) {
		t.Errorf("%v", err)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n%s\nwant:\n%s", name, got, want)
	}
}
