// Package maintenance is the parameter by which people hold, force and wake, and what the maintenance function may do
// with node groups.
package maintenance

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ssm"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/components/nodegroup"
	"dip/components/policy"
	"dip/config"
)

// TypeToken is the component's type.
const TypeToken = "dip:maintenance:Maintenance"

// Args configure the maintenance of node groups.
type Args struct {
	// Region and Account (12 digits) of the stack. The zero values are invalid.
	Region, Account string
	// Cluster is its name. The zero value: there is none, and no groups.
	Cluster pulumi.StringInput
	// Groups are the node groups to look after. Empty: none.
	Groups []Group
	// Releases is the name of the public parameter with the newest release of managed groups' image. The zero value:
	// nodes are not updated.
	Releases string
}

// Group is a node group to look after.
type Group struct {
	*nodegroup.NodeGroup

	Name     string // in the stack's settings
	Settings config.NodeGroup
	Sleeps   bool // its minimum is moved
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var found component.Problems
	found.If(a.Region == "", "Region", "missing")
	found.If(a.Account == "", "Account", "missing")
	found.If(len(a.Groups) > 0 && a.Cluster == nil, "Cluster", "missing: there are groups")
	return found.Err()
}

// Maintenance is how a stack's node groups are looked after.
type Maintenance struct {
	pulumi.ResourceState

	Switch pulumi.StringOutput // name of the parameter
	Groups pulumi.StringOutput // JSON of a list of contract.MaintainedGroup

	arn    pulumi.StringOutput
	allows []policy.Statement
}

// New declares it.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Maintenance, error) {
	m := &Maintenance{}
	return component.Declare(ctx, TypeToken, name, m, args, opts, m.createSwitch, m.describe, m.allow)
}

// Outputs are the name of the parameter.
func (m *Maintenance) Outputs() pulumi.Map { return pulumi.Map{"switch": m.Switch} }

// createSwitch makes the parameter with a value that holds nothing. Whatever it has later is people's: the function
// only reads it, and an update of the stack leaves it alone.
func (m *Maintenance) createSwitch(ctx *pulumi.Context, _ *Args) error {
	made, err := component.Child(ctx, m, "switch", ssm.NewParameter, &ssm.ParameterArgs{
		Description: pulumi.String("What holds, forces and wakes this stack: dip maintenance, dip wake"),
		Type:        pulumi.String("String"), Value: pulumi.String("{}"),
	}, pulumi.IgnoreChanges([]string{"value"}))
	if err != nil {
		return err
	}
	m.Switch, m.arn = made.Name, made.Arn
	return nil
}

// describe renders the groups, whose names AWS chooses.
func (m *Maintenance) describe(_ *pulumi.Context, args *Args) error {
	groups := pulumi.Array{}
	for _, g := range args.Groups {
		one := pulumi.Map{
			"name": pulumi.String(g.Name), "autoScalingGroup": g.AutoScalingGroup, "cluster": args.Cluster,
			"min": pulumi.Int(g.Settings.Min), "asleep": pulumi.Int(g.Settings.AsleepMin()), "sleeps": pulumi.Bool(g.Sleeps),
		}
		if g.Settings.Kind == config.Managed {
			one["managed"] = g.Managed
		}
		groups = append(groups, one)
	}
	m.Groups = pulumi.JSONMarshal(groups)
	return nil
}

// allow states what the function may do: look at groups, which for Auto Scaling cannot be limited, set the size of
// those that sleep, and update those that EKS manages.
func (m *Maintenance) allow(_ *pulumi.Context, args *Args) error {
	add := func(resources []pulumi.StringInput, actions ...string) {
		if len(resources) > 0 {
			m.allows = append(m.allows, policy.Statement{Actions: actions, Resources: resources})
		}
	}
	arn := func(format string, arguments ...any) pulumi.StringInput {
		return pulumi.Sprintf("arn:"+config.PartitionOf(args.Region)+":"+format, arguments...)
	}
	var sleeping, managed []pulumi.StringInput
	for _, g := range args.Groups {
		if g.Sleeps {
			sleeping = append(sleeping, arn("autoscaling:%s:%s:autoScalingGroup:*:autoScalingGroupName/%s", args.Region,
				args.Account, g.AutoScalingGroup))
		}
		if g.Settings.Kind == config.Managed {
			managed = append(managed, g.ARN)
		}
	}
	add([]pulumi.StringInput{m.arn}, "ssm:GetParameter")
	if len(args.Groups) > 0 {
		add([]pulumi.StringInput{pulumi.String("*")}, "autoscaling:DescribeAutoScalingGroups")
	}
	add(sleeping, "autoscaling:UpdateAutoScalingGroup")
	add(managed, "eks:DescribeNodegroup")
	if args.Releases != "" {
		add(managed, "eks:UpdateNodegroupVersion")
		add([]pulumi.StringInput{arn("ssm:%s::parameter%s", args.Region, args.Releases)}, "ssm:GetParameter")
	}
	return nil
}

// Allow is what the function may do.
func (m *Maintenance) Allow() []policy.Statement { return m.allows }
