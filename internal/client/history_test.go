package client

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"dip/contract"
	"dip/internal/graph"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
)

// statistics answer with one data point, and keep what they were asked for.
type statistics struct {
	asked []string
	err   error
}

func (s *statistics) GetMetricStatistics(
	_ context.Context, in *cloudwatch.GetMetricStatisticsInput, _ ...func(*cloudwatch.Options),
) (*cloudwatch.GetMetricStatisticsOutput, error) {
	s.asked = append(s.asked, fmt.Sprintf("%s %s of %s by %d", *in.Namespace, *in.MetricName, *in.Dimensions[0].Value,
		*in.Period))
	return &cloudwatch.GetMetricStatisticsOutput{Datapoints: []types.Datapoint{
		{Timestamp: aws.Time(noon.Add(-time.Hour)), Maximum: aws.Float64(42)},
	}}, s.err
}

func TestReadHistory(t *testing.T) {
	f := ledgertest.New()
	plan := &ledger.Plan{Chunks: 2}
	chunks := []ledger.Chunk{{Index: 0, Ack: &contract.Ack{Millis: 1500}}, {Index: 1}}
	for id, l := range map[string]ledger.Load{
		"a": {Status: contract.Published, Received: noon.Add(-2 * time.Hour), Plan: plan,
			Totals: &contract.Totals{Bytes: 500}},
		"b": {Status: contract.Failed, Received: noon.Add(-3 * time.Hour), Object: contract.Object{Size: 7}},
		"c": {Status: contract.Running, Received: noon.Add(-time.Hour), Plan: plan, Object: contract.Object{Size: 9}},
		"d": {Status: contract.Published, Received: noon.Add(-25 * time.Hour)},
	} {
		l.ID, l.Segment, l.Updated = loadID(id), "trips", l.Received.Add(time.Minute)
		f.Seed(l, chunks...)
	}
	f.Seed(ledger.Load{ID: loadID("e"), Segment: "gone", Status: contract.Published, Received: noon})
	o := Outputs{Segments: map[string]contract.SegmentOutputs[string]{
		"trips": {QueueOutputs: &contract.QueueOutputs[string]{
			Queue: "https://sqs.us-east-1.amazonaws.com/123456789012/trips-queue-1a2b",
		}},
		"readings": {Stream: &contract.StreamOutputs[string]{Name: "readings"}},
	}}
	watch := &statistics{}
	h, err := ReadHistory(t.Context(), "dev", o, f, watch, noon.Add(-24*time.Hour), noon)
	if err != nil {
		t.Fatal(err)
	}
	trips := h.Segment("trips")
	wantLoads := []graph.Load{
		{Received: noon.Add(-2 * time.Hour), Seconds: 60}, {Received: noon.Add(-3 * time.Hour), Seconds: 60, Failed: true},
	}
	if !reflect.DeepEqual(trips.Loads, wantLoads) {
		t.Errorf("loads %+v", trips.Loads)
	}
	if want := []float64{1.5}; !reflect.DeepEqual(trips.Chunks, want) {
		t.Errorf("chunks %v", trips.Chunks)
	}
	sum := 0.0
	for _, v := range trips.Bytes {
		sum += v
	}
	if sum != 516 {
		t.Errorf("%v bytes", sum)
	}
	if want := []graph.Sample{{At: noon.Add(-time.Hour), Value: 42}}; !reflect.DeepEqual(trips.Age, want) {
		t.Errorf("age %v", trips.Age)
	}
	if want := "AWS/SQS ApproximateAgeOfOldestMessage of trips-queue-1a2b by 1800"; watch.asked[0] != want {
		t.Errorf("asked for %s", watch.asked[0])
	}
	watch.err = errors.New("throttled")
	if _, err := ReadHistory(t.Context(), "dev", o, f, watch, noon.Add(-24*time.Hour), noon); !errors.Is(err, watch.err) {
		t.Errorf("%v", err)
	}
}
