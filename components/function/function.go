// Package function is a Lambda function in Go: published versions behind the alias `live`, a log group that forgets,
// and a role that allows exactly what is stated.
package function

import (
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lambda"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/artifact"
	"dip/components/component"
	"dip/components/policy"
	"dip/config"
	"dip/contract"
)

// TypeToken is the component's type.
const TypeToken = "dip:function:Function"

// Alias is the name under which every function is called.
const Alias = contract.LiveAlias

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
	// Tracing has X-Ray record traces.
	Tracing bool
	// DeadLetters keeps events that an asynchronous call fails with. Zero: the function is only called synchronously.
	DeadLetters config.Duration
	// RolledOut says that CodeDeploy moves the alias to new versions: Pulumi names the first one, and leaves it alone from
	// then on. Zero: Pulumi moves it.
	RolledOut bool
}

// Validate reports every problem, the unset fields of Env by their variables' names.
func (a *Args) Validate() error {
	var found component.Problems
	found.Add(config.CheckLimits("Settings", a.Settings))
	found.If(!slices.Contains(config.Architectures, a.Architecture),
		"Architecture", "%q, want one of %q", a.Architecture, config.Architectures)
	found.If(a.Artifact.Path == "" || a.Artifact.Code == "", "Artifact", "missing")
	found.If(a.Env == nil, "Env", "missing")
	if a.Env != nil {
		_, err := contract.Render[pulumi.StringInput](a.Env)
		found.In("Env", err)
	}
	return found.Err()
}

// Function is a function behind its alias.
type Function struct {
	pulumi.ResourceState

	ARN     pulumi.StringOutput // of the alias: the only way to call it
	RoleARN pulumi.StringOutput // of the role that it runs with
	Name    pulumi.StringOutput // what metrics know it by
	Version pulumi.StringOutput // that was published last; one that is rolled out may still be at an older one
	// DeadLettersName is the name of the queue of its dead letters. The zero value: it has none.
	DeadLettersName pulumi.StringOutput

	logs        *cloudwatch.LogGroup
	deadLetters *sqs.Queue
	role        *iam.Role
	policy      *iam.RolePolicy
	function    *lambda.Function
	alias       *lambda.Alias
}

// New declares a function.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Function, error) {
	f := &Function{}
	return component.Declare(ctx, TypeToken, name, f, args, opts,
		f.createLogs, f.createDeadLetters, f.createRole, f.createFunction, f.createAlias)
}

// Outputs are the alias's ARN.
func (f *Function) Outputs() pulumi.Map { return pulumi.Map{"arn": f.ARN} }

// createLogs comes before the function, which would make a group of its own that keeps everything for ever.
func (f *Function) createLogs(ctx *pulumi.Context, args *Args) (err error) {
	f.logs, err = component.Child(ctx, f, "logs", cloudwatch.NewLogGroup, &cloudwatch.LogGroupArgs{
		RetentionInDays: pulumi.Int(args.Settings.LogRetentionDays),
	})
	return err
}

func (f *Function) createDeadLetters(ctx *pulumi.Context, args *Args) (err error) {
	if args.DeadLetters == 0 {
		return nil
	}
	f.deadLetters, err = component.Child(ctx, f, "dead-letters", sqs.NewQueue, &sqs.QueueArgs{
		MessageRetentionSeconds: pulumi.Int(args.DeadLetters.Seconds()),
		SqsManagedSseEnabled:    pulumi.Bool(true),
	})
	if err != nil {
		return err
	}
	f.DeadLettersName = f.deadLetters.Name
	return nil
}

func (f *Function) createRole(ctx *pulumi.Context, args *Args) (err error) {
	if f.role, err = policy.Role(ctx, f, "role", "lambda.amazonaws.com", nil); err != nil {
		return err
	}
	f.RoleARN = f.role.Arn
	statements := append([]policy.Statement{{
		Actions:   []string{"logs:CreateLogStream", "logs:PutLogEvents"},
		Resources: []pulumi.StringInput{pulumi.Sprintf("%s:*", f.logs.Arn)},
	}}, args.Allow...)
	if args.Tracing {
		statements = append(statements, policy.Trace())
	}
	if f.deadLetters != nil {
		statements = append(statements, policy.Statement{
			Actions: []string{"sqs:SendMessage"}, Resources: []pulumi.StringInput{f.deadLetters.Arn},
		})
	}
	f.policy, err = policy.Attach(ctx, f, "policy", f.role.ID(), statements...)
	return err
}

