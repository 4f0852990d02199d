// Package nodegroup is a group of equal nodes over all zones of a network: managed by EKS, or an Auto Scaling group of
// our own whose nodes are never removed while they work.
package nodegroup

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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
	// Tags are those of the group's instances and volumes, and of the Auto Scaling group of a batch group.
	Tags map[string]string
	// VolumeKey is the ARN of the KMS key of the nodes' volumes. The zero value: the account's default.
	VolumeKey string
	// Pools is how many capacity pools spot instances can come from: pairs of a zone and an instance type that EC2 has.
	// The zero value: all pairs.
	Pools int
	// Sleeps has the maintenance function move the minimum. The zero value: it is that of the settings, or of windows.
	Sleeps bool
	// Updated has the maintenance function update a managed group to newer releases of its image. The zero value: each
	// deployment does.
	Updated bool
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
	// Managed is the name of a managed group in EKS, and ARN is its ARN. The zero values: EKS does not manage it.
	Managed, ARN pulumi.StringOutput
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
		g.SpotCapacityPools = args.Pools
		if args.Pools == 0 {
			g.SpotCapacityPools = config.CapacityPools(len(args.Subnets), len(args.Settings.InstanceTypes))
		}
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

// createTemplate makes the launch template: metadata by IMDSv2 only and within one hop, so that no pod takes the node's
// role but those on the node's own network, the CNI and the Node Termination Handler; and an encrypted root volume.
// Source: "Restrict access to the instance profile assigned to the worker node" of the EKS best practices.
func (g *NodeGroup) createTemplate(ctx *pulumi.Context, args *Args) (err error) {
	disk := ec2.LaunchTemplateBlockDeviceMappingEbsArgs{
		VolumeType: pulumi.String("gp3"), VolumeSize: pulumi.Int(args.Settings.DiskGB),
		Encrypted: pulumi.String("true"), DeleteOnTermination: pulumi.String("true"),
	}
	if args.VolumeKey != "" {
		disk.KmsKeyId = pulumi.String(args.VolumeKey)
	}
	t := &ec2.LaunchTemplateArgs{
		MetadataOptions: ec2.LaunchTemplateMetadataOptionsArgs{
			HttpEndpoint: pulumi.String("enabled"), HttpTokens: pulumi.String("required"),
			HttpPutResponseHopLimit: pulumi.Int(1),
		},
		BlockDeviceMappings: ec2.LaunchTemplateBlockDeviceMappingArray{ec2.LaunchTemplateBlockDeviceMappingArgs{
			DeviceName: pulumi.String("/dev/xvda"), Ebs: disk,
		}},
		TagSpecifications:    g.launchTags(ctx, args),
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

// launchTags are the tags of what an instance starts with: EC2 does not pass an instance's tags on to its volumes.
func (g *NodeGroup) launchTags(ctx *pulumi.Context, args *Args) (list ec2.LaunchTemplateTagSpecificationArray) {
	all := pulumi.ToStringMap(args.Tags)
	all["Name"] = pulumi.String(ctx.Stack() + "-" + g.name)
	for _, kind := range []string{"instance", "volume"} {
		list = append(list, ec2.LaunchTemplateTagSpecificationArgs{ResourceType: pulumi.String(kind), Tags: all})
	}
	return list
}

// unchanged leaves a size as it is.
const unchanged = -1

// schedule moves the minimum size at the beginning of each window. The desired size stays the scaler's: lowering it
// would end nodes whatever runs on them.
//
// A changed window is a new action with another name, which replaces the old one: an update would send the computed
// start time of the old one back, which lies in the past by then, and be refused (pulumi-aws issue 2473). The old one
// is deleted first: two actions of a group must not have the same time ("Scheduled scaling", considerations).
func (g *NodeGroup) schedule(ctx *pulumi.Context, args *Args) error {
	for _, w := range args.Settings.Windows {
		top := unchanged
		if args.Settings.WindowsMoveMax() {
			top = args.Settings.Max
		}
		if w.Max > 0 {
			top = w.Max
		}
		_, err := component.Child(ctx, g, w.Name, autoscaling.NewSchedule, &autoscaling.ScheduleArgs{
			AutoscalingGroupName: g.AutoScalingGroup, ScheduledActionName: pulumi.String(actionName(w, top)),
			Recurrence: pulumi.String(w.Start), TimeZone: pulumi.String(w.TimeZone),
			MinSize: pulumi.Int(w.Min), MaxSize: pulumi.Int(top), DesiredCapacity: pulumi.Int(unchanged),
		}, pulumi.DeleteBeforeReplace(true))
		if err != nil {
			return err
		}
	}
	return nil
}

// actionName is a window's name and a fingerprint of everything that it does.
func actionName(w config.Window, top int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d %d", w.Start, w.TimeZone, w.Min, top))
	return w.Name + "-" + hex.EncodeToString(sum[:4])
}

func (g *NodeGroup) latest() pulumi.StringOutput {
	return g.template.LatestVersion.ApplyT(strconv.Itoa).(pulumi.StringOutput)
}
