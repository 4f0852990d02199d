package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedtypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
)

// schedule is an EventBridge Scheduler schedule or an EventBridge rule with a schedule expression.
type schedule struct {
	ARN, Name, Group string
	// Source of the events that it sends, unless it has its own input.
	Source               string
	Expression, Timezone string
	// Origin is the time that rates count from.
	Origin, Start, End time.Time
	Targets            []scheduleTarget
	DeleteWhenDone     bool
}

type scheduleTarget struct {
	ARN, Input, Group, DeadLetterARN string
}

// clock fires schedules: moto stores them but does not fire them.
type clock struct {
	r *Runner
	// seen is when a rule was first seen: rules carry no creation time.
	seen    map[string]time.Time
	timers  map[string]*timer
	running sync.WaitGroup
}

type timer struct {
	config string
	cancel context.CancelFunc
}

func newClock(r *Runner) *clock {
	return &clock{r: r, seen: map[string]time.Time{}, timers: map[string]*timer{}}
}

// wait returns when no schedule is running, after the context of sync ended.
func (c *clock) wait() { c.running.Wait() }

// sync starts new schedules, stops removed ones and restarts changed ones.
func (c *clock) sync(ctx context.Context) error {
	wanted := map[string]schedule{}
	for _, list := range []func(context.Context, map[string]schedule) error{c.listSchedules, c.listRules} {
		if err := list(ctx, wanted); err != nil {
			return err
		}
	}
	for arn, t := range c.timers {
		s, ok := wanted[arn]
		if ok && t.config == describe(s) {
			delete(wanted, arn)
			continue
		}
		t.cancel()
		delete(c.timers, arn)
	}
	for arn, s := range wanted {
		location, err := time.LoadLocation(s.Timezone)
		var e expression
		if err == nil {
			e, err = parseExpression(s.Expression, location)
		}
		if err != nil {
			c.r.log.Error("invalid schedule: it will not fire", "schedule", arn, "error", err)
			continue
		}
		running, cancel := context.WithCancel(ctx)
		c.timers[arn] = &timer{config: describe(s), cancel: cancel}
		c.running.Go(func() { c.run(running, s, e) })
	}
	return nil
}

func describe(s schedule) string {
	text, err := json.Marshal(s)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// run fires a schedule until it expires or ctx ends.
func (c *clock) run(ctx context.Context, s schedule, e expression) {
	after := c.r.opts.Now()
	if s.Start.After(after) {
		after = s.Start.Add(-1)
	}
	for {
		at, ok := e.next(after, s.Origin)
		if !ok || !s.End.IsZero() && at.After(s.End) {
			break
		}
		pause(ctx, at.Sub(c.r.opts.Now()))
		if ctx.Err() != nil {
			return
		}
		c.fire(ctx, s, at)
		after = at
	}
	if s.DeleteWhenDone {
		_, err := c.r.scheduler.DeleteSchedule(ctx, &scheduler.DeleteScheduleInput{Name: &s.Name, GroupName: &s.Group})
		if err != nil && ctx.Err() == nil {
			c.r.log.Error("deleting a completed schedule failed", "schedule", s.ARN, "error", err)
		}
	}
}

func (c *clock) fire(ctx context.Context, s schedule, at time.Time) {
	for _, t := range s.Targets {
		body, err := c.body(s, t, at)
		if err == nil {
			err = c.r.deliver(ctx, delivery{arn: t.ARN, body: body, group: t.Group})
		}
		if err != nil && t.DeadLetterARN != "" {
			err = errors.Join(err, c.r.deliver(ctx, delivery{arn: t.DeadLetterARN, body: body}))
		}
		if err != nil && ctx.Err() == nil {
			c.r.log.Error("delivery to a schedule's target failed", "schedule", s.ARN, "error", err)
		}
	}
}

// body is what a target receives: its input with the context attributes filled in, or a scheduled event.
func (c *clock) body(s schedule, t scheduleTarget, at time.Time) ([]byte, error) {
	when := at.UTC().Format(time.RFC3339)
	if t.Input != "" {
		return []byte(strings.NewReplacer(
			"<aws.scheduler.schedule-arn>", s.ARN,
			"<aws.scheduler.scheduled-time>", when,
			"<aws.scheduler.execution-id>", newID(),
			"<aws.scheduler.attempt-number>", "1",
		).Replace(t.Input)), nil
	}
	var detail any = struct{}{}
	if s.Source == "aws.scheduler" {
		detail = "{}" // a string, as the service sends it
	}
	return json.Marshal(map[string]any{
		"version": "0", "id": newID(), "detail-type": "Scheduled Event", "source": s.Source, "account": c.r.opts.AccountID,
		"time": when, "region": c.r.opts.Region, "resources": []string{s.ARN}, "detail": detail,
	})
}

func (c *clock) listSchedules(ctx context.Context, into map[string]schedule) error {
	pages := scheduler.NewListSchedulesPaginator(c.r.scheduler,
		&scheduler.ListSchedulesInput{State: schedtypes.ScheduleStateEnabled})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list schedules: %w", err)
		}
		for _, item := range page.Schedules {
			s, err := c.r.scheduler.GetSchedule(ctx, &scheduler.GetScheduleInput{Name: item.Name, GroupName: item.GroupName})
			var gone *schedtypes.ResourceNotFoundException
			if errors.As(err, &gone) {
				continue
			}
			if err != nil {
				return fmt.Errorf("read schedule %s: %w", aws.ToString(item.Name), err)
			}
			if s.Target == nil {
				continue
			}
			into[aws.ToString(s.Arn)] = scheduleOf(s)
		}
	}
	return nil
}

