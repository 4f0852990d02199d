package runner

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedtypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
)

func TestSchedulesFire(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	url, arn := w.queue(t, "ticks", "30", "", 0)
	// Two seconds from now: the granularity of at() is a second.
	at := time.Now().UTC().Add(2 * time.Second).Format("2006-01-02T15:04:05")
	name := t.Name()
	_, err := w.scheduler.CreateSchedule(t.Context(), &scheduler.CreateScheduleInput{
		Name: &name, ScheduleExpression: aws.String("at(" + at + ")"),
		ActionAfterCompletion: schedtypes.ActionAfterCompletionDelete,
		FlexibleTimeWindow:    &schedtypes.FlexibleTimeWindow{Mode: schedtypes.FlexibleTimeWindowModeOff},
		Target: &schedtypes.Target{Arn: &arn, RoleArn: aws.String(roleARN),
			Input: aws.String(`{"at":"<aws.scheduler.scheduled-time>"}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := w.waitMessages(t, url, 1)[0], `{"at":"`+at+`Z"}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	eventually(t, "the end of the schedule", func() bool {
		_, err := w.scheduler.GetSchedule(t.Context(), &scheduler.GetScheduleInput{Name: &name})
		var gone *schedtypes.ResourceNotFoundException
		return errors.As(err, &gone)
	})
}

// TestRuleFiresByTheRunnersClock uses a clock that advances an hour with every reading, so that nothing waits.
func TestRuleFiresByTheRunnersClock(t *testing.T) {
	t.Parallel()
	requireEmulator(t)
	var looks atomic.Int64
	begin := time.Now()
	now := func() time.Time { return begin.Add(time.Duration(min(looks.Add(1), 50)) * time.Hour) }
	ctx, cancel := context.WithCancel(t.Context())
	w, stopped, err := newWorld(ctx, t.TempDir(), now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-stopped, w.emulator.Stop()); err != nil {
			t.Error(err)
		}
	})
	url, arn := w.queue(t, "ticks", "30", "", 0)
	rule := t.Name()
	if _, err := w.events.PutRule(t.Context(),
		&eventbridge.PutRuleInput{Name: &rule, ScheduleExpression: aws.String("rate(1 hour)")}); err != nil {
		t.Fatal(err)
	}
	_, err = w.events.PutTargets(t.Context(),
		&eventbridge.PutTargetsInput{Rule: &rule, Targets: []ebtypes.Target{{Id: aws.String("q"), Arn: &arn}}})
	if err != nil {
		t.Fatal(err)
	}
	var event struct {
		Source     string
		DetailType string `json:"detail-type"`
		Resources  []string
	}
	if err := json.Unmarshal([]byte(w.waitMessages(t, url, 1)[0]), &event); err != nil {
		t.Fatal(err)
	}
	if event.Source != "aws.events" || event.DetailType != "Scheduled Event" ||
		!strings.HasSuffix(event.Resources[0], rule) {
		t.Errorf("%+v", event)
	}
}
