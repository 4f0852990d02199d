package function_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/components/function"
	"dip/components/stream"
	"dip/config"
)

// reads declares a function that takes records of a stream.
func reads(fanOut bool, r function.Records) func(*pulumi.Context) error {
	return func(ctx *pulumi.Context) error {
		f, err := function.New(ctx, "f", args())
		if err != nil {
			return err
		}
		s, err := stream.New(ctx, "s", &stream.Args{Settings: config.Stream{
			Mode: config.StreamOnDemand, Shards: 1, Retention: 24 * config.Duration(time.Hour), Parallelization: 1, BatchSize: 1,
			MaxRetries: 1, MaxRecordAge: minute, Interval: minute, Grace: minute, Due: 5 * minute, FanOut: fanOut,
		}})
		if err != nil {
			return err
		}
		return f.Read(ctx, s, r)
	}
}

var lake = pulumi.String("arn:aws:s3:::lake")

// A batch that goes on failing is split and set aside: it never stops its shard.
func TestRecordsThatAreSetAside(t *testing.T) {
	bounded := function.Records{Size: 100, Window: minute, Factor: 10, Retries: 4, Age: 2 * minute, SetAside: lake}
	r := componenttest.MustRun(t, reads(false, bounded))
	m := r.Find(t, "aws:lambda/eventSourceMapping:EventSourceMapping", "f-mapping")
	if m.Parent != function.TypeToken+"::f" {
		t.Errorf("the mapping's parent is %s", m.Parent)
	}
	for key, want := range map[resource.PropertyKey]any{
		"functionName":     "arn:aws:lambda:us-east-1:123456789012:function:f-function:live",
		"eventSourceArn":   "arn:aws:kinesis:us-east-1:123456789012:stream/s-stream",
		"startingPosition": "TRIM_HORIZON", "batchSize": 100.0, "maximumBatchingWindowInSeconds": 60.0,
		"parallelizationFactor": 10.0, "maximumRetryAttempts": 4.0, "maximumRecordAgeInSeconds": 120.0,
		"bisectBatchOnFunctionError": true, "functionResponseTypes": []any{"ReportBatchItemFailures"},
		"destinationConfig": map[string]any{"onFailure": map[string]any{"destinationArn": "arn:aws:s3:::lake"}},
	} {
		if got := m.Inputs[key]; !got.DeepEquals(resource.NewPropertyValue(want)) {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
}

// Without a place to set batches aside, none is skipped, and each begins where the one before it ended.
func TestRecordsThatAreNeverSkipped(t *testing.T) {
	r := componenttest.MustRun(t, reads(false, function.Records{Size: 10_000, Factor: 1}))
	m := r.Find(t, "aws:lambda/eventSourceMapping:EventSourceMapping", "f-mapping").Inputs
	for key, want := range map[resource.PropertyKey]any{
		"startingPosition": "TRIM_HORIZON", "parallelizationFactor": 1.0, "maximumRetryAttempts": -1.0,
		"maximumRecordAgeInSeconds": -1.0,
	} {
		if got := m[key]; !got.DeepEquals(resource.NewPropertyValue(want)) {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	for _, key := range []resource.PropertyKey{"bisectBatchOnFunctionError", "functionResponseTypes",
		"destinationConfig"} {
		if _, ok := m[key]; ok {
			t.Errorf("%s is %v", key, m[key])
		}
	}
}

func TestRecordsByFanOut(t *testing.T) {
	r := componenttest.MustRun(t, reads(true, function.Records{Size: 1, Factor: 1, FanOut: true}))
	m := r.Find(t, "aws:lambda/eventSourceMapping:EventSourceMapping", "f-mapping").Inputs
	const want = "arn:aws:kinesis:us-east-1:123456789012:stream/s-stream/consumer/s-consumer:1"
	if got := m["eventSourceArn"].StringValue(); got != want {
		t.Errorf("records come from %s", got)
	}
}

// Lambda's defaults, with which one bad record stops its shard, do not pass a preview.
func TestHostileMappingsAreRefused(t *testing.T) {
	good := function.Records{Size: 1, Factor: 2, Retries: 1, Age: minute, SetAside: lake}
	for name, c := range map[string]struct {
		change func(*function.Records)
		want   []string
	}{
		"retries without end": {func(r *function.Records) { r.Retries = -1 }, []string{"Records.Retries: -1, want 1 to 10000"}},
		"no retries":          {func(r *function.Records) { r.Retries = 0 }, []string{"Records.Retries: 0, want 1 to 10000"}},
		"any age":             {func(r *function.Records) { r.Age = 0 }, []string{"Records.Age: 0, want 60 to 604800"}},
		"factor":              {func(r *function.Records) { r.Factor = 11 }, []string{"Records.Factor: 11, want 1 to 10"}},
		"size and window": {func(r *function.Records) { r.Size, r.Window = 10_001, 301*minute/60 },
			[]string{"Records.Size: 10001, want 1 to 10000", "Records.Window: 301, want 0 to 300"}},
		"nowhere to set aside": {func(r *function.Records) { r.SetAside = nil },
			[]string{"Records.Factor: 2, want 1 to 1", "Records.SetAside: missing: what failed for good would be lost"}},
		"no consumer": {func(r *function.Records) { r.FanOut = true },
			[]string{"Records.FanOut: the stream has no consumer"}},
	} {
		r := good
		c.change(&r)
		var got string
		made := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
			if err := reads(false, r)(ctx); err != nil {
				got = err.Error()
			}
			return nil
		})
		if want := "function f: " + strings.Join(c.want, "\nfunction f: "); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		for _, one := range made.Resources() {
			if one.Type == "aws:lambda/eventSourceMapping:EventSourceMapping" {
				t.Errorf("%s: there is a mapping", name)
			}
		}
	}
}
