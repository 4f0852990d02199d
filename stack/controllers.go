package stack

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/policy"
	"dip/config"
	"dip/k8s"
	"dip/k8s/autoscaler"
	"dip/k8s/escalator"
	"dip/k8s/interruption"
	"dip/k8s/keda"
	"dip/k8s/tenancy"
)

// Controllers is what divides, scales and guards the cluster.
type Controllers struct {
	// Ready are the resources after which workers and jobs can run and are scaled: namespaces, nodes, KEDA.
	Ready []pulumi.Resource
}

// controller is what the assembly passes on to the controllers: the cluster, and the resources after which pods have
// namespaces and nodes.
type controller struct {
	*Cluster
	setup *Setup
	after []pulumi.Resource
}

// NewControllers declares the namespaces, and the scalers and guards of nodes and pods.
func NewControllers(ctx *pulumi.Context, s *Setup, lane *HeavyLane, c *Cluster) (*Controllers, error) {
	quota := tenancy.QuotaOf(len(s.FileNames()), s.Cluster.Workers, s.Cluster.Restage)
	if s.GatewayOnCluster() {
		quota = quota.WithGateway(s.Gateway)
	}
	namespaces, err := tenancy.New(ctx, "tenancy", &tenancy.Args{Quota: quota}, c.inCluster())
	if err != nil {
		return nil, err
	}
	p := controller{Cluster: c, setup: s, after: slices.Concat(namespaces.Ready, c.Ready)}
	for _, declare := range []func(*pulumi.Context) error{
		p.newAutoscaler,   // nodes for groups whose pods may be moved
		p.newEscalator,    // nodes for groups whose pods end by themselves
		p.newInterruption, // drains nodes that EKS does not drain
	} {
		if err := declare(ctx); err != nil {
			return nil, err
		}
	}
	scaler, err := p.newKeda(ctx, lane) // workers and jobs by the length of their queues
	if err != nil {
		return nil, err
	}
	return &Controllers{Ready: slices.Concat(p.after, scaler.Ready)}, nil
}

// allow gives a controller's pods their rights in AWS. It returns the resources after which they can run.
func (p controller) allow(
	ctx *pulumi.Context, namespace, account string, allow []policy.Statement,
) ([]pulumi.Resource, error) {
	rights, err := p.identity(ctx, namespace, account, allow, 0)
	if err != nil {
		return nil, err
	}
	return slices.Concat(rights.Ready, p.after), nil
}

// newAutoscaler declares the Cluster Autoscaler when a group is scaled by it.
func (p controller) newAutoscaler(ctx *pulumi.Context) error {
	groups, scaled := map[string]autoscaler.Group{}, p.groups(p.setup, scaledBy(config.ClusterAutoscaler))
	for name, group := range scaled {
		groups[name] = autoscaler.Group{
			AutoScalingGroup: group, Spot: p.setup.NodeGroups[name].Capacity == config.Spot,
		}
	}
	if len(groups) == 0 {
		return nil
	}
	allowed := autoscaler.Allow(p.setup.Region, p.setup.Account, p.Control.Name, inOrder(scaled)...)
	after, err := p.allow(ctx, k8s.System, autoscaler.Account, allowed)
	if err != nil {
		return err
	}
	_, err = autoscaler.New(ctx, autoscaler.Account, &autoscaler.Args{
		Image: p.setup.Cluster.Image(config.AutoscalerImage), Cluster: p.Control.Name, Region: p.setup.Region,
		Groups: groups, After: after,
	}, p.inCluster())
	return err
}

// newEscalator declares Escalator when a group is scaled by it.
func (p controller) newEscalator(ctx *pulumi.Context) error {
	scaled := p.groups(p.setup, scaledBy(config.EscalatorScaler))
	if len(scaled) == 0 {
		return nil
	}
	groups := map[string]escalator.Group{}
	for name, group := range scaled {
		groups[name] = escalator.Group{AutoScalingGroup: group, Settings: p.setup.NodeGroups[name].Escalator}
	}
	allowed := escalator.Allow(p.setup.Region, p.setup.Account, inOrder(scaled)...)
	after, err := p.allow(ctx, k8s.System, escalator.Account, allowed)
	if err != nil {
		return err
	}
	_, err = escalator.New(ctx, escalator.Account, &escalator.Args{
		Image: p.setup.Cluster.Image(config.EscalatorImage), Region: p.setup.Region, Groups: groups, After: after,
	}, p.inCluster())
	return err
}

// newInterruption declares the Node Termination Handler when a group is drained by it. A stack has it in one mode only:
// config refuses both.
func (p controller) newInterruption(ctx *pulumi.Context) error {
	args := &interruption.Args{
		Mode: config.ByIMDS, Image: p.setup.Cluster.Image(config.TerminationImage), Region: p.setup.Region, After: p.after,
	}
	if queue := p.Interruptions; queue != nil {
		drained := inOrder(p.groups(p.setup, drainedBy(config.ByQueue)))
		allowed := interruption.Allow(p.setup.Region, p.setup.Account, queue.ARN, drained...)
		after, err := p.allow(ctx, k8s.System, interruption.Account, allowed)
		if err != nil {
			return err
		}
		args.Mode, args.Queue, args.After = config.ByQueue, queue.URL, after
	} else if len(p.groups(p.setup, drainedBy(config.ByIMDS))) == 0 {
		return nil
	}
	_, err := interruption.New(ctx, interruption.Account, args, p.inCluster())
	return err
}

// newKeda declares KEDA, and lets it read the lengths of the queues that it scales by.
func (p controller) newKeda(ctx *pulumi.Context, lane *HeavyLane) (*keda.Keda, error) {
	queues := []pulumi.StringInput{lane.Restage.ARN}
	for _, name := range p.setup.FileNames() {
		queues = append(queues, lane.Workers[name].ARN)
	}
	after, err := p.allow(ctx, k8s.Keda, keda.Account, keda.Allow(queues...))
	if err != nil {
		return nil, err
	}
	return keda.New(ctx, "keda", &keda.Args{
		Operator: p.setup.Cluster.Image(config.KEDAImage), Metrics: p.setup.Cluster.Image(config.KEDAMetricsImage),
		Webhooks: p.setup.Cluster.Image(config.KEDAWebhookImage), After: after,
	}, p.inCluster())
}

// inOrder are the values of a map in the order of its keys.
func inOrder(values map[string]pulumi.StringInput) (list []pulumi.StringInput) {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		list = append(list, values[key])
	}
	return list
}
