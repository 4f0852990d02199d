package config

import (
	"slices"
	"strings"
	"testing"

	"dip/contract"
)

// tableOf is the alarms of a stack of an environment with a segment trips.
func tableOf(t *testing.T, environment, segment string) []Alarm {
	t.Helper()
	s, err := parse(t, stack(environment, "", segment))
	if err != nil {
		t.Fatal(err)
	}
	return s.Alarms()
}

func find(t *testing.T, table []Alarm, name string) Alarm {
	t.Helper()
	i := slices.IndexFunc(table, func(a Alarm) bool { return a.Name == name })
	if i < 0 {
		t.Fatalf("no alarm %s", name)
	}
	return table[i]
}

// Every alarm watches what is there, and can be understood by whoever it wakes.
func TestAlarms(t *testing.T) {
	emitted := map[string]bool{}
	for _, m := range contract.Metrics() {
		emitted[m.Name] = true
	}
	for _, of := range []struct{ environment, segment string }{
		{"local", `"deadline": "30m"`}, {"small", `"deadline": "30m"`}, {"dev", `"deadline": "30m"`},
		{"prod", `"deadline": "30m"`}, {"local", `"arrival": "stream"`}, {"prod", `"arrival": "stream"`},
	} {
		names := map[string]bool{}
		for _, a := range tableOf(t, of.environment, of.segment) {
			if names[a.Name] {
				t.Errorf("two alarms are called %s", a.Name)
			}
			names[a.Name] = true
			if a.Reason == "" || a.Runbook == "" || a.Page == "" || a.Operator == "" || a.Missing == "" {
				t.Errorf("%s lacks its reason, page in the runbook, operator or what a missing data point is: %+v", a.Name, a)
			}
			if a.At < 1 || a.At > a.Of || a.Period < minutes(1) || a.Period%minutes(1) != 0 {
				t.Errorf("%s fires at %d of %d periods of %s", a.Name, a.At, a.Of, a.Period)
			}
			if (a.Math == "") != (len(a.Series) == 1) {
				t.Errorf("%s: %d series with the math %q", a.Name, len(a.Series), a.Math)
			}
			for _, s := range a.Series {
				known := s.Namespace == contract.MetricNamespace && emitted[s.Metric] ||
					slices.Contains(ServiceMetrics[s.Namespace], s.Metric) || slices.Contains(ClusterMetrics[s.Namespace], s.Metric)
				if !known || s.Statistic == "" || (s.ID == "") != (a.Math == "") || !strings.Contains(a.Math, s.ID) {
					t.Errorf("%s watches %+v, which nobody emits, or is not in its math", a.Name, s)
				}
			}
		}
	}
}

func TestThresholdsFollowTheSettings(t *testing.T) {
	const deadline = `"deadline": "10h", "maxBadShare": 0.1`
	const arrives = `"arrival": "stream", "maxBadShare": 0.1, "stream": {"interval": "2m", "grace": "30s", "retention": "48h"}`
	for _, c := range []struct {
		environment, segment, name string
		threshold                  float64
		period                     Duration
	}{
		{"dev", ``, "trips-age", 3600, minutes(1)},
		{"dev", `"deadline": "30m"`, "trips-age", 900, minutes(1)},
		{"dev", deadline, "trips-workers-age", 3600, minutes(1)},
		{"dev", deadline, "trips-bad-share", 0.05, minutes(5)},
		{"dev", deadline, "trips-stalled", 20 * 3600, minutes(15)},
		{"dev", ``, "trips-stalled", 24 * 3600, minutes(15)},
		{"dev", deadline, "trips-deadline-at-risk", 0, minutes(3)},
		{"dev", deadline, "trips-deadline-missed", 0, minutes(3)},
		{"dev", `"deadline": "1m"`, "trips-deadline-at-risk", 0, minutes(1)},
		{"dev", ``, "sweeps-missing", 1, minutes(15)},
		{"prod", ``, "trips-lost-events", 0, minutes(5)},
		{"dev", ``, "batch-at-maximum", 7, minutes(5)},
		{"dev", ``, "pods-unschedulable", 0, minutes(1)},
		{"dev", ``, "trips-interrupted", 0.5, minutes(15)},
		{"dev", ``, "restage-age", 3600 + 12*3600, minutes(1)},
		{"dev", arrives, "trips-behind", 150_000, minutes(1)},
		{"dev", arrives, "trips-witness-behind", 150_000, minutes(1)},
		{"dev", arrives, "trips-witness-losing", 24 * 3600 * 1000, minutes(1)},
		{"dev", arrives, "trips-bad-share", 0.05, minutes(5)},
		{"dev", arrives, "trips-overdue", 0, minutes(1)},
		{"dev", arrives, "trips-closings-missing", 1, minutes(5)},
	} {
		a := find(t, tableOf(t, c.environment, c.segment), c.name)
		if a.Threshold != c.threshold || a.Period != c.period {
			t.Errorf("%s in %s with %s: %v in %s, want %v in %s", c.name, c.environment, c.segment, a.Threshold, a.Period,
				c.threshold, c.period)
		}
	}
}

// A stack has the alarms of what it has.
func TestAlarmsOfWhatIsThere(t *testing.T) {
	for environment, workers := range map[string]bool{"small": false, "dev": true} {
		for _, name := range []string{"trips-workers-age", "restage-dead-letters", "pods-unschedulable", "batch-at-maximum",
			"trips-interrupted"} {
			table := tableOf(t, environment, ``)
			if got := slices.ContainsFunc(table, func(a Alarm) bool { return a.Name == name }); got != workers {
				t.Errorf("%s has %s: %v", environment, name, got)
			}
		}
	}
	for _, a := range tableOf(t, "dev", `"arrival": "stream"`) {
		for _, of := range []string{"trips-age", "trips-dead-letters", "trips-workers", "lost-events", "stalled"} {
			if strings.HasPrefix(a.Name, of) || strings.HasSuffix(a.Name, of) {
				t.Errorf("a stream has %s", a.Name)
			}
		}
	}
	if a := find(t, tableOf(t, "dev", `"arrival": "stream"`), "trips-closings-missing"); a.Missing != Breaching {
		t.Error("a closer that does not run is nothing to worry about")
	}
	if slices.ContainsFunc(tableOf(t, "dev", ``), func(a Alarm) bool { return strings.Contains(a.Name, "deadline") }) {
		t.Error("a segment without a deadline has alarms on it")
	}
}
