package runner

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// delivery is a message for a target: a destination, a dead-letter queue, the target of a schedule.
type delivery struct {
	arn  string
	body []byte
	// group is the message group of a FIFO queue.
	group string
	// key of the object in a bucket; empty: that of an asynchronous invocation.
	key string
}

// deliver sends to a queue, a function (asynchronously), a state machine, an event bus or a bucket.
func (r *Runner) deliver(ctx context.Context, d delivery) error {
	parts := strings.SplitN(d.arn, ":", 6)
	if len(parts) < 6 {
		return fmt.Errorf("deliver to %q: not an ARN", d.arn)
	}
	var err error
	switch service, resource := parts[2], parts[5]; service {
	case "sqs":
		err = r.deliverToQueue(ctx, resource, d)
	case "lambda":
		var t target
		if t, err = r.registry.resolve(d.arn, ""); err == nil {
			r.background.Go(func() { r.invokeAsync(ctx, t, d.arn, d.body, newID()) })
		}
	case "states":
		_, err = r.sfn.StartExecution(ctx,
			&sfn.StartExecutionInput{StateMachineArn: &d.arn, Input: aws.String(string(d.body))})
	case "events":
		_, err = r.events.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []ebtypes.PutEventsRequestEntry{{
			EventBusName: &d.arn, Source: aws.String("lambda"), DetailType: aws.String("Lambda Function Invocation Result"),
			Detail: aws.String(string(d.body)),
		}}})
	case "s3":
		now := r.opts.Now().UTC()
		key := cmp.Or(d.key,
			path.Join("aws/lambda/async", now.Format("2006/01/02"), now.Format(time.RFC3339Nano)+"-"+newID()))
		_, err = r.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &resource, Key: &key, Body: bytes.NewReader(d.body)})
	default:
		err = fmt.Errorf("local mode does not deliver to %s", service)
	}
	if err != nil {
		return fmt.Errorf("deliver to %s: %w", d.arn, err)
	}
	return nil
}

func (r *Runner) deliverToQueue(ctx context.Context, name string, d delivery) error {
	url, err := r.queueURL(ctx, name)
	if err != nil {
		return err
	}
	in := &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String(string(d.body))}
	if d.group != "" {
		in.MessageGroupId = &d.group
	}
	_, err = r.sqs.SendMessage(ctx, in)
	return err
}

func (r *Runner) queueURL(ctx context.Context, name string) (string, error) {
	out, err := r.sqs.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	if err != nil {
		return "", fmt.Errorf("find queue %s: %w", name, err)
	}
	return aws.ToString(out.QueueUrl), nil
}
