package maintenance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	"dip/contract"
	"dip/internal/emf"
	"dip/internal/ledger"
)

// Switch is what people have set.
type Switch interface {
	Read(ctx context.Context) (contract.MaintenanceSwitch, error)
}

// Nodes is the node groups in AWS.
type Nodes interface {
	// States are those of groups, in their order. releases names the parameter with the newest release of their image.
	States(ctx context.Context, groups []contract.MaintainedGroup, releases string) ([]contract.GroupState, error)
	// SetMin sets the minimum of a group's Auto Scaling group.
	SetMin(ctx context.Context, group contract.MaintainedGroup, min int) error
	// Update begins the update of a managed group's nodes to a release. The same token begins it once.
	Update(ctx context.Context, group contract.MaintainedGroup, release, token string) error
}

// Ledger is the part of the ledger that maintenance needs.
type Ledger interface {
	Open(ctx context.Context, since time.Time, n int) ([]ledger.Load, error)
	Maintenance(ctx context.Context) (ledger.Maintenance, error)
	KeepMaintenance(ctx context.Context, m ledger.Maintenance) (bool, error)
}

// Maintainer looks after the node groups of a stack.
type Maintainer struct {
	Plan        *Plan
	Releases    string // name of a parameter: see Nodes
	SupportEnds string // see contract.MaintenancePlan
	Groups      []contract.MaintainedGroup

	Switch  Switch
	Nodes   Nodes
	Ledger  Ledger
	Log     *slog.Logger
	Metrics *emf.Emitter
	Now     func() time.Time
}

// ErrConcurrent reports that another run was faster. What it did and this one repeated has had no effect twice.
var ErrConcurrent = errors.New("another run of the maintenance function has changed its record")

// Maintain does what is due, and reports. It may be repeated at any point, and run twice at the same time.
func (m *Maintainer) Maintain(ctx context.Context, r contract.MaintenanceRequest) (contract.MaintenanceReport, error) {
	state, kept, err := m.look(ctx)
	if err != nil {
		return contract.MaintenanceReport{}, err
	}
	d := m.Plan.Decide(state)
	report := m.report(state, d)
	if r.Look {
		return report, nil
	}
	report.Acts = nil
	var errs []error
	for _, act := range d.Acts {
		if err := m.do(ctx, act, d.Window); err != nil {
			errs = append(errs, fmt.Errorf("%s %s: %w", act.Kind, act.Group, err))
			continue
		}
		m.Log.InfoContext(ctx, "done", "act", act)
		report.Acts = append(report.Acts, act)
		report.Record = Done(report.Record, act, state.Now)
	}
	for _, delay := range d.Delayed {
		m.Log.InfoContext(ctx, "delayed", "delay", delay)
	}
	if len(m.Groups) > 0 {
		errs = append(errs, m.keep(ctx, kept, report.Record))
	}
	if err := errors.Join(errs...); err != nil {
		return report, err
	}
	m.Metrics.Emit("", emf.Values{contract.OverdueUpdates: float64(len(report.Record.Overdue))}, nil)
	return report, nil
}

// openLoads is how many open loads of each of the ledger's shards are looked at.
const openLoads = 1000

// look reads all that a decision depends on. Without node groups that is the switch.
func (m *Maintainer) look(ctx context.Context) (s State, kept ledger.Maintenance, err error) {
	s.Now = m.Now()
	if s.Switch, err = m.Switch.Read(ctx); err != nil || len(m.Groups) == 0 {
		return s, kept, err
	}
	if kept, err = m.Ledger.Maintenance(ctx); err != nil {
		return s, kept, err
	}
	s.Record = kept.Record
	states, err := m.Nodes.States(ctx, m.Groups, m.Releases)
	if err != nil {
		return s, kept, err
	}
	for i, g := range m.Groups {
		s.Groups = append(s.Groups, Group{g, states[i]})
	}
	open, err := m.Ledger.Open(ctx, s.Now.Add(time.Hour), openLoads) // an hour: clocks differ
	if err != nil {
		return s, kept, err
	}
	for _, load := range open {
		if onNodes(load) {
			s.Loads = append(s.Loads, fmt.Sprintf("%.12s of %s", load.ID, load.Segment))
		}
	}
	return s, kept, nil
}

// onNodes says whether a load needs nodes, or may turn out to.
func onNodes(load ledger.Load) bool {
	if load.Status != contract.Received && load.Status != contract.Running {
		return false
	}
	return load.Plan == nil || load.Plan.Restage || load.Plan.Lane == contract.Workers
}

func (m *Maintainer) do(ctx context.Context, act contract.MaintenanceAct, open *contract.Window) error {
	for _, g := range m.Groups {
		if g.Name != act.Group {
			continue
		}
		if act.Kind == contract.Update {
			once := sha256.Sum256(fmt.Appendf(nil, "%s %s %d", g.Managed, act.Release, open.Start.Unix()))
			return m.Nodes.Update(ctx, g, act.Release, hex.EncodeToString(once[:16]))
		}
		return m.Nodes.SetMin(ctx, g, act.Min)
	}
	return errors.New("no such node group")
}

func (m *Maintainer) keep(ctx context.Context, kept ledger.Maintenance, now contract.MaintenanceRecord) error {
	if reflect.DeepEqual(kept.Record, now) {
		return nil
	}
	kept.Record = now
	ok, err := m.Ledger.KeepMaintenance(ctx, kept)
	if err == nil && !ok {
		return ErrConcurrent
	}
	return err
}

func (m *Maintainer) report(s State, d Decision) contract.MaintenanceReport {
	r := contract.MaintenanceReport{
		At: s.Now.UTC(), Acts: d.Acts, Delayed: d.Delayed, Window: d.Window, Next: d.Next, Sleep: d.Sleep, Switch: s.Switch,
		Loads: s.Loads, Record: d.Record, SupportEnds: m.SupportEnds,
	}
	for _, g := range s.Groups {
		r.Groups = append(r.Groups, g.Now)
	}
	return r
}
