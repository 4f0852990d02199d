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
// An `up` must not fight them. A bound that no window moves follows the settings at once.
func ignored(g config.NodeGroup, desired, low, high string) pulumi.ResourceOption {
	list := []string{desired}
	if len(g.Windows) > 0 {
		list = append(list, low)
	}
	if g.WindowsMoveMax() {
		list = append(list, high)
	}
	return pulumi.IgnoreChanges(list)
}

// newestRelease is the newest release of the group's machine image, such as 1.36.0-20261118: an `up` that finds a newer
// one replaces the nodes, within UpdateConfig and disruption budgets. The parameter is public, and no secret.
func newestRelease(ctx *pulumi.Context, args *Args) pulumi.StringOutput {
	parameter := ssm.LookupParameterOutput(ctx, ssm.LookupParameterOutputArgs{
		Name: pulumi.String(releaseParameter(args.Version, args.Architecture)),
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
		ReleaseVersion: newestRelease(ctx, args),    // and without this it is never patched
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
