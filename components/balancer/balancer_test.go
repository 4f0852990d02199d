package balancer_test

import (
	"slices"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/balancer"
	"dip/components/componenttest"
	"dip/config"
)

func args() *balancer.Args {
	return &balancer.Args{
		VPC: pulumi.String("vpc-1"), Subnets: []pulumi.IDOutput{pulumi.ID("subnet-a").ToIDOutput()},
		CIDRs: []string{"10.0.0.0/8"}, Certificate: "arn:aws:acm:us-east-1:111122223333:certificate/1",
		NodePort: config.GatewayNodePort, HealthPath: "/readyz", Drain: config.Duration(90 * time.Second),
		NodeSecurityGroup: pulumi.String("sg-nodes"), Groups: map[string]pulumi.StringInput{"services": pulumi.String("asg")},
	}
}

func declare(t *testing.T, a *balancer.Args) *componenttest.Recorder {
	t.Helper()
	return componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		_, err := balancer.New(ctx, "b", a)
		return err
	})
}

const loadBalancer, targetGroup = "aws:lb/loadBalancer:LoadBalancer", "aws:lb/targetGroup:TargetGroup"

func TestBalancer(t *testing.T) {
	r := declare(t, args())
	want := []string{
		"aws:autoscaling/attachment:Attachment::b-services",
		"aws:ec2/securityGroup:SecurityGroup::b-group",
		"aws:lb/listener:Listener::b-listener",
		loadBalancer + "::b-balancer",
		targetGroup + "::b-targets",
		"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule::b-to-nodes",
		"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule::b-from-10.0.0.0/8",
		"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule::b-nodes",
	}
	if got := r.Children(balancer.TypeToken, "b"); !slices.Equal(got, want) {
		t.Errorf("children are %v, want %v", got, want)
	}
	componenttest.Golden(t, "testdata/balancer.txt", r.Report(t, func(componenttest.Resource) bool { return false }))
}

// A load balancer is internal unless it is made public, and cuts off nothing that drains.
func TestDefaultsAreCareful(t *testing.T) {
	for _, public := range []bool{false, true} {
		a := args()
		a.Public, a.Protect = public, public
		r := declare(t, a)
		made := r.Find(t, loadBalancer, "b-balancer")
		if made.Inputs["internal"].BoolValue() == public || made.Protect != public ||
			made.Inputs["enableDeletionProtection"].BoolValue() != public {
			t.Errorf("public %t: %v", public, made.Inputs)
		}
		targets := r.Find(t, targetGroup, "b-targets").Inputs
		state := targets["targetHealthStates"].ArrayValue()[0].ObjectValue()
		if state["enableUnhealthyConnectionTermination"].BoolValue() || targets["deregistrationDelay"].NumberValue() != 90 {
			t.Errorf("connections to a pod that drains are cut off: %v", targets)
		}
	}
}

func TestBadArgsRegisterNothing(t *testing.T) {
	componenttest.MustRefuse(t, "balancer b", func(ctx *pulumi.Context) error {
		_, err := balancer.New(ctx, "b", &balancer.Args{})
		return err
	}, "VPC: missing", "Subnets: missing", "CIDRs: missing", "Certificate: missing", "NodePort: 0: want 30000",
		"HealthPath: missing", "Drain: missing", "NodeSecurityGroup: missing", "Groups: missing")
}
