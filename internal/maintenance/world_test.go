package maintenance

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"dip/contract"
)

// world is node groups that do what they are told, on a clock.
type world struct {
	t       *testing.T
	plan    *Plan
	now     time.Time
	state   State
	ends    map[string]time.Time // of updates
	updates int
}

// step decides and does what is decided. Now and then it dies before it remembers.
func (w *world) step(random *rand.Rand) {
	w.state.Now = w.now
	for i := range w.state.Groups {
		g := &w.state.Groups[i]
		if end, ok := w.ends[g.Of.Name]; ok && !w.now.Before(end) {
			g.Now.Status = active
			if random.IntN(4) > 0 { // otherwise it has failed
				g.Now.Release = g.Now.Newest
			}
			delete(w.ends, g.Of.Name)
		}
	}
	d := w.plan.Decide(w.state)
	record := d.Record
	for _, act := range d.Acts {
		if err := w.do(d, act); err != nil {
			w.t.Fatalf("%s: %s %s: %v; switch %+v", w.now, act.Kind, act.Group, err, w.state.Switch)
		}
		record = Done(record, act, w.now)
	}
	if random.IntN(10) > 0 {
		w.state.Record = record
	}
	for _, act := range w.plan.Decide(w.state).Acts { // at the same time, once more
		w.t.Fatalf("%s: %s %s again", w.now, act.Kind, act.Group)
	}
}

// do does something, unless that must not be.
func (w *world) do(d Decision, act contract.MaintenanceAct) error {
	held := w.state.Switch.Hold != nil && w.now.Before(w.state.Switch.Hold.Until)
	forced := !w.now.Before(w.state.Switch.Forced) && w.now.Before(w.state.Switch.Forced.Add(contract.ForcedFor))
	for i := range w.state.Groups {
		g := &w.state.Groups[i]
		if g.Of.Name != act.Group {
			continue
		}
		if act.Kind == contract.Raise {
			g.Now.Min = act.Min
			return nil
		}
		if len(w.state.Loads) > 0 {
			return errors.New("a load is in progress")
		}
		if act.Kind == contract.Lower {
			if held || act.Min < g.Of.Asleep {
				return fmt.Errorf("held %t, to %d", held, act.Min)
			}
			g.Now.Min = act.Min
			return nil
		}
		if held && !forced || d.Window == nil || w.now.Before(d.Window.Start) || !w.now.Before(d.Window.End) {
			return fmt.Errorf("held %t, forced %t, window %+v", held, forced, d.Window)
		}
		if len(w.ends) > 0 || g.Now.Status != active || g.Now.Release == g.Now.Newest {
			return fmt.Errorf("status %s, updates %v", g.Now.Status, w.ends)
		}
		g.Now.Status, w.ends[g.Of.Name] = updating, w.now.Add(time.Duration(10+w.updates%3*30)*time.Minute)
		w.updates++
		return nil
	}
	return errors.New("there is no such group")
}

// Half a year of people, loads and releases at random, over both changes of the clocks: nothing begins that must not,
// nothing is done twice, and in the end everything is where it belongs.
func TestWorld(t *testing.T) {
	for seed := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, 1))
		w := &world{t: t, plan: berlin(t), now: at(t, "2026-03-01 00:00 UTC"), ends: map[string]time.Time{}}
		base := services(2, active, old)
		base.Of.Name, base.Now.Name = "base", "base"
		w.state.Groups = []Group{base, services(2, active, old), batch()}
		for range 180 * 24 * 2 {
			w.disturb(random)
			w.step(random)
			w.now = w.now.Add(30 * time.Minute)
		}
		w.state.Switch, w.state.Loads = contract.MaintenanceSwitch{}, nil
		for range 22 * 24 * 2 {
			w.step(random)
			w.now = w.now.Add(30 * time.Minute)
		}
		for i, g := range w.state.Groups[:2] {
			want := map[bool]int{true: g.Of.Asleep, false: g.Of.Min}[w.plan.sleep.state(w.now, time.Time{}).Asleep]
			w.state.Now = w.now
			if d := w.plan.Decide(w.state); len(d.Acts) == 0 && g.Now.Min != want {
				t.Errorf("seed %d: the minimum of group %d is %d, want %d", seed, i, g.Now.Min, want)
			}
		}
		if w.updates < 10 {
			t.Errorf("seed %d: %d updates in half a year", seed, w.updates)
		}
	}
}

// disturb has people and loads do something, at random.
func (w *world) disturb(random *rand.Rand) {
	switch s := &w.state.Switch; random.IntN(60) {
	case 0:
		w.state.Loads = []string{"a"}
	case 1, 2, 3:
		w.state.Loads = nil
	case 4:
		s.Hold = &contract.Hold{Until: w.now.Add(time.Duration(random.IntN(72)) * time.Hour)}
	case 5:
		s.Hold = nil
	case 6:
		s.Forced = w.now
	case 7:
		s.Awake = w.now.Add(time.Duration(random.IntN(30)) * time.Hour)
	case 8:
		for i := range w.state.Groups[:2] {
			if g := &w.state.Groups[i]; g.Now.Status == active {
				g.Now.Newest = "1.36.1-" + w.now.Format("20060102")
			}
		}
	}
}

func TestRecordKeepsTheLastRuns(t *testing.T) {
	r := contract.MaintenanceRecord{Window: &contract.Window{Name: "w", Start: at(t, "2026-12-01 01:00 UTC")}}
	for i := range 30 {
		r = Done(r, contract.MaintenanceAct{Kind: contract.Update, Group: "g", Release: fmt.Sprint(i)}, r.Window.Start)
	}
	if n := len(r.Runs); n != keptRuns || r.Runs[n-1].Release != "29" || r.Begun["g"].Release != "29" {
		t.Errorf("%d runs, %+v", n, r)
	}
}
