package client

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"dip/contract"
	"dip/internal/ledger/ledgertest"
	"dip/internal/rollout"
)

var began = time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)

// moving is a rollout from version 3 to 4 by tenths, five minutes each.
func moving() contract.Rollout {
	return contract.Rollout{
		RolloutStart: contract.RolloutStart{
			Version: 1, Segment: "trips", Function: "dip-trips", Target: "4", Group: "trips", Strategy: contract.Linear,
			Percent: 10, Minutes: 5, Shadow: 3,
		},
		Current: "3", Deployment: "d-1", Began: began,
	}
}

func TestStand(t *testing.T) {
	passed := &contract.Check{At: began, Passed: true, Chunks: 3, Text: "came out the same"}
	failed := &contract.Check{At: began, Text: "chunk 0 has 9 records"}
	for name, c := range map[string]struct {
		alias  rollout.Alias
		change func(*contract.Rollout)
		status string // "": no deployment
		reason string // of the deployment
		want   RolloutState
	}{
		"about to begin": {alias: rollout.Alias{Version: "3"},
			want: RolloutState{Phase: Starting, Live: "3", Coming: "4", Steps: 10}},
		"in the shadow": {alias: rollout.Alias{Version: "3"}, status: "InProgress",
			want: RolloutState{Phase: Shadow, Live: "3", Coming: "4", Steps: 10}},
		"before the first step": {rollout.Alias{Version: "3"}, func(r *contract.Rollout) { r.Before = passed },
			"InProgress", "", RolloutState{Phase: Moving, Live: "3", Coming: "4", Steps: 10}},
		"after the first step": {rollout.Alias{Version: "3", Weights: map[string]float64{"4": 0.1}},
			func(r *contract.Rollout) { r.Before = passed }, "InProgress", "", RolloutState{Phase: Moving, Live: "3",
				Coming: "4", Weight: 0.1, Step: 1, Steps: 10, NextAt: began.Add(5 * time.Minute)}},
		"after the third step": {rollout.Alias{Version: "3", Weights: map[string]float64{"4": 0.3}},
			func(r *contract.Rollout) { r.Before = passed }, "InProgress", "", RolloutState{Phase: Moving, Live: "3",
				Coming: "4", Weight: 0.3, Step: 3, Steps: 10, NextAt: began.Add(15 * time.Minute)}},
		"a canary": {rollout.Alias{Version: "3", Weights: map[string]float64{"4": 0.25}}, func(r *contract.Rollout) {
			r.Before, r.Strategy, r.Percent = passed, contract.Canary, 25
		}, "InProgress", "", RolloutState{Phase: Moving, Live: "3", Coming: "4", Weight: 0.25, Step: 1, Steps: 2,
			NextAt: began.Add(5 * time.Minute)}},
		"all of it": {rollout.Alias{Version: "4"}, func(r *contract.Rollout) { r.Before = passed }, "InProgress", "",
			RolloutState{Phase: Judging, Live: "4", Coming: "4", Weight: 1, Step: 10, Steps: 10}},
		"at once": {rollout.Alias{Version: "4"}, func(r *contract.Rollout) {
			r.Before, r.Strategy, r.Percent, r.Minutes = passed, contract.AllAtOnce, 0, 0
		}, "InProgress", "", RolloutState{Phase: Judging, Live: "4", Coming: "4", Weight: 1, Step: 1, Steps: 1}},
		"over": {rollout.Alias{Version: "4"}, func(r *contract.Rollout) { r.Before, r.After = passed, passed },
			"Succeeded", "", RolloutState{Phase: RolledOut, Live: "4"}},
		"stopped in the shadow": {rollout.Alias{Version: "3"}, func(r *contract.Rollout) { r.Before = failed }, "Failed",
			"HOOK", RolloutState{Phase: RolledBack, Live: "3", Reason: "chunk 0 has 9 records"}},
		"rolled back afterwards": {rollout.Alias{Version: "3"}, func(r *contract.Rollout) {
			r.Before, r.After = passed, failed
		}, "Failed", "HOOK", RolloutState{Phase: RolledBack, Live: "3", Reason: "chunk 0 has 9 records"}},
		"rolled back by an alarm": {rollout.Alias{Version: "3"}, func(r *contract.Rollout) { r.Before = passed }, "Stopped",
			"ALARM_ACTIVE: trips-errors", RolloutState{Phase: RolledBack, Live: "3", Reason: "ALARM_ACTIVE: trips-errors"}},
		"rolled back, nobody says why": {rollout.Alias{Version: "3"}, nil, "Stopped", "",
			RolloutState{Phase: RolledBack, Live: "3", Reason: "CodeDeploy does not say why"}},
	} {
		record := moving()
		if c.change != nil {
			c.change(&record)
		}
		var d *rollout.Deployment
		if c.status != "" {
			d = &rollout.Deployment{ID: "d-1", Status: c.status, Reason: c.reason}
		}
		c.want.Segment, c.want.Rollout, c.want.Deployment = "trips", &record, d
		if got := stand("trips", c.alias, record, d); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, c.want)
		}
	}
}

