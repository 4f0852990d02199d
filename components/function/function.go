// Package function is a Lambda function in Go: published versions behind the alias `live`, a log group that forgets,
// and a role that allows exactly what is stated.
package function

import (
	"errors"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lambda"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/alarm"
	"dip/components/artifact"
	"dip/components/policy"
	"dip/config"
	"dip/contract"
)

// TypeToken is the component's type.
const TypeToken = "dip:function:Function"

// Alias is the name under which every function is called.
const Alias = "live"

// Args configure a function.
type Args struct {
	// Settings are memory, timeout and so on. The zero value is invalid.
	Settings config.Function
	// Architecture of the artifact. The zero value is invalid.
	Architecture config.Architecture
	// Artifact is the code. The zero value is invalid.
	Artifact artifact.Artifact
	// Env is one of contract's environment structs over pulumi.StringInput, but for Code. Every field must be set.
	Env any
	// Allow is what the function may do besides writing its log. Empty: nothing.
	Allow []policy.Statement
	// DeadLetters keeps events that an asynchronous call fails with. Zero: the function is only called synchronously.
	DeadLetters config.Duration
	// AlarmTopics are ARNs that the alarm on dead letters notifies. Empty: it only changes its state.
	AlarmTopics []string
}

// Validate reports every problem, the unset fields of Env by their variables' names.
func (a *Args) Validate() error {
	var errs []error
	if a.Settings.MemoryMB < 128 || a.Settings.MemoryMB > 10240 {
		errs = append(errs, fmt.Errorf("function: Settings.MemoryMB: %d, want 128 to 10240", a.Settings.MemoryMB))
	}
	if s := a.Settings.Timeout.Seconds(); s < 1 || s > 900 {
		errs = append(errs, fmt.Errorf("function: Settings.Timeout: %ds, want 1s to 900s", s))
	}
	if a.Settings.LogRetentionDays < 1 {
		errs = append(errs, errors.New("function: Settings.LogRetentionDays: missing"))
	}
	if !slices.Contains(config.Architectures, a.Architecture) {
		errs = append(errs, fmt.Errorf("function: Architecture: %q, want one of %q", a.Architecture, config.Architectures))
	}
	if a.Artifact.Path == "" || a.Artifact.Code == "" {
		errs = append(errs, errors.New("function: Artifact: missing"))
	}
	if a.Env == nil {
		errs = append(errs, errors.New("function: Env: missing"))
	} else if _, err := contract.Render[pulumi.StringInput](a.Env); err != nil {
		errs = append(errs, fmt.Errorf("function: Env: %w", err))
	}
	return errors.Join(errs...)
}

// Function is a function behind its alias.
type Function struct {
	pulumi.ResourceState

	ARN pulumi.StringOutput // of the alias: the only way to call it

	name        string
	logs        *cloudwatch.LogGroup
	deadLetters *sqs.Queue
	role        *iam.Role
	policy      *iam.RolePolicy
	function    *lambda.Function
	alias       *lambda.Alias
}

// New declares a function.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Function, error) {
	if err := args.Validate(); err != nil {
		return nil, fmt.Errorf("function %s: %w", name, err)
	}
	f := &Function{name: name}
	if err := ctx.RegisterComponentResource(TypeToken, name, f, opts...); err != nil {
		return nil, fmt.Errorf("function %s: %w", name, err)
	}
	for _, step := range []func(*pulumi.Context, *Args) error{
		f.createLogs, f.createDeadLetters, f.createRole, f.createFunction, f.createAlias,
	} {
		if err := step(ctx, args); err != nil {
			return nil, fmt.Errorf("function %s: %w", name, err)
		}
	}
	f.ARN = f.alias.Arn
	return f, ctx.RegisterResourceOutputs(f, pulumi.Map{"arn": f.ARN})
}

// createLogs comes before the function, which would make a group of its own that keeps everything for ever.
func (f *Function) createLogs(ctx *pulumi.Context, args *Args) (err error) {
	f.logs, err = cloudwatch.NewLogGroup(ctx, f.name+"-logs", &cloudwatch.LogGroupArgs{
		RetentionInDays: pulumi.Int(args.Settings.LogRetentionDays),
	}, pulumi.Parent(f))
	return err
}

