package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kintypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// handleKinesis is the function under test for streams: it prints the records it takes; "poison" fails as a reported
// record, "blast" fails the whole batch.
func handleKinesis(_ context.Context, raw json.RawMessage) (any, error) {
	var batch events.KinesisEvent
	if err := json.Unmarshal(raw, &batch); err != nil {
		return nil, err
	}
	var answer events.KinesisEventResponse
	for _, r := range batch.Records {
		data := string(r.Kinesis.Data)
		if strings.HasPrefix(data, "poison") {
			answer.BatchItemFailures = append(answer.BatchItemFailures,
				events.KinesisBatchItemFailure{ItemIdentifier: r.Kinesis.SequenceNumber})
			break
		}
		if strings.HasPrefix(data, "blast") {
			return nil, fmt.Errorf("cannot take %s", data)
		}
	}
	for _, r := range batch.Records[:len(batch.Records)] {
		if strings.HasPrefix(string(r.Kinesis.Data), "poison") {
			break
		}
		fmt.Printf(`{"took":%q}`+"\n", r.Kinesis.Data)
	}
	return answer, nil
}

func (w *world) createStream(t *testing.T, shards int32) (name, arn string) {
	t.Helper()
	name = strings.ReplaceAll(t.Name(), "/", "-")
	if _, err := w.kinesis.CreateStream(t.Context(),
		&kinesis.CreateStreamInput{StreamName: &name, ShardCount: &shards}); err != nil {
		t.Fatal(err)
	}
	return name, "arn:aws:kinesis:us-east-1:123456789012:stream/" + name
}

// put writes records "KEY/TEXT" under their key.
func (w *world) put(t *testing.T, stream string, records ...string) {
	t.Helper()
	for part := range slices.Chunk(records, 500) {
		in := &kinesis.PutRecordsInput{StreamName: &stream}
		for _, r := range part {
			key, _, _ := strings.Cut(r, "/")
			in.Records = append(in.Records, kintypes.PutRecordsRequestEntry{PartitionKey: &key, Data: []byte(r)})
		}
		if _, err := w.kinesis.PutRecords(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
}

// took returns the records that the function printed as taken, in order.
func (w *world) took(t *testing.T, function string) []string {
	t.Helper()
	var taken []string
	for _, line := range readLog(t, w.logDir, function) {
		if text, ok := line["took"].(string); ok {
			taken = append(taken, text)
		}
	}
	return taken
}

func TestStreamKeepsOrderOverReshard(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	function := w.createFunction(t, nil)
	stream, arn := w.createStream(t, 1)
	var want []string
	write := func(round int) {
		var records []string
		for i := range 40 {
			records = append(records, fmt.Sprintf("k%d/%02d-%02d", i%8, round, i))
		}
		w.put(t, stream, records...)
		want = append(want, records...)
	}
	write(1)
	w.mapping(t, function, arn, func(in *lambda.CreateEventSourceMappingInput) {
		in.StartingPosition = types.EventSourcePositionTrimHorizon
		in.BatchSize, in.ParallelizationFactor = aws.Int32(7), aws.Int32(3)
	})
	_, err := w.kinesis.UpdateShardCount(t.Context(), &kinesis.UpdateShardCountInput{StreamName: &stream,
		TargetShardCount: aws.Int32(2), ScalingType: kintypes.ScalingTypeUniformScaling})
	if err != nil {
		t.Fatal(err)
	}
	write(2)
	_, err = w.kinesis.UpdateShardCount(t.Context(), &kinesis.UpdateShardCountInput{StreamName: &stream,
		TargetShardCount: aws.Int32(1), ScalingType: kintypes.ScalingTypeUniformScaling})
	if err != nil {
		t.Fatal(err)
	}
	write(3)
	eventually(t, "all records", func() bool { return len(w.took(t, function)) >= len(want) })
	got := w.took(t, function)
	if len(got) != len(want) {
		t.Errorf("%d records taken, %d written", len(got), len(want))
	}
	for k := range 8 {
		ofKey := func(list []string) (own []string) {
			for _, r := range list {
				if strings.HasPrefix(r, fmt.Sprintf("k%d/", k)) {
					own = append(own, r)
				}
			}
			return own
		}
		if !slices.Equal(ofKey(got), ofKey(want)) {
			t.Errorf("key %d: %q, want %q", k, ofKey(got), ofKey(want))
		}
	}
}

func TestStreamBisectsToThePoison(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	function := w.createFunction(t, nil)
	stream, arn := w.createStream(t, 1)
	dead, deadARN := w.queue(t, "dead", "30", "", 0)
	w.put(t, stream, "a/1", "a/2", "blast", "a/3", "a/4", "a/5")
	w.mapping(t, function, arn, func(in *lambda.CreateEventSourceMappingInput) {
		in.StartingPosition, in.BisectBatchOnFunctionError = types.EventSourcePositionTrimHorizon, aws.Bool(true)
		in.MaximumRetryAttempts = aws.Int32(1)
		in.DestinationConfig = &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: &deadARN}}
	})
	var record struct {
		RequestContext   struct{ Condition string }
		KinesisBatchInfo struct{ BatchSize int }
	}
	if err := json.Unmarshal([]byte(w.waitMessages(t, dead, 1)[0]), &record); err != nil {
		t.Fatal(err)
	}
	if record.RequestContext.Condition != "RetryAttemptsExhausted" || record.KinesisBatchInfo.BatchSize != 1 {
		t.Errorf("%+v", record)
	}
	want := []string{"a/1", "a/2", "a/3", "a/4", "a/5"}
	eventually(t, "the good records", func() bool { return len(w.took(t, function)) >= len(want) })
	if got := w.took(t, function); !slices.Equal(got, want) {
		t.Errorf("took %q", got)
	}
	age := statistics("AWS/Lambda", "IteratorAge", map[string]string{"FunctionName": function})
	age.Unit = "Milliseconds"
	if got := w.published(t, age, 1); got < 1 {
		t.Errorf("all batches together are %v ms old", got)
	}
}

