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
	SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
	DeleteMessageBatch(context.Context, *sqs.DeleteMessageBatchInput, ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error)
	ChangeMessageVisibilityBatch(context.Context, *sqs.ChangeMessageVisibilityBatchInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error)
}

const (
	// redriveBatch is the most messages that one SQS call takes.
	redriveBatch = 10
	// redriveHidden is how long a dead letter is kept from other readers while a redrive looks at it, seconds: what
	// is not chosen is handed back at the end, what an interrupted redrive held comes back after this time.
	redriveHidden = 300
	// redriveWait makes SQS ask all of its servers, so that an empty answer means an empty queue, seconds.
	redriveWait = 1
)

// Moved counts what a redrive did.
type Moved struct {
	Queue      string `json:"queue"` // URL of the queue that the letters went back to
	Sent       int    `json:"sent"`
	Kept       int    `json:"kept"`       // not chosen, still dead letters
	Unreadable int    `json:"unreadable"` // no message that this version understands, still dead letters
	Twice      int    `json:"twice"`      // sent, but could not be deleted: they will come a second time, which does no harm
}

// Choose says whether a dead letter is to go back. An error means that it cannot be read.
type Choose func(body string) (bool, error)

// ChooseAll sends everything back, whatever it is.
func ChooseAll(string) (bool, error) { return true, nil }

// ChooseChunks sends the chunks of one load back, or with an empty load those of every load.
func ChooseChunks(load string) Choose {
	return func(body string) (bool, error) {
		m, err := contract.ParseChunkMessage(body)
		return err == nil && (load == "" || m.Load == load), err
	}
}

// Redrive sends dead letters back to the queue that they came from. A letter is deleted only after it was sent, so an
// interruption can at worst send one twice; every consumer of this project takes that as one.
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
			if seen[aws.ToString(m.MessageId)] { // its time was up: this is the second round
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
		entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: l.Body, MessageAttributes: l.MessageAttributes}
	}
	out, err := q.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &m.Queue, Entries: entries})
	if err != nil {
		return fmt.Errorf("send %d dead letters to %s: %w", len(letters), m.Queue, err)
	}
	m.Sent += len(out.Successful)
	var refused []error
	for _, f := range out.Failed {
		refused = append(refused, fmt.Errorf("send a dead letter to %s: %s: %s", m.Queue, aws.ToString(f.Code), aws.ToString(f.Message)))
	}
	var remove []types.DeleteMessageBatchRequestEntry
	for _, s := range out.Successful {
		i, err := strconv.Atoi(aws.ToString(s.Id))
		if err != nil || i < 0 || i >= len(letters) {
			return fmt.Errorf("send dead letters to %s: SQS answers for an unknown entry %q", m.Queue, aws.ToString(s.Id))
		}
		remove = append(remove, types.DeleteMessageBatchRequestEntry{Id: s.Id, ReceiptHandle: letters[i].ReceiptHandle})
	}
	if len(remove) > 0 {
		// What was sent is deleted even when the person has just pressed Ctrl-C.
		deleted, err := q.DeleteMessageBatch(context.WithoutCancel(ctx), &sqs.DeleteMessageBatchInput{QueueUrl: &deadLetters, Entries: remove})
		if err != nil {
			m.Twice += len(remove)
			refused = append(refused, fmt.Errorf("delete %d dead letters that were sent: %w", len(remove), err))
		} else {
			m.Twice += len(deleted.Failed)
		}
	}
	return errors.Join(refused...)
}

// release makes the letters that stay visible again at once, instead of after redriveHidden.
func release(ctx context.Context, q Queues, deadLetters string, letters []types.Message) error {
	for len(letters) > 0 {
		n := min(redriveBatch, len(letters))
		entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, n)
		for i, l := range letters[:n] {
			entries[i] = types.ChangeMessageVisibilityBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: l.ReceiptHandle, VisibilityTimeout: 0}
		}
		letters = letters[n:]
		if _, err := q.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &deadLetters, Entries: entries}); err != nil {
			return fmt.Errorf("hand dead letters back, which come back by themselves after %d s: %w", redriveHidden, err)
		}
	}
	return nil
}
