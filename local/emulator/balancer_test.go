package emulator_test

import (
	"slices"
	"testing"
)

// A load balancer before an Auto Scaling group: its targets are the group's instances, as they come and go.
func TestTargetsFollowTheirGroup(t *testing.T) {
	t.Parallel()
	subnets, group := fourZones(t), newGroup(t)
	var balancer struct {
		ARN string `xml:"CreateLoadBalancerResult>LoadBalancers>member>LoadBalancerArn"`
	}
	ok(t, call(t, "elasticloadbalancing", "CreateLoadBalancer", map[string]string{
		"Name": "targets", "Type": "network", "Scheme": "internal", "Subnets.member.1": subnets[0],
		"Subnets.member.2": subnets[1],
	}, &balancer))
	var subnet struct {
		VPC string `xml:"subnetSet>item>vpcId"`
	}
	ok(t, call(t, "ec2", "DescribeSubnets", map[string]string{"SubnetId.1": subnets[0]}, &subnet))
	var targets struct {
		ARN string `xml:"CreateTargetGroupResult>TargetGroups>member>TargetGroupArn"`
	}
	ok(t, call(t, "elasticloadbalancing", "CreateTargetGroup",
		map[string]string{"Name": "targets", "Protocol": "TCP", "Port": "30443", "VpcId": subnet.VPC}, &targets))
	ok(t, call(t, "elasticloadbalancing", "CreateListener", map[string]string{
		"LoadBalancerArn": balancer.ARN, "Protocol": "TLS", "Port": "443",
		// The account has it; the emulator never made it.
		"Certificates.member.1.CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/theirs",
		"DefaultActions.member.1.Type":         "forward", "DefaultActions.member.1.TargetGroupArn": targets.ARN,
	}, nil))
	ok(t, call(t, "autoscaling", "AttachLoadBalancerTargetGroups",
		map[string]string{"AutoScalingGroupName": group, "TargetGroupARNs.member.1": targets.ARN}, nil))

	same := func(when string) {
		t.Helper()
		var health struct {
			IDs []string `xml:"DescribeTargetHealthResult>TargetHealthDescriptions>member>Target>Id"`
		}
		ok(t, call(t, "elasticloadbalancing", "DescribeTargetHealth", map[string]string{"TargetGroupArn": targets.ARN},
			&health))
		want := describeGroup(t, group).ids()
		slices.Sort(want)
		slices.Sort(health.IDs)
		if !slices.Equal(health.IDs, want) {
			t.Errorf("%s, targets are %q, instances %q", when, health.IDs, want)
		}
	}
	ok(t, setDesired(t, group, 3))
	same("after a scale-out")
	ok(t, terminate(t, describeGroup(t, group).ids()[0], true))
	same("after a scale-in")
	ok(t, call(t, "ec2", "TerminateInstances", map[string]string{"InstanceId.1": describeGroup(t, group).ids()[0]}, nil))
	same("after an interruption")
	ok(t, call(t, "autoscaling", "DetachLoadBalancerTargetGroups",
		map[string]string{"AutoScalingGroupName": group, "TargetGroupARNs.member.1": targets.ARN}, nil))
	refused(t, call(t, "elasticloadbalancing", "DeleteTargetGroup", map[string]string{"TargetGroupArn": targets.ARN}, nil),
		"in use")
	ok(t, call(t, "elasticloadbalancing", "DeleteLoadBalancer", map[string]string{"LoadBalancerArn": balancer.ARN}, nil))
	ok(t, call(t, "elasticloadbalancing", "DeleteTargetGroup", map[string]string{"TargetGroupArn": targets.ARN}, nil))
}
