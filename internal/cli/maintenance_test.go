package cli

import (
	"strings"
	"testing"
	"time"

	"dip/contract"
)

// moment is a time of a report.
func moment(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

func maintained() contract.MaintenanceReport {
	update := contract.MaintenanceAct{Kind: contract.Update, Group: "services", Release: "1.36.0-20261118",
		Why: "window weekly until 2026-12-01 06:00 UTC"}
	lower := contract.MaintenanceAct{Kind: contract.Lower, Group: "services", Min: 1,
		Why: "asleep until 2026-12-01 06:00 UTC"}
	return contract.MaintenanceReport{
		At: moment("2026-12-01T03:00:00Z"), Acts: []contract.MaintenanceAct{lower},
		Delayed: []contract.MaintenanceDelay{{MaintenanceAct: update, For: "load 0123456789ab of trips"}},
		Window:  &contract.Window{Name: "weekly", Start: moment("2026-12-01T02:00:00Z"), End: moment("2026-12-01T06:00:00Z")},
		Sleep:   &contract.SleepState{Asleep: true, Until: moment("2026-12-01T06:00:00Z"), Next: moment("2026-12-01T20:00:00Z")},
		Switch:  contract.MaintenanceSwitch{Hold: &contract.Hold{Until: moment("2026-12-02T00:00:00Z"), Reason: "\x1b[31mquarter"}},
		Groups: []contract.GroupState{
			{Name: "batch"},
			{Name: "services", Min: 2, Status: "ACTIVE", Release: "1.36.0-20261101", Newest: "1.36.0-20261118"},
		},
		Loads: []string{"0123456789ab of trips"}, SupportEnds: "2027-08-02",
		Record: contract.MaintenanceRecord{Overdue: []string{"services"}, Runs: []contract.MaintenanceRun{
			{MaintenanceAct: lower, At: moment("2026-11-30T20:04:00Z")}, {MaintenanceAct: update, At: moment("2026-12-01T02:04:00Z")},
		}},
	}
}

func TestMaintenanceText(t *testing.T) {
	golden(t, "maintenance", maintenanceText(80, maintained(), true))
	awake := contract.MaintenanceReport{
		At:    moment("2026-12-01T12:00:00Z"),
		Next:  &contract.Window{Name: "weekly", Start: moment("2026-12-08T02:00:00Z"), End: moment("2026-12-08T06:00:00Z")},
		Sleep: &contract.SleepState{Until: moment("2026-12-01T20:00:00Z"), Next: moment("2026-12-01T20:00:00Z")},
	}
	golden(t, "maintenance-quiet", maintenanceText(80, awake, true))
	r := maintained()
	if text := maintenanceText(80, r, false); !strings.Contains(text, "done     lower services") {
		t.Errorf("what was done is not in\n%s", text)
	}
	r.At = moment("2026-12-02T00:00:00Z")
	if text := maintenanceText(80, r, true); strings.Contains(text, "hold ") {
		t.Errorf("a hold that is over is in\n%s", text)
	}
	if text := maintenanceText(80, contract.MaintenanceReport{}, true); text != "window   none\n" {
		t.Errorf("nothing at all is %q", text)
	}
}

// Each flag changes what it is for, and nothing else.
func TestMaintenanceFlags(t *testing.T) {
	now := moment("2026-11-27T12:00:00Z")
	hold := &contract.Hold{Until: moment("2026-11-29T12:00:00Z"), Reason: "quarter"}
	for name, c := range map[string]struct {
		flags         maintenanceFlags
		before, after contract.MaintenanceSwitch
	}{
		"hold": {maintenanceFlags{hold: 48 * time.Hour, reason: "quarter"}, contract.MaintenanceSwitch{Awake: now},
			contract.MaintenanceSwitch{Awake: now, Hold: hold}},
		"release": {maintenanceFlags{release: true}, contract.MaintenanceSwitch{Hold: hold, Forced: now},
			contract.MaintenanceSwitch{Forced: now}},
		"force": {maintenanceFlags{force: true}, contract.MaintenanceSwitch{Hold: hold},
			contract.MaintenanceSwitch{Hold: hold, Forced: now}},
	} {
		got := c.before
		c.flags.change(now)(&got)
		if got.Forced != c.after.Forced || got.Awake != c.after.Awake || (got.Hold == nil) != (c.after.Hold == nil) ||
			got.Hold != nil && *got.Hold != *c.after.Hold {
			t.Errorf("%s: %+v, want %+v", name, got, c.after)
		}
	}
}
