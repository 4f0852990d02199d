package cli

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"dip/config"
	"dip/internal/graph"
	"dip/internal/simulate"
)

func TestPlanText(t *testing.T) {
	before := &simulate.Result{
		Simulated: 0.25,
		Segments: []simulate.SegmentResult{
			{Name: "birds"},
			{Name: "events", Loads: 20, P95: 12, Longest: 14, QueueAge: 1, Concurrent: 3, Utilisation: 0.1},
			{Name: "trips", Loads: 1500, Late: 30, Deadline: 1800, P95: 1900, Longest: 4000, QueueAge: 900, Concurrent: 10,
				Utilisation: 0.97},
		},
		Groups: []simulate.GroupResult{
			{Name: "batch", Most: 3, Hours: 4.5, Interruptions: 1, HandedBack: 2, Utilisation: 0.6},
		},
		Cost: simulate.Cost{Idle: 175.35, Input: 20, Items: []simulate.Item{{Name: "Lambda, GB-seconds", Amount: 20}}},
	}
	after := *before
	after.Segments = []simulate.SegmentResult{before.Segments[0], before.Segments[1], before.Segments[2]}
	after.Segments[2].Late, after.Segments[2].Longest = 0, 1200
	after.Cost = simulate.Cost{Idle: 175.35, Input: 21, Items: []simulate.Item{
		{Name: "Lambda, GB-seconds", Amount: 20}, {Name: "SQS", Amount: 1},
	}}
	r := planReport{
		Stack: "dev", WhatIf: "10x", Days: 7, Loads: 1520, Bytes: 5e12, Prices: "2026-11-27",
		Paces: map[string]simulate.Pace{
			"trips": {Measured: 812, PerByte: 1e-8}, "events": simulate.AssumedPace(),
		},
		Limits: []simulate.Limit{
			{Name: "functions of trips", Mend: "segments.trips.concurrency", Demand: 20, Capacity: 10, Unit: "functions"},
			{Name: "size of a load", Mend: "loads.chunkMB", Demand: 1e10, Capacity: 6e11, Unit: "bytes"},
		},
		Proposal: &simulate.Proposal{Before: before, After: &after, Tried: 45, Changes: []simulate.Change{
			{Setting: "segments.trips.concurrency", From: 10, To: 50},
		}, Limits: []simulate.Limit{{Name: "functions of trips", Demand: 20, Capacity: 50, Unit: "functions"}}},
		Calendar: &simulate.Calendar{AsleepBefore: 118, AsleepAfter: 140, Saves: 3.7, Days: 28, Changes: []simulate.CalendarChange{
			{Setting: "maintenance.sleep.from", From: `"20:00"`, To: `"05:00"`},
		}},
	}
	golden(t, "plan", planText(80, r))
	same := r
	same.Proposal = &simulate.Proposal{Before: before, After: before, Tried: 45}
	same.WhatIf, same.Limits = "", nil
	same.Calendar = &simulate.Calendar{Why: "loads were seen for 2.0 days"}
	before.Groups = nil
	golden(t, "plan-same", planText(80, same))
	for _, c := range []struct {
		p    simulate.Proposal
		want string
	}{
		{simulate.Proposal{Misses: 3}, "keeps all deadlines or is better"},
		{simulate.Proposal{Misses: 3, Changes: r.Proposal.Changes}, "still leaves 3 loads late"},
	} {
		if text := planChanges(planReport{Proposal: &c.p}); !strings.Contains(text, c.want) {
			t.Errorf("%q lacks %q", text, c.want)
		}
	}
}

