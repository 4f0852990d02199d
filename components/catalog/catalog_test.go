package catalog_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/bucket"
	"dip/components/catalog"
	"dip/components/componenttest"
	"dip/components/queue"
	"dip/components/stream"
	"dip/config"
	"dip/contract"
)

func TestCatalog(t *testing.T) {
	minute := config.Duration(time.Minute)
	loads := contract.Loads{ChunkBytes: 1, DueAfterSeconds: 2, MaxAttempts: 3, MaxContentBytes: 4}
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		lake, err := bucket.New(ctx, "lake", &bucket.Args{Settings: config.Bucket{NoncurrentDays: 1, AbortUploadDays: 1}})
		if err != nil {
			return err
		}
		entries, workers := map[string]catalog.Entry{}, map[string]*queue.Queue{}
		settings := config.Queues{MaxReceives: 5, Retention: minute, DeadLettersRetention: 2 * minute, MaxAge: minute}
		leased := &queue.Args{Settings: settings, Lease: minute}
		if workers["trips"], err = queue.New(ctx, "trips-workers", leased); err != nil {
			return err
		}
		restage, err := queue.New(ctx, "restage", leased)
		if err != nil {
			return err
		}
		for _, name := range []string{"trips", "events"} {
			q, err := queue.New(ctx, name, &queue.Args{Settings: settings, Timeout: minute})
			if err != nil {
				return err
			}
			entries[name] = catalog.Entry{Queue: q, Workers: workers[name], Segment: contract.Segment{
				Dialect: contract.Dialect{Encoding: contract.NDJSON}, Schema: json.RawMessage(`{}`), MaxRecordMB: len(name),
				Loads: loads,
			}}
		}
		readings, err := stream.New(ctx, "readings", &stream.Args{Settings: config.Stream{
			Mode: config.StreamOnDemand, Shards: 1, Retention: 24 * config.Duration(time.Hour), Parallelization: 1, BatchSize: 1,
			MaxRetries: 1, MaxRecordAge: minute, Interval: minute, Grace: minute, Due: 5 * minute,
		}})
		if err != nil {
			return err
		}
		arrives := contract.Segment{
			Dialect: contract.Dialect{Encoding: contract.NDJSON}, Schema: json.RawMessage(`{}`),
			Stream: &contract.Stream{IntervalSeconds: 7},
		}
		entries["readings"] = catalog.Entry{Stream: readings, Segment: arrives}
		_, err = catalog.New(ctx, "catalog", &catalog.Args{Lake: lake, Segments: entries, Restage: restage})
		return err
	})
	object := r.Find(t, "aws:s3/bucketObjectv2:BucketObjectv2", "catalog-object")
	if object.Parent != catalog.TypeToken+"::catalog" || !object.Retain {
		t.Errorf("parent %s, retain %v: loads are pinned to old catalogs", object.Parent, object.Retain)
	}
	content := object.Inputs["content"].StringValue()
	var c contract.Catalog
	if err := json.Unmarshal([]byte(content), &c); err != nil {
		t.Fatal(err)
	}
	const queues = "https://sqs.us-east-1.amazonaws.com/123456789012/"
	if c.Restage != queues+"restage-queue" || c.Segments["trips"].Workers != queues+"trips-workers-queue" ||
		c.Segments["events"].Workers != "" {
		t.Errorf("restages go to %s, trips' workers take from %s, events' from %s", c.Restage, c.Segments["trips"].Workers,
			c.Segments["events"].Workers)
	}
	for name, size := range map[string]int{"trips": 5, "events": 6} {
		s := c.Segments[name]
		at := queues + name
		if s.Queue != at+"-queue" || s.DeadLetters != at+"-dead-letters" || s.MaxRecordMB != size || s.Loads != loads {
			t.Errorf("%s is %+v", name, s)
		}
	}
	readings := c.Segments["readings"]
	if want := (contract.Stream{Name: "readings-stream", IntervalSeconds: 7}); *readings.Stream != want ||
		readings.Queue != "" || readings.DeadLetters != "" {
		t.Errorf("readings is %+v", readings)
	}
	key, data, err := c.Encode()
	if err != nil || string(data) != content || object.Inputs["key"].StringValue() != key {
		t.Errorf("%v is stored as %v, want %s", content, object.Inputs["key"], key)
	}
	if got := object.Inputs["bucket"].StringValue(); got != "lake-bucket" {
		t.Errorf("it is stored in %s", got)
	}
}

func TestBadArgsRegisterNothing(t *testing.T) {
	for _, c := range []struct {
		args catalog.Args
		want []string
	}{
		{catalog.Args{}, []string{"Lake: missing", "Segments: none"}},
		{catalog.Args{Lake: &bucket.Bucket{}, Segments: map[string]catalog.Entry{"trips": {}, "events": {}}},
			[]string{"Segments[events].Queue: missing", "Segments[trips].Queue: missing"}},
		{catalog.Args{Lake: &bucket.Bucket{}, Segments: map[string]catalog.Entry{"readings": {
			Segment: contract.Segment{Stream: &contract.Stream{}},
		}}}, []string{"Segments[readings].Stream: missing"}},
	} {
		componenttest.MustRefuse(t, "catalog c", func(ctx *pulumi.Context) error {
			_, err := catalog.New(ctx, "c", &c.args)
			return err
		}, c.want...)
	}
}
