package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/identity"
	"dip/components/policy"
	"dip/config"
	"dip/contract"
	"dip/k8s"
	"dip/k8s/autoscaler"
	"dip/k8s/escalator"
	"dip/k8s/interruption"
	"dip/k8s/keda"
)

// inCluster has a component's objects in the stack's cluster.
func (s *system) inCluster() pulumi.ResourceOption { return pulumi.Providers(s.cluster.Provider) }

// place is where pods run that are meant for a node group.
func (s *system) place(group string) k8s.Place {
	return k8s.Place{Group: group, Dedicated: s.NodeGroups[group].Dedicated}
}

// identity gives the pods of a service account their rights in AWS. It is named after the account.
func (s *system) identity(ctx *pulumi.Context, namespace, account string, allow []policy.Statement) (*identity.Identity, error) {
	return identity.New(ctx, account, &identity.Args{Cluster: s.cluster.Name, Namespace: namespace, ServiceAccount: account, Allow: allow})
}

// ready is what pods of the platform wait for, beside the namespaces and nodes: their rights in AWS.
func (s *system) ready(rights *identity.Identity) []pulumi.Resource {
	return append(rights.Ready, s.platform...)
}

// declareAutoscaler declares the Cluster Autoscaler when a group is scaled by it.
func (s *system) declareAutoscaler(ctx *pulumi.Context) error {
	groups := map[string]autoscaler.Group{}
	for _, name := range s.scaledBy(config.ClusterAutoscaler) {
		groups[name] = autoscaler.Group{
			AutoScalingGroup: s.nodeGroups[name].AutoScalingGroup, Spot: s.NodeGroups[name].Capacity == config.Spot,
		}
	}
	if len(groups) == 0 {
		return nil
	}
	rights, err := s.identity(ctx, k8s.System, autoscaler.Account, autoscaler.Allow(s.region, s.account, s.clusterName()))
	if err != nil {
		return err
	}
	_, err = autoscaler.New(ctx, autoscaler.Account, &autoscaler.Args{
		Version: s.Cluster.Autoscaler, Cluster: s.clusterName(), Region: s.region, Groups: groups, After: s.ready(rights),
	}, s.inCluster())
	return err
}

// declareEscalator declares Escalator when a group is scaled by it.
func (s *system) declareEscalator(ctx *pulumi.Context) error {
	groups, names := map[string]escalator.Group{}, []pulumi.StringInput{}
	for _, name := range s.scaledBy(config.EscalatorScaler) {
		groups[name] = escalator.Group{AutoScalingGroup: s.nodeGroups[name].AutoScalingGroup, Settings: s.NodeGroups[name].Escalator}
		names = append(names, s.nodeGroups[name].AutoScalingGroup)
	}
	if len(groups) == 0 {
		return nil
	}
	rights, err := s.identity(ctx, k8s.System, escalator.Account, escalator.Allow(s.region, s.account, names...))
	if err != nil {
		return err
	}
	_, err = escalator.New(ctx, escalator.Account, &escalator.Args{Region: s.region, Groups: groups, After: s.ready(rights)}, s.inCluster())
	return err
}

// declareInterruptions declares the Node Termination Handler when a group is drained by it. A stack has it in one mode only:
// config refuses both.
func (s *system) declareInterruptions(ctx *pulumi.Context) error {
	args := &interruption.Args{Region: s.region, After: s.platform}
	if s.interruptions != nil {
		var drained []pulumi.StringInput
		for _, name := range s.groups(func(g config.NodeGroup) bool { return g.Interruptions == config.ByQueue }) {
			drained = append(drained, s.nodeGroups[name].AutoScalingGroup)
		}
		rights, err := s.identity(ctx, k8s.System, interruption.Account, interruption.Allow(s.region, s.account, s.interruptions.ARN, drained...))
		if err != nil {
			return err
		}
		args.Mode, args.Queue, args.After = config.ByQueue, s.interruptions.URL, s.ready(rights)
	} else if len(s.groups(func(g config.NodeGroup) bool { return g.Interruptions == config.ByIMDS })) > 0 {
		args.Mode = config.ByIMDS
	} else {
		return nil
	}
	_, err := interruption.New(ctx, interruption.Account, args, s.inCluster())
	return err
}

// declareKeda declares KEDA, and lets it read the lengths of the queues that it scales by.
func (s *system) declareKeda(ctx *pulumi.Context) error {
	queues := []pulumi.StringInput{s.restageQueue.ARN}
	for _, name := range s.SegmentNames() {
		queues = append(queues, s.segments[name].Workers.ARN)
	}
	rights, err := s.identity(ctx, k8s.Keda, keda.Account, keda.Allow(queues...))
	if err != nil {
		return err
	}
	made, err := keda.New(ctx, "keda", &keda.Args{After: s.ready(rights)}, s.inCluster())
	if err != nil {
		return err
	}
	s.platform = append(s.platform, made.Ready...)
	return nil
}

// groups are the names of the node groups for which something holds.
func (s *system) groups(holds func(config.NodeGroup) bool) (names []string) {
	for _, name := range s.NodeGroupNames() {
		if holds(s.NodeGroups[name]) {
			names = append(names, name)
		}
	}
	return names
}

func (s *system) scaledBy(scaler config.Scaler) []string {
	return s.groups(func(g config.NodeGroup) bool { return g.Scaler == scaler })
}

// clusterName is the cluster's physical name, which its log group and the Cluster Autoscaler's tags are made of.
func (s *system) clusterName() string { return config.ClusterName(s.stack) }

// imageName is the image of workers and restage jobs. It is pushed to the repository after that is there.
func (s *system) imageName() pulumi.StringInput {
	return pulumi.Sprintf("%s:%s", s.registry.URL, s.image.Tag)
}

// onCluster is common for a program of the image, whose code is the image's.
func (s *system) onCluster(program string) contract.Common[pulumi.StringInput] {
	common := s.common(program)
	common.Code = pulumi.String(s.image.Code[program])
	return common
}
