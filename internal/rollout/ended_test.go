package rollout

import (
	"context"
	"errors"
	"strings"
	"testing"

	"dip/contract"
)

// end is the rule calling with a deployment that failed or was stopped.
func (w *world) end(t *testing.T, deployment string) contract.RolloutEvent {
	t.Helper()
	answer, err := w.Handle(t.Context(), contract.RolloutRequest{Ended: deployment})
	if err != nil || answer.Deployment != deployment || len(w.told) != 1 || len(w.answers) != 0 {
		t.Fatalf("got %+v, %v; told %+v, answered %v", answer, err, w.told, w.answers)
	}
	return w.told[0]
}

// Whoever reads the message knows why: what the failed check found, or what CodeDeploy says.
func TestFailedRolloutsAreTold(t *testing.T) {
	failed, passed := &contract.Check{Text: "chunk 0 has 9 records"}, &contract.Check{Passed: true, Text: "fine"}
	for name, c := range map[string]struct {
		before, after *contract.Check
		change        func(*world)
		target, want  string
	}{
		"the shadow failed":             {failed, nil, nil, "4", "chunk 0 has 9 records"},
		"the check afterwards failed":   {passed, failed, nil, "4", "chunk 0 has 9 records"},
		"an alarm fired":                {passed, nil, nil, "4", "ALARM_ACTIVE: it fires"},
		"CodeDeploy does not say why":   {nil, nil, func(w *world) { w.reason = "" }, "4", "CodeDeploy does not say why"},
		"CodeDeploy does not say which": {failed, nil, func(w *world) { w.mute = true }, "4", "chunk 0 has 9 records"},
		"a rollback failed": {failed, nil, func(w *world) {
			w.rollback, w.specs[0] = true, strings.ReplaceAll(spec, `"4"`, `"3"`)
		}, "3", "the alias could not be put back: chunk 0 has 9 records"},
	} {
		w := started(t)
		w.reason = "ALARM_ACTIVE: it fires"
		if c.change != nil {
			c.change(w)
		}
		if err := w.update(t.Context(), "g", func(r *contract.Rollout) bool {
			r.Before, r.After = c.before, c.after
			return true
		}); err != nil {
			t.Fatal(err)
		}
		want := contract.RolloutEvent{
			Version: 1, Stack: "dev", Segment: "trips", Target: c.target, Deployment: "d-1", Reason: c.want,
		}
		if got := w.end(t, "d-1"); got != want {
			t.Errorf("%s: told %+v, want %+v", name, got, want)
		}
	}
}

// What the checks of the rollout after it found is not why a deployment was stopped.
func TestSupersededRolloutsAreTold(t *testing.T) {
	w := started(t)
	w.running = nil
	if _, err := w.Handle(t.Context(), start("5")); err != nil {
		t.Fatal(err)
	}
	w.reason = "MANUAL_STOP: somebody stopped it"
	if err := w.update(t.Context(), "g", func(r *contract.Rollout) bool {
		r.Before = &contract.Check{Text: "of version 5"}
		return true
	}); err != nil {
		t.Fatal(err)
	}
	if got := w.end(t, "d-1"); got.Target != "4" || got.Segment != "trips" || got.Reason != w.reason {
		t.Errorf("told %+v", got)
	}
}

// Somebody else's deployment is told by its group.
func TestFailedDeploymentsOfOthersAreTold(t *testing.T) {
	w := newWorld()
	w.specs = []string{spec}
	if got := w.end(t, "d-1"); got.Segment != "g" || got.Target != "4" {
		t.Errorf("told %+v", got)
	}
}

// Lambda calls again after an error.
func TestFailureToTell(t *testing.T) {
	failure := errors.New("Throttled")
	for _, op := range []string{"Deployment", "RolloutFailed"} {
		w := started(t)
		w.fails = map[string]error{op: failure}
		if _, err := w.Handle(t.Context(), contract.RolloutRequest{Ended: "d-1"}); !errors.Is(err, failure) {
			t.Errorf("%s: got %v", op, err)
		}
	}
	w := started(t)
	w.Ledger = unreadable{w.ledger, failure}
	if _, err := w.Handle(t.Context(), contract.RolloutRequest{Ended: "d-1"}); !errors.Is(err, failure) || w.told != nil {
		t.Errorf("without the ledger: got %v, told %v", err, w.told)
	}
}

type unreadable struct {
	Ledger
	err error
}

func (u unreadable) Rollout(context.Context, string) (contract.Rollout, int64, error) {
	return contract.Rollout{}, 0, u.err
}
