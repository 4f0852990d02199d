package schedule

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/artifact"
	"dip/components/componenttest"
	"dip/components/function"
	"dip/config"
	"dip/contract"
)

const minute = config.Duration(time.Minute)

func TestSchedule(t *testing.T) {
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		f, err := function.New(ctx, "f", &function.Args{
			Settings:     config.Function{MemoryMB: 128, Timeout: minute, LogRetentionDays: 1},
			Architecture: config.ARM64,
			Artifact:     artifact.Artifact{Path: "f.zip", Code: "c0de"},
			Env: contract.Common[pulumi.StringInput]{
				Stack: pulumi.String("s"), Code: pulumi.String("c"), LedgerTable: pulumi.String("t"),
				LakeBucket: pulumi.String("l"),
			},
		})
		if err != nil {
			return err
		}
		_, err = New(ctx, "s", &Args{Rate: 5 * minute, Function: f, Account: componenttest.Account})
		return err
	})
	want := []string{
		"aws:iam/role:Role::s-role", "aws:iam/rolePolicy:RolePolicy::s-policy", "aws:scheduler/schedule:Schedule::s-schedule",
	}
	if got := r.Children(TypeToken, "s"); !slices.Equal(got, want) {
		t.Errorf("children are %v, want %v", got, want)
	}
	const live = "arn:aws:lambda:us-east-1:123456789012:function:f-function:live"
	policy := r.Find(t, "aws:iam/rolePolicy:RolePolicy", "s-policy").Inputs["policy"].StringValue()
	if !strings.HasSuffix(policy, `[{"Effect":"Allow","Action":["lambda:InvokeFunction"],"Resource":["`+live+`"]}]}`) {
		t.Errorf("it may do %s", policy)
	}
	made := r.Find(t, "aws:scheduler/schedule:Schedule", "s-schedule")
	trust := r.Find(t, "aws:iam/role:Role", "s-role").Inputs["assumeRolePolicy"].StringValue()
	if !strings.Contains(trust, `"aws:SourceAccount":"123456789012"`) {
		t.Errorf("the role trusts %s", trust)
	}
	target := made.Inputs["target"].ObjectValue()
	if made.Inputs["scheduleExpression"].StringValue() != "rate(5 minutes)" || target["arn"].StringValue() != live ||
		target["roleArn"].StringValue() != "arn:aws:iam::123456789012:role/s-role" {
		t.Errorf("schedule is %v", made.Inputs)
	}
	if !slices.Contains(made.After, "s-policy") {
		t.Errorf("it calls before it may: after %v", made.After)
	}
}

func TestExpression(t *testing.T) {
	for minutes, want := range map[int]string{1: "rate(1 minute)", 2: "rate(2 minutes)", 90: "rate(90 minutes)"} {
		if got := expression(config.Duration(minutes) * minute); got != want {
			t.Errorf("%d minutes are %s, want %s", minutes, got, want)
		}
	}
}

func TestBadArgsRegisterNothing(t *testing.T) {
	for _, rate := range []time.Duration{0, 30 * time.Second, 90 * time.Second} {
		componenttest.MustRefuse(t, "schedule s", func(ctx *pulumi.Context) error {
			_, err := New(ctx, "s", &Args{Rate: config.Duration(rate)})
			return err
		}, "Rate: "+config.Duration(rate).String()+", want whole minutes, at least one", "Function: missing",
			"Account: missing")
	}
}