func (f *Function) createFunction(ctx *pulumi.Context, args *Args) (err error) {
	variables, err := contract.Render[pulumi.StringInput](args.Env)
	if err != nil {
		return err
	}
	variables[config.GoMemoryVariable] = pulumi.String(config.GoMemory(args.Settings.MemoryMB))
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
	if mb := args.Settings.EphemeralMB; mb > 0 {
		settings.EphemeralStorage = &lambda.FunctionEphemeralStorageArgs{Size: pulumi.Int(mb)}
	}
	if r := args.Settings.ReservedConcurrency; r > 0 {
		settings.ReservedConcurrentExecutions = pulumi.Int(r)
	}
	if args.Tracing {
		settings.TracingConfig = &lambda.FunctionTracingConfigArgs{Mode: pulumi.String("Active")}
	}
	if f.deadLetters != nil {
		settings.DeadLetterConfig = &lambda.FunctionDeadLetterConfigArgs{TargetArn: f.deadLetters.Arn}
	}
	f.function, err = component.Child(ctx, f, "function", lambda.NewFunction, settings, component.After(f.policy))
	if err != nil {
		return err
	}
	f.Name, f.Version = f.function.Name, f.function.Version
	return nil
}

func (f *Function) createAlias(ctx *pulumi.Context, args *Args) (err error) {
	moved := pulumi.Composite()
	if args.RolledOut {
		moved = pulumi.IgnoreChanges([]string{"functionVersion", "routingConfig"})
	}
	f.alias, err = component.Child(ctx, f, Alias, lambda.NewAlias, &lambda.AliasArgs{
		Name:            pulumi.String(Alias),
		FunctionName:    f.function.Name,
		FunctionVersion: f.function.Version,
	}, moved)
	if err != nil {
		return err
	}
	f.ARN = f.alias.Arn
	return nil
}

// Serve gives the alias a URL, and returns it. Callers sign their requests: IAM lets those call who may
// (lambda:InvokeFunctionUrl).
func (f *Function) Serve(ctx *pulumi.Context) (pulumi.StringOutput, error) {
	made, err := component.Child(ctx, f, "url", lambda.NewFunctionUrl, &lambda.FunctionUrlArgs{
		FunctionName: f.function.Name, Qualifier: f.alias.Name, AuthorizationType: pulumi.String("AWS_IAM"),
	})
	if err != nil {
		return pulumi.StringOutput{}, component.In(f, err)
	}
	return made.FunctionUrl, nil
}

// Invoke allows to call the function.
func (f *Function) Invoke() []policy.Statement {
	return []policy.Statement{{Actions: []string{"lambda:InvokeFunction"}, Resources: []pulumi.StringInput{f.ARN}}}
}

// Admit lets a service call the function for one resource, given by its ARN.
func (f *Function) Admit(
	ctx *pulumi.Context, role, service string, source pulumi.StringInput,
) (pulumi.Resource, error) {
	made, err := component.Child(ctx, f, role, lambda.NewPermission, &lambda.PermissionArgs{
		Action: pulumi.String("lambda:InvokeFunction"), Function: f.function.Name, Qualifier: f.alias.Name,
		Principal: pulumi.String(service), SourceArn: source,
	})
	return made, component.In(f, err)
}

// Call has each deployment whose input is another one call the function, and fail if the call does.
func (f *Function) Call(ctx *pulumi.Context, role string, input pulumi.StringInput, after ...pulumi.Resource) error {
	_, err := component.Child(ctx, f, role, lambda.NewInvocation, &lambda.InvocationArgs{
		FunctionName: f.function.Name, Qualifier: f.alias.Name, Input: input,
	}, component.After(after...))
	return component.In(f, err)
}

// Try allows to read which version the alias names, and to call each version by its number.
func (f *Function) Try() []policy.Statement {
	return []policy.Statement{
		{Actions: []string{"lambda:GetAlias"}, Resources: []pulumi.StringInput{f.function.Arn}},
		{Actions: []string{"lambda:InvokeFunction"}, Resources: []pulumi.StringInput{pulumi.Sprintf("%s:*", f.function.Arn)}},
	}
}

// Unqualified allows to call the function by its name, as CodeDeploy does: it is then the version that was published
// last.
func (f *Function) Unqualified() []policy.Statement {
	return []policy.Statement{{
		Actions: []string{"lambda:InvokeFunction"}, Resources: []pulumi.StringInput{f.function.Arn},
	}}
}
