// Package queue is an SQS queue whose messages never vanish: those that fail repeatedly end in a dead-letter
// queue that keeps them longer.
package queue

import (
	"encoding/json"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/components/policy"
	"dip/config"
)

// TypeToken is the component's type.
const TypeToken = "dip:queue:Queue"

// Args configure a queue.
type Args struct {
	// Settings are retention and receives. The zero value is invalid.
	Settings config.Queues
	// Timeout is the timeout of the function that takes the messages. Zero: Lease says how long a receive lasts.
	Timeout config.Duration
	// Lease is how long a receive lasts whose taker sends heartbeats: a worker or a job. Zero: a
	// function takes the messages.
	Lease config.Duration
	// Window is how long the function's mapping waits to fill a batch. Zero: it does not wait.
	Window config.Duration
	// Sender is a bucket that may send its events here. Nil: only roles that are allowed to send.
	Sender *Sender
}

// Sender is a bucket. The account is part of it because a bucket's ARN names none: a name that was freed may be
// taken by someone else.
type Sender struct {
	Bucket  pulumi.StringInput // ARN
	Account string             // 12 digits
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var found component.Problems
	found.If((a.Timeout > 0) == (a.Lease > 0), "Timeout, Lease", "want one of them")
	s := a.Settings
	found.Add(config.CheckLimits("Settings", s))
	found.If(s.DeadLettersRetention <= s.Retention, "Settings.deadLettersRetention", "want more than Settings.retention")
	if a.Sender != nil {
		found.If(a.Sender.Bucket == nil, "Sender.Bucket", "missing")
		found.If(a.Sender.Account == "", "Sender.Account", "missing")
	}
	return found.Err()
}

func (a *Args) visibility() config.Duration {
	if a.Lease > 0 {
		return a.Lease
	}
	return config.Visibility(a.Timeout, a.Window)
}

// receives is after how many a message is a dead letter.
func (a *Args) receives() int {
	if a.Lease > 0 {
		return config.LeasedReceives(a.Settings.MaxReceives)
	}
	return a.Settings.MaxReceives
}

// Queue is a queue and its dead-letter queue.
type Queue struct {
	pulumi.ResourceState

	URL            pulumi.StringOutput
	ARN            pulumi.StringOutput
	DeadLettersURL pulumi.StringOutput
	// Name and DeadLettersName are the queues' names: what metrics know them by.
	Name, DeadLettersName pulumi.StringOutput
	// Ready are the resources after which no failing message can be lost: a consumer depends on them.
	Ready []pulumi.Resource

	queue       *sqs.Queue
	deadLetters *sqs.Queue
}

// New declares a queue.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Queue, error) {
	q := &Queue{}
	return component.Declare(ctx, TypeToken, name, q, args, opts,
		q.createDeadLetters, q.createQueue, q.redrive)
}

// Outputs are the queues' URLs.
func (q *Queue) Outputs() pulumi.Map {
	return pulumi.Map{"url": q.URL, "deadLettersUrl": q.DeadLettersURL}
}

func (q *Queue) createDeadLetters(ctx *pulumi.Context, args *Args) (err error) {
	q.deadLetters, err = component.Child(ctx, q, "dead-letters", sqs.NewQueue, &sqs.QueueArgs{
		MessageRetentionSeconds: pulumi.Int(args.Settings.DeadLettersRetention.Seconds()),
		SqsManagedSseEnabled:    pulumi.Bool(true),
	})
	if err != nil {
		return err
	}
	q.DeadLettersURL, q.DeadLettersName = q.deadLetters.Url, q.deadLetters.Name
	return nil
}

func (q *Queue) createQueue(ctx *pulumi.Context, args *Args) (err error) {
	settings := &sqs.QueueArgs{
		MessageRetentionSeconds:  pulumi.Int(args.Settings.Retention.Seconds()),
		VisibilityTimeoutSeconds: pulumi.Int(args.visibility().Seconds()),
		ReceiveWaitTimeSeconds:   pulumi.Int(20),
		SqsManagedSseEnabled:     pulumi.Bool(true),
	}
	if args.Sender != nil {
		document, err := policy.Document(policy.Statement{
			Principals: []string{"s3.amazonaws.com"},
			Actions:    []string{"sqs:SendMessage"},
			Resources:  []pulumi.StringInput{pulumi.String("*")}, // this queue: its ARN is not known before it exists
			Conditions: policy.FromSource(args.Sender.Bucket, args.Sender.Account),
		})
		if err != nil {
			return err
		}
		settings.Policy = document
	}
	if q.queue, err = component.Child(ctx, q, "queue", sqs.NewQueue, settings); err != nil {
		return err
	}
	q.URL, q.ARN, q.Name = q.queue.Url, q.queue.Arn, q.queue.Name
	return nil
}

// redrive ties the two together. These are resources of their own because the provider waits half a minute for each
// queue to settle: so both queues are made at once, and what needs only their addresses need not wait.
func (q *Queue) redrive(ctx *pulumi.Context, args *Args) error {
	to, err := component.Child(ctx, q, "redrive", sqs.NewRedrivePolicy, &sqs.RedrivePolicyArgs{
		QueueUrl: q.queue.Url,
		RedrivePolicy: q.deadLetters.Arn.ApplyT(func(arn string) (string, error) {
			return redrivePolicy(arn, args.receives())
		}).(pulumi.StringOutput),
	})
	if err != nil {
		return err
	}
	_, err = component.Child(ctx, q, "redrive-allow", sqs.NewRedriveAllowPolicy, &sqs.RedriveAllowPolicyArgs{
		QueueUrl:           q.deadLetters.Url,
		RedriveAllowPolicy: q.queue.Arn.ApplyT(redriveAllowPolicy).(pulumi.StringOutput),
	})
	q.Ready = []pulumi.Resource{to}
	return err
}

func redrivePolicy(deadLetters string, maxReceives int) (string, error) {
	data, err := json.Marshal(struct {
		Target  string `json:"deadLetterTargetArn"`
		Receive int    `json:"maxReceiveCount"`
	}{deadLetters, maxReceives})
	return string(data), err
}

func redriveAllowPolicy(source string) (string, error) {
	data, err := json.Marshal(struct {
		Permission string   `json:"redrivePermission"`
		Sources    []string `json:"sourceQueueArns"`
	}{"byQueue", []string{source}})
	return string(data), err
}

// Send allows to send messages.
func (q *Queue) Send() []policy.Statement {
	return q.allow("sqs:SendMessage")
}

// Poll allows a function's mapping to take messages: what AWSLambdaSQSQueueExecutionRole allows.
func (q *Queue) Poll() []policy.Statement {
	return q.allow("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
}

// Receive allows a worker or a job to take messages, and to hand them back early.
func (q *Queue) Receive() []policy.Statement {
	return q.allow("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility")
}

// Measure allows to ask how many messages there are.
func (q *Queue) Measure() []policy.Statement { return q.allow("sqs:GetQueueAttributes") }

func (q *Queue) allow(actions ...string) []policy.Statement {
	return []policy.Statement{{Actions: actions, Resources: []pulumi.StringInput{q.ARN}}}
}
