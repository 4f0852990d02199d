package rollout

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/ledger"
)

// started is a world with a rollout from version 3 to 4.
func started(t *testing.T) *world {
	t.Helper()
	w := newWorld()
	if _, err := w.Handle(t.Context(), start("4")); err != nil {
		t.Fatal(err)
	}
	return w
}

// call is CodeDeploy calling a hook.
func (w *world) call(t *testing.T, want string) {
	t.Helper()
	answer, err := w.Handle(t.Context(), contract.RolloutRequest{Deployment: "d-1", Execution: "e"})
	if err != nil || answer.Deployment != "d-1" {
		t.Errorf("got %+v, %v", answer, err)
	}
	if got := strings.Join(w.answers, ", "); got != want {
		t.Errorf("answered %s, want %s", got, want)
	}
}

// The newest certified chunks of the segment are processed again, each of another load.
func TestBefore(t *testing.T) {
	w := started(t)
	w.seed("older", 60, contract.Published, done(0))
	w.seed("old", 30, contract.Published, done(0), done(1))
	w.seed("running", 1, contract.Running, done(0))
	w.seed("failed", 2, contract.Failed, done(0))
	w.seed("none", 4, contract.Published, ledger.Chunk{Index: 0})
	w.seed("new", 3, contract.Certified, done(0), ledger.Chunk{Index: 1})
	w.call(t, "d-1 e true")
	if !slices.Equal(w.shadows, []string{"dip-trips:4 new 0", "dip-trips:4 old 0"}) {
		t.Errorf("processed again are %v", w.shadows)
	}
	want := contract.Check{At: w.now, Passed: true, Chunks: 2, Rows: 200, Text: "2 certified chunks came out the same"}
	got := w.record(t)
	if got.Before == nil || *got.Before != want || got.After != nil || got.Deployment != "d-1" {
		t.Errorf("recorded is %+v, want %+v", got, want)
	}
}

