// Package interruption notifies the Node Termination Handler in queue mode that nodes are about to be removed:
// EventBridge and the groups' lifecycle hooks fill a queue that it reads.
package interruption

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/autoscaling"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/components/policy"
)

// TypeToken is the component's type.
const TypeToken = "dip:interruption:Interruption"

// Args configure the queue.
type Args struct {
	// Groups are the names of the Auto Scaling groups whose nodes the handler drains, by node group. The zero value is
	// invalid: without such a group there is nothing to announce.
	Groups map[string]pulumi.StringInput
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var found component.Problems
	found.If(len(a.Groups) == 0, "Groups", "missing")
	return found.Err()
}

// Interruption is the queue.
type Interruption struct {
	pulumi.ResourceState

	URL, ARN pulumi.StringOutput
	// SpotNotices is the name of the rule that matches the notices of all spot instances in the account's region.
	SpotNotices pulumi.StringOutput

	rules pulumi.StringArray // ARNs
}

// New declares the queue and what fills it.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Interruption, error) {
	i := &Interruption{}
	return component.Declare(ctx, TypeToken, name, i, args, opts,
		i.createQueue, i.createRules, i.admitRules, i.createHooks)
}

// Outputs are the queue's URL.
func (i *Interruption) Outputs() pulumi.Map { return pulumi.Map{"url": i.URL} }

// createQueue keeps messages for five minutes: an interruption is over after two.
func (i *Interruption) createQueue(ctx *pulumi.Context, _ *Args) error {
	queue, err := component.Child(ctx, i, "queue", sqs.NewQueue, &sqs.QueueArgs{
		MessageRetentionSeconds: pulumi.Int(300), SqsManagedSseEnabled: pulumi.Bool(true),
	})
	if err != nil {
		return err
	}
	i.URL, i.ARN = queue.Url, queue.Arn
	return nil
}

// pattern is what a rule matches.
type pattern struct {
	Source     []string `json:"source"`
	DetailType []string `json:"detail-type"`
	Detail     any      `json:"detail,omitempty"`
}

// spot is the event of a spot instance that EC2 takes back in two minutes.
const spot = "spot"

// events are what the handler understands in queue mode. Source: its documentation, "Queue Processor".
var events = map[string]pattern{
	spot:        {Source: []string{"aws.ec2"}, DetailType: []string{"EC2 Spot Instance Interruption Warning"}},
	"rebalance": {Source: []string{"aws.ec2"}, DetailType: []string{"EC2 Instance Rebalance Recommendation"}},
	"state":     {Source: []string{"aws.ec2"}, DetailType: []string{"EC2 Instance State-change Notification"}},
	"scaling":   {Source: []string{"aws.autoscaling"}, DetailType: []string{"EC2 Instance-terminate Lifecycle Action"}},
	"scheduled": {Source: []string{"aws.health"}, DetailType: []string{"AWS Health Event"}, Detail: map[string][]string{
		"service": {"EC2"}, "eventTypeCategory": {"scheduledChange"},
	}},
}

func (i *Interruption) createRules(ctx *pulumi.Context, _ *Args) error {
	for _, event := range slices.Sorted(maps.Keys(events)) {
		text, err := json.Marshal(events[event])
		if err != nil {
			return err
		}
		rule, err := component.Child(ctx, i, event, cloudwatch.NewEventRule, &cloudwatch.EventRuleArgs{
			EventPattern: pulumi.String(text),
		})
		if err != nil {
			return err
		}
		_, err = component.Child(ctx, i, event, cloudwatch.NewEventTarget, &cloudwatch.EventTargetArgs{
			Rule: rule.Name, Arn: i.ARN,
		})
		if err != nil {
			return err
		}
		i.rules = append(i.rules, rule.Arn)
		if event == spot {
			i.SpotNotices = rule.Name
		}
	}
	return nil
}

// admitRules lets only these rules fill the queue: anyone who can fake an interruption can drain nodes.
func (i *Interruption) admitRules(ctx *pulumi.Context, _ *Args) error {
	document, err := policy.Document(policy.Statement{
		Principals: []string{"events.amazonaws.com"}, Actions: []string{"sqs:SendMessage"},
		Resources:  []pulumi.StringInput{i.ARN},
		Conditions: map[policy.Test]pulumi.Input{{Operator: "ArnEquals", Key: "aws:SourceArn"}: i.rules},
	})
	if err != nil {
		return err
	}
	_, err = component.Child(ctx, i, "queue", sqs.NewQueuePolicy, &sqs.QueuePolicyArgs{QueueUrl: i.URL, Policy: document})
	return err
}

// createHooks holds the end of a node back until the handler has drained it, five minutes at most.
func (i *Interruption) createHooks(ctx *pulumi.Context, args *Args) error {
	for _, group := range slices.Sorted(maps.Keys(args.Groups)) {
		_, err := component.Child(ctx, i, group, autoscaling.NewLifecycleHook, &autoscaling.LifecycleHookArgs{
			AutoscalingGroupName: args.Groups[group],
			LifecycleTransition:  pulumi.String("autoscaling:EC2_INSTANCE_TERMINATING"),
			HeartbeatTimeout:     pulumi.Int(300), DefaultResult: pulumi.String("CONTINUE"),
		})
		if err != nil {
			return err
		}
	}
	return nil
}
