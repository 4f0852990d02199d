package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kintypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// shelf is a stream in memory: shards, their records and parents. An iterator is SHARD/INDEX.
type shelf struct {
	shards  []kintypes.Shard
	records map[string][]kintypes.Record
	closed  map[string]bool
}

// add adds records "KEY/TEXT" to a shard; their numbers go on from those that are there.
func (s *shelf) add(shard string, list ...string) {
	for _, text := range list {
		key, _, _ := strings.Cut(text, "/")
		number := fmt.Sprintf("495903382714902566085596925383615710959215759891365888%02d", len(s.records[shard]))
		s.records[shard] = append(s.records[shard], kintypes.Record{PartitionKey: &key, Data: []byte(text),
			SequenceNumber: &number, ApproximateArrivalTimestamp: aws.Time(time.Now())})
	}
}

func newShelf(shards ...kintypes.Shard) *shelf {
	return &shelf{shards: shards, records: map[string][]kintypes.Record{}, closed: map[string]bool{}}
}

func (s *shelf) ListShards(
	context.Context, *kinesis.ListShardsInput, ...func(*kinesis.Options),
) (*kinesis.ListShardsOutput, error) {
	return &kinesis.ListShardsOutput{Shards: s.shards}, nil
}

func (s *shelf) GetShardIterator(
	_ context.Context, in *kinesis.GetShardIteratorInput, _ ...func(*kinesis.Options),
) (*kinesis.GetShardIteratorOutput, error) {
	at := 0
	if in.StartingSequenceNumber != nil {
		at = 1 + slices.IndexFunc(s.records[*in.ShardId], func(r kintypes.Record) bool {
			return *r.SequenceNumber == *in.StartingSequenceNumber
		})
	}
	return &kinesis.GetShardIteratorOutput{ShardIterator: aws.String(fmt.Sprint(*in.ShardId, "/", at))}, nil
}

func (s *shelf) GetRecords(
	_ context.Context, in *kinesis.GetRecordsInput, _ ...func(*kinesis.Options),
) (*kinesis.GetRecordsOutput, error) {
	shard, index, _ := strings.Cut(*in.ShardIterator, "/")
	at, err := strconv.Atoi(index)
	if err != nil {
		return nil, err
	}
	out := &kinesis.GetRecordsOutput{Records: s.records[shard][at:]}
	if !s.closed[shard] {
		out.NextShardIterator = aws.String(fmt.Sprint(shard, "/", len(s.records[shard])))
	}
	return out, nil
}

// bench runs a mapping on a shelf, on the bubble's clock.
type bench struct {
	*streamPoller
	mu        sync.Mutex
	batches   [][]string // as the function got them
	delivered []delivery
	most      int // batches at once
}

// newBench makes a mapping whose function is work.
func newBench(t *testing.T, s *shelf, m types.EventSourceMappingConfiguration, work func(batch []string) outcome) *bench {
	m.UUID, m.FunctionArn = aws.String("5e5e"), aws.String("arn:aws:lambda:us-east-1:123456789012:function:f:live")
	m.EventSourceArn, m.StartingPosition = aws.String("arn:aws:kinesis:us-east-1:123456789012:stream/s"), "TRIM_HORIZON"
	r := &Runner{opts: Options{Now: time.Now, Region: "us-east-1", AccountID: "123456789012"},
		log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	b := &bench{streamPoller: newStreamPoller(r, m)}
	b.streams, b.path = s, filepath.Join(t.TempDir(), "checkpoints.json")
	b.streamPoller.deliver = func(_ context.Context, d delivery) error {
		b.delivered = append(b.delivered, d)
		return nil
	}
	running := 0
	b.call = func(_ context.Context, payload []byte, _ time.Duration) (outcome, error) {
		var e events.KinesisEvent
		if err := json.Unmarshal(payload, &e); err != nil {
			return outcome{}, err
		}
		var texts []string
		for _, r := range e.Records {
			texts = append(texts, string(r.Kinesis.Data))
		}
		b.mu.Lock()
		b.batches = append(b.batches, texts)
		running++
		b.most = max(b.most, running)
		b.mu.Unlock()
		time.Sleep(time.Second)
		b.mu.Lock()
		running--
		b.mu.Unlock()
		return work(texts), nil
	}
	return b
}

// during runs the mapping for a time.
func (b *bench) during(t *testing.T, d time.Duration) {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	b.run(ctx)
}

func succeed([]string) outcome { return outcome{} }

func TestLanesKeepTheOrderOfKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(kintypes.Shard{ShardId: aws.String("0")})
		var want []string
		for i := range 60 {
			want = append(want, fmt.Sprintf("k%d/%02d", i%9, i))
		}
		s.add("0", want...)
		b := newBench(t, s, types.EventSourceMappingConfiguration{BatchSize: aws.Int32(4),
			ParallelizationFactor: aws.Int32(3)}, succeed)
		b.during(t, time.Minute)
		got := slices.Concat(b.batches...)
		byKey := func(list []string) []string {
			list = slices.Clone(list)
			slices.SortStableFunc(list, func(a, b string) int { return strings.Compare(a[:2], b[:2]) })
			return list
		}
		if !slices.Equal(byKey(got), byKey(want)) {
			t.Errorf("took %q", got)
		}
		if b.most != 3 || slices.ContainsFunc(b.batches, func(batch []string) bool { return len(batch) > 4 }) {
			t.Errorf("%d batches at once, %q", b.most, b.batches)
		}
		if state, _ := b.checkpoints.get("0"); state.Sequence != *s.records["0"][59].SequenceNumber || state.Done {
			t.Errorf("checkpoint %+v", state)
		}
	})
}

