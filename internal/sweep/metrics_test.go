package sweep

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/emf"
	"dip/internal/ledger"
)

// measured lists the data points that a sweep emits.
func measured(t *testing.T, s *Sweeper) (points []string, err error) {
	t.Helper()
	var out bytes.Buffer
	s.Metrics = &emf.Emitter{Stack: "dev", Out: &out, Now: s.Now}
	_, err = s.Sweep(t.Context())
	for line := range strings.Lines(out.String()) {
		var point map[string]any
		if err := json.Unmarshal([]byte(line), &point); err != nil {
			t.Fatal(err)
		}
		for _, name := range slices.Sorted(maps.Keys(point)) {
			if value, ok := point[name].(float64); ok {
				points = append(points, fmt.Sprintf("%s of %s: %v", name, point["segment"], value))
			}
		}
	}
	slices.Sort(points)
	return points, err
}

func TestMetrics(t *testing.T) {
	w := newWorld()
	w.land("trips/lost", time.Hour)
	w.land("trips/lost, too", time.Hour)
	w.land("events/lost", time.Hour)
	w.executions["old"], w.executions["older"] = true, true
	for id, load := range map[string]ledger.Load{
		"old":     {Segment: "trips", Status: contract.Running, Received: now.Add(-2 * time.Hour)},
		"older":   {Segment: "trips", Status: contract.Running, Received: now.Add(-3 * time.Hour)},
		"fresh":   {Segment: "events", Status: contract.Running, Received: now.Add(-time.Minute)},
		"is over": {Segment: "events", Status: contract.Published, Received: now.Add(-4 * time.Hour)},
	} {
		load.ID, load.Updated = id, load.Received.Add(30*time.Second)
		w.ledger.Seed(load)
		w.ledger.Reopen(id)
	}
	got, err := measured(t, sweeper(w))
	want := []string{
		"LostEvents of events: 1", "LostEvents of trips: 2", "OldestLoad of events: 60", "OldestLoad of trips: 10800",
		"Sweeps of none: 1",
	}
	if !slices.Equal(got, want) || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	w = newWorld()
	if got, err := measured(t, sweeper(w)); !slices.Equal(got, []string{"Sweeps of none: 1"}) || err != nil {
		t.Errorf("nothing to report: %q, %v", got, err)
	}
}

// What was found before a failure counts. The failed sweep does not.
func TestMetricsOfAFailedSweep(t *testing.T) {
	w := newWorld()
	w.land("trips/lost", time.Hour)
	w.broken["queue"] = errors.New("throttled")
	if got, err := measured(t, sweeper(w)); !slices.Equal(got, []string{"LostEvents of trips: 1"}) || err == nil {
		t.Errorf("%q, %v", got, err)
	}
}
