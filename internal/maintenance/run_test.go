package maintenance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/emf"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
	"dip/internal/maintenance"
)

// cloud is node groups and the switch in memory.
type cloud struct {
	states []contract.GroupState
	told   contract.MaintenanceSwitch
	calls  []string
	err    error // of each call that changes something
}

func (c *cloud) Read(context.Context) (contract.MaintenanceSwitch, error) { return c.told, nil }

func (c *cloud) States(_ context.Context, groups []contract.MaintainedGroup, releases string) (
	[]contract.GroupState, error) {
	if releases != "/releases" || len(groups) != len(c.states) {
		return nil, fmt.Errorf("asked for %d groups and %s", len(groups), releases)
	}
	return c.states, nil
}

func (c *cloud) SetMin(_ context.Context, g contract.MaintainedGroup, least int) error {
	c.calls = append(c.calls, fmt.Sprintf("minimum of %s %d", g.AutoScalingGroup, least))
	return c.err
}

func (c *cloud) Update(_ context.Context, g contract.MaintainedGroup, release, token string) error {
	c.calls = append(c.calls, fmt.Sprintf("update of %s to %s by %s", g.Managed, release, token))
	return c.err
}

type fixture struct {
	*maintenance.Maintainer
	cloud   *cloud
	books   *ledgertest.Fake
	metrics *bytes.Buffer
}

