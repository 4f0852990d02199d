package workflow_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/artifact"
	"dip/components/componenttest"
	"dip/components/function"
	"dip/components/policy"
	"dip/components/workflow"
	"dip/config"
	"dip/contract"
)

// declare makes a workflow, and a role that may start it.
func declare(ctx *pulumi.Context) error { return traced(false)(ctx) }

// traced makes the same, with or without traces.
func traced(tracing bool) func(*pulumi.Context) error {
	return func(ctx *pulumi.Context) error { return declareWith(ctx, tracing) }
}

func declareWith(ctx *pulumi.Context, tracing bool) error {
	named := map[string]*function.Function{}
	for _, name := range []string{"splitter", "reconciler"} {
		var err error
		named[name], err = function.New(ctx, name, &function.Args{
			Settings:     config.Function{MemoryMB: 128, Timeout: config.Duration(time.Minute), LogRetentionDays: 1},
			Architecture: config.ARM64,
			Artifact:     artifact.Artifact{Path: name + ".zip", Code: "c0de"},
			Env: contract.Common[pulumi.StringInput]{
				Stack: pulumi.String("s"), Code: pulumi.String("c"), LedgerTable: pulumi.String("t"),
				LakeBucket: pulumi.String("l"),
			},
		})
		if err != nil {
			return err
		}
	}
	w, err := workflow.New(ctx, "load", &workflow.Args{
		Splitter: named["splitter"], Reconciler: named["reconciler"], LogRetentionDays: 30,
		Account: componenttest.Account, Tracing: tracing,
	})
	if err != nil {
		return err
	}
	_, err = policy.Attach(ctx, w, "starter", pulumi.String("starter"), policy.All(w.Start(), w.Describe())...)
	return err
}

// Step Functions knows no right on an alias: with its ARN as the resource, nobody may start anything.
func TestStartIsAllowedOnTheStateMachine(t *testing.T) {
	r := componenttest.MustRun(t, declare)
	got := r.Find(t, "aws:iam/rolePolicy:RolePolicy", "load-starter").Inputs["policy"].StringValue()
	want := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["states:StartExecution"],` +
		`"Resource":["arn:aws:states:us-east-1:123456789012:stateMachine:load-machine"],` +
		`"Condition":{"ForAnyValue:StringEquals":{"states:StateMachineQualifier":["live"]}}},` +
		`{"Effect":"Allow","Action":["states:DescribeExecution"],` +
		`"Resource":["arn:aws:states:us-east-1:123456789012:execution:load-machine:*"]}]}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	trust := r.Find(t, "aws:iam/role:Role", "load-role").Inputs["assumeRolePolicy"].StringValue()
	if !strings.Contains(trust, `"aws:SourceAccount":"123456789012"`) {
		t.Errorf("the role trusts %s", trust)
	}
}

func TestWorkflow(t *testing.T) {
	r := componenttest.MustRun(t, declare)
	want := []string{
		"aws:cloudwatch/logGroup:LogGroup::load-logs",
		"aws:iam/role:Role::load-role",
		"aws:iam/rolePolicy:RolePolicy::load-policy",
		"aws:iam/rolePolicy:RolePolicy::load-starter",
		"aws:sfn/alias:Alias::load-live",
		"aws:sfn/stateMachine:StateMachine::load-machine",
	}
	if got := r.Children(workflow.TypeToken, "load"); !slices.Equal(got, want) {
		t.Errorf("children are %v, want %v", got, want)
	}
	m := r.Find(t, "aws:sfn/stateMachine:StateMachine", "load-machine")
	if !slices.Contains(m.After, "load-policy") {
		t.Errorf("the machine comes after %v: want its policy", m.After)
	}
	if m.Inputs["type"].StringValue() != "STANDARD" || !m.Inputs["publish"].BoolValue() {
		t.Errorf("machine is %v", m.Inputs)
	}
	definition, err := workflow.Definition(workflow.Functions{
		Splitter:   "arn:aws:lambda:us-east-1:123456789012:function:splitter-function:live",
		Reconciler: "arn:aws:lambda:us-east-1:123456789012:function:reconciler-function:live",
	})
	if err != nil || m.Inputs["definition"].StringValue() != definition {
		t.Errorf("definition calls other functions than the aliases: %v", m.Inputs["definition"])
	}
	logs := m.Inputs["loggingConfiguration"].ObjectValue()
	if logs["logDestination"].StringValue() != "arn:aws:logs:us-east-1:123456789012:log-group:load-logs:*" ||
		logs["level"].StringValue() != "ERROR" {
		t.Errorf("logging is %v", logs)
	}
	group := r.Find(t, "aws:cloudwatch/logGroup:LogGroup", "load-logs").Inputs
	if got := group["namePrefix"].StringValue(); got != "/aws/vendedlogs/states/load-" {
		t.Errorf("the log group's name begins with %s", got)
	}
	route := r.Find(t, "aws:sfn/alias:Alias", "load-live").Inputs["routingConfigurations"].ArrayValue()[0].ObjectValue()
	if route["weight"].NumberValue() != 100 ||
		route["stateMachineVersionArn"].StringValue() != "arn:aws:states:us-east-1:123456789012:stateMachine:load-machine:1" {
		t.Errorf("the alias leads to %v", route)
	}
}

func TestBadArgsRegisterNothing(t *testing.T) {
	componenttest.MustRefuse(t, "workflow load", func(ctx *pulumi.Context) error {
		_, err := workflow.New(ctx, "load", &workflow.Args{})
		return err
	}, "Splitter: missing", "Reconciler: missing", "LogRetentionDays: missing", "Account: missing")
}

// Without the setting, an update would leave a machine traced that once was.
func TestTracing(t *testing.T) {
	for _, tracing := range []bool{false, true} {
		r := componenttest.MustRun(t, traced(tracing))
		in := r.Find(t, "aws:sfn/stateMachine:StateMachine", "load-machine").Inputs["tracingConfiguration"].ObjectValue()
		allowed := r.Find(t, "aws:iam/rolePolicy:RolePolicy", "load-policy").Inputs["policy"].StringValue()
		right := `"xray:PutTraceSegments","xray:PutTelemetryRecords","xray:GetSamplingRules","xray:GetSamplingTargets"`
		if in["enabled"].BoolValue() != tracing || strings.Contains(allowed, right) != tracing {
			t.Errorf("tracing %v: %v, %s", tracing, in, allowed)
		}
	}
}
