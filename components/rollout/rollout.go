// Package rollout moves the aliases of segments' functions to new versions: CodeDeploy shifts the traffic, and a
// function judges the version before and after, and tells of those that were not rolled out. Each deployment of the
// stack starts it.
package rollout

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/codedeploy"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/artifact"
	"dip/components/component"
	"dip/components/function"
	"dip/components/policy"
	"dip/config"
	"dip/contract"
)

// TypeToken is the component's type.
const TypeToken = "dip:rollout:Rollout"

// Args configure rollouts.
type Args struct {
	// Settings are strategy and checks. The zero value is invalid.
	Settings config.Rollout
	// Segments are what is rolled out, by name. Empty is invalid.
	Segments map[string]Segment
	// Function is memory, timeout and so on of the function that judges. The zero value is invalid.
	Function config.Function
	// Architecture of the artifact. The zero value is invalid.
	Architecture config.Architecture
	// Artifact is the code. The zero value is invalid.
	Artifact artifact.Artifact
	// Common is the environment that functions share. Every field must be set.
	Common contract.Common[pulumi.StringInput]
	// Bus is the name of the bus that failed rollouts are told on. Required.
	Bus pulumi.StringInput
	// Allow is what the function may do besides deploying and calling the segments' functions. Empty: nothing.
	Allow []policy.Statement
	// Tracing has X-Ray record traces of the function.
	Tracing bool
	// NamePrefix is what the name of the deployment configuration begins with, in this account and region no other's. The
	// zero value is invalid.
	NamePrefix string
	// Account and Region are the stack's. The zero values are invalid.
	Account, Region string
}

// Segment is a segment whose function is rolled out.
type Segment struct {
	Function *function.Function // required
	Timeout  config.Duration    // of the function; required
	// Alarms are the names in CloudWatch of those that roll back. Empty: none do.
	Alarms []pulumi.StringInput
}

// maxAlarms is the most alarms of a deployment group ("Monitoring deployments with CloudWatch alarms in CodeDeploy").
const maxAlarms = 10

// Validate reports every problem.
func (a *Args) Validate() error {
	var found component.Problems
	found.Add(config.CheckLimits("Settings", a.Settings))
	found.If(!slices.Contains(contract.Strategies, a.Settings.Strategy), "Settings.strategy", "%q, want one of %q",
		a.Settings.Strategy, contract.Strategies)
	found.If(len(a.Segments) == 0, "Segments", "missing")
	for _, name := range slices.Sorted(maps.Keys(a.Segments)) {
		s, field := a.Segments[name], "Segments."+name
		found.If(s.Function == nil, field, "has no function")
		found.If(s.Timeout == 0, field, "has no timeout")
		found.If(len(s.Alarms) > maxAlarms, field, "%d alarms, a deployment group has at most %d", len(s.Alarms), maxAlarms)
	}
	found.If(a.NamePrefix == "", "NamePrefix", "missing")
	found.If(a.Account == "", "Account", "missing")
	found.If(a.Region == "", "Region", "missing")
	found.In("function", a.function(pulumi.String("checked later")).Validate())
	return found.Err()
}

func (a *Args) function(application pulumi.StringInput, allow ...policy.Statement) *function.Args {
	return &function.Args{
		Settings: a.Function, Architecture: a.Architecture, Artifact: a.Artifact,
		Env:   contract.RolloutEnv[pulumi.StringInput]{Common: a.Common, Application: application, EventBus: a.Bus},
		Allow: slices.Concat(a.Allow, allow), Tracing: a.Tracing,
	}
}

// Rollout is an application in CodeDeploy with a deployment group for each segment, and the function that starts and
// judges their deployments.
type Rollout struct {
	pulumi.ResourceState

	Function *function.Function
	Groups   map[string]pulumi.StringOutput // names of the deployment groups, by segment

	application   *codedeploy.Application
	configuration pulumi.StringOutput // name
	role          *iam.Role           // CodeDeploy's
	ready         []pulumi.Resource   // after which a deployment can begin
}

// New declares rollouts.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Rollout, error) {
	r := &Rollout{Groups: map[string]pulumi.StringOutput{}}
	return component.Declare(ctx, TypeToken, name, r, args, opts,
		r.createApplication, r.createConfiguration, r.createRole, r.createGroups, r.createFunction, r.admitHook,
		r.hear, r.start)
}

// Outputs are the application's name and the function's ARN.
func (r *Rollout) Outputs() pulumi.Map {
	return pulumi.Map{"application": r.application.Name, "function": r.Function.ARN}
}

const lambdaPlatform = "Lambda"

func (r *Rollout) createApplication(ctx *pulumi.Context, _ *Args) (err error) {
	r.application, err = component.Child(ctx, r, "application", codedeploy.NewApplication, &codedeploy.ApplicationArgs{
		ComputePlatform: pulumi.String(lambdaPlatform),
	})
	return err
}

