// Package interruption tells the Node Termination Handler in queue mode that nodes are about to go: EventBridge and the
// groups' lifecycle hooks fill a queue that it reads.
package interruption

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/autoscaling"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/policy"
)

// TypeToken is the component's type.
const TypeToken = "dip:interruption:Interruption"

// Args configure the queue.
type Args struct {
	// Groups are the names of the Auto Scaling groups whose nodes the handler drains, by node group. The zero value is
	// invalid: without such a group there is nothing to tell.
	Groups map[string]pulumi.StringInput
}

// Validate reports every problem.
func (a *Args) Validate() error {
	if len(a.Groups) == 0 {
		return errors.New("interruption: Groups: missing")
	}
	return nil
}

// Interruption is the queue.
type Interruption struct {
	pulumi.ResourceState

	URL, ARN pulumi.StringOutput
}

// New declares the queue and what fills it.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Interruption, error) {
	if err := args.Validate(); err != nil {
		return nil, err
	}
	i := &Interruption{}
	if err := ctx.RegisterComponentResource(TypeToken, name, i, opts...); err != nil {
		return nil, fmt.Errorf("interruption %s: %w", name, err)
	}
	if err := errors.Join(i.createQueue(ctx, name), i.createRules(ctx, name), i.createHooks(ctx, name, args)); err != nil {
		return nil, fmt.Errorf("interruption %s: %w", name, err)
	}
	return i, ctx.RegisterResourceOutputs(i, pulumi.Map{"url": i.URL})
}

// createQueue keeps messages for five minutes: an interruption is over after two.
func (i *Interruption) createQueue(ctx *pulumi.Context, name string) error {
	queue, err := sqs.NewQueue(ctx, name+"-queue", &sqs.QueueArgs{
		MessageRetentionSeconds: pulumi.Int(300), SqsManagedSseEnabled: pulumi.Bool(true),
	}, pulumi.Parent(i))
	if err != nil {
		return err
	}
	i.URL, i.ARN = queue.Url, queue.Arn
	document, err := policy.Document(policy.Statement{
		Principals: []string{"events.amazonaws.com", "sqs.amazonaws.com"}, Actions: []string{"sqs:SendMessage"}, Resources: []pulumi.StringInput{queue.Arn},
	})
	if err != nil {
		return err
	}
	_, err = sqs.NewQueuePolicy(ctx, name+"-queue", &sqs.QueuePolicyArgs{QueueUrl: queue.Url, Policy: document}, pulumi.Parent(i))
	return err
}

// events are what the handler understands in queue mode. Source: its documentation, "Queue Processor".
var events = map[string]struct{ source, detailType string }{
	"spot":      {"aws.ec2", "EC2 Spot Instance Interruption Warning"},
	"rebalance": {"aws.ec2", "EC2 Instance Rebalance Recommendation"},
	"state":     {"aws.ec2", "EC2 Instance State-change Notification"},
	"scaling":   {"aws.autoscaling", "EC2 Instance-terminate Lifecycle Action"},
	"health":    {"aws.health", "AWS Health Event"},
}

func (i *Interruption) createRules(ctx *pulumi.Context, name string) error {
	for _, event := range slices.Sorted(maps.Keys(events)) {
		pattern, err := json.Marshal(map[string][]string{"source": {events[event].source}, "detail-type": {events[event].detailType}})
		if err != nil {
			return err
		}
		rule, err := cloudwatch.NewEventRule(ctx, name+"-"+event, &cloudwatch.EventRuleArgs{EventPattern: pulumi.String(pattern)}, pulumi.Parent(i))
		if err != nil {
			return err
		}
		_, err = cloudwatch.NewEventTarget(ctx, name+"-"+event, &cloudwatch.EventTargetArgs{Rule: rule.Name, Arn: i.ARN}, pulumi.Parent(i))
		if err != nil {
			return err
		}
	}
	return nil
}

// createHooks holds the end of a node back until the handler has drained it, five minutes at most.
func (i *Interruption) createHooks(ctx *pulumi.Context, name string, args *Args) error {
	for _, group := range slices.Sorted(maps.Keys(args.Groups)) {
		_, err := autoscaling.NewLifecycleHook(ctx, name+"-"+group, &autoscaling.LifecycleHookArgs{
			AutoscalingGroupName: args.Groups[group], LifecycleTransition: pulumi.String("autoscaling:EC2_INSTANCE_TERMINATING"),
			HeartbeatTimeout: pulumi.Int(300), DefaultResult: pulumi.String("CONTINUE"),
		}, pulumi.Parent(i))
		if err != nil {
			return err
		}
	}
	return nil
}

// Receive allows the handler to read the queue, to tell whose the nodes are, and to let go of those that it drained.
func (i *Interruption) Receive() []policy.Statement {
	return []policy.Statement{
		{Actions: []string{"sqs:ReceiveMessage", "sqs:DeleteMessage"}, Resources: []pulumi.StringInput{i.ARN}},
		{
			// These know no resources but for the completion of a hook, whose group's ARN has a random part.
			Actions:   []string{"autoscaling:CompleteLifecycleAction", "autoscaling:DescribeAutoScalingInstances", "autoscaling:DescribeTags", "ec2:DescribeInstances"},
			Resources: []pulumi.StringInput{pulumi.String("*")},
		},
	}
}
