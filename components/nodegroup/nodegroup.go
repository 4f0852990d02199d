// Package nodegroup is a group of equal nodes over all zones of a network: managed by EKS, or an Auto Scaling group of our
// own whose nodes are never taken away while they work.
package nodegroup

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/autoscaling"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/cluster"
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
	var errs []error
	if len(a.Settings.InstanceTypes) == 0 {
		errs = append(errs, errors.New("nodegroup: Settings.InstanceTypes: missing"))
	}
	var first config.Size
	for i, name := range a.Settings.InstanceTypes {
		size, err := config.InstanceSize(name)
		if err != nil {
			errs = append(errs, fmt.Errorf("nodegroup: Settings.InstanceTypes: %w", err))
		} else if i > 0 && size != first {
			errs = append(errs, fmt.Errorf("nodegroup: Settings.InstanceTypes: %s is not of the size of %s", name, a.Settings.InstanceTypes[0]))
		} else {
			first = size
		}
	}
	if a.Settings.Max < 1 || a.Settings.Min < 0 || a.Settings.Min > a.Settings.Max {
		errs = append(errs, fmt.Errorf("nodegroup: Settings: min %d and max %d", a.Settings.Min, a.Settings.Max))
	}
	if a.Settings.Scaler == config.EscalatorScaler && (a.Settings.Kind != config.Batch || a.Settings.Interruptions != config.ByIMDS || !a.Settings.Dedicated) {
		errs = append(errs, errors.New("nodegroup: Settings.Scaler: escalator needs kind batch, interruptions imds and dedicated"))
	}
	if (a.Settings.Kind == config.Managed) != (a.Settings.Interruptions == config.ByEKS) {
		errs = append(errs, errors.New("nodegroup: Settings.Interruptions: EKS drains managed groups, and no others"))
	}
	if a.Version == "" || a.Architecture == "" {
		errs = append(errs, errors.New("nodegroup: Version, Architecture: missing"))
	}
	if a.Cluster == nil {
		errs = append(errs, errors.New("nodegroup: Cluster: missing"))
	}
	if len(a.Subnets) < config.MinZones {
		errs = append(errs, fmt.Errorf("nodegroup: Subnets: %d, want at least %d", len(a.Subnets), config.MinZones))
	}
	return errors.Join(errs...)
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
	if err := args.Validate(); err != nil {
		return nil, fmt.Errorf("node group %s: %w", name, err)
	}
	g := &NodeGroup{name: name}
	if args.Settings.Capacity == config.Spot {
		g.SpotCapacityPools = config.CapacityPools(len(args.Subnets), len(args.Settings.InstanceTypes))
	}
	if err := ctx.RegisterComponentResource(TypeToken, name, g, opts...); err != nil {
		return nil, fmt.Errorf("node group %s: %w", name, err)
	}
	create := g.createManaged
	if args.Settings.Kind == config.Batch {
		create = g.createBatch
	}
	for _, step := range []func(*pulumi.Context, *Args) error{g.createTemplate, create, g.schedule} {
		if err := step(ctx, args); err != nil {
			return nil, fmt.Errorf("node group %s: %w", name, err)
		}
	}
	return g, ctx.RegisterResourceOutputs(g, pulumi.Map{
		"autoScalingGroup": g.AutoScalingGroup, "spotCapacityPools": pulumi.Int(g.SpotCapacityPools),
	})
}

// createTemplate makes the launch template: metadata by IMDSv2 only, two hops so that pods with a network of their own
// reach it, and an encrypted root volume.
func (g *NodeGroup) createTemplate(ctx *pulumi.Context, args *Args) (err error) {
	t := &ec2.LaunchTemplateArgs{
		MetadataOptions: ec2.LaunchTemplateMetadataOptionsArgs{
			HttpEndpoint: pulumi.String("enabled"), HttpTokens: pulumi.String("required"), HttpPutResponseHopLimit: pulumi.Int(2),
		},
		BlockDeviceMappings: ec2.LaunchTemplateBlockDeviceMappingArray{ec2.LaunchTemplateBlockDeviceMappingArgs{
			DeviceName: pulumi.String("/dev/xvda"),
			Ebs: ec2.LaunchTemplateBlockDeviceMappingEbsArgs{
				VolumeType: pulumi.String("gp3"), VolumeSize: pulumi.Int(args.Settings.DiskGB), Encrypted: pulumi.String("true"),
				DeleteOnTermination: pulumi.String("true"),
			},
		}},
		TagSpecifications: ec2.LaunchTemplateTagSpecificationArray{ec2.LaunchTemplateTagSpecificationArgs{
			ResourceType: pulumi.String("instance"), Tags: pulumi.StringMap{"Name": pulumi.String(ctx.Stack() + "-" + g.name)},
		}},
		UpdateDefaultVersion: pulumi.Bool(true),
	}
	if args.Settings.Kind == config.Batch {
		if err := g.join(ctx, args, t); err != nil {
			return err
		}
	}
	g.template, err = ec2.NewLaunchTemplate(ctx, g.name+"-template", t, pulumi.Parent(g))
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
		_, err := autoscaling.NewSchedule(ctx, g.name+"-"+w.Name, &autoscaling.ScheduleArgs{
			AutoscalingGroupName: g.AutoScalingGroup, ScheduledActionName: pulumi.String(w.Name),
			Recurrence: pulumi.String(w.Start), TimeZone: pulumi.String(w.TimeZone),
			MinSize: pulumi.Int(w.Min), MaxSize: pulumi.Int(top), DesiredCapacity: pulumi.Int(-1), // as it is
		}, pulumi.Parent(g))
		if err != nil {
			return err
		}
	}
	return nil
}

func (g *NodeGroup) latest() pulumi.StringOutput {
	return g.template.LatestVersion.ApplyT(strconv.Itoa).(pulumi.StringOutput)
}

func ids(list []pulumi.IDOutput) pulumi.StringArray {
	all := pulumi.StringArray{}
	for _, id := range list {
		all = append(all, id)
	}
	return all
}