// allAtOnce is AWS's own configuration ("Working with deployment configurations in CodeDeploy").
const allAtOnce = "CodeDeployDefault.LambdaAllAtOnce"

// createConfiguration declares how traffic moves. A configuration cannot be changed: its name has what it says, so that
// another one takes its place before it is deleted.
func (r *Rollout) createConfiguration(ctx *pulumi.Context, args *Args) error {
	routing := &codedeploy.DeploymentConfigTrafficRoutingConfigArgs{}
	percent, minutes := args.Settings.Percent, args.Settings.Minutes()
	switch args.Settings.Strategy {
	case contract.Canary:
		routing.Type = pulumi.String("TimeBasedCanary")
		routing.TimeBasedCanary = &codedeploy.DeploymentConfigTrafficRoutingConfigTimeBasedCanaryArgs{
			Percentage: pulumi.Int(percent), Interval: pulumi.Int(minutes),
		}
	case contract.Linear:
		routing.Type = pulumi.String("TimeBasedLinear")
		routing.TimeBasedLinear = &codedeploy.DeploymentConfigTrafficRoutingConfigTimeBasedLinearArgs{
			Percentage: pulumi.Int(percent), Interval: pulumi.Int(minutes),
		}
	default:
		r.configuration = pulumi.String(allAtOnce).ToStringOutput()
		return nil
	}
	made, err := component.Child(ctx, r, "configuration", codedeploy.NewDeploymentConfig, &codedeploy.DeploymentConfigArgs{
		ComputePlatform: pulumi.String(lambdaPlatform), TrafficRoutingConfig: routing,
		DeploymentConfigName: pulumi.String(fmt.Sprintf("%s-%s-%d-percent-%dm", args.NamePrefix, args.Settings.Strategy,
			percent, minutes)),
	})
	if err != nil {
		return err
	}
	r.configuration = made.DeploymentConfigName
	return nil
}

// managed is AWS's own policy: what CodeDeploy asks of Lambda and CloudWatch changes, and it with it ("Create a service
// role for CodeDeploy"). It lets CodeDeploy call no function but those named CodeDeployHook_*.
const managed = "arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited"

func (r *Rollout) createRole(ctx *pulumi.Context, _ *Args) (err error) {
	if r.role, err = policy.Role(ctx, r, "deployer", "codedeploy.amazonaws.com", nil); err != nil {
		return err
	}
	attached, err := component.Child(ctx, r, "deployer-lambda", iam.NewRolePolicyAttachment, &iam.RolePolicyAttachmentArgs{
		Role: r.role.Name, PolicyArn: pulumi.String(managed),
	})
	r.ready = append(r.ready, attached)
	return err
}

func (r *Rollout) createGroups(ctx *pulumi.Context, args *Args) error {
	allowed := r.ready // not the groups: one does not wait for another
	for _, name := range slices.Sorted(maps.Keys(args.Segments)) {
		made, err := component.Child(ctx, r, name, codedeploy.NewDeploymentGroup, &codedeploy.DeploymentGroupArgs{
			AppName: r.application.Name, DeploymentGroupName: pulumi.String(name), ServiceRoleArn: r.role.Arn,
			DeploymentConfigName: r.configuration,
			DeploymentStyle: &codedeploy.DeploymentGroupDeploymentStyleArgs{
				DeploymentOption: pulumi.String("WITH_TRAFFIC_CONTROL"), DeploymentType: pulumi.String("BLUE_GREEN"),
			},
			AutoRollbackConfiguration: &codedeploy.DeploymentGroupAutoRollbackConfigurationArgs{
				Enabled: pulumi.Bool(true),
				Events:  pulumi.ToStringArray([]string{"DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"}),
			},
			AlarmConfiguration: &codedeploy.DeploymentGroupAlarmConfigurationArgs{
				Enabled: pulumi.Bool(len(args.Segments[name].Alarms) > 0), Alarms: pulumi.StringArray(args.Segments[name].Alarms),
			},
		}, component.After(allowed...))
		if err != nil {
			return err
		}
		r.Groups[name], r.ready = made.DeploymentGroupName, append(r.ready, made)
	}
	return nil
}

