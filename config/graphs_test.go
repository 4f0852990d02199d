package config

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/metricmath"
)

// Each alarm has its graph, and each page what it is about.
func TestGraphs(t *testing.T) {
	s, err := parse(t, stack("dev", `"dashboard": true`, `"deadline": "30m"`))
	if err != nil {
		t.Fatal(err)
	}
	graphs := s.Graphs()
	for _, a := range s.Alarms() {
		i := slices.IndexFunc(graphs, func(g Graph) bool { return g.Title == a.Name && g.Page == a.Page })
		if i < 0 {
			t.Errorf("no graph of %s", a.Name)
		} else if g := graphs[i]; *g.Limit != a.Threshold || !slices.Equal(g.Series, a.Series) ||
			(a.Math == "") != (len(g.Lines) == 0) || a.Math != "" && g.Lines[0].Math != a.Math {
			t.Errorf("the graph of %s is %+v", a.Name, g)
		}
	}
	if s.Dashboard = false; len(s.Graphs()) != 0 {
		t.Error("a stack without a dashboard has graphs")
	}
	rest := graphs[len(s.Alarms())+6:]
	var titles []string
	for _, g := range rest {
		titles = append(titles, g.Page+": "+g.Title)
	}
	want := []string{
		"Nodes and pods: Nodes of batch", "Nodes and pods: Nodes of services", "Nodes and pods: Pending pods",
		"Nodes and pods: Chunks handed back by workers that had to stop", "Cost: Functions and ledger",
		"Cost: Nodes, with their volumes",
	}
	if !slices.Equal(titles, want) {
		t.Errorf("graphs beside those of segments and alarms are %q, want %q", titles, want)
	}
}

// Every graph is in a section, of metrics that somebody emits, and each line is computed from the graph's own series.
func TestGraphsShowWhatIsThere(t *testing.T) {
	for _, c := range []struct{ environment, members, segment string }{
		{"dev", `"dashboard": true`, ""}, {"local", "", ""}, {"small", `"dashboard": true`, ""}, {"prod", "", `"deadline": "1h"`},
		{"dev", `"dashboard": true`, `"arrival": "stream"`},
		{"staging", `"cluster": {"restage": {"group": "services"}}, "nodeGroups": {"services": {"min": 1}, "batch": {"kind": "batch",
			"dedicated": true, "scaler": "clusterAutoscaler", "interruptions": "queue"}}`, ""},
	} {
		s, err := parse(t, stack(c.environment, c.members, c.segment))
		if err != nil {
			t.Error(err)
			continue
		}
		var emitted []string
		for _, m := range contract.Metrics() {
			emitted = append(emitted, m.Name)
		}
		for _, g := range s.Graphs() {
			in := slices.ContainsFunc(s.Sections(), func(of Section) bool { return of.Title == g.Page })
			if !in || len(g.Series) == 0 || g.Period == 0 || len(g.Labels) > 0 && len(g.Labels) != len(g.Series) {
				t.Errorf("%s: graph %+v", c.environment, g)
			}
			series := map[string][]metricmath.Point{}
			for _, of := range g.Series {
				known := of.Namespace == contract.MetricNamespace && slices.Contains(emitted, of.Metric) ||
					slices.Contains(ServiceMetrics[of.Namespace], of.Metric) ||
					c.environment != "local" && slices.Contains(BilledMetrics[of.Namespace], of.Metric) ||
					s.Cluster.Enabled && slices.Contains(ClusterMetrics[of.Namespace], of.Metric)
				if !known || of.Statistic == "" || (of.ID == "") != (len(g.Lines) == 0) {
					t.Errorf("%s: %s shows %+v, which nobody emits, or no line has", c.environment, g.Title, of)
				}
				series[of.ID] = []metricmath.Point{{Value: 1, There: true}}
			}
			for _, line := range g.Lines {
				if _, err := metricmath.Compute(line.Math, series, time.Minute); err != nil || line.Label == "" {
					t.Errorf("%s: %s: %q: %v", c.environment, g.Title, line.Label, err)
				}
			}
		}
	}
}

