package client

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"dip/contract"
)

// Queues is the part of SQS that a redrive needs. *sqs.Client implements it.
type Queues interface {
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput,
		error)
	DeleteMessageBatch(context.Context, *sqs.DeleteMessageBatchInput,
		...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error)
	ChangeMessageVisibilityBatch(context.Context, *sqs.ChangeMessageVisibilityBatchInput,
		...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error)
}

const (
	// redriveBatch is the maximum number of messages per SQS call.
	redriveBatch = 10
	// redriveHidden is the visibility timeout of a dead letter that a redrive has received, in seconds: letters that are
	// not chosen are released at the end, those of an interrupted redrive become visible after this time.
	redriveHidden = 300
	// redriveWait is the wait time of a receive, in seconds: a long poll queries all SQS servers, so that an empty
	// response means an empty queue.
	redriveWait = 1
)

// Moved counts what a redrive did.
type Moved struct {
	Queue      string `json:"queue"` // URL of the queue that the letters were returned to
	Sent       int    `json:"sent"`
	Kept       int    `json:"kept"`       // not chosen, still in the dead-letter queue
	Unreadable int    `json:"unreadable"` // not a message that this version can read, still in the dead-letter queue
	Twice      int    `json:"twice"`      // sent but not deleted: they will be sent again, which is harmless
}

// Choose decides whether a dead letter is redriven. An error means that it cannot be read.
type Choose func(body string) (bool, error)

// ChooseAll redrives every letter, whatever its content.
func ChooseAll(string) (bool, error) { return true, nil }

// ChooseChunks redrives the chunks of one load, or of every load if load is empty.
func ChooseChunks(load string) Choose {
	return func(body string) (bool, error) {
		m, err := contract.ParseChunkMessage(body)
		return err == nil && (load == "" || m.Load == load), err
	}
}

// Redrive moves dead letters back to the queue they came from. A letter is deleted only after it has been sent, so an
// interruption can at worst send it twice; every consumer in this project is idempotent.
func Redrive(ctx context.Context, q Queues, deadLetters, queue string, choose Choose) (Moved, error) {
	moved := Moved{Queue: queue}
	var rest []types.Message
	seen := map[string]bool{}
	var failed error
	for failed == nil {
		letters, err := receive(ctx, q, deadLetters)
		if err != nil {
			failed = err
			break
		}
		var chosen []types.Message
		fresh := false
		for _, m := range letters {
			if seen[aws.ToString(m.MessageId)] { // its visibility timeout expired: this is the second round
				rest = append(rest, m)
				continue
			}
			seen[aws.ToString(m.MessageId)], fresh = true, true
			switch ok, err := choose(aws.ToString(m.Body)); {
			case err != nil:
				moved.Unreadable++
				rest = append(rest, m)
			case !ok:
				moved.Kept++
				rest = append(rest, m)
			default:
				chosen = append(chosen, m)
			}
		}
		if !fresh {
			break
		}
		failed = moved.send(ctx, q, deadLetters, chosen)
	}
	return moved, errors.Join(failed, release(context.WithoutCancel(ctx), q, deadLetters, rest))
}

func receive(ctx context.Context, q Queues, deadLetters string) ([]types.Message, error) {
	out, err := q.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &deadLetters, MaxNumberOfMessages: redriveBatch, WaitTimeSeconds: redriveWait,
		VisibilityTimeout: redriveHidden, MessageAttributeNames: []string{"All"},
	})
	if err != nil {
		return nil, fmt.Errorf("receive dead letters from %s: %w", deadLetters, err)
	}
	return out.Messages, nil
}

func (m *Moved) send(ctx context.Context, q Queues, deadLetters string, letters []types.Message) error {
	if len(letters) == 0 {
		return nil
	}
	entries := make([]types.SendMessageBatchRequestEntry, len(letters))
	for i, l := range letters {
		entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: l.Body,
			MessageAttributes: l.MessageAttributes}
	}
	out, err := q.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &m.Queue, Entries: entries})
	if err != nil {
		return fmt.Errorf("send %d dead letters to %s: %w", len(letters), m.Queue, err)
	}
	m.Sent += len(out.Successful)
	var refused []error
	for _, f := range out.Failed {
		refused = append(refused,
			fmt.Errorf("send a dead letter to %s: %s: %s", m.Queue, aws.ToString(f.Code), aws.ToString(f.Message)))
	}
	var remove []types.DeleteMessageBatchRequestEntry
	for _, s := range out.Successful {
		i, err := strconv.Atoi(aws.ToString(s.Id))
		if err != nil || i < 0 || i >= len(letters) {
			return fmt.Errorf("send dead letters to %s: SQS returned an unknown entry %q", m.Queue, aws.ToString(s.Id))
		}
		remove = append(remove, types.DeleteMessageBatchRequestEntry{Id: s.Id, ReceiptHandle: letters[i].ReceiptHandle})
	}
	if len(remove) > 0 {
		// Sent letters are deleted even if the user has just pressed Ctrl-C.
		deleted, err := q.DeleteMessageBatch(context.WithoutCancel(ctx),
			&sqs.DeleteMessageBatchInput{QueueUrl: &deadLetters, Entries: remove})
		if err != nil {
			m.Twice += len(remove)
			refused = append(refused, fmt.Errorf("delete %d dead letters after sending them: %w", len(remove), err))
		} else {
			m.Twice += len(deleted.Failed)
		}
	}
	return errors.Join(refused...)
}

// release makes the letters that were not chosen visible again at once, instead of after redriveHidden.
func release(ctx context.Context, q Queues, deadLetters string, letters []types.Message) error {
	for len(letters) > 0 {
		n := min(redriveBatch, len(letters))
		entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, n)
		for i, l := range letters[:n] {
			entries[i] = types.ChangeMessageVisibilityBatchRequestEntry{Id: aws.String(strconv.Itoa(i)),
				ReceiptHandle: l.ReceiptHandle, VisibilityTimeout: 0}
		}
		letters = letters[n:]
		if _, err := q.ChangeMessageVisibilityBatch(ctx,
			&sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &deadLetters, Entries: entries}); err != nil {
			return fmt.Errorf("release dead letters (they become visible after %d s anyway): %w", redriveHidden, err)
		}
	}
	return nil
}
