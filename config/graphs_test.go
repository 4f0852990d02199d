package config

import (
	"slices"
	"testing"
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
		} else if g := graphs[i]; *g.Limit != a.Threshold || g.Math != a.Math || !slices.Equal(g.Series, a.Series) {
			t.Errorf("the graph of %s is %+v", a.Name, g)
		}
	}
	if s.Dashboard = false; len(s.Graphs()) != 0 {
		t.Error("a stack without a dashboard has graphs")
	}
	for _, g := range graphs {
		if !slices.Contains(s.Pages(), g.Page) || len(g.Series) == 0 || g.Period == 0 {
			t.Errorf("graph %+v", g)
		}
	}
	if n := len(graphs) - len(s.Alarms()); n != 6 {
		t.Errorf("%d graphs beside those of alarms", n)
	}
}