func scheduleOf(s *scheduler.GetScheduleOutput) schedule {
	t := scheduleTarget{ARN: aws.ToString(s.Target.Arn), Input: aws.ToString(s.Target.Input)}
	if s.Target.SqsParameters != nil {
		t.Group = aws.ToString(s.Target.SqsParameters.MessageGroupId)
	}
	if s.Target.DeadLetterConfig != nil {
		t.DeadLetterARN = aws.ToString(s.Target.DeadLetterConfig.Arn)
	}
	parsed := schedule{
		ARN: aws.ToString(s.Arn), Name: aws.ToString(s.Name), Group: aws.ToString(s.GroupName), Source: "aws.scheduler",
		Expression: aws.ToString(s.ScheduleExpression), Timezone: aws.ToString(s.ScheduleExpressionTimezone),
		Origin: aws.ToTime(s.CreationDate), Start: aws.ToTime(s.StartDate), End: aws.ToTime(s.EndDate),
		Targets: []scheduleTarget{t}, DeleteWhenDone: s.ActionAfterCompletion == schedtypes.ActionAfterCompletionDelete,
	}
	if !parsed.Start.IsZero() {
		parsed.Origin = parsed.Start
	}
	return parsed
}

func (c *clock) listRules(ctx context.Context, into map[string]schedule) error {
	var rules []ebtypes.Rule
	for in := (&eventbridge.ListRulesInput{}); ; {
		page, err := c.r.events.ListRules(ctx, in)
		if err != nil {
			return fmt.Errorf("list rules: %w", err)
		}
		rules = append(rules, page.Rules...)
		if in.NextToken = page.NextToken; in.NextToken == nil {
			break
		}
	}
	for _, rule := range rules {
		if aws.ToString(rule.ScheduleExpression) == "" || rule.State == ebtypes.RuleStateDisabled {
			continue
		}
		targets, err := c.r.events.ListTargetsByRule(ctx, &eventbridge.ListTargetsByRuleInput{Rule: rule.Name})
		var gone *ebtypes.ResourceNotFoundException
		if errors.As(err, &gone) {
			continue
		}
		if err != nil {
			return fmt.Errorf("list the targets of rule %s: %w", aws.ToString(rule.Name), err)
		}
		s := schedule{ARN: aws.ToString(rule.Arn), Name: aws.ToString(rule.Name), Source: "aws.events",
			Expression: aws.ToString(rule.ScheduleExpression)}
		if _, ok := c.seen[s.ARN]; !ok {
			c.seen[s.ARN] = c.r.opts.Now()
		}
		s.Origin = c.seen[s.ARN]
		for _, t := range targets.Targets {
			target := scheduleTarget{ARN: aws.ToString(t.Arn), Input: aws.ToString(t.Input)}
			if t.SqsParameters != nil {
				target.Group = aws.ToString(t.SqsParameters.MessageGroupId)
			}
			if t.DeadLetterConfig != nil {
				target.DeadLetterARN = aws.ToString(t.DeadLetterConfig.Arn)
			}
			s.Targets = append(s.Targets, target)
		}
		into[s.ARN] = s
	}
	return nil
}
