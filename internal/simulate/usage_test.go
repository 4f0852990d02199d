package simulate

import (
	"fmt"
	"testing"
	"time"
)

// What is left for the segments: never less than they reserve, never more than without other programs.
func TestRoom(t *testing.T) {
	for _, c := range []struct{ quota, others, reserved, want int }{
		{1000, 0, 0, 1000 - systemFunctions},
		{1000, 300, 0, 700 - systemFunctions},
		{1000, 300, 50, 700 - systemFunctions},
		{1000, 950, 50, 50},
		{1000, 1000, 0, 1},
		{1000, 5000, 0, 1},
		{systemFunctions + 20, 0, 50, 20},
		{10, 0, 0, 1},
		{10, 0, 50, 1},
	} {
		s := stackOf(t, "small", trips(fmt.Sprintf(`"concurrency": 2, "reservedConcurrency": %d`, c.reserved)))
		m := DefaultModel()
		m.Quota, m.Others = c.quota, c.others
		if got := m.Room(s); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

// Other programs' functions make the simulation slower, and the account a limit.
func TestOthersTakeConcurrency(t *testing.T) {
	s := stackOf(t, "small", trips(`"concurrency": 100`))
	m := DefaultModel()
	w := Workload{Span: time.Hour, Loads: []Arrival{{Segment: "trips", Bytes: 20e9}}}
	limit := func() float64 {
		for _, l := range Limits(s, w, nil, m) {
			if l.Name == "concurrent executions of the account" {
				return l.Capacity
			}
		}
		t.Fatal("the account is no limit")
		return 0
	}
	alone := simulated(t, s, w, m).Segments[0]
	if m.Others = m.Quota - systemFunctions - 7; limit() != 7 {
		t.Errorf("%v are left", limit())
	}
	if beside := simulated(t, s, w, m).Segments[0]; beside.Concurrent != 7 || beside.Longest <= alone.Longest {
		t.Errorf("%+v, alone %+v", beside, alone)
	}
}

func TestPeakOfOthers(t *testing.T) {
	hour := func(n int) time.Time { return time.Date(2026, 11, 20, n, 0, 0, 0, time.UTC) }
	for _, c := range []struct {
		what                string
		hours               []Hour
		at, others, account int
	}{
		{"the stack alone", []Hour{{hour(1), 30, 30}}, 1, 0, 30},
		{"maxima of the stack at different moments", []Hour{{hour(1), 30, 45}}, 1, 0, 30},
		{"the busiest hour is the stack's own", []Hour{{hour(1), 500, 480}, {hour(2), 90, 10}}, 2, 80, 500},
		{"the first of several", []Hour{{hour(1), 5, 5}, {hour(2), 50, 10}, {hour(3), 40, 0}}, 2, 40, 50},
	} {
		u := Usage{Hours: c.hours}
		if p := u.Peak(); !p.At.Equal(hour(c.at)) || p.Others() != c.others || u.Most() != c.account {
			t.Errorf("%s: %+v, %d others, %d at most", c.what, p, p.Others(), u.Most())
		}
	}
	if p := (Usage{}).Peak(); p != nil {
		t.Errorf("%+v of no hour", p)
	}
}