func TestBeforeWithoutAShadow(t *testing.T) {
	w := newWorld()
	request := start("4")
	request.Start.Shadow = 0
	if _, err := w.Handle(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	w.seed("new", 3, contract.Certified, done(0))
	w.call(t, "d-1 e true")
	if len(w.shadows) != 0 || w.record(t).Before.Text != "nothing was compared: rollout.shadow is 0" {
		t.Errorf("processed again are %v, recorded is %+v", w.shadows, w.record(t).Before)
	}
}

// Loads of longer ago say little, and may have expired.
func TestBeforeLooksBackForTwoWeeks(t *testing.T) {
	for hours, chunks := range map[int]int{14 * 24: 1, 14*24 + 1: 0} {
		w := started(t)
		w.seed("old", hours, contract.Published, done(0))
		w.call(t, "d-1 e true")
		if got := w.record(t).Before.Chunks; got != chunks {
			t.Errorf("%d hours: %d chunks were compared, want %d", hours, got, chunks)
		}
	}
}

// A version that corrupts rows gets no traffic, and people can read why.
func TestBeforeStopsACorruptingVersion(t *testing.T) {
	w := started(t)
	w.seed("new", 3, contract.Certified, done(0))
	w.shadow = func(string, contract.ChunkMessage) (contract.ShadowResponse, error) {
		ack := acked()
		ack.Outputs[0].SHA256 = "x"
		return contract.ShadowResponse{Ack: &ack}, nil
	}
	w.call(t, "d-1 e false")
	if got := w.record(t).Before; got.Passed || got.Text !=
		"chunk 0 of load new writes other values or other files for the same records" {
		t.Errorf("recorded is %+v", got)
	}
}

func TestAfter(t *testing.T) {
	by := func(version string, index int, change func(*contract.Ack)) ledger.Chunk {
		c := done(index)
		c.Ack.Runtime, c.Ack.At = version, time.Date(2026, 2, 1, 12, 0, 1, 0, time.UTC)
		if change != nil {
			change(c.Ack)
		}
		return c
	}
	bad := func(a *contract.Ack) { a.RowsOut, a.Quarantined, a.Outputs[0].Rows, a.Quarantine.Rows = 80, 20, 80, 20 }
	for name, c := range map[string]struct {
		chunks []ledger.Chunk
		passes bool
		text   string
	}{
		"no chunk yet":         {nil, true, "it has processed no chunk yet"},
		"chunks of the others": {[]ledger.Chunk{by("3", 0, nil)}, true, "no chunk yet"},
		"chunks of a version of that number, of before": {[]ledger.Chunk{
			by("4", 0, func(a *contract.Ack) { bad(a); a.At = a.At.Add(-time.Hour) })}, true, "no chunk yet"},
		"they reconcile": {[]ledger.Chunk{by("3", 0, nil), by("4", 1, nil), by("4", 2, nil)}, true,
			"the 2 chunks that it has processed reconcile"},
		"a lost row": {[]ledger.Chunk{by("4", 0, func(a *contract.Ack) { a.RowsOut = 89 })}, false,
			"chunk 0 of load L has 100 records, but 89 rows and 10 quarantined"},
		"a file with fewer rows": {[]ledger.Chunk{by("4", 0, func(a *contract.Ack) { a.Outputs[0].Rows = 1 })}, false,
			"has 90 rows, but 1 in its files"},
		"a quarantine without a file": {[]ledger.Chunk{by("4", 0, func(a *contract.Ack) { a.Quarantine = nil })}, false,
			"quarantines 10 records, which are not in its quarantine file"},
		"more quarantine than the others": {[]ledger.Chunk{by("worker/a", 0, nil), by("4", 1, bad)}, false,
			"20.00 % of its records are quarantined, and 10.00 % of other versions in the same loads"},
		"more quarantine than before": {[]ledger.Chunk{by("4", 0, bad)}, false, "and 10.00 % of earlier loads"},
		"as bad as the others":        {[]ledger.Chunk{by("3", 0, bad), by("4", 1, bad)}, true, "reconcile"},
	} {
		w := started(t)
		w.alias = Alias{Version: "4"}
		w.seed("before", 48, contract.Published, done(0))
		w.ledger.Change("before", func(l *ledger.Load, _ []ledger.Chunk) {
			l.Totals = &contract.Totals{RowsIn: 1000, Quarantined: 100}
		})
		w.seed("L", 1, contract.Running, c.chunks...)
		w.now = w.now.Add(time.Minute)
		w.call(t, "d-1 e "+map[bool]string{true: "true", false: "false"}[c.passes])
		got := w.record(t)
		if got.After == nil || got.Before != nil || got.After.Passed != c.passes ||
			!strings.Contains(got.After.Text, c.text) {
			t.Errorf("%s: recorded is %+v", name, got.After)
		}
	}
}

// A chunk that failed for good is the new version's fault if the version before can process it.
func TestAfterFailures(t *testing.T) {
	ok := contract.ShadowResponse{Ack: &contract.Ack{}}
	failed := contract.ShadowResponse{Error: "no such column"}
	for name, c := range map[string]struct {
		old, target contract.ShadowResponse
		passes      bool
	}{
		"the version broke it":        {ok, failed, false},
		"the input is bad":            {failed, failed, true},
		"it has passed":               {ok, ok, true},
		"the input is gone meanwhile": {ok, contract.ShadowResponse{Absent: true, Error: "gone"}, true},
		"the old version cannot tell": {contract.ShadowResponse{Error: "unknown"}, failed, true},
	} {
		w := started(t)
		w.alias = Alias{Version: "4"}
		w.shadow = func(version string, _ contract.ChunkMessage) (contract.ShadowResponse, error) {
			if version == "3" {
				return c.old, nil
			}
			return c.target, nil
		}
		w.seed("L", 0, contract.Failed, ledger.Chunk{Index: 0, Attempt: 1, Failure: "no such column"})
		w.call(t, "d-1 e "+map[bool]string{true: "true", false: "false"}[c.passes])
		if got := w.record(t).After; got.Passed != c.passes || !c.passes && got.Text !=
			"chunk 0 of load L fails, and did not with version 3: no such column" {
			t.Errorf("%s: recorded is %+v", name, got)
		}
	}
}

// What rolls back needs no check; what the stack did not start gets none, and no traffic.
func TestOtherDeployments(t *testing.T) {
	w := started(t)
	w.rollback = true
	w.call(t, "d-1 e true")
	w = started(t)
	w.specs[0] = strings.ReplaceAll(w.specs[0], `"4"`, `"9"`)
	w.call(t, "d-1 e false")
	if got := w.record(t); got.Before != nil || len(w.shadows) != 0 {
		t.Errorf("recorded is %+v", got)
	}
	w = newWorld()
	w.specs = []string{spec}
	w.call(t, "d-1 e false")
}

// A check that cannot be carried out has failed, and says so.
func TestCheckThatCannotBeCarriedOut(t *testing.T) {
	failure := errors.New("AccessDenied")
	for _, op := range []string{"Alias", "Deployment", "Shadow"} {
		w := started(t)
		w.seed("new", 3, contract.Certified, done(0))
		w.fails = map[string]error{op: failure}
		w.shadow = func(string, contract.ChunkMessage) (contract.ShadowResponse, error) {
			return contract.ShadowResponse{}, w.fails["Shadow"]
		}
		w.call(t, "d-1 e false")
		if got := w.record(t).Before; op == "Shadow" && (got == nil || got.Passed || got.Text !=
			"the check could not be carried out: process chunk 0 of load new again: AccessDenied") {
			t.Errorf("%s: recorded is %+v", op, got)
		}
	}
	w := started(t)
	w.fails = map[string]error{"Answer": failure}
	_, err := w.Handle(t.Context(), contract.RolloutRequest{Deployment: "d-1", Execution: "e"})
	if !errors.Is(err, failure) {
		t.Errorf("an answer that was not sent: %v", err)
	}
}

// The answer is sent before the invocation ends, however long versions take.
func TestAnswerInTime(t *testing.T) {
	w := started(t)
	w.seed("new", 3, contract.Certified, done(0))
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	end, _ := ctx.Deadline()
	var left time.Duration
	w.Functions = slow{w, func(ctx context.Context) {
		deadline, _ := ctx.Deadline()
		left = end.Sub(deadline)
	}}
	if _, err := w.Handle(ctx, contract.RolloutRequest{Deployment: "d-1", Execution: "e"}); err != nil {
		t.Fatal(err)
	}
	if left != answering {
		t.Errorf("%s are left to answer, want %s", left, answering)
	}
}

type slow struct {
	Functions
	look func(context.Context)
}

func (s slow) Shadow(ctx context.Context, f, v string, m contract.ChunkMessage) (contract.ShadowResponse, error) {
	s.look(ctx)
	return s.Functions.Shadow(ctx, f, v, m)
}
