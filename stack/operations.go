package stack

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/function"
	"dip/components/operations"
	"dip/components/queue"
	"dip/config"
	"dip/contract"
)

// Operations is how the stack tells that it needs somebody.
type Operations struct {
	Topic     pulumi.StringOutput  // ARN of the SNS topic
	Dashboard *pulumi.StringOutput // name; nil: the stack has none

	alarms map[string]pulumi.StringOutput // names in CloudWatch, by that in the table
}

// NewOperations declares the alarms of the table, a page for each segment and one for what they share, and the topic
// that pages, failed loads and failed rollouts go to.
func NewOperations(
	ctx *pulumi.Context, s *Setup, st *Storage, segments *Segments, loads *Loads, streams *Streams, cluster *Cluster,
) (*Operations, error) {
	made, err := operations.New(ctx, "operations", &operations.Args{
		Alarms: s.Alarms(), Graphs: s.Graphs(), Sections: s.Sections(), Pages: s.Pages(),
		Region: s.Region, Dimensions: watched{s, st, segments, loads, streams, cluster}.dimensions,
		NamePrefix: config.ClusterPrefix(s.NamePrefix, s.Name), Stack: s.Name, Bus: st.Bus.Name, Account: s.Account,
		Emails: s.AlarmEmails, Webhooks: s.AlarmWebhooks, Topics: s.AlarmTopics,
		BudgetUSD: s.BudgetUSD, Rollouts: len(segments.ByName) > 0,
	})
	if err != nil {
		return nil, err
	}
	return &Operations{Topic: made.Topic, Dashboard: made.Dashboard, alarms: made.Alarms}, nil
}

// watched is what alarms watch and graphs show.
type watched struct {
	setup    *Setup
	storage  *Storage
	segments *Segments
	loads    *Loads
	streams  *Streams
	cluster  *Cluster // nil: the stack has none
}

// dimensions are those of a target's metrics.
func (w watched) dimensions(t config.Target) (pulumi.StringMap, error) {
	switch t.Kind {
	case config.OfSegment:
		return pulumi.StringMap{
			contract.StackDimension: pulumi.String(w.setup.Name), contract.SegmentDimension: pulumi.String(t.Name),
		}, nil
	case config.OfWorkflow:
		return pulumi.StringMap{"StateMachineArn": w.loads.Workflow.Machine}, nil
	case config.OfCluster:
		if w.cluster != nil {
			return pulumi.StringMap{"ClusterName": w.cluster.Control.Name}, nil
		}
	case config.OfNodeGroup:
		if w.cluster != nil && w.cluster.Groups[t.Name] != nil {
			return pulumi.StringMap{"AutoScalingGroupName": w.cluster.Groups[t.Name].AutoScalingGroup}, nil
		}
	case config.OfSpotNotices:
		if w.cluster != nil && w.cluster.Interruptions != nil {
			return pulumi.StringMap{"RuleName": w.cluster.Interruptions.SpotNotices}, nil
		}
	case config.OfLedger:
		of := pulumi.StringMap{"TableName": w.storage.Ledger.Name}
		if t.Name != "" {
			of["GlobalSecondaryIndexName"] = pulumi.String(t.Name)
		}
		return of, nil
	case config.OfQueue:
		if q := w.queues()[t.Name]; q != nil {
			return pulumi.StringMap{"QueueName": q.Name}, nil
		}
	case config.OfDeadLetters:
		if q := w.queues()[t.Name]; q != nil {
			return pulumi.StringMap{"QueueName": q.DeadLettersName}, nil
		}
	case config.OfFunction:
		if f := w.functions()[t.Name]; f != nil {
			return pulumi.StringMap{"FunctionName": f.Name}, nil
		}
	case config.OfFunctionDeadLetters:
		if f := w.functions()[t.Name]; f != nil {
			return pulumi.StringMap{"QueueName": f.DeadLettersName}, nil
		}
	}
	return nil, fmt.Errorf("the stack has no %s %s", t.Kind, t.Name)
}

// queues are all queues, by name.
func (w watched) queues() map[string]*queue.Queue {
	all := map[string]*queue.Queue{"intake": w.loads.IntakeQueue}
	if w.segments.Heavy != nil {
		all["restage"] = w.segments.Heavy.Restage
	}
	for name, s := range w.segments.ByName {
		all[name] = s.Queue
		if s.Workers != nil {
			all[name+"-workers"] = s.Workers
		}
	}
	return all
}

// functions are all functions, by name.
func (w watched) functions() map[string]*function.Function {
	all := map[string]*function.Function{
		"intake": w.loads.Intake, "splitter": w.loads.Splitter, "reconciler": w.loads.Reconciler, "sweeper": w.loads.Sweeper,
	}
	for name, s := range w.segments.ByName {
		all[name] = s.Function
	}
	for name, s := range w.streams.ByName {
		all[name] = s.Processor
		all[contract.StreamFunction(name, contract.Witness)] = s.Witness
		all[contract.StreamFunction(name, contract.Closer)] = s.Closer
	}
	return all
}