// deploys is CodeDeploy and Lambda in memory.
type deploys struct {
	status  string
	stopped []string
	asked   []string
}

func (d *deploys) Deployment(_ context.Context, id string) (rollout.Deployment, error) {
	return rollout.Deployment{ID: id, Status: d.status}, nil
}

func (d *deploys) Stop(_ context.Context, id string) error {
	d.stopped = append(d.stopped, id)
	return nil
}

func (d *deploys) Alias(_ context.Context, function, alias string) (rollout.Alias, error) {
	d.asked = append(d.asked, function+":"+alias)
	return rollout.Alias{Version: "3"}, nil
}

func rolled(d *deploys) (Rollouts, *ledgertest.Fake) {
	l := ledgertest.New()
	return Rollouts{
		Outputs: Outputs{Segments: map[string]contract.SegmentOutputs[string]{
			"trips":    {Rollouts: new("trips"), Function: "arn:aws:lambda:us-east-1:123456789012:function:dip-trips:live"},
			"readings": {Function: "f"},
		}},
		Ledger: l, Deployments: d, Aliases: d,
	}, l
}

func TestRolloutState(t *testing.T) {
	d := &deploys{status: "InProgress"}
	r, l := rolled(d)
	if got := r.Segments(); !slices.Equal(got, []string{"trips"}) {
		t.Errorf("rolled out are %v", got)
	}
	s, err := r.State(t.Context(), "trips")
	if err != nil || !reflect.DeepEqual(s, RolloutState{Segment: "trips", Phase: AtRest, Live: "3"}) ||
		!slices.Equal(d.asked, []string{"dip-trips:live"}) {
		t.Errorf("got %+v, %v, asked for %v", s, err, d.asked)
	}
	if stopped, err := r.Stop(t.Context(), "trips"); stopped || err != nil {
		t.Errorf("stopped: %t, %v", stopped, err)
	}
	if err := l.PutRollout(t.Context(), moving(), 0); err != nil {
		t.Fatal(err)
	}
	if s, err = r.State(t.Context(), "trips"); err != nil || s.Phase != Shadow || s.Rollout.Target != "4" {
		t.Errorf("got %+v, %v", s, err)
	}
	if stopped, err := r.Stop(t.Context(), "trips"); !stopped || err != nil || !slices.Equal(d.stopped, []string{"d-1"}) {
		t.Errorf("stopped: %t, %v, %v", stopped, err, d.stopped)
	}
	d.status = "Stopped"
	if stopped, err := r.Stop(t.Context(), "trips"); stopped || err != nil {
		t.Errorf("stopped again: %t, %v", stopped, err)
	}
	if _, err := r.State(t.Context(), "readings"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a segment with a stream: %v", err)
	}
}

type invoked struct {
	request, answer string
	fails           *string
}

func (i *invoked) Invoke(_ context.Context, in *lambda.InvokeInput, _ ...func(*lambda.Options)) (
	*lambda.InvokeOutput, error) {
	i.request = *in.FunctionName + " " + string(in.Payload)
	return &lambda.InvokeOutput{Payload: []byte(i.answer), FunctionError: i.fails}, nil
}

func TestRetryRollout(t *testing.T) {
	i := &invoked{answer: `{"deployment": "d-2", "text": "on its way"}`}
	record := moving()
	got, err := RetryRollout(t.Context(), i, "rollout:live", RolloutState{Segment: "trips", Rollout: &record})
	if err != nil || got.Deployment != "d-2" || got.Text != "on its way" {
		t.Errorf("got %+v, %v", got, err)
	}
	want := `rollout:live {"start":{"v":1,"segment":"trips","function":"dip-trips","target":"4","group":"trips",` +
		`"strategy":"linear","percent":10,"minutes":5,"shadow":3,"quarantineDrift":0,"timeoutSeconds":0}}`
	if i.request != want {
		t.Errorf("asked for %s", i.request)
	}
	if _, err := RetryRollout(t.Context(), i, "f", RolloutState{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("nothing to start again: %v", err)
	}
	i.fails = aws.String("Unhandled")
	if _, err := RetryRollout(t.Context(), i, "f", RolloutState{Rollout: &record}); err == nil {
		t.Error("a function that failed: no error")
	}
}
