package stack

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/cluster"
	"dip/components/identity"
	"dip/components/interruption"
	"dip/components/network"
	"dip/components/nodegroup"
	"dip/components/policy"
	"dip/config"
	"dip/k8s"
)

// Cluster is the Kubernetes cluster with its nodes and the image of what works on them.
type Cluster struct {
	Control *cluster.Cluster
	Image   pulumi.StringOutput             // name, with its tag, pushed or not
	Pushed  pulumi.StringOutput             // the same, once it is pushed: what pods run
	Groups  map[string]*nodegroup.NodeGroup // by name
	Network *network.Network
	// Ready are the resources after which pods have nodes.
	Ready []pulumi.Resource
	// Interruptions is where the removal of nodes is announced. Nil: no group is drained from a queue.
	Interruptions *interruption.Interruption

	image map[string]string // fingerprints of the image's programs
}

// NewCluster declares the network, the control plane, the registry, the node groups, the queue of their interruptions,
// and the add-ons that need nodes.
func NewCluster(ctx *pulumi.Context, s *Setup, lane *HeavyLane) (*Cluster, error) {
	c := &Cluster{image: lane.image.Code, Groups: map[string]*nodegroup.NodeGroup{}}
	nodes, err := network.New(ctx, "network", &network.Args{
		Settings: s.Network, Region: s.Region, Account: s.Account, Zones: lane.zones,
	})
	if err != nil {
		return nil, err
	}
	c.Network = nodes
	c.Control, err = cluster.New(ctx, "cluster", &cluster.Args{
		Settings: s.Cluster, Prefix: config.ClusterPrefix(s.NamePrefix, s.Name), Name: lane.live.name, Network: nodes,
		Account: s.Account, OwnServiceRole: s.OwnsClusterRole(),
	})
	if err != nil {
		return nil, err
	}
	images, err := s.newRegistry(ctx)
	if err != nil {
		return nil, err
	}
	c.Image, c.Pushed = images.Image(lane.image.Tag), images.Pushed(ctx, lane.image.Tag, c.Control.Name)
	for _, name := range s.NodeGroupNames() {
		c.Groups[name], err = nodegroup.New(ctx, name, &nodegroup.Args{
			Settings: s.NodeGroups[name], Architecture: s.Architecture, Version: s.Cluster.Version,
			Cluster: c.Control, Subnets: nodes.Private, Tags: s.tags, Pools: lane.pools[name],
			VolumeKey: s.Cluster.VolumeKey, Sleeps: s.Sleeps(s.NodeGroups[name]), Updated: s.UpdatesNodes(),
		})
		if err != nil {
			return nil, err
		}
		c.Ready = append(c.Ready, c.Groups[name].Ready...)
	}
	if queued := c.groups(s, drainedBy(config.ByQueue)); len(queued) > 0 {
		c.Interruptions, err = interruption.New(ctx, "interruptions", &interruption.Args{Groups: queued})
		if err != nil {
			return nil, err
		}
	}
	return c, c.Control.CompleteAddOns(ctx, s.Cluster.AddOns, c.Ready)
}

// groups are the Auto Scaling groups, by node group, of those node groups for which something holds.
func (c *Cluster) groups(s *Setup, holds func(config.NodeGroup) bool) map[string]pulumi.StringInput {
	names := map[string]pulumi.StringInput{}
	for name, g := range c.Groups {
		if holds(s.NodeGroups[name]) {
			names[name] = g.AutoScalingGroup
		}
	}
	return names
}

func scaledBy(scaler config.Scaler) func(config.NodeGroup) bool {
	return func(g config.NodeGroup) bool { return g.Scaler == scaler }
}

func drainedBy(mode config.Interruptions) func(config.NodeGroup) bool {
	return func(g config.NodeGroup) bool { return g.Interruptions == mode }
}

// inCluster has a component's objects in the cluster.
func (c *Cluster) inCluster() pulumi.ResourceOption { return pulumi.Providers(c.Control.Provider) }

// identity gives the pods of a service account their rights in AWS, and a log group unless logDays is 0. It is named
// after the account.
func (c *Cluster) identity(
	ctx *pulumi.Context, namespace, account string, allow []policy.Statement, logDays int,
) (*identity.Identity, error) {
	return identity.New(ctx, account, &identity.Args{
		Cluster: c.Control.Name, Namespace: namespace, ServiceAccount: account, Allow: allow, LogRetentionDays: logDays,
	})
}

// place is where pods run that are meant for a node group.
func (s *Setup) place(group string) k8s.Place {
	return k8s.Place{Group: group, Dedicated: s.NodeGroups[group].Dedicated}
}