func (f *Function) createDeadLetters(ctx *pulumi.Context, args *Args) (err error) {
	if args.DeadLetters == 0 {
		return nil
	}
	f.deadLetters, err = sqs.NewQueue(ctx, f.name+"-dead-letters", &sqs.QueueArgs{
		MessageRetentionSeconds: pulumi.Int(args.DeadLetters.Seconds()),
		SqsManagedSseEnabled:    pulumi.Bool(true),
	}, pulumi.Parent(f))
	if err != nil {
		return err
	}
	return alarm.DeadLetters(ctx, f.name+"-dead-letters-alarm", f.deadLetters.Name, args.AlarmTopics, pulumi.Parent(f))
}

func (f *Function) createRole(ctx *pulumi.Context, args *Args) error {
	trust, err := policy.Trust("lambda.amazonaws.com")
	if err != nil {
		return err
	}
	f.role, err = iam.NewRole(ctx, f.name+"-role", &iam.RoleArgs{AssumeRolePolicy: pulumi.String(trust)}, pulumi.Parent(f))
	if err != nil {
		return err
	}
	statements := append([]policy.Statement{{
		Actions:   []string{"logs:CreateLogStream", "logs:PutLogEvents"},
		Resources: []pulumi.StringInput{pulumi.Sprintf("%s:*", f.logs.Arn)},
	}}, args.Allow...)
	if f.deadLetters != nil {
		statements = append(statements, policy.Statement{
			Actions: []string{"sqs:SendMessage"}, Resources: []pulumi.StringInput{f.deadLetters.Arn},
		})
	}
	document, err := policy.Document(statements...)
	if err != nil {
		return err
	}
	f.policy, err = iam.NewRolePolicy(ctx, f.name+"-policy", &iam.RolePolicyArgs{Role: f.role.ID(), Policy: document}, pulumi.Parent(f))
	return err
}

func (f *Function) createFunction(ctx *pulumi.Context, args *Args) (err error) {
	variables, err := contract.Render[pulumi.StringInput](args.Env)
	if err != nil {
		return err
	}
	// The Go runtime collects garbage before Lambda kills: the rest is for stacks, buffers of the kernel and the runtime.
	variables["GOMEMLIMIT"] = pulumi.Sprintf("%dMiB", args.Settings.MemoryMB*7/10)
	settings := &lambda.FunctionArgs{
		Runtime:       pulumi.String("provided.al2023"),
		Handler:       pulumi.String("bootstrap"),
		Architectures: pulumi.StringArray{pulumi.String(args.Architecture.Lambda())},
		Code:          pulumi.NewFileArchive(args.Artifact.Path),
		Role:          f.role.Arn,
		MemorySize:    pulumi.Int(args.Settings.MemoryMB),
		Timeout:       pulumi.Int(args.Settings.Timeout.Seconds()),
		Publish:       pulumi.Bool(true),
		Environment:   &lambda.FunctionEnvironmentArgs{Variables: pulumi.StringMap(variables)},
		LoggingConfig: &lambda.FunctionLoggingConfigArgs{LogFormat: pulumi.String("JSON"), LogGroup: f.logs.Name},
	}
	if r := args.Settings.ReservedConcurrency; r > 0 {
		settings.ReservedConcurrentExecutions = pulumi.Int(r)
	}
	if f.deadLetters != nil {
		settings.DeadLetterConfig = &lambda.FunctionDeadLetterConfigArgs{TargetArn: f.deadLetters.Arn}
	}
	f.function, err = lambda.NewFunction(ctx, f.name+"-function", settings,
		pulumi.Parent(f), pulumi.DependsOn([]pulumi.Resource{f.policy}))
	return err
}

func (f *Function) createAlias(ctx *pulumi.Context, _ *Args) (err error) {
	f.alias, err = lambda.NewAlias(ctx, f.name+"-"+Alias, &lambda.AliasArgs{
		Name:            pulumi.String(Alias),
		FunctionName:    f.function.Name,
		FunctionVersion: f.function.Version,
	}, pulumi.Parent(f))
	return err
}

// Invoke allows to call the function.
func (f *Function) Invoke() []policy.Statement {
	return []policy.Statement{{Actions: []string{"lambda:InvokeFunction"}, Resources: []pulumi.StringInput{f.ARN}}}
}
