package runner

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	kintypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// attempt is the result of invoking the function with a batch.
type attempt struct {
	outcome
	// failedAt is the index of the first record that failed, the batch's length if none did.
	failedAt int
}

// invoke runs the function once. An error means that it did not run.
func (l *lane) invoke(ctx context.Context, batch []kintypes.Record) (attempt, error) {
	payload, err := l.event(batch)
	if err != nil {
		return attempt{}, err
	}
	age := l.p.now().Sub(aws.ToTime(batch[len(batch)-1].ApproximateArrivalTimestamp))
	out, err := l.p.call(context.WithoutCancel(ctx), payload, max(0, age))
	if err != nil {
		return attempt{}, err
	}
	a := attempt{outcome: out, failedAt: len(batch)}
	if out.errorType != "" {
		a.failedAt = 0
		return a, nil
	}
	if !l.p.partial {
		return a, nil
	}
	index := func(id string) int {
		return slices.IndexFunc(batch, func(r kintypes.Record) bool { return aws.ToString(r.SequenceNumber) == id })
	}
	failures, err := batchFailures(out.body, func(id string) bool { return index(id) >= 0 })
	if err != nil {
		l.p.log.Warn("invalid partial batch response", "function", l.p.function, "request", out.requestID, "error", err)
		a.failedAt = 0
		return a, nil
	}
	for id := range failures {
		a.failedAt = min(a.failedAt, index(id))
	}
	return a, nil
}

// An event is at most 6 MB long, as the payload of any synchronous invocation
// (https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-parameters.html). overhead is that of a record in it.
const (
	maxEvent = 6 << 20
	overhead = 640
)

// eventSize is at most how much longer an event is for a record.
func eventSize(r kintypes.Record) int {
	return overhead + base64.StdEncoding.EncodedLen(len(r.Data)) + len(aws.ToString(r.PartitionKey))
}

// event renders a batch as Lambda's Kinesis event does.
func (l *lane) event(batch []kintypes.Record) ([]byte, error) {
	type record struct {
		SchemaVersion  string  `json:"kinesisSchemaVersion"`
		PartitionKey   string  `json:"partitionKey"`
		SequenceNumber string  `json:"sequenceNumber"`
		Data           []byte  `json:"data"`
		Arrival        float64 `json:"approximateArrivalTimestamp"`
	}
	records := make([]map[string]any, len(batch))
	for i, r := range batch {
		records[i] = map[string]any{
			"eventID": l.shard + ":" + aws.ToString(r.SequenceNumber), "eventName": "aws:kinesis:record", "eventVersion": "1.0",
			"eventSource": "aws:kinesis", "eventSourceARN": l.p.streamARN, "awsRegion": l.p.region,
			"invokeIdentityArn": "arn:aws:iam::" + l.p.account + ":role/local",
			"kinesis": record{"1.0", aws.ToString(r.PartitionKey), aws.ToString(r.SequenceNumber), r.Data,
				float64(aws.ToTime(r.ApproximateArrivalTimestamp).UnixMilli()) / 1000},
		}
	}
	payload, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		return nil, fmt.Errorf("encode a batch of shard %s: %w", l.shard, err)
	}
	return payload, nil
}

// discard reports discarded records to the on-failure destination, then lets the checkpoint pass them. A queue
// receives their position, a bucket the records too
// (https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html).
func (l *lane) discard(ctx context.Context, condition string, batch []kintypes.Record, last *attempt, attempts int) {
	l.p.log.Error("records discarded", "stream", l.p.streamARN, "shard", l.shard, "records", len(batch), "condition",
		condition)
	if l.p.destination != "" {
		if err := l.sendDiscarded(context.WithoutCancel(ctx), condition, batch, last, attempts); err != nil {
			l.p.log.Error("delivery to the on-failure destination failed", "stream", l.p.streamARN, "error", err)
		}
	}
	l.finish(batch)
}

func (l *lane) sendDiscarded(
	ctx context.Context, condition string, batch []kintypes.Record, last *attempt, attempts int,
) error {
	now := l.p.now().UTC()
	first, final := batch[0], batch[len(batch)-1]
	requestContext := map[string]any{"functionArn": l.p.function, "condition": condition,
		"approximateInvokeCount": attempts}
	record := map[string]any{
		"requestContext": requestContext,
		"version":        "1.0",
		"timestamp":      now.Format("2006-01-02T15:04:05.000Z"),
		"KinesisBatchInfo": map[string]any{
			"shardId": l.shard, "startSequenceNumber": first.SequenceNumber, "endSequenceNumber": final.SequenceNumber,
			"approximateArrivalOfFirstRecord": aws.ToTime(first.ApproximateArrivalTimestamp).UTC().Format(time.RFC3339Nano),
			"approximateArrivalOfLastRecord":  aws.ToTime(final.ApproximateArrivalTimestamp).UTC().Format(time.RFC3339Nano),
			"batchSize":                       len(batch), "streamArn": l.p.streamARN,
		},
	}
	if last != nil {
		requestContext["requestId"] = last.requestID
		response := map[string]any{"statusCode": http.StatusOK, "executedVersion": last.version}
		if last.errorType != "" {
			response["functionError"] = errUnhandled
		}
		record["responseContext"] = response
	}
	if strings.HasPrefix(l.p.destination, "arn:aws:s3:::") {
		payload, err := l.event(batch)
		if err != nil {
			return err
		}
		record["payload"] = string(payload)
	}
	body, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("encode a failed batch: %w", err)
	}
	return l.p.deliver(ctx, delivery{arn: l.p.destination, body: body, key: path.Join("aws/lambda",
		aws.ToString(l.p.mapping.UUID), l.shard, now.Format("2006/01/02"), now.Format("2006-01-02T15.04.05-")+newID())})
}
