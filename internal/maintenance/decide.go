// Package maintenance decides when nodes are updated and when they sleep, and has it done. It never cuts work off: only
// minimum sizes are lowered, which removes no node, and what begins waits for loads in progress.
package maintenance

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"dip/contract"
)

// State is all that a decision depends on.
type State struct {
	Now    time.Time
	Switch contract.MaintenanceSwitch
	Record contract.MaintenanceRecord
	Groups []Group
	Loads  []string // in progress on nodes
}

// Group is a node group as it is meant to be, and as it is.
type Group struct {
	Of  contract.MaintainedGroup
	Now contract.GroupState
}

// Decision is what is done now, and what waits.
type Decision struct {
	Acts    []contract.MaintenanceAct
	Delayed []contract.MaintenanceDelay
	Window  *contract.Window // open
	Next    *contract.Window // opens next
	Sleep   *contract.SleepState
	Record  contract.MaintenanceRecord // to remember, before the acts
}

// States of a node group in EKS.
const (
	active   = "ACTIVE"
	updating = "UPDATING"
)

// updateTakes is how long before its end a window begins no more updates: EKS replaces a third of a group's nodes at a
// time, and waits up to 15 minutes for each node's pods ("Understand each phase of node updates").
const updateTakes = 30 * time.Minute

// Decide says what to do now. It may be repeated: what is done already is not due any more.
func (p *Plan) Decide(s State) Decision {
	d := Decision{Window: p.open(s.Now), Next: p.next(s.Now), Record: s.Record}
	if end := s.Switch.Forced.Add(contract.ForcedFor); !s.Now.Before(s.Switch.Forced) && s.Now.Before(end) {
		d.Window = &contract.Window{Name: contract.ForcedWindow, Start: s.Switch.Forced.UTC(), End: end.UTC()}
	}
	d.remember(s, p.outdated(s))
	if p.sleep != nil {
		state := p.sleep.state(s.Now, s.Switch.Awake)
		d.Sleep = &state
		for _, g := range s.Groups {
			d.resize(s, g)
		}
	}
	d.update(s, p.outdated(s))
	return d
}

// outdated are the groups whose image has a newer release.
func (p *Plan) outdated(s State) (groups []Group) {
	for _, g := range s.Groups {
		if p.nodes && g.Now.Status != "" && newer(g.Now.Newest, g.Now.Release) {
			groups = append(groups, g)
		}
	}
	return groups
}

// remember keeps the window that is open, and once it has closed, what it has not updated. A hold is no omission.
func (d *Decision) remember(s State, outdated []Group) {
	var names []string
	for _, g := range outdated {
		if g.Now.Status != updating {
			names = append(names, g.Of.Name)
		}
	}
	was := s.Record.Window
	switch {
	case was != nil && !s.Now.Before(was.End) && s.held() == "":
		d.Record.Overdue = names
	case len(s.Record.Overdue) > 0:
		d.Record.Overdue = slices.DeleteFunc(slices.Clone(s.Record.Overdue), func(name string) bool {
			return !slices.Contains(names, name)
		})
	}
	d.Record.Window = d.Window
}

// held says until when and why nothing may begin; "": nothing is held.
func (s State) held() string {
	if h := s.Switch.Hold; h != nil && s.Now.Before(h.Until) {
		return fmt.Sprintf("hold until %s: %s", stamp(h.Until), h.Reason)
	}
	return ""
}

// working says that there are loads that need nodes; "": none.
func (s State) working() string {
	switch n := len(s.Loads); n {
	case 0:
		return ""
	case 1:
		return "load " + s.Loads[0]
	default:
		return fmt.Sprintf("%d loads, the first is %s", n, s.Loads[0])
	}
}

// resize moves a group's minimum to where it belongs. Raising it waits for nothing.
func (d *Decision) resize(s State, g Group) {
	want, why := g.Of.Min, "awake until "+stamp(d.Sleep.Until)
	if d.Sleep.Asleep {
		want, why = g.Of.Asleep, "asleep until "+stamp(d.Sleep.Until)
	}
	act := contract.MaintenanceAct{Kind: contract.Raise, Group: g.Of.Name, Min: want, Why: why}
	switch {
	case !g.Of.Sleeps || g.Now.Min == want:
		return
	case g.Now.Min < want:
		d.Acts = append(d.Acts, act)
		return
	}
	act.Kind = contract.Lower
	changing := ""
	if g.Now.Status == updating {
		changing = "the update of its nodes"
	}
	d.begin(act, s.held(), changing, s.working())
}

// begin does something, or has it wait for the first of several reasons that there is.
func (d *Decision) begin(act contract.MaintenanceAct, reasons ...string) (begun bool) {
	for _, reason := range reasons {
		if reason != "" {
			d.Delayed = append(d.Delayed, contract.MaintenanceDelay{MaintenanceAct: act, For: reason})
			return false
		}
	}
	d.Acts = append(d.Acts, act)
	return true
}

// update begins the update of one group, if a window is open: the pods of its nodes move to those of others.
func (d *Decision) update(s State, outdated []Group) {
	if d.Window == nil {
		return
	}
	hold, other := s.held(), ""
	if d.Window.Name == contract.ForcedWindow {
		hold = ""
	}
	for _, g := range s.Groups {
		if g.Now.Status == updating {
			other = "the update of " + g.Of.Name
		}
	}
	ending := ""
	if d.Window.End.Sub(s.Now) < updateTakes {
		ending = "the next window: this one ends at " + stamp(d.Window.End)
	}
	for _, g := range outdated {
		if g.Now.Status == updating {
			continue
		}
		act := contract.MaintenanceAct{Kind: contract.Update, Group: g.Of.Name, Release: g.Now.Newest,
			Why: fmt.Sprintf("window %s until %s", d.Window.Name, stamp(d.Window.End))}
		var failed, unfit string
		if begun := s.Record.Begun[g.Of.Name]; begun.Release == g.Now.Newest && begun.Window.Equal(d.Window.Start) {
			failed = "the next window: its update in this one has failed"
		}
		if g.Now.Status != active {
			unfit = "EKS: the group is " + g.Now.Status
		}
		if d.begin(act, hold, ending, other, unfit, failed, s.working()) {
			other = "the update of " + g.Of.Name
		}
	}
}

// keptRuns is how many runs the record keeps.
const keptRuns = 20

// Done records an act that has been done in a window.
func Done(r contract.MaintenanceRecord, act contract.MaintenanceAct, now time.Time) contract.MaintenanceRecord {
	r.Runs = append(slices.Clone(r.Runs), contract.MaintenanceRun{MaintenanceAct: act, At: now.UTC()})
	r.Runs = r.Runs[max(0, len(r.Runs)-keptRuns):]
	if act.Kind == contract.Update && r.Window != nil {
		r.Begun = maps.Clone(r.Begun)
		if r.Begun == nil {
			r.Begun = map[string]contract.BeganRun{}
		}
		r.Begun[act.Group] = contract.BeganRun{Release: act.Release, Window: r.Window.Start}
	}
	return r
}

// newer compares releases such as 1.36.0-20261118, number by number.
func newer(a, b string) bool {
	numbers := func(release string) (all []int) {
		for part := range strings.FieldsFuncSeq(release, func(r rune) bool { return r == '.' || r == '-' }) {
			n, err := strconv.Atoi(part)
			if err != nil {
				return nil
			}
			all = append(all, n)
		}
		return all
	}
	return slices.Compare(numbers(a), numbers(b)) > 0
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
