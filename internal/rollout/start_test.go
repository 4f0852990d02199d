package rollout

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/ledger/ledgertest"
)

func TestBegin(t *testing.T) {
	to := func(target string) map[string]moving { return map[string]moving{"d-1": {target: target}} }
	for name, c := range map[string]struct {
		alias   Alias
		running map[string]moving
		want    action
	}{
		"a new version":                 {Alias{Version: "3"}, nil, create},
		"the version is live":           {Alias{Version: "4"}, nil, keep},
		"a deployment to it is running": {Alias{Version: "3"}, to("4"), keep},
		"and moves traffic":             {Alias{"3", map[string]float64{"4": 0.1}}, to("4"), keep},
		"a deployment to another one":   {Alias{Version: "3"}, to("5"), stop},
		"a deployment away from it":     {Alias{"4", map[string]float64{"5": 0.1}}, to("5"), stop},
		"a rollback to it": {Alias{"5", map[string]float64{"4": 0.1}},
			map[string]moving{"d-1": {target: "4", rollback: true}}, stop},
		"a deployment that nobody knows": {Alias{Version: "3"}, to(""), stop},
		"one to it and one that is stopping": {Alias{Version: "3"},
			map[string]moving{"d-1": {target: "5"}, "d-2": {target: "4"}}, stop},
	} {
		if got := begin(c.alias, "4", c.running); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestShare(t *testing.T) {
	for name, c := range map[string]struct {
		alias Alias
		want  float64
	}{
		"none":        {Alias{Version: "3"}, 0},
		"some":        {Alias{"3", map[string]float64{"4": 0.25}}, 0.25},
		"all":         {Alias{Version: "4"}, 1},
		"moving away": {Alias{"4", map[string]float64{"5": 0.25}}, 0.75},
	} {
		if got := c.alias.Share("4"); got != c.want {
			t.Errorf("%s: %g", name, got)
		}
		if got, want := atEnd(c.alias, "4"), c.want == 1; got != want {
			t.Errorf("%s: at its end: %t", name, got)
		}
	}
}

const spec = `{"Hooks":[{"BeforeAllowTraffic":"hook"},{"AfterAllowTraffic":"hook"}],"Resources":[{"segment":` +
	`{"Properties":{"Alias":"live","CurrentVersion":"3","Name":"dip-trips","TargetVersion":"4"},` +
	`"Type":"AWS::Lambda::Function"}}],"version":0.0}`

func TestStart(t *testing.T) {
	w := newWorld()
	for range 2 { // an answer may be lost
		answer, err := w.Handle(t.Context(), start("4"))
		if err != nil || answer.Deployment != "d-1" {
			t.Fatalf("got %+v, %v", answer, err)
		}
	}
	if len(w.specs) != 1 || w.specs[0] != spec || Target(w.specs[0]) != "4" {
		t.Errorf("CodeDeploy got %v", w.specs)
	}
	got := w.record(t)
	if got.Current != "3" || got.Target != "4" || got.Deployment != "d-1" || !got.Began.Equal(w.now) || got.Shadow != 2 {
		t.Errorf("recorded is %+v", got)
	}
}

func TestStartOfALiveVersion(t *testing.T) {
	w := newWorld()
	answer, err := w.Handle(t.Context(), start("3"))
	if err != nil || answer.Deployment != "" || answer.Text != "segment trips is at version 3" || len(w.specs) != 0 {
		t.Errorf("got %+v, %v, created %v", answer, err, w.specs)
	}
	if r := w.record(t); r.Target != "" {
		t.Errorf("recorded is %+v", r)
	}
}

// The last start wins: what is under way is stopped first.
func TestStartSupersedes(t *testing.T) {
	w := newWorld()
	w.stopping = 2
	for _, target := range []string{"4", "5"} {
		if _, err := w.Handle(t.Context(), start(target)); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(w.stopped, []string{"d-1", "d-1"}) || w.paused != 2 || len(w.specs) != 2 {
		t.Errorf("stopped %v in %d pauses, created %d", w.stopped, w.paused, len(w.specs))
	}
	if got := w.record(t); got.Target != "5" || got.Current != "3" || got.Deployment != "d-2" {
		t.Errorf("recorded is %+v", got)
	}
}

// A rollback is waited for: stopping it would leave the traffic where it is.
func TestStartWaitsForARollback(t *testing.T) {
	w := newWorld()
	if _, err := w.Handle(t.Context(), start("4")); err != nil {
		t.Fatal(err)
	}
	w.rollback = true
	w.Pause = func(context.Context, time.Duration) error {
		if w.paused++; w.paused == 2 {
			w.running = nil
		}
		return nil
	}
	_, err := w.Handle(t.Context(), start("4"))
	if err != nil || len(w.stopped) != 0 || w.paused != 2 || len(w.specs) != 2 {
		t.Errorf("%v, stopped %v in %d pauses, created %d", err, w.stopped, w.paused, len(w.specs))
	}
}

// CodeDeploy need not say what a deployment is about: the ledger knows.
func TestStartKnowsItsDeploymentFromTheLedger(t *testing.T) {
	w := newWorld()
	w.mute = true
	for range 2 {
		if _, err := w.Handle(t.Context(), start("4")); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.specs) != 1 {
		t.Errorf("created %d", len(w.specs))
	}
}

// A start that dies at any operation is repaired by the next one.
func TestStartThatDied(t *testing.T) {
	died := errors.New("died")
	for _, op := range []string{"Rollout", "PutRollout"} {
		for n := 1; ; n++ {
			w := newWorld()
			w.mute = true
			count, dead := 0, false
			w.ledger.After = func(o ledgertest.Op) error {
				if o.Name == op {
					if count++; count == n {
						dead = true
						return died
					}
				}
				return nil
			}
			_, err := w.Handle(t.Context(), start("4"))
			if dead != errors.Is(err, died) {
				t.Fatalf("%s %d: %v", op, n, err)
			}
			w.ledger.After = nil
			if _, err := w.Handle(t.Context(), start("4")); err != nil {
				t.Fatalf("%s %d: again: %v", op, n, err)
			}
			if len(w.specs) != 1 || w.record(t).Target != "4" {
				t.Errorf("%s %d: created %d, recorded %+v", op, n, len(w.specs), w.record(t))
			}
			if !dead {
				break
			}
		}
	}
}

func TestStartFails(t *testing.T) {
	failure := errors.New("AccessDenied")
	for _, op := range []string{"Alias", "Running", "Deployment", "Create", "Stop", "Pause"} {
		w := newWorld()
		w.stopping = 5
		if op == "Deployment" || op == "Stop" || op == "Pause" { // they need one that is running
			if _, err := w.Handle(t.Context(), start("9")); err != nil {
				t.Fatal(err)
			}
		}
		w.fails = map[string]error{op: failure}
		if _, err := w.Handle(t.Context(), start("4")); !errors.Is(err, failure) {
			t.Errorf("%s: %v", op, err)
		}
	}
}

func TestTargetOfOtherSpecs(t *testing.T) {
	for _, text := range []string{"", "{}", "version: 0.0", `{"Resources":[]}`, `{"Resources":[{"a":{}}]}`} {
		if got := Target(text); got != "" {
			t.Errorf("%s: %s", text, got)
		}
	}
}

func start(target string) contract.RolloutRequest {
	return contract.RolloutRequest{Start: &contract.RolloutStart{
		Version: 1, Segment: "trips", Function: "dip-trips", Target: target, Group: "g", Strategy: contract.AllAtOnce,
		Shadow: 2, QuarantineDrift: 0.05, TimeoutSeconds: 60,
	}}
}
