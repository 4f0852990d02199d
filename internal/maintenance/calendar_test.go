package maintenance

import (
	"strings"
	"testing"
	"time"

	"dip/contract"
)

func TestWindows(t *testing.T) {
	p := planOf(t, contract.MaintenancePlan{Windows: []contract.MaintenanceWindow{
		{Name: "weekly", Start: "0 2 * * 2", Zone: "Europe/Berlin", Minutes: 240, Except: []string{"2026-12-22"}},
		{Name: "long", Start: "30 1 1 * *", Zone: "UTC", Minutes: 24 * 60},
	}})
	show := func(w *contract.Window) string {
		if w == nil {
			return ""
		}
		return w.Name + " " + w.Start.Format("01-02 15:04") + " to " + w.End.Format("01-02 15:04")
	}
	for _, c := range []struct{ now, open, next string }{
		{"2026-11-30 12:00 UTC", "", "weekly 12-01 01:00 to 12-01 05:00"},
		{"2026-12-01 01:00 UTC", "weekly 12-01 01:00 to 12-01 05:00", "long 12-01 01:30 to 12-02 01:30"},
		{"2026-12-01 02:00 UTC", "long 12-01 01:30 to 12-02 01:30", "weekly 12-08 01:00 to 12-08 05:00"}, // closes last
		{"2026-12-02 01:30 UTC", "", "weekly 12-08 01:00 to 12-08 05:00"},
		{"2026-12-22 02:00 UTC", "", "weekly 12-29 01:00 to 12-29 05:00"},
		{"2026-03-31 00:30 UTC", "weekly 03-31 00:00 to 03-31 04:00", "long 04-01 01:30 to 04-02 01:30"}, // summer
	} {
		now := at(t, c.now)
		if open, next := show(p.open(now)), show(p.next(now)); open != c.open || next != c.next {
			t.Errorf("%s: open %q, next %q; want %q, %q", c.now, open, next, c.open, c.next)
		}
	}
	if none := planOf(t, contract.MaintenancePlan{}); none.open(time.Now()) != nil || none.next(time.Now()) != nil {
		t.Error("a plan without windows has one")
	}
}

// A day that is excepted is so for all openings of it.
func TestExceptedDayHasNoOpening(t *testing.T) {
	p := planOf(t, contract.MaintenancePlan{Windows: []contract.MaintenanceWindow{
		{Name: "hourly", Start: "0 * * * *", Zone: "Asia/Kolkata", Minutes: 60, Except: []string{"2026-12-22"}}}})
	next := p.next(at(t, "2026-12-21 18:00 UTC")) // 23:30 there
	if next == nil || !next.Start.Equal(at(t, "2026-12-22 18:30 UTC")) {
		t.Errorf("opens at %+v", next)
	}
}

func TestSleep(t *testing.T) {
	week := []time.Weekday{1, 2, 3, 4, 5}
	day := contract.Sleep{From: "20:00", Until: "06:00", Zone: "Europe/Berlin", BusinessDays: week,
		Holidays: []string{"2026-12-25"}}
	night := contract.Sleep{From: "02:00", Until: "18:00", Zone: "UTC", BusinessDays: week}
	for name, c := range map[string]struct {
		sleep       contract.Sleep
		now, awake  string
		asleep      bool
		until, next string
	}{
		"by day":        {day, "2026-11-30 12:00 UTC", "", false, "2026-11-30 19:00 UTC", "2026-11-30 19:00 UTC"},
		"it begins":     {day, "2026-11-30 19:00 UTC", "", true, "2026-12-01 05:00 UTC", "2026-12-01 19:00 UTC"},
		"it ends":       {day, "2026-12-01 05:00 UTC", "", false, "2026-12-01 19:00 UTC", "2026-12-01 19:00 UTC"},
		"a weekend":     {day, "2026-11-28 12:00 UTC", "", true, "2026-11-30 05:00 UTC", "2026-11-30 19:00 UTC"},
		"a holiday":     {day, "2026-12-25 12:00 UTC", "", true, "2026-12-28 05:00 UTC", "2026-12-28 19:00 UTC"},
		"summer begins": {day, "2026-03-29 12:00 UTC", "", true, "2026-03-30 04:00 UTC", "2026-03-30 18:00 UTC"},
		"winter begins": {day, "2026-10-25 12:00 UTC", "", true, "2026-10-26 05:00 UTC", "2026-10-26 19:00 UTC"},
		"past midnight": {night, "2026-12-01 01:59 UTC", "", false, "2026-12-01 02:00 UTC", "2026-12-01 02:00 UTC"},
		"by day, those of the night": {night, "2026-12-01 12:00 UTC", "", true, "2026-12-01 18:00 UTC",
			"2026-12-02 02:00 UTC"},
		"a night that began on Friday": {night, "2026-11-28 01:00 UTC", "", false, "2026-11-28 02:00 UTC",
			"2026-11-28 02:00 UTC"},
		"woken for a while": {day, "2026-11-28 12:00 UTC", "2026-11-28 15:00 UTC", false, "2026-11-28 15:00 UTC",
			"2026-11-28 15:00 UTC"},
		"woken until a business day": {day, "2026-11-28 12:00 UTC", "2026-11-30 12:00 UTC", false, "2026-11-30 19:00 UTC",
			"2026-11-30 19:00 UTC"},
		"kept awake": {day, "2026-11-30 12:00 UTC", "2026-11-30 21:00 UTC", false, "2026-11-30 21:00 UTC",
			"2026-11-30 21:00 UTC"},
		"kept awake into another business day": {day, "2026-11-30 12:00 UTC", "2026-12-01 12:00 UTC", false,
			"2026-12-01 19:00 UTC", "2026-12-01 19:00 UTC"},
		"no longer": {day, "2026-11-28 15:00 UTC", "2026-11-28 15:00 UTC", true, "2026-11-30 05:00 UTC",
			"2026-11-30 19:00 UTC"},
	} {
		p, awake := planOf(t, contract.MaintenancePlan{Sleep: &c.sleep}), time.Time{}
		if c.awake != "" {
			awake = at(t, c.awake)
		}
		want := contract.SleepState{Asleep: c.asleep, Until: at(t, c.until), Next: at(t, c.next)}
		if got := p.sleep.state(at(t, c.now), awake); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

// A stack that is woken stays awake until its next sleep begins, and no longer.
func TestWokenUntilTheNextSleep(t *testing.T) {
	s := berlin(t).sleep
	for now := at(t, "2026-03-01 00:00 UTC"); now.Year() == 2026; now = now.Add(7 * time.Hour) {
		next := s.state(now, time.Time{}).Next
		for _, at := range []time.Time{now, next.Add(-time.Minute)} {
			if s.state(at, next).Asleep {
				t.Fatalf("woken at %s until %s, and asleep at %s", now, next, at)
			}
		}
		if !s.state(next, next).Asleep {
			t.Fatalf("woken at %s, and still awake at %s", now, next)
		}
	}
}

func TestBadPlans(t *testing.T) {
	_, err := NewPlan(contract.MaintenancePlan{
		Windows: []contract.MaintenanceWindow{{Name: "a", Start: "0 2", Zone: "UTC"}, {Name: "b", Start: "0 2 * * *", Zone: "X"}},
		Sleep:   &contract.Sleep{From: "8 pm", Until: "06:00", Zone: "UTC"},
	})
	for _, want := range []string{"window a", "window b", "sleep: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in %v", want, err)
		}
	}
}
