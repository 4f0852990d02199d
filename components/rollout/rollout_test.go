package rollout_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/artifact"
	"dip/components/componenttest"
	"dip/components/function"
	"dip/components/policy"
	"dip/components/rollout"
	"dip/config"
	"dip/contract"
)

const (
	application = "aws:codedeploy/application:Application"
	group       = "aws:codedeploy/deploymentGroup:DeploymentGroup"
	settings    = "aws:codedeploy/deploymentConfig:DeploymentConfig"
	invocation  = "aws:lambda/invocation:Invocation"
	rule        = "aws:cloudwatch/eventRule:EventRule"
	target      = "aws:cloudwatch/eventTarget:EventTarget"
	permission  = "aws:lambda/permission:Permission"
	minute      = config.Duration(time.Minute)
)

func common() contract.Common[pulumi.StringInput] {
	return contract.Common[pulumi.StringInput]{
		Stack: pulumi.String("test"), Code: pulumi.String("c0de"), LedgerTable: pulumi.String("table"),
		LakeBucket: pulumi.String("lake"),
	}
}

func args(strategy contract.Strategy) *rollout.Args {
	return &rollout.Args{
		Settings: config.Rollout{Strategy: strategy, Percent: 10, Interval: 5 * minute, Shadow: 3, QuarantineDrift: 0.05},
		Function: config.Function{MemoryMB: 256, Timeout: 15 * minute, LogRetentionDays: 7}, Architecture: config.ARM64,
		Artifact: artifact.Artifact{Path: "rollout.zip", Code: "c0de"}, Common: common(), NamePrefix: "dip-test",
		Bus: pulumi.String("bus"), Account: componenttest.Account, Region: componenttest.Region,
		Allow: []policy.Statement{{
			Actions: []string{"dynamodb:Query"}, Resources: []pulumi.StringInput{pulumi.String("arn:table")},
		}},
	}
}

// run declares the functions of two segments and rolls them out.
func run(t *testing.T, strategy contract.Strategy) *componenttest.Recorder {
	t.Helper()
	return componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		a := args(strategy)
		a.Segments = map[string]rollout.Segment{}
		for _, name := range []string{"events", "trips"} {
			f, err := function.New(ctx, name, &function.Args{
				Settings: config.Function{MemoryMB: 512, Timeout: minute, LogRetentionDays: 7}, Architecture: config.ARM64,
				Artifact: artifact.Artifact{Path: name + ".zip", Code: "c0de"}, RolledOut: true,
				Env: contract.SegmentEnv[pulumi.StringInput]{Common: common(), Segment: pulumi.String(name)},
			})
			if err != nil {
				return err
			}
			a.Segments[name] = rollout.Segment{Function: f, Timeout: minute}
		}
		trips := a.Segments["trips"]
		trips.Alarms = []pulumi.StringInput{pulumi.String("trips-errors")}
		a.Segments["trips"] = trips
		_, err := rollout.New(ctx, "rollout", a)
		return err
	})
}

func TestChildren(t *testing.T) {
	want := []string{
		application + "::rollout-application", group + "::rollout-events", group + "::rollout-trips",
		rule + "::rollout-ended", target + "::rollout-ended",
		"aws:iam/role:Role::rollout-deployer", "aws:iam/rolePolicy:RolePolicy::rollout-deployer",
		"aws:iam/rolePolicyAttachment:RolePolicyAttachment::rollout-deployer-lambda",
		function.TypeToken + "::rollout",
	}
	for _, strategy := range contract.Strategies {
		r, want := run(t, strategy), slices.Clone(want)
		if strategy != contract.AllAtOnce {
			want = append(want, settings+"::rollout-configuration")
		}
		slices.Sort(want)
		if got := r.Children(rollout.TypeToken, "rollout"); !slices.Equal(got, want) {
			t.Errorf("%s: children are %v, want %v", strategy, got, want)
		}
		var calls []string
		for _, child := range r.Children(function.TypeToken, "rollout") {
			if strings.HasPrefix(child, invocation) {
				calls = append(calls, child)
			}
		}
		if !slices.Equal(calls, []string{invocation + "::rollout-start-events", invocation + "::rollout-start-trips"}) {
			t.Errorf("%s: calls are %v", strategy, calls)
		}
	}
}

func TestConfigurations(t *testing.T) {
	for strategy, want := range map[contract.Strategy]string{
		contract.Canary: "timeBasedCanary", contract.Linear: "timeBasedLinear",
	} {
		in := run(t, strategy).Find(t, settings, "rollout-configuration").Inputs
		routing := in["trafficRoutingConfig"].ObjectValue()
		steps := routing[resource.PropertyKey(want)].ObjectValue()
		if steps["percentage"].NumberValue() != 10 || steps["interval"].NumberValue() != 5 ||
			!strings.EqualFold(routing["type"].StringValue(), want) || len(routing) != 2 ||
			in["computePlatform"].StringValue() != "Lambda" ||
			in["deploymentConfigName"].StringValue() != fmt.Sprintf("dip-test-%s-10-percent-5m", strategy) {
			t.Errorf("%s: %v", strategy, in)
		}
	}
}

