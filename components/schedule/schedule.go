// Package schedule calls a function at a rate.
package schedule

import (
	"fmt"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/scheduler"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
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
	Account  string             // of the stack, 12 digits; required
}

// Validate reports every problem.
func (a *Args) Validate() error {
	const minute = config.Duration(time.Minute)
	var found component.Problems
	found.If(a.Rate < minute || a.Rate%minute != 0, "Rate", "%s, want whole minutes, at least one", a.Rate)
	found.If(a.Function == nil, "Function", "missing")
	found.If(a.Account == "", "Account", "missing")
	return found.Err()
}

// Schedule is a schedule.
type Schedule struct {
	pulumi.ResourceState
	component.NoOutputs

	role   *iam.Role
	policy *iam.RolePolicy
}

// New declares a schedule.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Schedule, error) {
	s := &Schedule{}
	return component.Declare(ctx, TypeToken, name, s, args, opts, s.createRole, s.createSchedule)
}

func (s *Schedule) createRole(ctx *pulumi.Context, args *Args) (err error) {
	s.role, err = policy.Role(ctx, s, "role", "scheduler.amazonaws.com", policy.ForAccount(args.Account))
	if err != nil {
		return err
	}
	s.policy, err = policy.Attach(ctx, s, "policy", s.role.ID(), args.Function.Invoke()...)
	return err
}

func (s *Schedule) createSchedule(ctx *pulumi.Context, args *Args) error {
	_, err := component.Child(ctx, s, "schedule", scheduler.NewSchedule, &scheduler.ScheduleArgs{
		ScheduleExpression: pulumi.String(expression(args.Rate)),
		FlexibleTimeWindow: &scheduler.ScheduleFlexibleTimeWindowArgs{Mode: pulumi.String("OFF")},
		Target:             &scheduler.ScheduleTargetArgs{Arn: args.Function.ARN, RoleArn: s.role.Arn},
	}, component.After(s.policy))
	return err
}

// expression is a rate in EventBridge Scheduler's words, which has a singular.
func expression(rate config.Duration) string {
	if minutes := rate.Seconds() / 60; minutes != 1 {
		return fmt.Sprintf("rate(%d minutes)", minutes)
	}
	return "rate(1 minute)"
}
