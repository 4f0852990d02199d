package graph

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"dip/internal/metricmath"
)

// hour is a dashboard of an hour with a panel of each kind.
func hour() *Board {
	points := func(of func(i int) float64, gaps ...int) []metricmath.Point {
		all := make([]metricmath.Point, 60)
		for i := range all {
			all[i] = metricmath.Point{Value: of(i), There: true}
		}
		for _, gap := range gaps {
			all[gap] = metricmath.Point{}
		}
		return all
	}
	limit, below := 900.0, -60.0
	return &Board{
		Name: "dip-dev", Stack: "dev", From: to.Add(-time.Hour), Step: time.Minute, Steps: 60,
		Panels: []Panel{
			{Title: "trips", Width: 24, Height: 2, Alarms: []AlarmState{
				{Name: "trips-age-1a2b", State: "ALARM", Description: "Messages are not taken"}, {Name: "a", State: "OK"},
				{Name: "b", State: "INSUFFICIENT_DATA"},
			}},
			{Title: "trips-age", Width: 6, Height: 5, Limit: &limit,
				Series: []Plot{{"ApproximateAgeOfOldestMessage", points(func(i int) float64 { return float64(i) * 20 }, 30)}}},
			{Title: "Records", Width: 6, Height: 5, Series: []Plot{
				{"RecordsIn", points(func(i int) float64 { return 2_000_000 })},
				{"RecordsOut", points(func(i int) float64 { return 1_500_000 })},
			}},
			{Title: "slack", Width: 6, Height: 5, Limit: &below,
				Series: []Plot{{"DeadlineSlack", points(func(i int) float64 { return float64(30 - i) })}}},
			{Title: "Cost", Text: "Estimates by list prices.", Width: 24, Height: 3},
			{Title: "Functions and ledger", Unit: "USD an hour", Width: 6, Height: 5, Series: []Plot{
				{"trips", points(func(i int) float64 { return 0.02 + float64(i%7)/1000 })},
				{"shared by segments", points(func(i int) float64 { return 0.004 }, 10, 11)},
			}},
			{Title: "Nodes of batch", Unit: "nodes", Width: 6, Height: 5, Series: []Plot{
				{"in service", points(func(i int) float64 { return float64(i / 20) })},
				{"desired", points(func(i int) float64 { return float64((i + 5) / 20) })},
				{"maximum", points(func(i int) float64 { return 8 })},
			}},
			{Title: "Pending pods", Unit: "pods", Width: 6, Height: 5, Series: []Plot{
				{"pending", make([]metricmath.Point, 60)}, {"of these, without a node", make([]metricmath.Point, 60)},
			}},
			{Title: "<quiet>", Width: 6, Height: 5, Series: []Plot{{"Errors", make([]metricmath.Point, 60)}}},
		},
	}
}

func TestBoard(t *testing.T) {
	var b strings.Builder
	if err := hour().HTML(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	golden(t, "board.html", page)
	for _, want := range []string{"3 alarms: 1 OK, 1 firing, 1 without data", "trips-age-1a2b</strong>: Messages are not taken",
		"&lt;quiet&gt;", "No data.", ">2M<", "alarm: 900", "alarm: -60",
		"<p>Estimates by list prices.</p>", `<p class="unit">USD an hour</p>`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if external := regexp.MustCompile(`(src|href)=|url\(`).FindString(page); external != "" {
		t.Errorf("the page loads something: %s", external)
	}
}

func TestTicksBetween(t *testing.T) {
	for _, c := range []struct{ low, high float64 }{{0, 0}, {0, 7}, {-1, 1}, {-60, 30}, {-1e6, 0}, {-0.3, 0.2}} {
		ticks := ticksBetween(c.low, c.high)
		if n := len(ticks); n < 2 || n > 8 || ticks[0] > c.low || ticks[n-1] < c.high {
			t.Errorf("from %g to %g: %v", c.low, c.high, ticks)
		}
	}
}