func TestGroups(t *testing.T) {
	for strategy, name := range map[contract.Strategy]string{
		contract.AllAtOnce: "CodeDeployDefault.LambdaAllAtOnce", contract.Canary: "dip-test-canary-10-percent-5m",
	} {
		r := run(t, strategy)
		if r.Find(t, application, "rollout-application").Inputs["computePlatform"].StringValue() != "Lambda" {
			t.Error("the application is not Lambda's")
		}
		for segment, alarms := range map[string]string{"trips": "[{trips-errors}]", "events": "[]"} {
			made := r.Find(t, group, "rollout-"+segment)
			in := made.Inputs
			style, rollback := in["deploymentStyle"].ObjectValue(), in["autoRollbackConfiguration"].ObjectValue()
			watched := in["alarmConfiguration"].ObjectValue()
			if in["appName"].StringValue() != "rollout-application" || in["deploymentGroupName"].StringValue() != segment ||
				in["deploymentConfigName"].StringValue() != name ||
				in["serviceRoleArn"].StringValue() != "arn:aws:iam::123456789012:role/rollout-deployer" {
				t.Errorf("group of %s: %v", segment, in)
			}
			if style["deploymentOption"].StringValue() != "WITH_TRAFFIC_CONTROL" ||
				style["deploymentType"].StringValue() != "BLUE_GREEN" || !rollback["enabled"].BoolValue() ||
				fmt.Sprint(rollback["events"]) != "{[{DEPLOYMENT_FAILURE} {DEPLOYMENT_STOP_ON_ALARM}]}" {
				t.Errorf("group of %s: %v, %v", segment, style, rollback)
			}
			if watched["enabled"].BoolValue() != (segment == "trips") || segment == "trips" &&
				fmt.Sprint(watched["alarms"]) != "{"+alarms+"}" {
				t.Errorf("alarms of %s: %v", segment, watched)
			}
			if !slices.Contains(made.After, "rollout-deployer-lambda") {
				t.Errorf("the group of %s comes after %v", segment, made.After)
			}
		}
	}
}

const attachment = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"

