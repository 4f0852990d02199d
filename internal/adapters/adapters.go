// Package adapters connects the data plane to AWS: each type implements what one package needs of SQS, Step Functions,
// EventBridge or S3.
package adapters

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"dip/contract"
	"dip/internal/trace"
)

// S3 makes an S3 client. Buckets are addressed by path if the endpoint is an IP address or localhost, which have no
// subdomains.
func S3(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		endpoint := aws.ToString(cfg.BaseEndpoint)
		o.UsePathStyle = strings.Contains(endpoint, "127.0.0.1") || strings.Contains(endpoint, "localhost")
	})
}

// Queues sends messages to SQS.
type Queues struct{ client *sqs.Client }

// NewQueues makes a sender to any queue.
func NewQueues(cfg aws.Config) *Queues { return &Queues{client: sqs.NewFromConfig(cfg)} }

// maxHeader is how long a tracing header may be ("StartExecution" in the Step Functions API reference).
const maxHeader = 256

// traced is the tracing header that goes to the next service; nil: there is none that it would take.
func traced(ctx context.Context) *string {
	if header := trace.Header(ctx); header != "" && len(header) <= maxHeader {
		return &header
	}
	return nil
}

// Limits of SendMessageBatch, and how many calls run concurrently.
const (
	batchMessages = 10
	batchBytes    = 1 << 20
	senders       = 8
)

// Send sends messages in as few batches as possible. The error lists the rejected ones; the others have been sent.
func (q *Queues) Send(ctx context.Context, queue string, bodies []string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(senders)
	for len(bodies) > 0 {
		n, size := 0, 0
		for n < len(bodies) && n < batchMessages && (n == 0 || size+len(bodies[n]) <= batchBytes) {
			size += len(bodies[n])
			n++
		}
		batch := bodies[:n]
		bodies = bodies[n:]
		group.Go(func() error { return q.sendBatch(ctx, queue, batch) })
	}
	return group.Wait()
}

func (q *Queues) sendBatch(ctx context.Context, queue string, bodies []string) error {
	entries := make([]sqstypes.SendMessageBatchRequestEntry, len(bodies))
	var attributes map[string]sqstypes.MessageSystemAttributeValue
	if header := traced(ctx); header != nil { // the consumer's trace is linked to this one; it does not count as size
		attributes = map[string]sqstypes.MessageSystemAttributeValue{
			"AWSTraceHeader": {DataType: aws.String("String"), StringValue: header},
		}
	}
	for i := range bodies {
		entries[i] = sqstypes.SendMessageBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i)), MessageBody: &bodies[i], MessageSystemAttributes: attributes,
		}
	}
	out, err := q.client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &queue, Entries: entries})
	if err != nil {
		return fmt.Errorf("send %d messages to %s: %w", len(bodies), queue, err)
	}
	var errs []error
	for _, f := range out.Failed {
		errs = append(errs, fmt.Errorf("send to %s: %s: %s", queue, aws.ToString(f.Code), aws.ToString(f.Message)))
	}
	return errors.Join(errs...)
}

// Empty says whether a queue holds no message: none that is visible, received or delayed.
func (q *Queues) Empty(ctx context.Context, queue string) (bool, error) {
	numbers := []sqstypes.QueueAttributeName{
		sqstypes.QueueAttributeNameApproximateNumberOfMessages,
		sqstypes.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		sqstypes.QueueAttributeNameApproximateNumberOfMessagesDelayed,
	}
	out, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &queue, AttributeNames: numbers})
	if err != nil {
		return false, fmt.Errorf("ask %s how many messages it holds: %w", queue, err)
	}
	for _, number := range numbers {
		if n, ok := out.Attributes[string(number)]; !ok || n != "0" {
			return false, nil
		}
	}
	return true, nil
}

// Workflows starts executions of one state machine.
type Workflows struct {
	client *sfn.Client
	arn    string
}

// NewWorkflows starts executions of the state machine, or of the alias of one, with the given ARN.
func NewWorkflows(cfg aws.Config, arn string) *Workflows {
	return &Workflows{client: sfn.NewFromConfig(cfg), arn: arn}
}

// Start starts an execution. An existing execution of that name is the same load's, so it counts as started.
func (w *Workflows) Start(ctx context.Context, execution string, in contract.WorkflowInput) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode workflow input: %w", err)
	}
	_, err = w.client.StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: &w.arn, Name: &execution, Input: aws.String(string(body)),
		TraceHeader: traced(ctx),
	})
	var exists *sfntypes.ExecutionAlreadyExists
	if errors.As(err, &exists) {
		return nil
	}
	return err
}

// State tells whether there is an execution of that name, and whether it is running.
func (w *Workflows) State(ctx context.Context, execution string) (known, running bool, err error) {
	arn, err := executionARN(w.arn, execution)
	if err != nil {
		return false, false, err
	}
	out, err := w.client.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: &arn})
	var missing *sfntypes.ExecutionDoesNotExist
	switch {
	case errors.As(err, &missing):
		return false, false, nil
	case err != nil:
		return false, false, fmt.Errorf("describe execution %s: %w", execution, err)
	}
	// An execution that waits for a redrive of Step Functions itself counts as running.
	over := []sfntypes.ExecutionStatus{sfntypes.ExecutionStatusSucceeded, sfntypes.ExecutionStatusFailed,
		sfntypes.ExecutionStatusTimedOut, sfntypes.ExecutionStatusAborted}
	return true, !slices.Contains(over, out.Status), nil
}

// executionARN is that of an execution of a state machine, which is given by its ARN or by that of an alias:
// arn:aws:states:region:account:stateMachine:name[:alias] becomes
// arn:aws:states:region:account:execution:name:execution.
func executionARN(machine, execution string) (string, error) {
	parts := strings.Split(machine, ":")
	if len(parts) < 7 || parts[5] != "stateMachine" {
		return "", fmt.Errorf("%s is not the ARN of a state machine", machine)
	}
	parts[5] = "execution"
	return strings.Join(append(parts[:7:7], execution), ":"), nil
}

// Bus publishes events of loads and rollouts.
type Bus struct {
	client *eventbridge.Client
	bus    string
}

// NewBus publishes events on the EventBridge bus with the given name.
func NewBus(cfg aws.Config, name string) *Bus {
	return &Bus{client: eventbridge.NewFromConfig(cfg), bus: name}
}

// Put publishes an event of a load.
func (b *Bus) Put(ctx context.Context, detailType string, e contract.LoadEvent) error {
	return b.put(ctx, detailType, e)
}

// RolloutFailed publishes the event of a rollout that failed.
func (b *Bus) RolloutFailed(ctx context.Context, e contract.RolloutEvent) error {
	return b.put(ctx, contract.EventRolloutFailed, e)
}

func (b *Bus) put(ctx context.Context, detailType string, event any) error {
	detail, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	out, err := b.client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []ebtypes.PutEventsRequestEntry{{
		EventBusName: &b.bus, Source: aws.String(contract.EventSource), DetailType: &detailType,
		Detail: aws.String(string(detail)),
	}}})
	if err != nil {
		return fmt.Errorf("publish %q on bus %s: %w", detailType, b.bus, err)
	}
	if out.FailedEntryCount > 0 {
		return fmt.Errorf("publish %q on bus %s: %s: %s", detailType, b.bus,
			aws.ToString(out.Entries[0].ErrorCode), aws.ToString(out.Entries[0].ErrorMessage))
	}
	return nil
}
