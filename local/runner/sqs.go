package runner

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const (
	// pollersAtStart is how many batches a mapping without a maximum concurrency runs at once. Lambda starts there
	// too and adds 300 a minute; local mode stays there, because its machine does not scale.
	pollersAtStart = 5
	// longPoll is the longest wait of a receive, in seconds.
	longPoll = 20
	// maxReceive is the maximum number of messages per receive or delete.
	maxReceive = 10
	// throttlePause is the wait of a poller after its function was throttled. The messages are not returned: they are
	// redelivered after their visibility timeout, and the receive counts.
	throttlePause = time.Second
)

// queuePoller runs an event source mapping of a queue.
type queuePoller struct {
	r           *Runner
	function    string
	sourceARN   string
	batchSize   int
	window      time.Duration
	concurrency int
	partial     bool
}

func newQueuePoller(r *Runner, m types.EventSourceMappingConfiguration) *queuePoller {
	q := &queuePoller{
		r:           r,
		function:    aws.ToString(m.FunctionArn),
		sourceARN:   aws.ToString(m.EventSourceArn),
		batchSize:   max(1, int(aws.ToInt32(m.BatchSize))),
		window:      time.Duration(aws.ToInt32(m.MaximumBatchingWindowInSeconds)) * time.Second,
		concurrency: pollersAtStart,
		partial:     slices.Contains(m.FunctionResponseTypes, types.FunctionResponseTypeReportBatchItemFailures),
	}
	if m.ScalingConfig != nil && m.ScalingConfig.MaximumConcurrency != nil {
		q.concurrency = int(*m.ScalingConfig.MaximumConcurrency)
	}
	return q
}

// run polls until ctx ends, then waits for the batches in flight. One long poll is open at a time: a batch is
// received once there is a free slot for it, so that messages do not age in the runner.
func (q *queuePoller) run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	places := make(chan struct{}, q.concurrency)
	url := ""
	for {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return
		}
		batch, err := q.receiveBatch(ctx, &url)
		if err != nil && ctx.Err() == nil {
			q.r.log.Warn("receiving from a queue failed", "queue", q.sourceARN, "error", err)
			pause(ctx, failurePause)
		}
		if len(batch) == 0 {
			<-places
			if ctx.Err() != nil {
				return
			}
			continue
		}
		running.Go(func() {
			defer func() { <-places }()
			// The end of the mapping must not lose the result of a running batch.
			q.process(ctx, url, batch)
		})
	}
}

// receiveBatch waits for a message, then until the batch is full or the window ends.
func (q *queuePoller) receiveBatch(ctx context.Context, url *string) ([]sqstypes.Message, error) {
	if *url == "" {
		found, err := q.r.queueURL(ctx, q.sourceARN[strings.LastIndexByte(q.sourceARN, ':')+1:])
		if err != nil {
			return nil, err
		}
		*url = found
	}
	batch, err := q.receive(ctx, *url, q.batchSize, longPoll)
	if err != nil || len(batch) == 0 {
		return nil, err
	}
	end := time.Now().Add(q.window)
	for len(batch) < q.batchSize && ctx.Err() == nil {
		left := time.Until(end)
		if left <= 0 {
			break
		}
		more, err := q.receive(ctx, *url, q.batchSize-len(batch), min(longPoll, int(left/time.Second)+1))
		if err != nil {
			// The messages received so far form a batch; the next receive reports the error if it persists.
			break
		}
		batch = append(batch, more...)
	}
	return batch, nil
}

func (q *queuePoller) receive(ctx context.Context, url string, count, waitSeconds int) ([]sqstypes.Message, error) {
	out, err := q.r.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:                    &url,
		MaxNumberOfMessages:         int32(min(maxReceive, count)),
		WaitTimeSeconds:             int32(waitSeconds),
		MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{sqstypes.MessageSystemAttributeNameAll},
		MessageAttributeNames:       []string{"All"},
	})
	if err != nil {
		return nil, err
	}
	return out.Messages, nil
}

// process invokes the function with a batch and deletes the messages it has processed. The others stay invisible until
// the queue's visibility timeout ends: only that redelivers them, as on AWS.
func (q *queuePoller) process(ctx context.Context, url string, batch []sqstypes.Message) {
	payload, err := json.Marshal(map[string]any{"Records": q.records(batch)})
	if err != nil {
		q.r.log.Error("encoding a batch failed", "queue", q.sourceARN, "error", err)
		return
	}
	t, err := q.r.registry.resolve(q.function, "")
	if err != nil {
		q.r.log.Warn("function of a mapping not found", "queue", q.sourceARN, "error", err)
		pause(ctx, failurePause)
		return
	}
	out, err := q.r.pool.invoke(context.WithoutCancel(ctx), t, payload, newID())
	switch {
	case errors.Is(err, errThrottled):
		pause(ctx, throttlePause)
		return
	case err != nil:
		if !errors.Is(err, errClosed) {
			q.r.log.Error("invocation for a queue failed", "function", q.function, "error", err)
		}
		return
	case out.errorType != "":
		return
	}
	var failures map[string]bool
	if q.partial {
		inBatch := func(id string) bool {
			return slices.ContainsFunc(batch, func(m sqstypes.Message) bool { return aws.ToString(m.MessageId) == id })
		}
		if failures, err = batchFailures(out.body, inBatch); err != nil {
			q.r.log.Warn("invalid partial batch response", "function", q.function, "request", out.requestID, "error", err)
			return
		}
	}
	done := slices.DeleteFunc(batch, func(m sqstypes.Message) bool { return failures[aws.ToString(m.MessageId)] })
	if err := q.delete(context.WithoutCancel(ctx), url, done); err != nil {
		q.r.log.Error("deleting processed messages failed", "queue", q.sourceARN, "error", err)
	}
}

// records renders a batch as Lambda's SQS event does.
func (q *queuePoller) records(batch []sqstypes.Message) []map[string]any {
	records := make([]map[string]any, len(batch))
	for i, m := range batch {
		attributes := map[string]any{}
		for name, value := range m.MessageAttributes {
			a := map[string]any{"dataType": aws.ToString(value.DataType), "stringListValues": []string{},
				"binaryListValues": []string{}}
			if value.StringValue != nil {
				a["stringValue"] = *value.StringValue
			}
			if value.BinaryValue != nil {
				a["binaryValue"] = base64.StdEncoding.EncodeToString(value.BinaryValue)
			}
			attributes[name] = a
		}
		records[i] = map[string]any{
			"messageId": m.MessageId, "receiptHandle": m.ReceiptHandle, "body": m.Body, "md5OfBody": m.MD5OfBody,
			"attributes": m.Attributes, "messageAttributes": attributes,
			"eventSource": "aws:sqs", "eventSourceARN": q.sourceARN, "awsRegion": q.r.opts.Region,
		}
	}
	return records
}

func (q *queuePoller) delete(ctx context.Context, url string, messages []sqstypes.Message) error {
	var errs []error
	for part := range slices.Chunk(messages, maxReceive) {
		entries := make([]sqstypes.DeleteMessageBatchRequestEntry, len(part))
		for i, m := range part {
			entries[i] = sqstypes.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle}
		}
		out, err := q.r.sqs.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &url, Entries: entries})
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, f := range out.Failed {
			errs = append(errs, fmt.Errorf("message %s: %s %s", aws.ToString(f.Id), aws.ToString(f.Code),
				aws.ToString(f.Message)))
		}
	}
	return errors.Join(errs...)
}