func TestStreamFailuresGoToBucket(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	function := w.createFunction(t, nil)
	stream, arn := w.createStream(t, 1)
	bucket := "stream-failures"
	if _, err := w.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	w.put(t, stream, "a/1", "poison/2", "a/3")
	w.mapping(t, function, arn, func(in *lambda.CreateEventSourceMappingInput) {
		in.StartingPosition, in.MaximumRetryAttempts = types.EventSourcePositionTrimHorizon, aws.Int32(0)
		in.DestinationConfig = &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: aws.String("arn:aws:s3:::" +
			bucket)}}
	})
	var key *string
	eventually(t, "a failed batch in the bucket", func() bool {
		out, err := w.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Contents) == 0 {
			return false
		}
		key = out.Contents[0].Key
		return true
	})
	object, err := w.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	defer object.Body.Close()
	text, err := io.ReadAll(object.Body)
	if err != nil {
		t.Fatal(err)
	}
	var record struct{ Payload string }
	var payload events.KinesisEvent
	if err := json.Unmarshal(text, &record); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(record.Payload), &payload); err != nil {
		t.Fatal(err)
	}
	// Without bisecting, the rest of the batch is discarded.
	if len(payload.Records) != 2 || string(payload.Records[0].Kinesis.Data) != "poison/2" {
		t.Errorf("payload %s", record.Payload)
	}
}

func TestPlanBatch(t *testing.T) {
	t.Parallel()
	retry, bisect := retryPolicy{maxRetries: 2}, retryPolicy{maxRetries: 2, bisect: true}
	for _, c := range []struct {
		n, failedAt, attempt int
		policy               retryPolicy
		want                 batchPlan
	}{
		{5, 5, 1, retry, batchPlan{done: 5}},
		{5, 3, 1, retry, batchPlan{done: 3, next: []span{{3, 5}}}},
		{5, 3, 9, bisect, batchPlan{done: 3, next: []span{{3, 5}}}},
		{5, 0, 2, retry, batchPlan{next: []span{{0, 5}}, sameBatch: true}},
		{5, 0, 3, retry, batchPlan{discard: true}},
		{5, 0, 3, bisect, batchPlan{next: []span{{0, 2}, {2, 5}}}},
		{1, 0, 3, bisect, batchPlan{discard: true}},
		{1, 0, 999, retryPolicy{maxRetries: -1}, batchPlan{next: []span{{0, 1}}, sameBatch: true}},
		{1, 0, 1, retryPolicy{}, batchPlan{discard: true}},
	} {
		got := planBatch(c.n, c.failedAt, c.attempt, c.policy)
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%+v: %+v", c, got)
		}
	}
	if a, b := retryWait(2), retryWait(60); a != 100*time.Millisecond || b != 10*time.Second {
		t.Errorf("waits %s, %s", a, b)
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	p := newProgress()
	for _, s := range []string{"1", "2", "3", "4"} {
		p.read(s)
	}
	for _, step := range []struct{ finish, want string }{{"2", ""}, {"1", "2"}, {"4", "2"}, {"3", "4"}} {
		if got := p.finish([]string{step.finish}); got != step.want {
			t.Errorf("after %s: checkpoint %q, want %q", step.finish, got, step.want)
		}
	}
}
