package codedeploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"dip/local/emulator"
)

// world is a store, an account and a clock, and what may go wrong with them.
type world struct {
	now         time.Time
	order       []string
	deployments map[string]emulator.Deployment
	alias       Alias
	firing      []string
	called      []string // executions
	broken      func() bool
	refuse      bool // calls of hooks
	seen        []Alias
}

func newWorld(d emulator.Deployment) *world {
	return &world{
		now: noon, order: []string{d.ID}, deployments: map[string]emulator.Deployment{d.ID: d},
		alias: Alias{Version: d.Current}, broken: func() bool { return false },
	}
}

func (w *world) driver() *Driver {
	return &Driver{
		Store: w, As: func(context.Context, string) (Account, error) { return w, w.err() },
		Now: func() time.Time { return w.now }, Log: slog.New(slog.DiscardHandler),
	}
}

var errBroken = errors.New("connection reset")

func (w *world) err() error {
	if w.broken() {
		return errBroken
	}
	return nil
}

func (w *world) Deployments(context.Context) ([]emulator.Deployment, error) {
	var all []emulator.Deployment
	for _, id := range w.order {
		if d := w.deployments[id]; d.Progress.Status == created || d.Progress.Status == inProgress {
			all = append(all, d)
		}
	}
	return all, w.err()
}

func (w *world) Proceed(_ context.Context, id string, p emulator.Progress) error {
	if err := w.err(); err != nil {
		return err
	}
	d := w.deployments[id]
	d.Progress = p
	w.deployments[id] = d
	if p.Rollback != nil {
		if _, ok := w.deployments[p.Rollback.ID]; !ok {
			w.order = append(w.order, p.Rollback.ID)
			w.deployments[p.Rollback.ID] = emulator.Deployment{
				ID: p.Rollback.ID, RollbackOf: id, Function: d.Function, Alias: d.Alias, Current: d.Target,
				Target: d.Current, Routing: emulator.Routing{Type: "AllAtOnce"},
				Progress: emulator.Progress{Status: created},
			}
		}
	}
	return nil
}

func (w *world) Alias(context.Context, string, string) (Alias, error) { return w.alias, w.err() }

// Move may take effect and still break.
func (w *world) Move(_ context.Context, _, _ string, to Alias) error {
	if err := w.err(); err != nil {
		return err
	}
	w.alias = to
	w.seen = append(w.seen, to)
	return w.err()
}

func (w *world) Call(_ context.Context, _ string, payload []byte) error {
	if w.refuse {
		return &Refused{Reason: "no such function"}
	}
	var event struct{ DeploymentID, LifecycleEventHookExecutionID string }
	if err := json.Unmarshal(payload, &event); err != nil {
		return err
	}
	events := w.deployments[event.DeploymentID].Progress.Events
	if !slices.ContainsFunc(events, func(e emulator.LifecycleEvent) bool {
		return e.Execution == event.LifecycleEventHookExecutionID && e.Status == inProgress
	}) {
		return fmt.Errorf("a hook is called as %+v before that is recorded in %+v", event, events)
	}
	w.called = append(w.called, event.LifecycleEventHookExecutionID)
	return w.err()
}

func (w *world) Firing(context.Context, []string) ([]string, error) { return w.firing, w.err() }

