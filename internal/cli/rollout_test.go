package cli

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/ledger/ledgertest"
	"dip/internal/rollout"
	"dip/internal/terminal"
)

func TestRolloutText(t *testing.T) {
	at := time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)
	check := func(text string) *contract.Check { return &contract.Check{Passed: true, Chunks: 3, Text: text} }
	of := func(before, after *contract.Check) *contract.Rollout {
		return &contract.Rollout{RolloutStart: contract.RolloutStart{Target: "4"}, Before: before, After: after}
	}
	golden(t, "rollout", rolloutText(0, []client.RolloutState{
		{Segment: "birdstrikes", Phase: client.AtRest, Live: "1"},
		{Segment: "events", Phase: client.Moving, Live: "3", Coming: "4", Weight: 0.3, Step: 3, Steps: 10,
			NextAt: at.Add(15 * time.Minute), Rollout: of(check("10 certified chunks came out the same"), nil)},
		{Segment: "orders", Phase: client.RolledOut, Live: "4",
			Rollout: of(check("10 certified chunks came out the same"),
				check("the 812 chunks that it has processed reconcile"))},
		{Segment: "parts", Phase: client.Shadow, Live: "3", Coming: "4", Steps: 1, Rollout: of(nil, nil)},
		{Segment: "trips", Phase: client.RolledBack, Live: "3", Rollout: of(&contract.Check{Text: "x"}, nil),
			Reason: "chunk 3 of load 9f2c has other records in its output\x1b"},
	}))
}

// fading is CodeDeploy whose deployment ends after some looks.
type fading struct {
	left int
	end  string
}

func (f *fading) Deployment(_ context.Context, id string) (rollout.Deployment, error) {
	if f.left--; f.left >= 0 {
		return rollout.Deployment{ID: id, Status: "InProgress"}, nil
	}
	return rollout.Deployment{ID: id, Status: f.end}, nil
}

func (f *fading) Stop(context.Context, string) error { return nil }

func (f *fading) Alias(context.Context, string, string) (rollout.Alias, error) {
	return rollout.Alias{Version: "3"}, nil
}

// A watch shows what has changed, ends with the rollout, and fails with it.
func TestWatchRollouts(t *testing.T) {
	for end, want := range map[string]string{
		"Succeeded": "", "Failed": "the rollout of segment trips was rolled back",
	} {
		l := ledgertest.New()
		err := l.PutRollout(t.Context(), contract.Rollout{
			RolloutStart: contract.RolloutStart{Group: "trips", Target: "4"}, Deployment: "d-1",
		}, 0)
		if err != nil {
			t.Fatal(err)
		}
		f := &fading{left: 3, end: end}
		var out bytes.Buffer
		a := &app{screen: &terminal.Screen{Out: &out}}
		pauses := 0
		err = a.watchRollouts(t.Context(), client.Rollouts{
			Outputs: client.Outputs{Segments: map[string]contract.SegmentOutputs[string]{"trips": {
				Rollouts: new("trips"), Function: "arn:aws:lambda:us-east-1:123456789012:function:trips:live",
			}}},
			Ledger: l, Deployments: f, Aliases: f,
		}, func(context.Context, time.Duration) error { pauses++; return nil })
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%s: %v", end, err)
		}
		if n := strings.Count(out.String(), "SEGMENT"); n != 2 || pauses != 3 {
			t.Errorf("%s: it was shown %d times in %d pauses:\n%s", end, n, pauses, out.String())
		}
	}
}

func TestRolloutUsage(t *testing.T) {
	for _, args := range [][]string{{"rollout", "trips"}, {"rollout", "--stop"}} {
		var out, errs bytes.Buffer
		a := &app{screen: &terminal.Screen{Out: &out, Err: &errs}}
		if code := a.run(t.Context(), args); code != ExitUsage {
			t.Errorf("%v: exits with %d: %s", args, code, errs.String())
		}
	}
}
