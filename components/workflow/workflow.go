// Package workflow is the Step Functions state machine that takes a load from its plan to its publication. It is
// called through an alias, and a load that runs stays on the version that it began with.
package workflow

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sfn"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/function"
	"dip/components/policy"
)

// TypeToken is the component's type.
const TypeToken = "dip:workflow:Workflow"

// Alias is the name under which the workflow is started.
const Alias = "live"

// Args configure a workflow.
type Args struct {
	// Splitter plans a load; Reconciler takes every other step. Both are required.
	Splitter, Reconciler *function.Function
	// LogRetentionDays is one of the values that CloudWatch has. The zero value is invalid.
	LogRetentionDays int
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var errs []error
	if a.Splitter == nil {
		errs = append(errs, errors.New("workflow: Splitter: missing"))
	}
	if a.Reconciler == nil {
		errs = append(errs, errors.New("workflow: Reconciler: missing"))
	}
	if a.LogRetentionDays < 1 {
		errs = append(errs, errors.New("workflow: LogRetentionDays: missing"))
	}
	return errors.Join(errs...)
}

// Workflow is a state machine behind its alias.
type Workflow struct {
	pulumi.ResourceState

	ARN pulumi.StringOutput // of the alias: the only way to start it

	name    string
	logs    *cloudwatch.LogGroup
	role    *iam.Role
	policy  *iam.RolePolicy
	machine *sfn.StateMachine
	alias   *sfn.Alias
}

// New declares a workflow.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Workflow, error) {
	if err := args.Validate(); err != nil {
		return nil, err
	}
	w := &Workflow{name: name}
	if err := ctx.RegisterComponentResource(TypeToken, name, w, opts...); err != nil {
		return nil, fmt.Errorf("workflow %s: %w", name, err)
	}
	for _, step := range []func(*pulumi.Context, *Args) error{w.createLogs, w.createRole, w.createMachine, w.createAlias} {
		if err := step(ctx, args); err != nil {
			return nil, fmt.Errorf("workflow %s: %w", name, err)
		}
	}
	w.ARN = w.alias.Arn
	return w, ctx.RegisterResourceOutputs(w, pulumi.Map{"arn": w.ARN})
}

func (w *Workflow) createLogs(ctx *pulumi.Context, args *Args) (err error) {
	w.logs, err = cloudwatch.NewLogGroup(ctx, w.name+"-logs", &cloudwatch.LogGroupArgs{
		RetentionInDays: pulumi.Int(args.LogRetentionDays),
	}, pulumi.Parent(w))
	return err
}

func (w *Workflow) createRole(ctx *pulumi.Context, args *Args) error {
	trust, err := policy.Trust("states.amazonaws.com")
	if err != nil {
		return err
	}
	w.role, err = iam.NewRole(ctx, w.name+"-role", &iam.RoleArgs{AssumeRolePolicy: pulumi.String(trust)}, pulumi.Parent(w))
	if err != nil {
		return err
	}
	document, err := policy.Document(policy.All(args.Splitter.Invoke(), args.Reconciler.Invoke(), deliverLogs())...)
	if err != nil {
		return err
	}
	w.policy, err = iam.NewRolePolicy(ctx, w.name+"-policy", &iam.RolePolicyArgs{Role: w.role.ID(), Policy: document}, pulumi.Parent(w))
	return err
}

// deliverLogs is what Step Functions needs to set up its log delivery. These actions know no resources.
func deliverLogs() []policy.Statement {
	return []policy.Statement{{
		Actions: []string{
			"logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery",
			"logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
		},
		Resources: []pulumi.StringInput{pulumi.String("*")},
	}}
}

func (w *Workflow) createMachine(ctx *pulumi.Context, args *Args) (err error) {
	definition := pulumi.All(args.Splitter.ARN, args.Reconciler.ARN).ApplyT(func(arns []any) (string, error) {
		return Definition(Functions{Splitter: arns[0].(string), Reconciler: arns[1].(string)})
	}).(pulumi.StringOutput)
	w.machine, err = sfn.NewStateMachine(ctx, w.name+"-machine", &sfn.StateMachineArgs{
		Type:       pulumi.String("STANDARD"),
		Definition: definition,
		RoleArn:    w.role.Arn,
		Publish:    pulumi.Bool(true),
		LoggingConfiguration: &sfn.StateMachineLoggingConfigurationArgs{
			Level:                pulumi.String("ERROR"),
			IncludeExecutionData: pulumi.Bool(true),
			LogDestination:       pulumi.Sprintf("%s:*", w.logs.Arn),
		},
	}, pulumi.Parent(w), pulumi.DependsOn([]pulumi.Resource{w.policy}))
	return err
}

func (w *Workflow) createAlias(ctx *pulumi.Context, _ *Args) (err error) {
	w.alias, err = sfn.NewAlias(ctx, w.name+"-"+Alias, &sfn.AliasArgs{
		Name: pulumi.String(Alias),
		RoutingConfigurations: sfn.AliasRoutingConfigurationArray{&sfn.AliasRoutingConfigurationArgs{
			StateMachineVersionArn: w.machine.StateMachineVersionArn, Weight: pulumi.Int(100),
		}},
	}, pulumi.Parent(w))
	return err
}

// Start allows to start the workflow.
func (w *Workflow) Start() []policy.Statement {
	return []policy.Statement{{Actions: []string{"states:StartExecution"}, Resources: []pulumi.StringInput{w.ARN}}}
}
