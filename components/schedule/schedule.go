// Package schedule calls a function at a rate.
package schedule

import (
	"errors"
	"fmt"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/scheduler"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/function"
	"dip/components/policy"
	"dip/config"
)

// TypeToken is the component's type.
const TypeToken = "dip:schedule:Schedule"

// Args configure a schedule.
type Args struct {
	Rate     config.Duration    // whole minutes, at least one
	Function *function.Function // called asynchronously through its alias; required
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var errs []error
	if minute := config.Duration(time.Minute); a.Rate < minute || a.Rate%minute != 0 {
		errs = append(errs, fmt.Errorf("schedule: Rate: %s, want whole minutes, at least one", a.Rate))
	}
	if a.Function == nil {
		errs = append(errs, errors.New("schedule: Function: missing"))
	}
	return errors.Join(errs...)
}

// Schedule is a schedule.
type Schedule struct {
	pulumi.ResourceState

	name   string
	role   *iam.Role
	policy *iam.RolePolicy
}

// New declares a schedule.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Schedule, error) {
	if err := args.Validate(); err != nil {
		return nil, err
	}
	s := &Schedule{name: name}
	if err := ctx.RegisterComponentResource(TypeToken, name, s, opts...); err != nil {
		return nil, fmt.Errorf("schedule %s: %w", name, err)
	}
	for _, step := range []func(*pulumi.Context, *Args) error{s.createRole, s.createSchedule} {
		if err := step(ctx, args); err != nil {
			return nil, fmt.Errorf("schedule %s: %w", name, err)
		}
	}
	return s, ctx.RegisterResourceOutputs(s, pulumi.Map{})
}

func (s *Schedule) createRole(ctx *pulumi.Context, args *Args) error {
	trust, err := policy.Trust("scheduler.amazonaws.com")
	if err != nil {
		return err
	}
	s.role, err = iam.NewRole(ctx, s.name+"-role", &iam.RoleArgs{AssumeRolePolicy: pulumi.String(trust)}, pulumi.Parent(s))
	if err != nil {
		return err
	}
	document, err := policy.Document(args.Function.Invoke()...)
	if err != nil {
		return err
	}
	s.policy, err = iam.NewRolePolicy(ctx, s.name+"-policy", &iam.RolePolicyArgs{Role: s.role.ID(), Policy: document}, pulumi.Parent(s))
	return err
}

func (s *Schedule) createSchedule(ctx *pulumi.Context, args *Args) error {
	_, err := scheduler.NewSchedule(ctx, s.name+"-schedule", &scheduler.ScheduleArgs{
		ScheduleExpression: pulumi.String(expression(args.Rate)),
		FlexibleTimeWindow: &scheduler.ScheduleFlexibleTimeWindowArgs{Mode: pulumi.String("OFF")},
		Target:             &scheduler.ScheduleTargetArgs{Arn: args.Function.ARN, RoleArn: s.role.Arn},
	}, pulumi.Parent(s), pulumi.DependsOn([]pulumi.Resource{s.policy}))
	return err
}

// expression is a rate in EventBridge Scheduler's words, which has a singular.
func expression(rate config.Duration) string {
	if minutes := rate.Seconds() / 60; minutes != 1 {
		return fmt.Sprintf("rate(%d minutes)", minutes)
	}
	return "rate(1 minute)"
}
