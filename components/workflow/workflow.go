// Package workflow is the Step Functions state machine that takes a load from its plan to its publication. It is
// called through an alias, and a load that runs stays on the version that it began with.
package workflow

import (
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sfn"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
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
	// Account is the stack's, 12 digits. The zero value is invalid.
	Account string
	// Tracing has X-Ray record traces.
	Tracing bool
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var found component.Problems
	found.If(a.Splitter == nil, "Splitter", "missing")
	found.If(a.Reconciler == nil, "Reconciler", "missing")
	found.If(a.LogRetentionDays < 1, "LogRetentionDays", "missing")
	found.If(a.Account == "", "Account", "missing")
	return found.Err()
}

// Workflow is a state machine behind its alias.
type Workflow struct {
	pulumi.ResourceState

	ARN     pulumi.StringOutput // of the alias: the only way to start it
	Machine pulumi.StringOutput // ARN of the state machine itself: what metrics know it by

	logs    *cloudwatch.LogGroup
	role    *iam.Role
	policy  *iam.RolePolicy
	machine *sfn.StateMachine
}

// New declares a workflow.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Workflow, error) {
	w := &Workflow{}
	return component.Declare(ctx, TypeToken, name, w, args, opts,
		w.createLogs, w.createRole, w.createMachine, w.createAlias)
}

// Outputs are the alias's ARN.
func (w *Workflow) Outputs() pulumi.Map { return pulumi.Map{"arn": w.ARN} }

func (w *Workflow) createLogs(ctx *pulumi.Context, args *Args) (err error) {
	// Log delivery adds each group to a resource policy of at most 5,120 characters, which a handful of workflows use up,
	// but covers those below this prefix at once ("Using CloudWatch Logs to log execution history in Step Functions").
	w.logs, err = component.Child(ctx, w, "logs", cloudwatch.NewLogGroup, &cloudwatch.LogGroupArgs{
		NamePrefix:      pulumi.Sprintf("/aws/vendedlogs/states/%s-", w.PulumiResourceName()),
		RetentionInDays: pulumi.Int(args.LogRetentionDays),
	})
	return err
}

func (w *Workflow) createRole(ctx *pulumi.Context, args *Args) (err error) {
	w.role, err = policy.Role(ctx, w, "role", "states.amazonaws.com", policy.ForAccount(args.Account))
	if err != nil {
		return err
	}
	allowed := policy.All(args.Splitter.Invoke(), args.Reconciler.Invoke(), deliverLogs())
	if args.Tracing {
		allowed = append(allowed, policy.Trace("xray:GetSamplingRules", "xray:GetSamplingTargets"))
	}
	w.policy, err = policy.Attach(ctx, w, "policy", w.role.ID(), allowed...)
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
	w.machine, err = component.Child(ctx, w, "machine", sfn.NewStateMachine, &sfn.StateMachineArgs{
		Type:       pulumi.String("STANDARD"),
		Definition: definition,
		RoleArn:    w.role.Arn,
		Publish:    pulumi.Bool(true),
		LoggingConfiguration: &sfn.StateMachineLoggingConfigurationArgs{
			Level:                pulumi.String("ERROR"),
			IncludeExecutionData: pulumi.Bool(true),
			LogDestination:       pulumi.Sprintf("%s:*", w.logs.Arn),
		},
		TracingConfiguration: &sfn.StateMachineTracingConfigurationArgs{Enabled: pulumi.Bool(args.Tracing)},
	}, component.After(w.policy))
	if err != nil {
		return err
	}
	w.Machine = w.machine.Arn
	return nil
}

func (w *Workflow) createAlias(ctx *pulumi.Context, _ *Args) error {
	alias, err := component.Child(ctx, w, Alias, sfn.NewAlias, &sfn.AliasArgs{
		Name: pulumi.String(Alias),
		RoutingConfigurations: sfn.AliasRoutingConfigurationArray{&sfn.AliasRoutingConfigurationArgs{
			StateMachineVersionArn: w.machine.StateMachineVersionArn, Weight: pulumi.Int(100),
		}},
	})
	if err != nil {
		return err
	}
	w.ARN = alias.Arn
	return nil
}

// Describe allows to ask for the state of executions.
func (w *Workflow) Describe() []policy.Statement {
	executions := w.machine.Arn.ApplyT(func(arn string) string {
		return strings.Replace(arn, ":stateMachine:", ":execution:", 1) + ":*"
	}).(pulumi.StringOutput)
	return []policy.Statement{{
		Actions: []string{"states:DescribeExecution"}, Resources: []pulumi.StringInput{executions},
	}}
}

// Start allows to start the workflow. Step Functions authorizes a request that names an alias by the ARN of the state
// machine itself, and the alias by a condition key ("Authorization for versions and aliases in Step Functions
// workflows", https://docs.aws.amazon.com/step-functions/latest/dg/auth-version-alias.html).
func (w *Workflow) Start() []policy.Statement {
	return []policy.Statement{{
		Actions: []string{"states:StartExecution"}, Resources: []pulumi.StringInput{w.machine.Arn},
		Conditions: policy.Qualified(Alias),
	}}
}
