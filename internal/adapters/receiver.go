package adapters

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dip/internal/worker"
)

// Receiver receives messages from one SQS queue.
type Receiver struct {
	client *sqs.Client
	url    string
}

// NewReceiver receives messages from the queue with the given URL.
func NewReceiver(cfg aws.Config, url string) *Receiver {
	return &Receiver{client: sqs.NewFromConfig(cfg), url: url}
}

// poll is the maximum wait time of an SQS receive, in seconds.
const poll = 20

// Receive waits for up to n messages (SQS returns at most 10) and hides them.
func (r *Receiver) Receive(ctx context.Context, n int, hidden time.Duration) ([]worker.Message, error) {
	out, err := r.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &r.url, MaxNumberOfMessages: int32(min(n, batchMessages)), WaitTimeSeconds: poll,
		VisibilityTimeout: seconds(hidden),
	})
	if err != nil {
		return nil, fmt.Errorf("receive from %s: %w", r.url, err)
	}
	messages := make([]worker.Message, len(out.Messages))
	for i, m := range out.Messages {
		messages[i] = worker.Message{ID: aws.ToString(m.MessageId), Receipt: aws.ToString(m.ReceiptHandle),
			Body: aws.ToString(m.Body)}
	}
	return messages, nil
}

// Hide sets how long a message stays hidden from now on.
func (r *Receiver) Hide(ctx context.Context, m worker.Message, hidden time.Duration) error {
	_, err := r.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &r.url, ReceiptHandle: &m.Receipt, VisibilityTimeout: seconds(hidden),
	})
	if err != nil {
		return fmt.Errorf("hide message %s of %s for %s: %w", m.ID, r.url, hidden, err)
	}
	return nil
}

// Delete removes a message from the queue.
func (r *Receiver) Delete(ctx context.Context, m worker.Message) error {
	if _, err := r.client.DeleteMessage(ctx,
		&sqs.DeleteMessageInput{QueueUrl: &r.url, ReceiptHandle: &m.Receipt}); err != nil {
		return fmt.Errorf("delete message %s of %s: %w", m.ID, r.url, err)
	}
	return nil
}

// seconds rounds up: a message must not become visible too early.
func seconds(d time.Duration) int32 { return int32((d + time.Second - 1) / time.Second) }