// What is proposed for sleep and maintenance is what the stack's file may have.
func TestCalendarOfAStack(t *testing.T) {
	file, err := stackParser(filepath.Join("..", ".."), "dev")
	if err != nil {
		t.Fatal(err)
	}
	parse := func(s simulate.Settings) (*config.Stack, error) {
		all := simulate.Settings{"cluster.publicCidrs": []string{"203.0.113.7/32"}}
		maps.Copy(all, s)
		return file(all)
	}
	stack, err := parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	tuesday := time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)
	w := simulate.Workload{Span: 14 * 24 * time.Hour, Loads: []simulate.Arrival{
		{At: 2 * time.Hour, Open: time.Hour}, {At: (7*24 + 2) * time.Hour, Open: time.Hour},
	}}
	with := &simulate.Proposal{Changes: []simulate.Change{{Setting: "loads.chunkMB", From: 64, To: 96}}}
	c := simulate.ProposeCalendar(stack, parse, with, w, tuesday, config.ListPrices())
	if len(c.Changes) != 4 || c.Changes[3].Setting != "maintenance.windows" || c.Why != "" {
		t.Errorf("%+v", c)
	}
	for _, of := range []struct {
		calendar simulate.Calendar
		want     string
	}{
		{c, "- maintenance.sleep.until: \"06:00\"\n+ maintenance.sleep.until: \"01:00\"\n"},
		{c, "No load of 14 days ran within an hour of the proposed sleep and maintenance.\n  asleep for "},
		{simulate.Calendar{Changes: c.Changes, Days: 9, AsleepBefore: 98, AsleepAfter: 60, Saves: -2.5},
			"asleep for 60 hours a week, now 98: $2.50 a month more, since loads run in the present hours"},
		{simulate.Calendar{Changes: c.Changes[3:], Days: 9, AsleepBefore: 98, AsleepAfter: 98}, "maintenance.\nNone of"},
	} {
		text := planChanges(planReport{Stack: "dev", Proposal: &simulate.Proposal{Tried: 3}, Calendar: &of.calendar})
		if !strings.Contains(text, of.want) || !strings.Contains(text, "None of 3 combinations is cheaper") {
			t.Errorf("%s\nlacks %s", text, of.want)
		}
	}
}

// A stack is planned from its file alone, with assumed loads.
func TestPlanOfAssumedLoads(t *testing.T) {
	code, stdout, stderr := run(t, "plan", "--stack", "small", "--assume", "--what-if", "100GB/day", "--json")
	if code != ExitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	var r planReport
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	if r.Loads != 10 || r.Bytes != 100e9 || len(r.Paces) != 2 || len(r.Limits) == 0 || r.Proposal.Misses != 0 {
		t.Errorf("%+v", r)
	}
	if r.Proposal.After.Cost.Total() > r.Proposal.Before.Cost.Total() || r.Proposal.Before.Cost.Idle == 0 {
		t.Errorf("%+v, before %+v", r.Proposal.After.Cost, r.Proposal.Before.Cost)
	}
}

// A load that is over is compared with its simulation, one that is not, is not; with only a part simulated, none is.
func TestPlanChecks(t *testing.T) {
	w := simulate.Workload{Loads: []simulate.Arrival{{Took: 4 * time.Second}, {}, {Took: 2 * time.Second}}}
	r := &simulate.Result{Loads: []simulate.LoadResult{
		{Segment: "trips", Bytes: 7, Chunks: 1, Took: 3 * time.Second}, {Took: time.Second}, {Took: 3 * time.Second},
	}}
	checks := planChecks(w, r)
	want := []planCheck{{0, "trips", 7, 1, 4, 3}, {0, "", 0, 0, 2, 3}}
	if !reflect.DeepEqual(checks, want) {
		t.Errorf("%+v, want %+v", checks, want)
	}
	if text := checksText(checks); !strings.Contains(text, "2 loads took 1.50 times as long as in fact (median; 0.75 to") {
		t.Error(text)
	}
	r.Loads = r.Loads[1:]
	if checks = planChecks(w, r); checks != nil || checksText(checks) != "" {
		t.Errorf("%+v of a part", checks)
	}
}

