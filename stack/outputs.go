package stack

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/queue"
	"dip/components/rollout"
	"dip/contract"
	"dip/k8s"
)

// Outputs is what a stack exports.
type Outputs struct {
	all contract.StackOutputs[pulumi.StringInput]
}

// NewOutputs gathers the outputs that every stack has.
func NewOutputs(
	s *Setup, st *Storage, segments *Segments, loads *Loads, streams *Streams,
) *Outputs {
	o := &Outputs{contract.StackOutputs[pulumi.StringInput]{
		Region:            pulumi.String(s.Region),
		LandingBucket:     st.Landing.Name,
		LakeBucket:        st.Lake.Name,
		LedgerTable:       st.Ledger.Name,
		Catalog:           segments.Catalog.Key,
		IntakeQueue:       loads.IntakeQueue.URL,
		IntakeDeadLetters: loads.IntakeQueue.DeadLettersURL,
		Workflow:          loads.Workflow.ARN,
		EventBus:          st.Bus.Name,
		SigningKey:        st.Signer.ARN,
		Functions: map[string]pulumi.StringInput{
			"intake": loads.Intake.ARN, "splitter": loads.Splitter.ARN,
			"reconciler": loads.Reconciler.ARN, "sweeper": loads.Sweeper.ARN,
		},
		Segments: map[string]contract.SegmentOutputs[pulumi.StringInput]{},
	}}
	if b := st.Backup; b != nil {
		o.all.Backup = &contract.BackupOutputs[pulumi.StringInput]{Vault: b.Vault, Role: b.Role}
	}
	for name, made := range segments.ByName {
		o.all.Segments[name] = contract.SegmentOutputs[pulumi.StringInput]{
			QueueOutputs: queueOutputs(made.Queue), Function: made.Function.ARN,
		}
	}
	for name, made := range streams.ByName {
		o.all.Segments[name] = contract.SegmentOutputs[pulumi.StringInput]{
			Function: made.Processor.ARN,
			Stream: &contract.StreamOutputs[pulumi.StringInput]{
				Name: made.Name, Witness: made.Witness.ARN, Closer: made.Closer.ARN,
			},
		}
	}
	return o
}

// AddOperations adds the topic of alarms, and the dashboard.
func (o *Outputs) AddOperations(operations *Operations) {
	o.all.AlarmTopic = operations.Topic
	if operations.Dashboard != nil {
		name := pulumi.StringInput(*operations.Dashboard)
		o.all.Dashboard = &name
	}
}

// AddCluster adds the outputs of a stack with a cluster.
func (o *Outputs) AddCluster(lane *HeavyLane, c *Cluster) {
	for name, workers := range lane.Workers {
		of := o.all.Segments[name]
		of.Workers = queueOutputs(workers)
		o.all.Segments[name] = of
	}
	groups := map[string]contract.GroupOutputs[pulumi.StringInput]{}
	for name, g := range c.Groups {
		groups[name] = contract.GroupOutputs[pulumi.StringInput]{
			AutoScalingGroup: g.AutoScalingGroup, SpotCapacityPools: number(g.SpotCapacityPools),
		}
	}
	o.all.Cluster = &contract.ClusterOutputs[pulumi.StringInput]{
		Name: c.Control.Name, Kubeconfig: c.Control.Kubeconfig, Namespace: pulumi.String(k8s.Workloads),
		Image: c.Image, Restage: *queueOutputs(lane.Restage), NodeGroups: groups,
	}
}

// AddRollouts adds the outputs of a stack whose segments' functions are rolled out.
func (o *Outputs) AddRollouts(r *rollout.Rollout) {
	if r == nil {
		return
	}
	o.all.Functions[contract.RolloutFunction] = r.Function.ARN
	for name, group := range r.Groups {
		of := o.all.Segments[name]
		of.Rollouts = input(group)
		o.all.Segments[name] = of
	}
}

// AddGateway adds the outputs of a stack with a gateway.
func (o *Outputs) AddGateway(g *Gateway) {
	if g != nil {
		o.all.Gateway = &g.outputs
	}
}

// AddMaintenance adds the outputs of a stack with maintenance.
func (o *Outputs) AddMaintenance(m *Maintenance) {
	if m != nil {
		o.all.Maintenance = &contract.MaintenanceOutputs[pulumi.StringInput]{Function: m.Function.ARN, Switch: m.Switch}
	}
}

// Map is the outputs as Pulumi exports them. The error names those that are unset.
func (o *Outputs) Map() (pulumi.Map, error) {
	tree, err := contract.Outputs(o.all)
	if err != nil {
		return nil, err
	}
	return asInputs(tree), nil
}

func queueOutputs(q *queue.Queue) *contract.QueueOutputs[pulumi.StringInput] {
	return &contract.QueueOutputs[pulumi.StringInput]{Queue: q.URL, DeadLetters: q.DeadLettersURL}
}

// asInputs turns nested maps of inputs into one input.
func asInputs(tree map[string]any) pulumi.Map {
	inputs := pulumi.Map{}
	for name, value := range tree {
		if below, ok := value.(map[string]any); ok {
			inputs[name] = asInputs(below)
		} else {
			inputs[name] = value.(pulumi.Input)
		}
	}
	return inputs
}