// Lambda starts a child after its parents are done, whatever takes them long; and a restarted one goes on from there.
func TestChildrenWaitForTheirParents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(kintypes.Shard{ShardId: aws.String("0")}, kintypes.Shard{ShardId: aws.String("1")},
			kintypes.Shard{ShardId: aws.String("2"), ParentShardId: aws.String("0"), AdjacentParentShardId: aws.String("1")},
			kintypes.Shard{ShardId: aws.String("3"), ParentShardId: aws.String("gone")})
		s.closed["0"], s.closed["1"] = true, true
		s.add("0", "a/0", "a/1", "a/2")
		s.add("1", "b/0")
		s.add("2", "c/0")
		s.add("3", "d/0")
		failures := map[string]int{"a/1": 5, "b/0": 8}
		b := newBench(t, s, types.EventSourceMappingConfiguration{BatchSize: aws.Int32(1)}, func(batch []string) outcome {
			if failures[batch[0]] > 0 {
				failures[batch[0]]--
				return outcome{result: result{errorType: "Unhandled"}}
			}
			return outcome{}
		})
		b.during(t, 3*time.Second) // amidst the failures
		if slices.Contains(slices.Concat(b.batches...), "c/0") {
			t.Errorf("a child began before its parents were done: %q", b.batches)
		}
		b.during(t, time.Minute)
		got := slices.Concat(b.batches...)
		if last := got[len(got)-1]; last != "c/0" || got[len(got)-2] != "b/0" {
			t.Errorf("took %q", got)
		}
		slices.Sort(got)
		if got = slices.Compact(got); len(got) != 6 {
			t.Errorf("took %q", got)
		}
		if n := len(slices.Concat(b.batches...)); n != 6+5+8 {
			t.Errorf("a checkpoint was lost: %q", b.batches)
		}
	})
}

// The documents of discarded records are those of
// https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html.
func TestDiscardedRecordsGoToTheBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(kintypes.Shard{ShardId: aws.String("shardId-000000000001")})
		s.add("shardId-000000000001", "a/0", "a/1", "poison/2", "a/3", "a/4", "a/5", "a/6")
		began := time.Now().UTC()
		b := newBench(t, s, types.EventSourceMappingConfiguration{BatchSize: aws.Int32(100),
			BisectBatchOnFunctionError: aws.Bool(true), MaximumRetryAttempts: aws.Int32(2),
			DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{
				Destination: aws.String("arn:aws:s3:::failed")}},
		}, func(batch []string) outcome {
			if slices.Contains(batch, "poison/2") {
				return outcome{result: result{errorType: "Unhandled"}, requestID: "r1", version: "7"}
			}
			return outcome{}
		})
		b.during(t, time.Minute)
		// Halves cost no retry; the record alone has three attempts.
		var sizes []int
		for _, batch := range b.batches {
			sizes = append(sizes, len(batch))
		}
		if !slices.Equal(sizes, []int{7, 3, 1, 2, 1, 1, 1, 1, 4}) {
			t.Errorf("batches of %v", sizes)
		}
		if len(b.delivered) != 1 || b.delivered[0].arn != "arn:aws:s3:::failed" {
			t.Fatalf("delivered %+v", b.delivered)
		}
		at, id := began.Add(8*time.Second), b.delivered[0].key // eight calls, and pauses of 300 ms
		prefix := "aws/lambda/5e5e/shardId-000000000001/" + at.Format("2006/01/02/2006-01-02T15.04.05-")
		if !strings.HasPrefix(id, prefix) || len(id) != len(prefix)+36 {
			t.Errorf("key %s, want %s and a UUID", id, prefix)
		}
		var d struct {
			RequestContext struct {
				RequestID, FunctionArn, Condition string
				ApproximateInvokeCount            int
			}
			ResponseContext struct {
				StatusCode                     int
				ExecutedVersion, FunctionError string
			}
			Version          string
			Timestamp        time.Time
			KinesisBatchInfo struct {
				ShardID, StartSequenceNumber, EndSequenceNumber string
				ApproximateArrivalOfFirstRecord                 time.Time
				BatchSize                                       int
				StreamArn                                       string
			}
			Payload string
		}
		if err := json.Unmarshal(b.delivered[0].body, &d); err != nil {
			t.Fatal(err)
		}
		number := *s.records["shardId-000000000001"][2].SequenceNumber
		info := d.KinesisBatchInfo
		if d.RequestContext.RequestID != "r1" || d.RequestContext.Condition != "RetryAttemptsExhausted" ||
			d.RequestContext.ApproximateInvokeCount != 3 || d.RequestContext.FunctionArn != b.function ||
			d.ResponseContext.StatusCode != 200 || d.ResponseContext.ExecutedVersion != "7" ||
			d.ResponseContext.FunctionError != "Unhandled" || d.Version != "1.0" || d.Timestamp.Before(began) ||
			info.ShardID != "shardId-000000000001" || info.StartSequenceNumber != number || info.EndSequenceNumber != number ||
			!info.ApproximateArrivalOfFirstRecord.Equal(began) || info.BatchSize != 1 || info.StreamArn != b.streamARN {
			t.Errorf("%s", b.delivered[0].body)
		}
		var e events.KinesisEvent
		if err := json.Unmarshal([]byte(d.Payload), &e); err != nil || string(e.Records[0].Kinesis.Data) != "poison/2" {
			t.Errorf("payload %s: %v", d.Payload, err)
		}
		if state, _ := b.checkpoints.get("shardId-000000000001"); !strings.HasSuffix(state.Sequence, "06") {
			t.Errorf("checkpoint %+v", state)
		}
	})
}