// A function of 1,769 MiB that runs for a whole hour, in a thousand invocations, costs 3,600 s of 1.7275 GB, and a
// thousandth of a million requests; a node costs its price and 1/730 of its volume's.
func TestGraphsOfCosts(t *testing.T) {
	s, err := parse(t, stack("prod", "", ""))
	if err != nil {
		t.Fatal(err)
	}
	p := ListPrices()
	at := func(graph, line string, values map[string]float64) float64 {
		t.Helper()
		for _, g := range s.costGraphs(p) {
			for _, l := range g.Lines {
				if g.Title != graph || l.Label != line {
					continue
				}
				series := map[string][]metricmath.Point{}
				for _, of := range g.Series {
					v, there := values[of.Metric]
					series[of.ID] = []metricmath.Point{{Value: v, There: there}}
				}
				points, err := metricmath.Compute(l.Math, series, time.Hour)
				if err != nil || !points[0].There {
					t.Errorf("%s, %s: %v, %v", graph, line, points, err)
				}
				return points[0].Value
			}
		}
		t.Errorf("no line %s in %s", line, graph)
		return 0
	}
	groups := s.NodeGroups["services"]
	node, err := p.NodeHour(groups, groups.Capacity)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		graph, line string
		values      map[string]float64
		want        float64
	}{
		{"Functions and ledger", "trips", map[string]float64{"Duration": 3600e3, "Invocations": 1000},
			3600*1769.0/1024*0.0000133334 + 0.0002},
		{"Functions and ledger", "trips", nil, 0},
		{"Functions and ledger", "ledger", map[string]float64{"ConsumedWriteCapacityUnits": 1e6}, 3 * 0.625},
		{"Functions and ledger", "ledger", map[string]float64{"ConsumedReadCapacityUnits": 1e6}, 3 * 0.125},
		{"Nodes, with their volumes", "services", map[string]float64{"GroupInServiceInstances": 2}, 2 * node},
	} {
		if got := at(c.graph, c.line, c.values); math.Abs(got-c.want) > 1e-4*max(c.want, 1e-9) {
			t.Errorf("%s costs %g USD an hour with %v, want %g", c.line, got, c.values, c.want)
		}
	}
	if text := s.costText(); !strings.Contains(text, p.Date) || !strings.Contains(text, "an hour") {
		t.Errorf("costs are explained as %q", text)
	}
	for v, want := range map[float64]string{0.1: "0.1", 1234567: "1234567", 2: "2", 8.2935e-9: "0.0000000082935"} {
		if got := factor(v); got != want {
			t.Errorf("%g is written %s, want %s", v, got, want)
		}
	}
}

// The sum of pending pods is of one count a minute: over five minutes it is divided by five.
func TestPendingPodsAreCountedOnce(t *testing.T) {
	s, err := parse(t, stack("prod", "", ""))
	if err != nil {
		t.Fatal(err)
	}
	graphs := s.nodeGraphs()
	i := slices.IndexFunc(graphs, func(g Graph) bool { return g.Title == "Pending pods" })
	for _, line := range graphs[i].Lines {
		series := map[string][]metricmath.Point{"pending": {{Value: 15, There: true}}, "unschedulable": {{Value: 15, There: true}}}
		points, err := metricmath.Compute(line.Math, series, 5*time.Minute)
		if err != nil || points[0].Value != 3 {
			t.Errorf("%s is %v, %v", line.Label, points, err)
		}
	}
}

// A dashboard that CloudWatch would refuse fails before anything is declared.
func TestDashboardsHaveLimits(t *testing.T) {
	var names []string
	for i := range 40 {
		names = append(names, fmt.Sprintf(`"s%d": {"schema": "schemas/trips.json", "package": "lambdas/trips"}`, i))
	}
	text := func(dashboard bool) string {
		return fmt.Sprintf(`{"environment": "small", "dashboard": %t, "segments": {%s}}`, dashboard, strings.Join(names, ", "))
	}
	_, err := parse(t, text(true))
	if err == nil || !strings.Contains(err.Error(), "dashboard: ") || !strings.Contains(err.Error(), "40 segments: CloudWatch") {
		t.Errorf("40 segments: %v", err)
	}
	if _, err := parse(t, text(false)); err != nil {
		t.Errorf("without a dashboard: %v", err)
	}
}
