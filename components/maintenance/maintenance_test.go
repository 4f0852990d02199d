package maintenance

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/components/nodegroup"
	"dip/components/policy"
	"dip/config"
	"dip/contract"
)

// declared is the policy of the function, what it is told of groups, and what was registered.
func declared(t *testing.T, args *Args) (rights, groups string, r *componenttest.Recorder) {
	t.Helper()
	r = componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		m, err := New(ctx, "nodes", args)
		if err != nil {
			return err
		}
		document, err := policy.Document(m.Allow()...)
		if err != nil {
			return err
		}
		ctx.Export("rights", document)
		ctx.Export("groups", m.Groups)
		pulumi.All(document, m.Groups).ApplyT(func(v []any) string {
			rights, groups = v[0].(string), v[1].(string)
			return ""
		})
		return nil
	})
	return rights, groups, r
}

func group(name string, kind config.Kind, sleeps bool) Group {
	g := &nodegroup.NodeGroup{AutoScalingGroup: pulumi.String("asg-" + name).ToStringOutput()}
	if kind == config.Managed {
		g.Managed = pulumi.String("eks-" + name).ToStringOutput()
		g.ARN = pulumi.String("arn:aws:eks:us-east-1:123456789012:nodegroup/dip/eks-" + name + "/1").ToStringOutput()
	}
	return Group{NodeGroup: g, Name: name, Settings: config.NodeGroup{Kind: kind, Min: 2, Asleep: 1}, Sleeps: sleeps}
}

const releases = "/aws/service/eks/optimized-ami/1.36/x"

func TestMaintenance(t *testing.T) {
	rights, groups, r := declared(t, &Args{
		Region: "us-east-1", Account: componenttest.Account, Cluster: pulumi.String("dip"), Releases: releases,
		Groups: []Group{group("services", config.Managed, true), group("base", config.Managed, false),
			group("batch", config.Batch, true)},
	})
	var told []contract.MaintainedGroup
	if err := json.Unmarshal([]byte(groups), &told); err != nil {
		t.Fatalf("%s: %v", groups, err)
	}
	want := contract.MaintainedGroup{
		Name: "services", AutoScalingGroup: "asg-services", Cluster: "dip", Managed: "eks-services", Min: 2, Asleep: 1,
		Sleeps: true,
	}
	if len(told) != 3 || told[0] != want || told[1].Sleeps || told[2].Managed != "" {
		t.Errorf("it is told %+v", told)
	}
	const asg = "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:*:autoScalingGroupName/asg-"
	const eks = "arn:aws:eks:us-east-1:123456789012:nodegroup/dip/eks-"
	for _, want := range []string{
		`"Action":["autoscaling:UpdateAutoScalingGroup"],"Resource":["` + asg + `services","` + asg + `batch"]`,
		`"Action":["eks:UpdateNodegroupVersion"],"Resource":["` + eks + `services/1","` + eks + `base/1"]`,
		`"Action":["eks:DescribeNodegroup"],"Resource":["` + eks + `services/1","` + eks + `base/1"]`,
		`"arn:aws:ssm:us-east-1::parameter` + releases + `"`,
	} {
		if !strings.Contains(rights, want) {
			t.Errorf("no %s in %s", want, rights)
		}
	}
	made := string(r.Report(t, func(componenttest.Resource) bool { return true }))
	if !strings.Contains(made, "ignoreChanges: [value]") {
		t.Errorf("an update would overwrite what people have set:\n%s", made)
	}
}

// Without updates, and without groups, there is nothing that it may change.
func TestItMayDoNoMoreThanItDoes(t *testing.T) {
	rights, _, _ := declared(t, &Args{
		Region: "us-east-1", Account: componenttest.Account, Cluster: pulumi.String("dip"),
		Groups: []Group{group("services", config.Managed, false)},
	})
	if strings.Contains(rights, "Update") || strings.Contains(rights, "optimized-ami") {
		t.Errorf("it may %s", rights)
	}
	rights, groups, _ := declared(t, &Args{Region: "us-east-1", Account: componenttest.Account})
	if strings.Contains(rights, "autoscaling") || groups != "[]" {
		t.Errorf("it may %s, with groups %s", rights, groups)
	}
}

func TestBadArgsRegisterNothing(t *testing.T) {
	componenttest.MustRefuse(t, "maintenance nodes", func(ctx *pulumi.Context) error {
		_, err := New(ctx, "nodes", &Args{Groups: []Group{group("services", config.Managed, true)}})
		return err
	}, "Region: missing", "Account: missing", "Cluster: missing: there are groups")
}