// inWindow is a stack in its window, with a group to update and another that should sleep.
func inWindow(t *testing.T) fixture {
	t.Helper()
	plan, err := maintenance.NewPlan(contract.MaintenancePlan{
		Nodes: true, Windows: []contract.MaintenanceWindow{{Name: "weekly", Start: "0 2 * * 2", Zone: "UTC", Minutes: 240}},
		Sleep: &contract.Sleep{From: "20:00", Until: "06:00", Zone: "UTC", BusinessDays: []time.Weekday{1, 2, 3, 4, 5}},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{states: []contract.GroupState{
		{Name: "services", Min: 1, Status: "ACTIVE", Release: "1.36.0-20261101", Newest: "1.36.0-20261118"},
		{Name: "batch", Min: 1},
	}}
	now := func() time.Time { return time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC) }
	f := fixture{cloud: c, books: ledgertest.New(), metrics: &bytes.Buffer{}}
	f.Maintainer = &maintenance.Maintainer{
		Plan: plan, Releases: "/releases", SupportEnds: "2027-08-02", Switch: c, Nodes: c, Ledger: f.books,
		Groups: []contract.MaintainedGroup{
			{Name: "services", AutoScalingGroup: "eks-1", Managed: "services-1", Min: 2, Asleep: 1, Sleeps: true},
			{Name: "batch", AutoScalingGroup: "batch-1", Sleeps: true},
		},
		Log: slog.New(slog.DiscardHandler), Metrics: &emf.Emitter{Stack: "dev", Out: f.metrics, Now: now}, Now: now,
	}
	return f
}

const update = "update of services-1 to 1.36.0-20261118 by 9378882511c7c2c16d2240706b870e49"

func (f fixture) run(t *testing.T, r contract.MaintenanceRequest) contract.MaintenanceReport {
	t.Helper()
	report, err := f.Maintain(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestItDoesWhatIsDueAndRemembers(t *testing.T) {
	f := inWindow(t)
	r := f.run(t, contract.MaintenanceRequest{})
	if got := strings.Join(f.cloud.calls, "; "); got != "minimum of batch-1 0; "+update {
		t.Errorf("called %s", got)
	}
	if len(r.Acts) != 2 || len(r.Groups) != 2 || r.SupportEnds != "2027-08-02" || r.Window == nil || r.Next == nil {
		t.Errorf("reported %+v", r)
	}
	kept, err := f.books.Maintenance(t.Context())
	if err != nil || len(kept.Record.Runs) != 2 || kept.Record.Begun["services"].Release != "1.36.0-20261118" ||
		kept.Record.Window == nil {
		t.Errorf("remembers %+v, %v", kept, err)
	}
	if !strings.Contains(f.metrics.String(), `"OverdueUpdates":0`) {
		t.Errorf("metrics are %s", f.metrics)
	}
	f.cloud.states[1].Min = 0
	f.cloud.states[0].Status = "UPDATING"
	if f.run(t, contract.MaintenanceRequest{}); len(f.cloud.calls) != 2 {
		t.Errorf("done again: %v", f.cloud.calls)
	}
	if again, err := f.books.Maintenance(t.Context()); err != nil || again.Revision != kept.Revision {
		t.Errorf("an unchanged record is written again: %d, %v", again.Revision, err)
	}
}

func TestALookChangesNothing(t *testing.T) {
	f := inWindow(t)
	r := f.run(t, contract.MaintenanceRequest{Look: true})
	kept, err := f.books.Maintenance(t.Context())
	if err != nil || len(r.Acts) != 2 || len(f.cloud.calls) != 0 || kept.Revision != 0 || f.metrics.Len() != 0 {
		t.Errorf("%+v; called %v, remembers %+v, %v", r, f.cloud.calls, kept, err)
	}
}

// Loads delay what begins if they need nodes, or may turn out to.
func TestLoadsOnNodes(t *testing.T) {
	for name, c := range map[string]struct {
		load   ledger.Load
		delays bool
	}{
		"not planned":       {ledger.Load{Status: contract.Received}, true},
		"on functions":      {ledger.Load{Status: contract.Running, Plan: &ledger.Plan{}}, false},
		"on workers":        {ledger.Load{Status: contract.Running, Plan: &ledger.Plan{Lane: contract.Workers}}, true},
		"a restage":         {ledger.Load{Status: contract.Running, Plan: &ledger.Plan{Restage: true}}, true},
		"certified":         {ledger.Load{Status: contract.Certified, Plan: &ledger.Plan{Lane: contract.Workers}}, false},
		"over, unannounced": {ledger.Load{Status: contract.Failed, Plan: &ledger.Plan{Lane: contract.Workers}}, false},
	} {
		f := inWindow(t)
		c.load.ID, c.load.Segment = "0123456789abcdef", "trips"
		c.load.Updated = f.Now()
		f.books.Seed(c.load)
		r := f.run(t, contract.MaintenanceRequest{})
		if delayed := len(r.Delayed) == 2 && len(f.cloud.calls) == 0; delayed != c.delays {
			t.Errorf("%s: %+v; called %v", name, r, f.cloud.calls)
		}
		if c.delays && (len(r.Loads) != 1 || r.Loads[0] != "0123456789ab of trips") {
			t.Errorf("%s: loads are %q", name, r.Loads)
		}
	}
}

// What failed is not remembered as done, and there is no metric: the alarm on its absence fires.
func TestFailures(t *testing.T) {
	f := inWindow(t)
	f.cloud.err = errors.New("throttled")
	r, err := f.Maintain(t.Context(), contract.MaintenanceRequest{})
	if err == nil || !strings.Contains(err.Error(), "update services: throttled") ||
		!strings.Contains(err.Error(), "lower batch: throttled") {
		t.Errorf("the error is %v", err)
	}
	if len(r.Acts) != 0 || len(r.Record.Runs) != 0 || f.metrics.Len() != 0 {
		t.Errorf("%+v, %s", r, f.metrics)
	}
	f.cloud.err = nil
	if r := f.run(t, contract.MaintenanceRequest{}); len(r.Acts) != 2 {
		t.Errorf("then %+v", r)
	}
}

// overtaken is a ledger that another run has written.
type overtaken struct{ *ledgertest.Fake }

func (overtaken) KeepMaintenance(context.Context, ledger.Maintenance) (bool, error) {
	return false, nil
}

func TestAFasterRun(t *testing.T) {
	f := inWindow(t)
	f.Ledger = overtaken{f.books}
	if _, err := f.Maintain(t.Context(), contract.MaintenanceRequest{}); !errors.Is(err, maintenance.ErrConcurrent) {
		t.Errorf("%v", err)
	}
}

// A stack without a cluster has windows and nothing to do in them.
func TestWithoutNodes(t *testing.T) {
	f := inWindow(t)
	f.Groups, f.Nodes, f.Ledger, f.cloud.told.Forced = nil, nil, nil, f.Now()
	r := f.run(t, contract.MaintenanceRequest{})
	if r.Window == nil || r.Window.Name != contract.ForcedWindow || len(r.Acts)+len(r.Delayed) != 0 {
		t.Errorf("%+v", r)
	}
}
