// Package nodegroup is a group of equal nodes over all zones of a network: managed by EKS, or an Auto Scaling group of
// our own whose nodes are never taken away while they work.
package nodegroup

import (
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/autoscaling"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/cluster"
	"dip/components/component"
	"dip/config"
)

// TypeToken is the component's type.
const TypeToken = "dip:nodegroup:NodeGroup"

// Args configure a node group.
type Args struct {
	// Settings are the group's entry in the stack's config. The zero value is invalid.
	Settings config.NodeGroup
	// Architecture of its instance types. The zero value is invalid.
	Architecture config.Architecture
	// Version is the cluster's Kubernetes minor. The zero value is invalid.
	Version string
	// Cluster is what the nodes join. The zero value is invalid.
	Cluster *cluster.Cluster
	// Subnets are private, one a zone. The zero value is invalid.
	Subnets []pulumi.IDOutput
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var found component.Problems
	found.Add(a.Settings.Validate("Settings", a.Architecture, len(a.Subnets)))
	found.If(a.Architecture == "", "Architecture", "missing")
	found.If(a.Version == "", "Version", "missing")
	found.If(a.Cluster == nil, "Cluster", "missing")
	found.If(len(a.Subnets) < config.MinZones, "Subnets", "%d, want at least %d", len(a.Subnets), config.MinZones)
	return found.Err()
}

// NodeGroup is a group of nodes.
type NodeGroup struct {
	pulumi.ResourceState

	AutoScalingGroup pulumi.StringOutput // name
	// SpotCapacityPools is from how many pools its instances are bought; 0 when they are on-demand.
	SpotCapacityPools int
	// Ready is the group itself: what needs its nodes depends on it.
	Ready []pulumi.Resource

	name     string
	template *ec2.LaunchTemplate
}

// New declares a node group.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*NodeGroup, error) {
	g := &NodeGroup{name: name}
	if args.Settings.Capacity == config.Spot {
		g.SpotCapacityPools = config.CapacityPools(len(args.Subnets), len(args.Settings.InstanceTypes))
	}
	create := g.createManaged
	if args.Settings.Kind == config.Batch {
		create = g.createBatch
	}
	return component.Declare(ctx, TypeToken, name, g, args, opts, g.createTemplate, create, g.schedule)
}

// Outputs are the Auto Scaling group and how many pools its instances are bought from.
func (g *NodeGroup) Outputs() pulumi.Map {
	return pulumi.Map{
		"autoScalingGroup": g.AutoScalingGroup, "spotCapacityPools": pulumi.Int(g.SpotCapacityPools),
	}
}

// createTemplate makes the launch template: metadata by IMDSv2 only, two hops so that pods with a network of their own
// reach it, and an encrypted root volume.
func (g *NodeGroup) createTemplate(ctx *pulumi.Context, args *Args) (err error) {
	t := &ec2.LaunchTemplateArgs{
		MetadataOptions: ec2.LaunchTemplateMetadataOptionsArgs{
			HttpEndpoint: pulumi.String("enabled"), HttpTokens: pulumi.String("required"),
			HttpPutResponseHopLimit: pulumi.Int(2),
		},
		BlockDeviceMappings: ec2.LaunchTemplateBlockDeviceMappingArray{ec2.LaunchTemplateBlockDeviceMappingArgs{
			DeviceName: pulumi.String("/dev/xvda"),
			Ebs: ec2.LaunchTemplateBlockDeviceMappingEbsArgs{
				VolumeType: pulumi.String("gp3"), VolumeSize: pulumi.Int(args.Settings.DiskGB),
				Encrypted: pulumi.String("true"), DeleteOnTermination: pulumi.String("true"),
			},
		}},
		TagSpecifications: ec2.LaunchTemplateTagSpecificationArray{ec2.LaunchTemplateTagSpecificationArgs{
			ResourceType: pulumi.String("instance"),
			Tags:         pulumi.StringMap{"Name": pulumi.String(ctx.Stack() + "-" + g.name)},
		}},
		UpdateDefaultVersion: pulumi.Bool(true),
	}
	if args.Settings.Kind == config.Batch {
		if err := g.join(ctx, args, t); err != nil {
			return err
		}
	}
	g.template, err = component.Child(ctx, g, "template", ec2.NewLaunchTemplate, t)
	return err
}

// schedule moves the minimum size at the beginning of each window. The desired size stays the scaler's: lowering it
// would end nodes whatever runs on them.
func (g *NodeGroup) schedule(ctx *pulumi.Context, args *Args) error {
	for _, w := range args.Settings.Windows {
		top := args.Settings.Max
		if w.Max > 0 {
			top = w.Max
		}
		_, err := component.Child(ctx, g, w.Name, autoscaling.NewSchedule, &autoscaling.ScheduleArgs{
			AutoscalingGroupName: g.AutoScalingGroup, ScheduledActionName: pulumi.String(w.Name),
			Recurrence: pulumi.String(w.Start), TimeZone: pulumi.String(w.TimeZone),
			MinSize: pulumi.Int(w.Min), MaxSize: pulumi.Int(top), DesiredCapacity: pulumi.Int(-1), // as it is
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (g *NodeGroup) latest() pulumi.StringOutput {
	return g.template.LatestVersion.ApplyT(strconv.Itoa).(pulumi.StringOutput)
}