func round(t *testing.T, w *world) {
	t.Helper()
	if err := w.driver().Round(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestDriverCallsHooksAndMovesTheAlias(t *testing.T) {
	t.Parallel()
	w := newWorld(deployment())
	d := w.deployments["d-ABCDEFGHI"]
	round(t, w)
	round(t, w) // calls nothing twice
	if len(w.called) != 1 || w.seen != nil {
		t.Fatalf("hooks called as %v, alias moved to %v", w.called, w.seen)
	}
	d.Results[w.called[0]] = succeeded
	round(t, w)
	w.now = noon.Add(5 * time.Minute)
	round(t, w)
	if len(w.called) != 2 || len(w.seen) != 2 || w.seen[0].Weights["5"] != 0.1 || w.alias.Version != "5" {
		t.Fatalf("hooks called as %v, alias moved to %v", w.called, w.seen)
	}
	d.Results[w.called[1]] = succeeded
	round(t, w)
	if got := w.deployments[d.ID].Progress; got.Status != succeeded {
		t.Errorf("the deployment is %+v", got)
	}
}

func TestARoundRollsBack(t *testing.T) {
	t.Parallel()
	d := deployment()
	d.Hooks, d.Alarms = nil, []string{"errors"}
	w := newWorld(d)
	round(t, w)
	if w.alias.Weights["5"] != 0.1 {
		t.Fatalf("the alias is at %+v", w.alias)
	}
	w.firing = []string{"errors"}
	round(t, w)
	p := w.deployments[d.ID].Progress
	if p.Status != stopped || w.alias.Version != "4" || w.alias.Weights != nil {
		t.Errorf("the deployment is %+v, the alias at %+v", p, w.alias)
	}
	if back := w.deployments[p.Rollback.ID].Progress; back.Status != succeeded {
		t.Errorf("the rollback is %+v", back)
	}
}

func TestAHookThatCannotBeCalledFailsTheDeployment(t *testing.T) {
	t.Parallel()
	w := newWorld(deployment())
	w.refuse = true
	round(t, w)
	if p := w.deployments["d-ABCDEFGHI"].Progress; p.Status != failed || p.Error.Message != "no such function" {
		t.Errorf("the deployment is %+v", p)
	}
}

// Whatever happens to a deployment, its alias ends at the current or the target version alone; on the way it is at one
// of them, with no version but the target beside it.
func TestAliasesEndAtOneVersion(t *testing.T) {
	t.Parallel()
	outcomes := map[string]int{}
	for seed := range uint64(3000) {
		draw := rand.New(rand.NewPCG(seed, 1))
		d := deployment()
		d.Alarms = []string{"errors"}
		d.Routing = []emulator.Routing{{Type: "AllAtOnce"}, canary(1+draw.IntN(99), 1+draw.IntN(60)),
			linear(5+draw.IntN(90), 1+draw.IntN(60))}[draw.IntN(3)]
		for event := range d.Hooks {
			if draw.IntN(3) == 0 {
				delete(d.Hooks, event)
			}
		}
		w := newWorld(d)
		w.broken = func() bool { return draw.IntN(6) == 0 }
		w.refuse = draw.IntN(20) == 0
		for range 400 {
			if err := w.driver().Round(t.Context()); err != nil && !errors.Is(err, errBroken) {
				t.Fatalf("seed %d: %v", seed, err)
			}
			w.now = w.now.Add(time.Duration(draw.IntN(600)) * time.Second)
			d := w.deployments[d.ID]
			switch draw.IntN(60) {
			case 0:
				w.firing = []string{"errors"}
			case 1:
				d.Stop = &emulator.Stop{Rollback: true}
			}
			for _, execution := range w.called {
				if d.Results[execution] == "" && draw.IntN(4) == 0 {
					d.Results[execution] = []string{succeeded, succeeded, succeeded, failed}[draw.IntN(4)]
				}
			}
			w.deployments[d.ID] = d
		}
		w.broken = func() bool { return false }
		round(t, w)
		p := w.deployments[d.ID].Progress
		want := "4"
		if p.Status == succeeded {
			want = "5"
		}
		if !over(p.Status) || p.Status == created || w.alias.Version != want || len(w.alias.Weights) > 0 {
			t.Fatalf("seed %d: the deployment is %+v, its alias at %+v", seed, p, w.alias)
		}
		for i, a := range w.seen {
			between := a.Version == "4" && len(a.Weights) == 1 && a.Weights["5"] > 0 && a.Weights["5"] < 1
			alone := (a.Version == "4" || a.Version == "5") && len(a.Weights) == 0
			if !between && !alone {
				t.Fatalf("seed %d: move %d is to %+v", seed, i, a)
			}
		}
		outcomes[p.Status]++
	}
	for _, status := range []string{succeeded, failed, stopped} {
		if outcomes[status] < 100 {
			t.Errorf("%d of 3,000 deployments were %s: too few to prove anything", outcomes[status], status)
		}
	}
}
