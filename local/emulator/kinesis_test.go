package emulator_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"dip/local/emulator"
	"dip/local/emulator/emulatortest"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// stream is one that a test has made.
type stream struct {
	*testing.T
	client *kinesis.Client
	name   *string
}

func newStream(t *testing.T, shards int32) stream {
	t.Helper()
	client := kinesis.NewFromConfig(emulatortest.Config(t), func(o *kinesis.Options) { o.Retryer = aws.NopRetryer{} })
	s := stream{t, client, aws.String(t.Name())}
	_, err := client.CreateStream(t.Context(), &kinesis.CreateStreamInput{StreamName: s.name, ShardCount: &shards,
		Tags: map[string]string{"segment": "readings"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func entry(key string, data []byte) types.PutRecordsRequestEntry {
	return types.PutRecordsRequestEntry{PartitionKey: &key, Data: data}
}

func (s stream) put(list ...types.PutRecordsRequestEntry) (*kinesis.PutRecordsOutput, error) {
	return s.client.PutRecords(s.Context(), &kinesis.PutRecordsInput{StreamName: s.name, Records: list})
}

func (s stream) shards() []types.Shard {
	s.Helper()
	out := must[*kinesis.ListShardsOutput](s.T)(s.client.ListShards(s.Context(),
		&kinesis.ListShardsInput{StreamName: s.name}))
	return out.Shards
}

// read is all of a shard, and whether the shard has ended.
func (s stream) read(shard string) (list []types.Record, ended bool) {
	s.Helper()
	at := must[*kinesis.GetShardIteratorOutput](s.T)(s.client.GetShardIterator(s.Context(),
		&kinesis.GetShardIteratorInput{StreamName: s.name, ShardId: &shard, ShardIteratorType: "TRIM_HORIZON"})).ShardIterator
	for at != nil {
		out := must[*kinesis.GetRecordsOutput](s.T)(s.client.GetRecords(s.Context(),
			&kinesis.GetRecordsInput{ShardIterator: at, Limit: aws.Int32(7)}))
		if at = out.NextShardIterator; len(out.Records) == 0 && at != nil {
			return list, false
		}
		list = append(list, out.Records...)
	}
	return list, true
}

func TestStreamKeepsRecordsInOrder(t *testing.T) {
	t.Parallel()
	s := newStream(t, 2)
	before := time.Now().Add(-time.Millisecond)
	var list []types.PutRecordsRequestEntry
	for i := range 40 {
		list = append(list, entry(fmt.Sprint("k", i%5), fmt.Append(nil, i)))
	}
	out, err := s.put(list...)
	if err != nil || *out.FailedRecordCount != 0 {
		t.Fatal(out, err)
	}
	found := 0
	for _, shard := range s.shards() {
		records, ended := s.read(*shard.ShardId)
		found += len(records)
		last, _ := new(big.Int).SetString(*shard.SequenceNumberRange.StartingSequenceNumber, 10)
		at := -1
		for _, r := range records {
			i := slices.IndexFunc(list, func(e types.PutRecordsRequestEntry) bool { return bytes.Equal(e.Data, r.Data) })
			number, _ := new(big.Int).SetString(*r.SequenceNumber, 10)
			gap := new(big.Int).Sub(number, last)
			if len(*r.SequenceNumber) != 56 || gap.BitLen() < 70 || i <= at || *r.PartitionKey != *list[i].PartitionKey {
				t.Errorf("record %s after %s: %d %q", number, last, i, *r.PartitionKey)
			}
			if got := *out.Records[i].SequenceNumber; got != *r.SequenceNumber || *out.Records[i].ShardId != *shard.ShardId {
				t.Errorf("record %d: number %s, was put as %s", i, *r.SequenceNumber, got)
			}
			arrival := *r.ApproximateArrivalTimestamp
			if arrival.Before(before) || arrival.After(time.Now()) || !arrival.Equal(arrival.Truncate(time.Millisecond)) {
				t.Errorf("arrival %s", arrival)
			}
			last, at = number, i
		}
		if ended || len(records) == 0 {
			t.Errorf("shard %s: %d records, ended %v", *shard.ShardId, len(records), ended)
		}
	}
	if found != 40 {
		t.Errorf("%d records", found)
	}
	tags := must[*kinesis.ListTagsForStreamOutput](t)(s.client.ListTagsForStream(t.Context(),
		&kinesis.ListTagsForStreamInput{StreamName: s.name})).Tags
	if len(tags) != 1 || *tags[0].Key != "segment" {
		t.Errorf("tags %v", tags)
	}
}

func TestHashKeysChooseOpenShards(t *testing.T) {
	t.Parallel()
	s := newStream(t, 1)
	parent := s.shards()[0]
	middle := aws.String("170141183460469231731687303715884105728") // 2^127
	first := must[*kinesis.PutRecordOutput](t)(s.client.PutRecord(t.Context(), &kinesis.PutRecordInput{
		StreamName: s.name, PartitionKey: aws.String("k"), Data: []byte("first")}))
	must[*kinesis.SplitShardOutput](t)(s.client.SplitShard(t.Context(), &kinesis.SplitShardInput{
		StreamName: s.name, ShardToSplit: parent.ShardId, NewStartingHashKey: middle}))
	shards := s.shards()
	for hash, want := range map[string]int{"0": 1, "170141183460469231731687303715884105727": 1, *middle: 2,
		"340282366920938463463374607431768211455": 2} {
		out := must[*kinesis.PutRecordOutput](t)(s.client.PutRecord(t.Context(), &kinesis.PutRecordInput{
			StreamName: s.name, PartitionKey: aws.String("k"), ExplicitHashKey: &hash, Data: []byte(hash)}))
		if *out.ShardId != *shards[want].ShardId || *out.SequenceNumber <= *first.SequenceNumber {
			t.Errorf("hash key %s: %s, number %s", hash, *out.ShardId, *out.SequenceNumber)
		}
	}
	_, err := s.client.PutRecord(t.Context(), &kinesis.PutRecordInput{StreamName: s.name, Data: []byte("x"),
		PartitionKey: aws.String("k"), ExplicitHashKey: aws.String("340282366920938463463374607431768211456")})
	if invalid := new(types.InvalidArgumentException); !errors.As(err, &invalid) {
		t.Errorf("hash key 2^128: %v", err)
	}
	records, ended := s.read(*parent.ShardId)
	end := s.shards()[0].SequenceNumberRange.EndingSequenceNumber
	if !ended || len(records) != 1 || end == nil || *end <= *first.SequenceNumber {
		t.Errorf("the parent has %d records, ended %v, at %v", len(records), ended, end)
	}
	summary := must[*kinesis.DescribeStreamSummaryOutput](t)(s.client.DescribeStreamSummary(t.Context(),
		&kinesis.DescribeStreamSummaryInput{StreamName: s.name})).StreamDescriptionSummary
	if *summary.OpenShardCount != 2 {
		t.Errorf("%d open shards", *summary.OpenShardCount)
	}
}

// Each call is refused as a whole: nothing of it is in the stream.
func TestPutsBeyondLimitsAreRefused(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	s := newStream(t, 1)
	one := entry("k", []byte("x"))
	full := entry("k", make([]byte, mib-1))
	for what, list := range map[string][]types.PutRecordsRequestEntry{
		"length less than or equal to 1048576": {one, entry("k", make([]byte, mib))},
		"length less than or equal to 500":     slices.Repeat([]types.PutRecordsRequestEntry{one}, 501),
		"exceeds 5 MB":                         append(slices.Repeat([]types.PutRecordsRequestEntry{full}, 5), one),
		"partitionKey":                         {one, entry(strings.Repeat("k", 257), []byte("x"))},
	} {
		if _, err := s.put(list...); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := s.client.PutRecord(t.Context(),
		&kinesis.PutRecordInput{StreamName: s.name, PartitionKey: one.PartitionKey, Data: make([]byte, mib)})
	if err == nil || !strings.Contains(err.Error(), "1048576") {
		t.Errorf("a record: %v", err)
	}
	if list, _ := s.read(*s.shards()[0].ShardId); len(list) != 0 {
		t.Errorf("%d records of refused calls", len(list))
	}
	if _, err := s.put(slices.Repeat([]types.PutRecordsRequestEntry{full}, 5)...); err != nil {
		t.Errorf("at the limits: %v", err)
	}
	if list, _ := s.read(*s.shards()[0].ShardId); len(list) != 5 {
		t.Errorf("%d records at the limits", len(list))
	}
}

func TestProvokedFaultsFollowTheirSeed(t *testing.T) {
	t.Parallel()
	s := newStream(t, 1)
	shard := *s.shards()[0].ShardId
	list := slices.Repeat([]types.PutRecordsRequestEntry{entry("k", []byte("x"))}, 300)
	faults := emulator.StreamFaults{Seed: 7, Throttled: 200, Failed: 100}
	codes := func() (found []string) {
		out, err := s.put(list...)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range out.Records {
			if r.SequenceNumber != nil == (r.ErrorCode != nil) {
				t.Errorf("both a number and an error, or neither: %v", r)
			}
			found = append(found, aws.ToString(r.ErrorCode))
		}
		if int(*out.FailedRecordCount) != len(found)-count(found, "") {
			t.Errorf("%d failed records", *out.FailedRecordCount)
		}
		return found
	}
	emulatortest.Provoke(t, *s.name, faults)
	first, second := codes(), codes()
	emulatortest.Provoke(t, *s.name, faults)
	if again := codes(); !slices.Equal(again, first) || slices.Equal(first, second) {
		t.Error("the same seed, other faults")
	}
	if n, m := count(first, "ProvisionedThroughputExceededException"), count(first, "InternalFailure"); n < 30 || m < 10 {
		t.Errorf("%d throttled, %d failed", n, m)
	}
	records, _ := s.read(shard)
	if want := count(first, "")*2 + count(second, ""); len(records) != want {
		t.Errorf("%d records, %d were accepted", len(records), want)
	}

	emulatortest.Provoke(t, *s.name, emulator.StreamFaults{Lost: 1000})
	if _, err := s.put(list[0]); err == nil || !strings.Contains(err.Error(), "InternalFailure") {
		t.Errorf("a lost response: %v", err)
	}
	emulatortest.Provoke(t, *s.name, emulator.StreamFaults{Failed: 1000})
	_, err := s.client.PutRecord(t.Context(), &kinesis.PutRecordInput{StreamName: s.name, PartitionKey: list[0].PartitionKey,
		Data: list[0].Data})
	if answer := new(awshttp.ResponseError); !errors.As(err, &answer) || answer.HTTPStatusCode() != 500 {
		t.Errorf("a failed put: %v", err)
	}
	emulatortest.Provoke(t, *s.name, emulator.StreamFaults{Refused: 1000})
	throttled := new(types.ProvisionedThroughputExceededException)
	if _, err := s.put(list[0]); !errors.As(err, &throttled) {
		t.Errorf("a refused put: %v", err)
	}
	emulatortest.Provoke(t, *s.name, emulator.StreamFaults{})
	if after, _ := s.read(shard); len(after) != len(records)+1 {
		t.Errorf("%d records more after a lost response and a refused call", len(after)-len(records))
	}
}

func count(list []string, of string) (n int) {
	for _, s := range list {
		if s == of {
			n++
		}
	}
	return n
}

func TestShardsHaveLimits(t *testing.T) {
	t.Parallel()
	s := newStream(t, 2)
	emulatortest.Provoke(t, *s.name, emulator.StreamFaults{Limits: true})
	large := make([]byte, 300_000)
	list := slices.Repeat([]types.PutRecordsRequestEntry{entry("a", large)}, 4)
	list = append(list, entry("b", large)) // of the other shard
	out := must[*kinesis.PutRecordsOutput](t)(s.put(list...))
	for i, r := range out.Records {
		if throttled := aws.ToString(r.ErrorCode) == "ProvisionedThroughputExceededException"; throttled != (i == 3) {
			t.Errorf("record %d: %v", i, r)
		}
	}
}

func TestRetentionTrims(t *testing.T) {
	t.Parallel()
	s := newStream(t, 1)
	parent := s.shards()[0].ShardId
	must[*kinesis.PutRecordsOutput](t)(s.put(entry("k", []byte("x"))))
	must[*kinesis.SplitShardOutput](t)(s.client.SplitShard(t.Context(), &kinesis.SplitShardInput{
		StreamName: s.name, ShardToSplit: parent, NewStartingHashKey: aws.String("5")}))
	emulatortest.Provoke(t, *s.name, emulator.StreamFaults{AheadHours: 23})
	if list, _ := s.read(*parent); len(list) != 1 {
		t.Errorf("%d records before their retention ends", len(list))
	}
	must[*kinesis.PutRecordsOutput](t)(s.put(entry("k", []byte("x"))))
	emulatortest.Provoke(t, *s.name, emulator.StreamFaults{AheadHours: 25})
	shards := s.shards()
	for _, shard := range shards {
		if list, _ := s.read(*shard.ShardId); len(list) != 0 || *shard.ShardId == *parent {
			t.Errorf("shard %s with %d records after their retention", *shard.ShardId, len(list))
		}
	}
	if len(shards) != 2 {
		t.Errorf("%d shards", len(shards))
	}
}

// What goes into a stream, and what does not, arrives in CloudWatch, as do the ages of what is read.
func TestMetricsOfStreams(t *testing.T) {
	t.Parallel()
	s := newStream(t, 1)
	client := watch(t)
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	list := slices.Repeat([]types.PutRecordsRequestEntry{entry("k", []byte("x"))}, 100)
	emulatortest.Provoke(t, *s.name, emulator.StreamFaults{Seed: 1, Throttled: 300})
	out := must[*kinesis.PutRecordsOutput](t)(s.put(list...))
	throttled := float64(*out.FailedRecordCount)
	s.read(*s.shards()[0].ShardId)
	for metric, want := range map[string]float64{"IncomingRecords": 100 - throttled, "IncomingBytes": 2 * (100 - throttled),
		"WriteProvisionedThroughputExceeded": throttled, "GetRecords.IteratorAgeMilliseconds": -1} {
		in := &cloudwatch.GetMetricStatisticsInput{
			Namespace: aws.String("AWS/Kinesis"), MetricName: &metric, Period: aws.Int32(86400),
			StartTime: aws.Time(time.Now().Add(-time.Hour)), EndTime: aws.Time(time.Now().Add(time.Hour)),
			Statistics: []cwtypes.Statistic{cwtypes.StatisticSum},
			Dimensions: []cwtypes.Dimension{{Name: aws.String("StreamName"), Value: s.name}},
		}
		for range look.C { // the emulator looks every ten seconds
			got := must[*cloudwatch.GetMetricStatisticsOutput](t)(client.GetMetricStatistics(t.Context(), in)).Datapoints
			if len(got) == 0 {
				continue
			}
			if *got[0].Sum != want && want >= 0 {
				t.Errorf("%s is %v, want %v", metric, *got[0].Sum, want)
			}
			break
		}
	}
}