func TestRights(t *testing.T) {
	r := run(t, contract.Canary)
	if got := r.Find(t, attachment, "rollout-deployer-lambda").Inputs["policyArn"].StringValue(); got !=
		"arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited" {
		t.Errorf("CodeDeploy's role has %s", got)
	}
	trust := r.Find(t, "aws:iam/role:Role", "rollout-deployer").Inputs["assumeRolePolicy"].StringValue()
	if !strings.Contains(trust, `"codedeploy.amazonaws.com"`) {
		t.Errorf("the role trusts %s", trust)
	}
	for name, want := range map[string]string{
		"rollout-deployer": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["lambda:InvokeFunction"],` +
			`"Resource":["arn:aws:lambda:us-east-1:123456789012:function:rollout-function"]}]}`,
		"rollout-policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
			`"Action":["logs:CreateLogStream","logs:PutLogEvents"],` +
			`"Resource":["arn:aws:logs:us-east-1:123456789012:log-group:rollout-logs:*"]},` +
			`{"Effect":"Allow","Action":["dynamodb:Query"],"Resource":["arn:table"]},` +
			`{"Effect":"Allow","Action":["codedeploy:CreateDeployment","codedeploy:GetDeployment",` +
			`"codedeploy:ListDeployments","codedeploy:StopDeployment"],` +
			`"Resource":["arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:rollout-application/*"]},` +
			`{"Effect":"Allow","Action":["codedeploy:PutLifecycleEventHookExecutionStatus"],"Resource":["*"]},` +
			`{"Effect":"Allow","Action":["codedeploy:GetDeploymentConfig"],` +
			`"Resource":["arn:aws:codedeploy:us-east-1:123456789012:deploymentconfig:dip-test-canary-10-percent-5m"]},` +
			`{"Effect":"Allow","Action":["codedeploy:GetApplicationRevision","codedeploy:RegisterApplicationRevision"],` +
			`"Resource":["arn:aws:codedeploy:us-east-1:123456789012:application:rollout-application"]},` +
			`{"Effect":"Allow","Action":["lambda:GetAlias"],` +
			`"Resource":["arn:aws:lambda:us-east-1:123456789012:function:events-function",` +
			`"arn:aws:lambda:us-east-1:123456789012:function:trips-function"]},` +
			`{"Effect":"Allow","Action":["lambda:InvokeFunction"],` +
			`"Resource":["arn:aws:lambda:us-east-1:123456789012:function:events-function:*",` +
			`"arn:aws:lambda:us-east-1:123456789012:function:trips-function:*"]}]}`,
	} {
		got := r.Find(t, "aws:iam/rolePolicy:RolePolicy", name).Inputs["policy"].StringValue()
		if got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
	}
}

// A deployment begins when everything is there that it needs, with the version that was published.
func TestStart(t *testing.T) {
	for strategy, want := range map[contract.Strategy]contract.RolloutStart{
		contract.AllAtOnce: {Strategy: contract.AllAtOnce},
		contract.Linear:    {Strategy: contract.Linear, Percent: 10, Minutes: 5},
	} {
		call := run(t, strategy).Find(t, invocation, "rollout-start-trips")
		for _, needed := range []string{"rollout-trips", "rollout-deployer", "rollout-deployer-lambda", "trips-live",
			"rollout-live", "rollout-ended"} {
			if !slices.Contains(call.After, needed) {
				t.Errorf("it starts before %s: after %v", needed, call.After)
			}
		}
		var got contract.RolloutRequest
		if err := json.Unmarshal([]byte(call.Inputs["input"].StringValue()), &got); err != nil {
			t.Fatal(err)
		}
		want.Version, want.Segment, want.Function, want.Target, want.Group = 1, "trips", "trips-function", "1", "trips"
		want.Shadow, want.QuarantineDrift, want.TimeoutSeconds = 3, 0.05, 60
		if got.Start == nil || *got.Start != want || got.Deployment != "" {
			t.Errorf("%s: starts with %+v, want %+v", strategy, got.Start, want)
		}
	}
}

// The function hears of deployments of this application that fail or are stopped, and of no others; the rule alone may
// call it.
func TestEndedDeployments(t *testing.T) {
	r := run(t, contract.AllAtOnce)
	if got := r.Find(t, rule, "rollout-ended").Inputs; got["eventPattern"].StringValue() !=
		`{"detail":{"application":["rollout-application"],"state":["FAILURE","STOP"]},`+
			`"detail-type":["CodeDeploy Deployment State-change Notification"],"source":["aws.codedeploy"]}` ||
		got.HasValue("eventBusName") {
		t.Errorf("the rule is %v", got)
	}
	made := r.Find(t, target, "rollout-ended")
	in := made.Inputs.Mappable()
	transformer := map[string]any{
		"inputPaths": map[string]any{"id": "$.detail.deploymentId"}, "inputTemplate": `{"ended":"<id>"}`,
	}
	if in["rule"] != "rollout-ended" || !reflect.DeepEqual(in["inputTransformer"], transformer) ||
		in["arn"] != "arn:aws:lambda:us-east-1:123456789012:function:rollout-function:live" ||
		!slices.Contains(made.After, "rollout-admit-ended") {
		t.Errorf("the target is %v, after %v", in, made.After)
	}
	env := r.Find(t, "aws:lambda/function:Function", "rollout-function").Inputs.Mappable()["environment"]
	if got := env.(map[string]any)["variables"].(map[string]any)["DIP_EVENT_BUS"]; got != "bus" {
		t.Errorf("it tells on bus %v", got)
	}
	got := r.Find(t, permission, "rollout-admit-ended").Inputs.Mappable()
	for key, want := range map[string]any{
		"action": "lambda:InvokeFunction", "principal": "events.amazonaws.com", "function": "rollout-function",
		"qualifier": "live", "sourceArn": "arn:aws:events:us-east-1:123456789012:rule/rollout-ended",
	} {
		if got[key] != want {
			t.Errorf("%s of the permission is %v, want %v", key, got[key], want)
		}
	}
}

func TestBadArgsRegisterNothing(t *testing.T) {
	componenttest.MustRefuse(t, "rollout r", func(ctx *pulumi.Context) error {
		a := &rollout.Args{Segments: map[string]rollout.Segment{"trips": {Alarms: make([]pulumi.StringInput, 11)}}}
		a.Settings.Shadow = 21
		_, err := rollout.New(ctx, "r", a)
		return err
	}, "Settings.interval: 0s: want 1m to 48h", "Settings.percent: 0: want 1 to 99", "Settings.shadow: 21: want 0 to 20",
		`Settings.strategy: "", want one of`, "Segments.trips: has no function", "Segments.trips: has no timeout",
		"Segments.trips: 11 alarms, a deployment group has at most 10", "NamePrefix: missing", "Account: missing",
		"Region: missing", "function: Settings.logRetentionDays", "function: Settings.memoryMB",
		"function: Settings.timeout", "function: Architecture", "function: Artifact", "function: Env: DIP_STACK",
		"function: Env: DIP_CODE", "function: Env: DIP_LEDGER_TABLE", "function: Env: DIP_LAKE_BUCKET",
		"function: Env: DIP_EVENT_BUS")
	componenttest.MustRefuse(t, "rollout r", func(ctx *pulumi.Context) error {
		_, err := rollout.New(ctx, "r", args(contract.AllAtOnce))
		return err
	}, "Segments: missing")
}