// The page shows what is simulated now and with the proposal.
func TestPlanHistory(t *testing.T) {
	result := func(took time.Duration) *simulate.Result {
		return &simulate.Result{
			Span: 2 * time.Hour, Loads: []simulate.LoadResult{{Segment: "trips", At: time.Hour, Bytes: 7, Took: took}},
			Segments: []simulate.SegmentResult{{
				Name: "trips", ChunkSeconds: []float64{1, 2}, Waits: []simulate.Wait{{At: time.Hour, Most: 3 * time.Second}},
			}},
		}
	}
	r := planReport{Stack: "dev", Proposal: &simulate.Proposal{
		Before: result(time.Minute), After: result(time.Second), Changes: []simulate.Change{{Setting: "loads.chunkMB"}},
	}}
	h := planHistory(r, received)
	now, then := h.Segment("trips"), h.Segment("trips, proposed")
	if now == nil || then == nil {
		t.Fatalf("%+v", h.Segments)
	}
	want := []graph.Load{{Received: received.Add(-time.Hour), Seconds: 60}}
	if !reflect.DeepEqual(now.Loads, want) || len(then.Loads) != 1 || then.Loads[0].Seconds != 1 {
		t.Errorf("loads %+v, proposed %+v", now.Loads, then.Loads)
	}
	if len(then.Chunks) != 2 || !reflect.DeepEqual(then.Age, []graph.Sample{{At: received.Add(-time.Hour), Value: 3}}) {
		t.Errorf("%+v", then)
	}
	sum := 0.0
	for i := range now.Bytes {
		sum += now.Bytes[i] + then.Bytes[i]
	}
	if sum != 7 {
		t.Errorf("%v bytes: the input is the same with the proposal, and counted once", sum)
	}
	r.Checks = []planCheck{{At: time.Hour, Segment: "trips", Took: 50}}
	want[0].Seconds = 50
	if really := planHistory(r, received).Segment("trips, measured"); !reflect.DeepEqual(really.Loads, want) {
		t.Errorf("measured %+v, want %+v", really.Loads, want)
	}
	r.Proposal.Changes, r.Checks = nil, nil
	if h := planHistory(r, received); len(h.Segments) != 1 {
		t.Errorf("%+v", h.Segments)
	}
}

func TestPlanErrors(t *testing.T) {
	for line, want := range map[string]struct {
		code int
		text string
	}{
		"plan --assume":                            {ExitUsage, "--what-if"},
		"plan --what-if much":                      {ExitUsage, "10x"},
		"plan --since 1s":                          {ExitUsage, "--since"},
		"plan --quota 0":                           {ExitUsage, "--quota"},
		"plan --stack small":                       {ExitError, "no stack here"},
		"plan --stack gone":                        {ExitNotFound, "Pulumi.gone.yaml"},
		"plan --stack small --assume --what-if 2x": {ExitUsage, "2x of nothing"},
	} {
		code, stdout, stderr := run(t, strings.Fields(line)...)
		if code != want.code || !strings.Contains(stderr, want.text) || stdout != "" {
			t.Errorf("dip %s: exit %d, want %d; stderr %q, want %q in it", line, code, want.code, stderr, want.text)
		}
	}
}

// A change of a setting leaves the object alone that other candidates are made of.
func TestWith(t *testing.T) {
	object := map[string]any{"a": map[string]any{"b": 1, "c": 2}, "d": nil}
	want := map[string]any{"a": map[string]any{"b": 1, "c": 3}, "d": nil}
	if got := with(object, []string{"a", "c"}, 3); !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	if got := with(object, []string{"d", "e"}, 4)["d"]; !reflect.DeepEqual(got, map[string]any{"e": 4}) {
		t.Errorf("%v", got)
	}
	if !reflect.DeepEqual(object, map[string]any{"a": map[string]any{"b": 1, "c": 2}, "d": nil}) {
		t.Errorf("the object is now %v", object)
	}
}
