package nodegroup

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/eks"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/components/network"
	"dip/config"
)

// ignored are the sizes that are set at run time: the desired one always, by the scaler; the bounds where windows move
// them. An `up` must not fight them.
func ignored(g config.NodeGroup, desired, low, high string) pulumi.ResourceOption {
	if len(g.Windows) == 0 {
		return pulumi.IgnoreChanges([]string{desired})
	}
	return pulumi.IgnoreChanges([]string{desired, low, high})
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
		ignored(s, "scalingConfig.desiredSize", "scalingConfig.minSize", "scalingConfig.maxSize"))
	if err != nil {
		return err
	}
	g.AutoScalingGroup = group.Resources.Index(pulumi.Int(0)).AutoscalingGroups().Index(pulumi.Int(0)).Name().Elem()
	g.Ready = []pulumi.Resource{group}
	return nil
}
