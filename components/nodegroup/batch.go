package nodegroup

import (
	"encoding/base64"
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/autoscaling"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/cluster"
	"dip/components/component"
	"dip/components/network"
	"dip/config"
)

// join completes the launch template of a group whose instances join by themselves.
func (g *NodeGroup) join(ctx *pulumi.Context, args *Args, t *ec2.LaunchTemplateArgs) error {
	c, labels, taint := args.Cluster, Labels(g.name, args.Settings), ""
	if args.Settings.Dedicated {
		taint = config.GroupLabel + "=" + g.taint()
	}
	profile, err := component.Child(ctx, g, "profile", iam.NewInstanceProfile, &iam.InstanceProfileArgs{
		Role: c.NodeRole.Name,
	})
	if err != nil {
		return err
	}
	t.ImageId = pulumi.String(image(args.Version, args.Architecture))
	t.IamInstanceProfile = ec2.LaunchTemplateIamInstanceProfileArgs{Arn: profile.Arn}
	t.VpcSecurityGroupIds = pulumi.StringArray{c.SecurityGroup}
	t.UserData = pulumi.All(c.Name, c.Endpoint, c.CertificateAuthority).ApplyT(func(v []any) string {
		return base64.StdEncoding.EncodeToString([]byte(UserData(Join{
			Cluster: v[0].(string), Endpoint: v[1].(string), CertificateAuthority: v[2].(string),
			ServiceCIDR: cluster.ServiceCIDR, Labels: labels, Taint: taint,
		})))
	}).(pulumi.StringOutput)
	return nil
}

// taint is the value and the effect of a dedicated group's taint.
func (g *NodeGroup) taint() string { return g.name + ":" + config.NoSchedule }

// createBatch makes an Auto Scaling group that never terminates a node by itself: protected from scale-in, and not
// rebalanced between zones. It has no termination hook, which Escalator's terminations would have to wait for; groups
// that are drained from a queue get theirs from components/interruption.
func (g *NodeGroup) createBatch(ctx *pulumi.Context, args *Args) error {
	s := args.Settings
	overrides := autoscaling.GroupMixedInstancesPolicyLaunchTemplateOverrideArray{}
	for _, name := range s.InstanceTypes {
		overrides = append(overrides, autoscaling.GroupMixedInstancesPolicyLaunchTemplateOverrideArgs{
			InstanceType: pulumi.String(name),
		})
	}
	newest := autoscaling.GroupMixedInstancesPolicyLaunchTemplateLaunchTemplateSpecificationArgs{
		LaunchTemplateId: g.template.ID(), Version: g.latest(),
	}
	base, above := s.OnDemandBase, 0
	if s.Capacity == config.OnDemand {
		above = 100
	}
	group, err := component.Child(ctx, g, "group", autoscaling.NewGroup, &autoscaling.GroupArgs{
		MinSize: pulumi.Int(s.Min), MaxSize: pulumi.Int(s.Max),
		VpcZoneIdentifiers: network.Subnets(args.Subnets),
		MixedInstancesPolicy: autoscaling.GroupMixedInstancesPolicyArgs{
			LaunchTemplate: autoscaling.GroupMixedInstancesPolicyLaunchTemplateArgs{
				LaunchTemplateSpecification: newest, Overrides: overrides,
			},
			InstancesDistribution: autoscaling.GroupMixedInstancesPolicyInstancesDistributionArgs{
				OnDemandBaseCapacity: pulumi.Int(base), OnDemandPercentageAboveBaseCapacity: pulumi.Int(above),
				SpotAllocationStrategy: pulumi.String("price-capacity-optimized"),
			},
		},
		ProtectFromScaleIn:     pulumi.Bool(true),
		EnabledMetrics:         pulumi.ToStringArray(config.GroupMetrics), // free, and none without
		SuspendedProcesses:     pulumi.StringArray{pulumi.String("AZRebalance")},
		WaitForCapacityTimeout: pulumi.String("0"), // spot may have none: that is the scaler's to wait for
		ForceDelete:            pulumi.Bool(true),  // a destroy does not wait for nodes that are protected
		Tags:                   g.tags(ctx, args),
	}, component.After(args.Cluster.Ready...), ignored(args, "desiredCapacity", "minSize", "maxSize"))
	if err != nil {
		return err
	}
	g.AutoScalingGroup, g.Ready = group.Name, []pulumi.Resource{group}
	return nil
}

// handled marks instances that the Node Termination Handler drains in queue mode: it leaves all others alone.
const handled = "aws-node-termination-handler/managed"

// tags are those by which the Cluster Autoscaler finds the group and knows its nodes while there are none, and the one
// by which the Node Termination Handler does.
func (g *NodeGroup) tags(ctx *pulumi.Context, args *Args) autoscaling.GroupTagArray {
	all := autoscaling.GroupTagArray{}
	tag := func(key, value pulumi.StringInput, propagate bool) {
		all = append(all, autoscaling.GroupTagArgs{Key: key, Value: value, PropagateAtLaunch: pulumi.Bool(propagate)})
	}
	own := maps.Clone(args.Tags)
	if own == nil {
		own = map[string]string{}
	}
	own["dip:stack"] = ctx.Stack()
	for _, key := range slices.Sorted(maps.Keys(own)) {
		tag(pulumi.String(key), pulumi.String(own[key]), true)
	}
	tag(pulumi.Sprintf("kubernetes.io/cluster/%s", args.Cluster.Name), pulumi.String("owned"), true)
	if args.Settings.Interruptions == config.ByQueue {
		tag(pulumi.String(handled), pulumi.String("true"), true)
	}
	if args.Settings.Scaler != config.ClusterAutoscaler {
		return all
	}
	tag(pulumi.String(config.AutoscalerEnabled), pulumi.String("true"), false)
	tag(pulumi.Sprintf("%s%s", config.AutoscalerTags, args.Cluster.Name), pulumi.String("owned"), false)
	labels := Labels(g.name, args.Settings)
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		tag(pulumi.String(config.AutoscalerTags+"node-template/label/"+key), pulumi.String(labels[key]), false)
	}
	if args.Settings.Dedicated {
		tag(pulumi.String(config.AutoscalerTags+"node-template/taint/"+config.GroupLabel), pulumi.String(g.taint()), false)
	}
	return all
}