// createFunction declares the function that starts and judges deployments. It may do so in this application, and call
// versions of the segments' functions.
func (r *Rollout) createFunction(ctx *pulumi.Context, args *Args) (err error) {
	arn := func(kind string, name pulumi.StringInput) []pulumi.StringInput {
		return []pulumi.StringInput{pulumi.Sprintf("arn:aws:codedeploy:%s:%s:%s:%s", args.Region, args.Account, kind, name)}
	}
	allow := []policy.Statement{
		{
			Actions: []string{"codedeploy:CreateDeployment", "codedeploy:GetDeployment", "codedeploy:ListDeployments",
				"codedeploy:StopDeployment"},
			Resources: arn("deploymentgroup", pulumi.Sprintf("%s/*", r.application.Name)),
		},
		{ // knows no resource ("Actions, resources, and condition keys for AWS CodeDeploy")
			Actions:   []string{"codedeploy:PutLifecycleEventHookExecutionStatus"},
			Resources: []pulumi.StringInput{pulumi.String("*")},
		},
		{Actions: []string{"codedeploy:GetDeploymentConfig"}, Resources: arn("deploymentconfig", r.configuration)},
		{
			Actions:   []string{"codedeploy:GetApplicationRevision", "codedeploy:RegisterApplicationRevision"},
			Resources: arn("application", r.application.Name),
		},
	}
	for _, name := range slices.Sorted(maps.Keys(args.Segments)) {
		allow = append(allow, args.Segments[name].Function.Try()...)
	}
	r.Function, err = component.Child(ctx, r, "", function.New, args.function(r.application.Name, allow...))
	return err
}

// admitHook lets CodeDeploy call the function.
func (r *Rollout) admitHook(ctx *pulumi.Context, _ *Args) error {
	admitted, err := policy.Attach(ctx, r, "deployer", r.role.ID(), r.Function.Unqualified()...)
	r.ready = append(r.ready, admitted)
	return err
}

// failures is the pattern of the events of an application's deployments that fail or are stopped: a check has failed or
// was not answered, an alarm has fired, or somebody asked for it ("Monitoring deployments with Amazon CloudWatch
// Events", CodeDeploy user guide).
func failures(application string) (string, error) {
	pattern, err := json.Marshal(map[string]any{
		"source": []string{"aws.codedeploy"}, "detail-type": []string{"CodeDeploy Deployment State-change Notification"},
		"detail": map[string][]string{"application": {application}, "state": {"FAILURE", "STOP"}},
	})
	if err != nil {
		return "", fmt.Errorf("write the pattern of failed deployments: %w", err)
	}
	return string(pattern), nil
}

// hear calls the function with each deployment that fails or is stopped. The event does not say why: the function does.
func (r *Rollout) hear(ctx *pulumi.Context, _ *Args) error {
	rule, err := component.Child(ctx, r, "ended", cloudwatch.NewEventRule, &cloudwatch.EventRuleArgs{
		EventPattern: r.application.Name.ApplyT(failures).(pulumi.StringOutput),
	})
	if err != nil {
		return err
	}
	admitted, err := r.Function.Admit(ctx, "admit-ended", "events.amazonaws.com", rule.Arn)
	if err != nil {
		return err
	}
	target, err := component.Child(ctx, r, "ended", cloudwatch.NewEventTarget, &cloudwatch.EventTargetArgs{
		Rule: rule.Name, Arn: r.Function.ARN,
		InputTransformer: &cloudwatch.EventTargetInputTransformerArgs{
			InputPaths:    pulumi.StringMap{"id": pulumi.String("$.detail.deploymentId")},
			InputTemplate: pulumi.String(`{"ended":"<id>"}`),
		},
	}, component.After(admitted))
	r.ready = append(r.ready, target)
	return err
}

// start calls the function for each segment whose function has a new version. Once it is called, it has nothing to do
// until there is another one.
func (r *Rollout) start(ctx *pulumi.Context, args *Args) error {
	for _, name := range slices.Sorted(maps.Keys(args.Segments)) {
		s, group := args.Segments[name], r.Groups[name]
		request := contract.RolloutStart{
			Version: contract.Version, Segment: name, Strategy: args.Settings.Strategy, Shadow: args.Settings.Shadow,
			QuarantineDrift: args.Settings.QuarantineDrift, TimeoutSeconds: s.Timeout.Seconds(),
		}
		if request.Strategy != contract.AllAtOnce {
			request.Percent, request.Minutes = args.Settings.Percent, args.Settings.Minutes()
		}
		input := pulumi.All(s.Function.Name, s.Function.Version, group, s.Function.ARN).ApplyT(func(v []any) (string, error) {
			return startOf(request, v[0].(string), v[1].(string), v[2].(string))
		}).(pulumi.StringOutput)
		if err := r.Function.Call(ctx, "start-"+name, input, r.ready...); err != nil {
			return err
		}
	}
	return nil
}

// startOf is the input of the function that starts a rollout.
func startOf(request contract.RolloutStart, function, target, group string) (string, error) {
	request.Function, request.Target, request.Group = function, target, group
	data, err := json.Marshal(contract.RolloutRequest{Start: &request})
	if err != nil {
		return "", fmt.Errorf("write the start of the rollout of %s: %w", request.Segment, err)
	}
	return string(data), nil
}
