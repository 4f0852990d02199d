package maintenance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dip/contract"
)

const (
	old    = "1.36.0-20261101"
	recent = "1.36.0-20261118"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse("2006-01-02 15:04 MST", text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// berlin is awake from 6 to 20 o'clock on weekdays, and updated on Tuesdays from 2 to 6.
func berlin(t *testing.T) *Plan {
	t.Helper()
	return planOf(t, contract.MaintenancePlan{
		Nodes: true, Windows: []contract.MaintenanceWindow{{
			Name: "weekly", Start: "0 2 * * 2", Zone: "Europe/Berlin", Minutes: 240, Except: []string{"2026-12-22"},
		}},
		Sleep: &contract.Sleep{
			From: "20:00", Until: "06:00", Zone: "Europe/Berlin", BusinessDays: []time.Weekday{1, 2, 3, 4, 5},
			Holidays: []string{"2026-12-25"},
		},
	})
}

func planOf(t *testing.T, p contract.MaintenancePlan) *Plan {
	t.Helper()
	made, err := NewPlan(p)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// services is a group of two nodes, of which one stays at night, and batch one of our own with none.
func services(least int, status, release string) Group {
	return Group{
		contract.MaintainedGroup{Name: "services", Managed: "eks-services", Min: 2, Asleep: 1, Sleeps: true},
		contract.GroupState{Name: "services", Min: least, Status: status, Release: release, Newest: recent},
	}
}

func batch() Group {
	return Group{contract.MaintainedGroup{Name: "batch", Sleeps: true}, contract.GroupState{Name: "batch"}}
}

// text is what a decision does and what it has wait.
func text(d Decision) string {
	var lines []string
	for _, a := range d.Acts {
		lines = append(lines, fmt.Sprintf("%s %s %d%s", a.Kind, a.Group, a.Min, strings.TrimPrefix(a.Release, "1.36.0-")))
	}
	for _, w := range d.Delayed {
		lines = append(lines, fmt.Sprintf("%s %s waits for %s", w.Kind, w.Group, w.For))
	}
	return strings.Join(lines, "; ")
}

func TestDecide(t *testing.T) {
	const (
		night  = "2026-11-30 02:00 UTC" // Monday, 3 o'clock
		day    = "2026-11-30 10:00 UTC"
		window = "2026-12-01 02:00 UTC" // Tuesday, 3 o'clock: asleep, too
	)
	hold := contract.MaintenanceSwitch{Hold: &contract.Hold{Until: at(t, "2026-12-02 00:00 UTC"), Reason: "quarter"}}
	forced := func(s contract.MaintenanceSwitch, from string) contract.MaintenanceSwitch {
		s.Forced = at(t, from)
		return s
	}
	asleep, current := services(1, active, old), services(2, active, recent)
	begun := contract.MaintenanceRecord{Begun: map[string]contract.BeganRun{
		"services": {Release: recent, Window: at(t, "2026-12-01 01:00 UTC")},
	}}
	lastWeek := contract.MaintenanceRecord{Begun: map[string]contract.BeganRun{
		"services": {Release: recent, Window: at(t, "2026-11-24 01:00 UTC")},
	}}
	loads := []string{"a1 of trips"}
	for name, c := range map[string]struct {
		now  string
		s    State
		want string
	}{
		"by day nothing is due":          {day, State{Groups: []Group{current, batch()}}, ""},
		"by day an update is not due":    {day, State{Groups: []Group{services(2, active, old)}}, ""},
		"at night the minimum is lower":  {night, State{Groups: []Group{current, batch()}}, "lower services 1"},
		"a second time there is nothing": {night, State{Groups: []Group{services(1, active, recent)}}, ""},
		"a load delays sleep": {night, State{Groups: []Group{current}, Loads: loads},
			"lower services waits for load a1 of trips"},
		"several loads": {night, State{Groups: []Group{current}, Loads: []string{"a", "b"}},
			"lower services waits for 2 loads, the first is a"},
		"a hold delays sleep": {night, State{Groups: []Group{current}, Switch: hold},
			"lower services waits for hold until 2026-12-02 00:00 UTC: quarter"},
		"a hold that is over": {"2026-12-02 00:00 UTC", State{Groups: []Group{current}, Switch: hold},
			"lower services 1"},
		"an update delays sleep": {night, State{Groups: []Group{services(2, updating, old)}},
			"lower services waits for the update of its nodes"},
		"in the morning it wakes": {"2026-11-30 05:00 UTC", State{Groups: []Group{asleep}}, "raise services 2"},
		"waking waits for nothing": {day, State{Groups: []Group{services(1, updating, old)}, Loads: loads, Switch: hold},
			"raise services 2"},
		"woken at night": {night, State{Groups: []Group{asleep},
			Switch: contract.MaintenanceSwitch{Awake: at(t, day)}}, "raise services 2"},
		"no longer": {night, State{Groups: []Group{current},
			Switch: contract.MaintenanceSwitch{Awake: at(t, night)}}, "lower services 1"},
		"a lower minimum in the settings": {day, State{Groups: []Group{services(3, active, recent)}}, "lower services 2"},
		"a window":                        {window, State{Groups: []Group{asleep}}, "update services 020261118"},
		"it has not opened":               {"2026-12-01 00:59 UTC", State{Groups: []Group{asleep}}, ""},
		"it opens":                        {"2026-12-01 01:00 UTC", State{Groups: []Group{asleep}}, "update services 020261118"},
		"it closes soon": {"2026-12-01 04:31 UTC", State{Groups: []Group{asleep}},
			"update services waits for the next window: this one ends at 2026-12-01 05:00 UTC"},
		"not so soon":           {"2026-12-01 04:30 UTC", State{Groups: []Group{asleep}}, "update services 020261118"},
		"it has closed":         {"2026-12-01 05:00 UTC", State{Groups: []Group{services(2, active, old)}}, ""},
		"an exception":          {"2026-12-22 02:00 UTC", State{Groups: []Group{asleep}}, ""},
		"nothing newer":         {window, State{Groups: []Group{services(1, active, recent)}}, ""},
		"no release is known":   {window, State{Groups: []Group{services(1, active, "")}}, "update services 020261118"},
		"newer than the newest": {window, State{Groups: []Group{services(1, active, "1.36.1-20261101")}}, ""},
		"a load delays an update": {window, State{Groups: []Group{asleep}, Loads: loads},
			"update services waits for load a1 of trips"},
		"it is under way": {window, State{Groups: []Group{services(1, updating, old)}}, ""},
		"EKS refuses a degraded group": {window, State{Groups: []Group{services(1, "DEGRADED", old)}},
			"update services waits for EKS: the group is DEGRADED"},
		"it has failed in this window": {window, State{Groups: []Group{asleep}, Record: begun},
			"update services waits for the next window: its update in this one has failed"},
		"it failed a week ago": {window, State{Groups: []Group{asleep}, Record: lastWeek},
			"update services 020261118"},
		"a hold wins over a window": {window, State{Groups: []Group{asleep}, Switch: hold},
			"update services waits for hold until 2026-12-02 00:00 UTC: quarter"},
		"force wins over a hold": {window, State{Groups: []Group{asleep}, Switch: forced(hold, window)},
			"update services 020261118"},
		"force needs no window": {day, State{Groups: []Group{services(2, active, old)},
			Switch: forced(contract.MaintenanceSwitch{}, day)}, "update services 020261118"},
		"force ends": {day, State{Groups: []Group{services(2, active, old)},
			Switch: forced(contract.MaintenanceSwitch{}, "2026-11-30 06:00 UTC")}, ""},
		"not even force cuts a load off": {day, State{Groups: []Group{services(2, active, old)}, Loads: loads,
			Switch: forced(contract.MaintenanceSwitch{}, day)}, "update services waits for load a1 of trips"},
		"force has nobody sleep": {night, State{Groups: []Group{services(2, active, recent)},
			Switch: forced(hold, night)}, "lower services waits for hold until 2026-12-02 00:00 UTC: quarter"},
	} {
		c.s.Now = at(t, c.now)
		if got := text(berlin(t).Decide(c.s)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// One group at a time: the pods of its nodes move to those of the others.
func TestOneGroupAtATime(t *testing.T) {
	base := services(1, active, old)
	base.Of.Name, base.Now.Name = "base", "base"
	s := State{Now: at(t, "2026-12-01 02:00 UTC"), Groups: []Group{base, services(1, active, old)}}
	const want = "update base 020261118; update services waits for the update of base"
	if got := text(berlin(t).Decide(s)); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	s.Groups[0].Now.Status = updating
	if got := text(berlin(t).Decide(s)); got != "update services waits for the update of base" {
		t.Errorf("under way: %q", got)
	}
}

// What others move, or nobody, is left alone.
func TestGroupsThatDoNotSleep(t *testing.T) {
	g := services(2, active, old)
	g.Of.Sleeps = false
	if got := text(berlin(t).Decide(State{Now: at(t, "2026-11-30 02:00 UTC"), Groups: []Group{g}})); got != "" {
		t.Errorf("a group with windows of its own: %q", got)
	}
	p := planOf(t, contract.MaintenancePlan{Windows: []contract.MaintenanceWindow{
		{Name: "always", Start: "* * * * *", Zone: "UTC", Minutes: 120}}})
	s := State{Now: at(t, "2026-11-30 02:00 UTC"), Groups: []Group{services(1, active, old)}}
	if got := text(p.Decide(s)); got != "" {
		t.Errorf("a plan without sleep and updates: %q", got)
	}
}

// A window that passed without its update is remembered until the update is done. A hold is no omission.
func TestOverdue(t *testing.T) {
	p, open, closed := berlin(t), at(t, "2026-12-01 02:00 UTC"), at(t, "2026-12-01 05:00 UTC")
	outdated := []Group{services(1, active, old)}
	during := p.Decide(State{Now: open, Groups: outdated, Loads: []string{"a"}}).Record
	if during.Window == nil || len(during.Overdue) != 0 {
		t.Fatalf("during the window: %+v", during)
	}
	overdue := func(s State) string {
		s.Now = closed
		if s.Record.Window == nil {
			s.Record.Window = during.Window
		}
		return strings.Join(p.Decide(s).Record.Overdue, ",")
	}
	if got := overdue(State{Groups: outdated}); got != "services" {
		t.Errorf("not updated: %q", got)
	}
	if got := overdue(State{Groups: []Group{services(1, updating, old)}}); got != "" {
		t.Errorf("it is under way: %q", got)
	}
	hold := contract.MaintenanceSwitch{Hold: &contract.Hold{Until: closed.Add(time.Hour)}}
	if got := overdue(State{Groups: outdated, Switch: hold}); got != "" {
		t.Errorf("held on purpose: %q", got)
	}
	late := contract.MaintenanceRecord{Overdue: []string{"services"}}
	if d := p.Decide(State{Now: closed, Groups: outdated, Record: late}); len(d.Record.Overdue) != 1 {
		t.Error("forgotten before it was done")
	}
	done := []Group{services(1, active, recent)}
	if d := p.Decide(State{Now: closed, Groups: done, Record: late}); len(d.Record.Overdue) != 0 {
		t.Error("remembered after it was done")
	}
}
