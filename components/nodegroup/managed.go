package nodegroup

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/eks"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ssm"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/components/network"
	"dip/config"
)

// ignored are the sizes that are set at run time: the desired one always, by the scaler; a bound where windows move it.
// An `up` must not fight them, nor the maintenance function, which moves the minimum of a group that sleeps. A bound
// that nobody moves follows the settings at once.
func ignored(args *Args, desired, low, high string) pulumi.ResourceOption {
	g, list := args.Settings, []string{desired}
	if len(g.Windows) > 0 || args.Sleeps {
		list = append(list, low)
	}
	if g.WindowsMoveMax() {
		list = append(list, high)
	}
	return pulumi.IgnoreChanges(list)
}

// release is the release of the group's machine image that an `up` wants; nil: the maintenance function has it updated,
// and a new group starts with the newest.
func release(ctx *pulumi.Context, args *Args) pulumi.StringPtrInput {
	if args.Updated {
		return nil
	}
	return newestRelease(ctx, args)
}

// newestRelease is the newest release of the group's machine image, such as 1.36.0-20261118: an `up` that finds a newer
// one replaces the nodes, within UpdateConfig and disruption budgets. The parameter is public, and no secret.
func newestRelease(ctx *pulumi.Context, args *Args) pulumi.StringOutput {
	parameter := ssm.LookupParameterOutput(ctx, ssm.LookupParameterOutputArgs{
		Name: pulumi.String(ReleaseParameter(args.Version, args.Architecture)),
	})
	return pulumi.Unsecret(parameter.InsecureValue()).(pulumi.StringOutput)
}

func (g *NodeGroup) createManaged(ctx *pulumi.Context, args *Args) error {
	s := args.Settings
	capacity := "SPOT"
	if s.Capacity == config.OnDemand {
		capacity = "ON_DEMAND"
	}
	taints := eks.NodeGroupTaintArray{}
	if s.Dedicated {
		taints = append(taints, eks.NodeGroupTaintArgs{
			Key: pulumi.String(config.GroupLabel), Value: pulumi.String(g.name), Effect: pulumi.String("NO_SCHEDULE"),
		})
	}
	group, err := component.Child(ctx, g, "group", eks.NewNodeGroup, &eks.NodeGroupArgs{
		ClusterName:    args.Cluster.Name,
		NodeRoleArn:    args.Cluster.NodeRole.Arn,
		SubnetIds:      network.Subnets(args.Subnets),
		AmiType:        pulumi.String(amiType(args.Architecture)),
		Version:        pulumi.String(args.Version), // a group without it never follows an upgrade
		ReleaseVersion: release(ctx, args),
		CapacityType:   pulumi.String(capacity),
		InstanceTypes:  pulumi.ToStringArray(s.InstanceTypes),
		Labels:         pulumi.ToStringMap(Labels(g.name, s)),
		Taints:         taints,
		LaunchTemplate: eks.NodeGroupLaunchTemplateArgs{Id: g.template.ID(), Version: g.latest()},
		ScalingConfig: eks.NodeGroupScalingConfigArgs{
			MinSize: pulumi.Int(s.Min), MaxSize: pulumi.Int(s.Max), DesiredSize: pulumi.Int(s.Min),
		},
		UpdateConfig: eks.NodeGroupUpdateConfigArgs{MaxUnavailablePercentage: pulumi.Int(33)},
	}, component.After(args.Cluster.Ready...),
		ignored(args, "scalingConfig.desiredSize", "scalingConfig.minSize", "scalingConfig.maxSize"))
	if err != nil {
		return err
	}
	g.AutoScalingGroup = group.Resources.Index(pulumi.Int(0)).AutoscalingGroups().Index(pulumi.Int(0)).Name().Elem()
	g.Managed, g.ARN, g.Ready = group.NodeGroupName, group.Arn, []pulumi.Resource{group}
	return nil
}