// A function that cannot be invoked costs no attempt: only the age of records ends their wait.
func TestThrottledBatchesWaitUntilTheirAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(kintypes.Shard{ShardId: aws.String("0")})
		s.add("0", "a/0")
		b := newBench(t, s, types.EventSourceMappingConfiguration{MaximumRetryAttempts: aws.Int32(0),
			MaximumRecordAgeInSeconds: aws.Int32(60), DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{
				Destination: aws.String("arn:aws:sqs:us-east-1:123456789012:failed")}}}, succeed)
		calls, last := 0, time.Duration(0)
		b.call = func(_ context.Context, _ []byte, age time.Duration) (outcome, error) {
			calls, last = calls+1, age
			return outcome{}, errThrottled
		}
		b.during(t, 59*time.Second)
		if len(b.delivered) != 0 || calls < 10 || last < 58*time.Second || last > time.Minute {
			t.Errorf("%d calls, the last one at the age of %s, delivered %+v", calls, last, b.delivered)
		}
		b.during(t, 5*time.Second)
		if len(b.delivered) != 1 {
			t.Fatalf("delivered %+v", b.delivered)
		}
		body := string(b.delivered[0].body)
		if !strings.Contains(body, `"condition":"RecordAgeExceeded"`) || strings.Contains(body, "responseContext") ||
			strings.Contains(body, "payload") {
			t.Error(body)
		}
	})
}

// Nor does it cost a retry.
func TestThrottledCallsAreNoAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(kintypes.Shard{ShardId: aws.String("0")})
		s.add("0", "a/0")
		b := newBench(t, s, types.EventSourceMappingConfiguration{MaximumRetryAttempts: aws.Int32(1)},
			func([]string) outcome { return outcome{result: result{errorType: "Unhandled"}} })
		call, throttled := b.call, 3
		b.call = func(ctx context.Context, payload []byte, age time.Duration) (outcome, error) {
			if throttled--; throttled >= 0 {
				return outcome{}, errThrottled
			}
			return call(ctx, payload, age)
		}
		b.during(t, time.Minute)
		if len(b.batches) != 2 {
			t.Errorf("called %d times", len(b.batches))
		}
	})
}

func TestBatchesHoldOneEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(kintypes.Shard{ShardId: aws.String("0")})
		for i := range 11 {
			s.add("0", fmt.Sprintf("a/%d%s", i, strings.Repeat("x", 1<<20)))
		}
		b := newBench(t, s, types.EventSourceMappingConfiguration{BatchSize: aws.Int32(100),
			MaximumBatchingWindowInSeconds: aws.Int32(2)}, succeed)
		call := b.call
		b.call = func(ctx context.Context, payload []byte, age time.Duration) (outcome, error) {
			if len(payload) > maxEvent || len(payload) < 1<<20 {
				t.Errorf("an event of %d bytes", len(payload))
			}
			return call(ctx, payload, age)
		}
		b.during(t, time.Minute)
		if got := slices.Concat(b.batches...); len(got) != 11 || len(b.batches) != 3 {
			t.Errorf("%d records in %d batches", len(got), len(b.batches))
		}
		// Of small records, whatever their names are, as many as it says fit.
		r := kintypes.Record{PartitionKey: aws.String(strings.Repeat("k", 256)), Data: []byte("x"),
			SequenceNumber: aws.String(strings.Repeat("9", 56)), ApproximateArrivalTimestamp: aws.Time(time.Now())}
		l := &lane{p: b.streamPoller, shard: "shardId-000000000000"}
		payload, err := l.event(slices.Repeat([]kintypes.Record{r}, 1000))
		if err != nil || len(payload) > 1000*eventSize(r) {
			t.Errorf("%d bytes, %v", len(payload), err)
		}
	})
}
