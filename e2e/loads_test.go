package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/lake"
	"dip/internal/sample"
	"dip/internal/sweep"
	"dip/internal/verify"
)

// put lands bytes and returns the resulting object.
func put(t *testing.T, key string, data []byte) contract.Object {
	t.Helper()
	s := stack.Client()
	object, err := client.Upload{Bucket: s.Outputs.LandingBucket, Key: key}.PutStream(t.Context(), s.S3,
		bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return object
}

func trips(t *testing.T, size int64, seed uint64) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := sample.Trips(&b, sample.Options{Bytes: size, Seed: seed, BadShare: 0.001}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func events(t *testing.T, size int64) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := sample.Events(&b, sample.Options{Bytes: size, Seed: 1, BadShare: 0.001}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// certified waits for a load and proves its certificate again.
func certified(t *testing.T, id string) contract.Certificate {
	t.Helper()
	p := follow(t, id)
	if p.Status != contract.Published {
		t.Fatalf("load %s of %s is %s: %s", id, p.Key, p.Status, p.Reason)
	}
	s := stack.Client()
	load, err := s.Ledger.Load(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	c, sum, err := client.Certificate(t.Context(), s.Lake, load)
	if err != nil {
		t.Fatal(err)
	}
	evidence, err := client.Evidence(t.Context(), s, load, c, sum)
	if err != nil {
		t.Fatal(err)
	}
	evidence.PublicKey = publicKey(t)
	report, err := verify.Certificate(t.Context(), evidence)
	if err != nil || !report.Verified || report.Signature != verify.SignatureVerified {
		t.Fatalf("load %s of %s does not verify: %+v, %v", id, p.Key, report, err)
	}
	published, err := client.Published(t.Context(), s.Lake, p.Segment, id)
	if err != nil {
		t.Fatal(err)
	}
	if outputs := outputs(c); len(published) != len(outputs) {
		t.Fatalf("load %s publishes %d objects, its certificate has %d", id, len(published), len(outputs))
	}
	return c
}

func outputs(c contract.Certificate) (keys []string) {
	for _, k := range c.Chunks {
		for _, o := range k.Outputs {
			keys = append(keys, o.Key)
		}
	}
	return keys
}

func TestLoadsAreCertified(t *testing.T) {
	header := "part;weight;made;remark\n"
	cases := []struct {
		name, key     string
		data          []byte
		rows, bad     int64 // -1: any
		chunksAtLeast int
	}{
		{"many chunks", "trips/many.csv", trips(t, 12<<20, 1), -1, -1, 10},
		{"gzip", "events/a.ndjson.gz", gzipped(t, events(t, 4<<20)), -1, -1, 1},
		{"plain NDJSON", "events/b.ndjson", events(t, 4<<20), -1, -1, 4},
		{"added segment", "parts/parts.csv",
			[]byte(header + "AB-1;1,5;2024-02-29;\"one; two\"\nAB-2;;;\nno;1;2024-01-01;x\n"), 2, 1, 1},
		{"zero bytes", "parts/empty.csv", nil, 0, 0, 0},
		{"header only", "parts/header.csv", []byte(header), 0, 0, 0},
		{"byte order mark, CRLF, no final newline", "parts/bom.csv",
			[]byte("\xef\xbb\xbf" + strings.ReplaceAll(header+"AB-1;1;;\nAB-2;2;;\nAB-3;3;;x", "\n", "\r\n")), 3, 0, 1},
		{"odd key", "parts/a b+c ü ☃ %41.csv", []byte(header + "AB-1;1;;\n"), 1, 0, 1},
		{"record larger than a chunk", "parts/large.csv",
			[]byte(header + "AB-1;1;;\"" + strings.Repeat("text;\n", 600_000) + "\"\nAB-2;2;;\n"), 2, 0, 4},
		{"invalid UTF-8", "parts/latin.csv", []byte(header + "AB-1;1;;caf\xe9\nAB-2;1;;x\n"), 1, 1, 1},
		{"same bytes, other key", "parts/parts-again.csv",
			[]byte(header + "AB-1;1,5;2024-02-29;\"one; two\"\nAB-2;;;\nno;1;2024-01-01;x\n"), 2, 1, 1},
	}
	key := publicKey(t)
	t.Cleanup(func() { // when all are certified: several of a segment were at the same time
		chained(t, "trips", 1, key)
		chained(t, "events", 2, key)
		chained(t, "parts", 8, key)
		restored(t, key)
	})
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := certified(t, contract.LoadID(put(t, c.key, c.data)))
			if c.rows >= 0 && (got.Totals.RowsOut != c.rows || got.Totals.Quarantined != c.bad) {
				t.Errorf("%d rows and %d quarantined, want %d and %d", got.Totals.RowsOut, got.Totals.Quarantined, c.rows, c.bad)
			}
			if c.rows < 0 && (got.Totals.RowsOut == 0 || got.Totals.Quarantined == 0) {
				t.Errorf("the sample should have good and bad records: %+v", got.Totals)
			}
			if len(got.Chunks) < c.chunksAtLeast {
				t.Errorf("%d chunks, want at least %d", len(got.Chunks), c.chunksAtLeast)
			}
		})
	}
}

func TestLoadsFailWithAReason(t *testing.T) {
	truncated := gzipped(t, []byte("part;weight;made;remark\nAB-1;1;;\n"+strings.Repeat("AB-2;2;;\n", 10_000)))
	cases := []struct {
		name, key string
		data      []byte
		reason    string
	}{
		{"unknown segment", "tirps/a.csv", []byte("x"), `unknown segment "tirps"`},
		{"no segment", "a.csv", []byte("x"), "does not name a segment"},
		{"header", "parts/wrong.csv", []byte("part;waight;made;remark\nAB-1;1;;\n"), "waight"},
		{"truncated gzip", "parts/truncated.csv.gz", truncated[:len(truncated)-20], "truncated"},
		{"mostly bad", "parts/bad.csv", []byte("part;weight;made;remark\nx;1;;\ny;1;;\nAB-1;1;;\n"), "maxBadShare"},
		{"UTF-16", "parts/utf16.csv", []byte("\xff\xfep\x00a\x00"), "UTF-16"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			object := put(t, c.key, c.data)
			p := follow(t, contract.LoadID(object))
			if p.Status != contract.Failed || !strings.Contains(p.Reason, c.reason) {
				t.Errorf("the load is %s with the reason %q, want it to fail with %q", p.Status, p.Reason, c.reason)
			}
			s := stack.Client()
			if _, err := s.Lake.Head(t.Context(), object); err != nil {
				t.Errorf("the input is gone: %v", err)
			}
			if _, err := client.Published(t.Context(), s.Lake, contract.SegmentOf(c.key), p.Load); err == nil {
				t.Error("a failed load published something")
			}
		})
	}
}

// Functions are killed repeatedly, and every event arrives three times.
func TestKilledFunctionsLoseNothing(t *testing.T) {
	const kills = 6
	chaos.kill("trips", kills)
	data := trips(t, 16<<20, 2)
	object := put(t, "trips/killed.csv", data)
	for range 2 {
		announce(t, stack.Outputs.IntakeQueue, object)
	}
	// A chunk killed before its claim is retried with its message; after it, with a new attempt. Both must succeed.
	certified(t, contract.LoadID(object))
	if n := chaos.killed("trips"); n < kills/2 {
		t.Errorf("%d functions were killed, want most of %d", n, kills)
	}
}

// announce sends an object's event to a queue.
func announce(t *testing.T, queue string, o contract.Object) {
	t.Helper()
	body, err := sweep.Event(lake.Listed{Object: o, Modified: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stack.Client().SQS.SendMessage(t.Context(),
		&sqs.SendMessageInput{QueueUrl: &queue, MessageBody: &body}); err != nil {
		t.Fatal(err)
	}
}

// silently lands an object without an event.
func silently(t *testing.T, key string, data []byte) contract.Object {
	t.Helper()
	s := stack.Client()
	notifications, err := s.S3.GetBucketNotificationConfiguration(t.Context(),
		&s3.GetBucketNotificationConfigurationInput{Bucket: &s.Outputs.LandingBucket})
	if err != nil {
		t.Fatal(err)
	}
	if len(notifications.QueueConfigurations) != 1 {
		t.Fatalf("the landing bucket announces to %d queues, want 1", len(notifications.QueueConfigurations))
	}
	configure := func(c types.NotificationConfiguration) {
		_, err := s.S3.PutBucketNotificationConfiguration(t.Context(), &s3.PutBucketNotificationConfigurationInput{
			Bucket: &s.Outputs.LandingBucket, NotificationConfiguration: &c,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	configure(types.NotificationConfiguration{})
	defer configure(types.NotificationConfiguration{QueueConfigurations: notifications.QueueConfigurations})
	return put(t, key, data)
}

// An event that intake could not process is redriven.
func TestRedriveOfDeadLetters(t *testing.T) {
	object := silently(t, "parts/redriven.csv", []byte("part;weight;made;remark\nAB-1;1;;\n"))
	s := stack.Client()
	announce(t, s.Outputs.IntakeDeadLetters, object)
	moved, err := client.Redrive(t.Context(), s.SQS, s.Outputs.IntakeDeadLetters, s.Outputs.IntakeQueue, client.ChooseAll)
	if err != nil || moved.Sent != 1 {
		t.Fatalf("%+v, %v: want one letter sent back", moved, err)
	}
	certified(t, contract.LoadID(object))
}

// sweepUntil calls the sweeper until it reports what it should.
func sweepUntil(t *testing.T, enough func(sweep.Report) bool) {
	t.Helper()
	functions := lambda.NewFromConfig(stack.AWSConfig())
	deadline, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		out, err := functions.Invoke(deadline,
			&lambda.InvokeInput{FunctionName: aws.String(stack.Outputs.Functions["sweeper"])})
		if err != nil {
			t.Fatal(err)
		}
		var report sweep.Report
		if err := json.Unmarshal(out.Payload, &report); err != nil {
			t.Fatalf("the sweeper returned %s: %v", out.Payload, err)
		}
		if enough(report) {
			return
		}
	}
}

// The sweeper replaces a lost event.
func TestSuppressedEvent(t *testing.T) {
	object := silently(t, "parts/si+lent %41.csv", []byte("part;weight;made;remark\nAB-1;1;;\n"))
	sweepUntil(t, func(r sweep.Report) bool { return r.Enqueued > 0 })
	certified(t, contract.LoadID(object))
}

// An object that is overwritten while its load runs makes two loads; each reads its own version.
func TestOverwrittenWhileLoading(t *testing.T) {
	first, second := trips(t, 3<<20, 3), trips(t, 2<<20, 4)
	a := put(t, "trips/twice.csv", first)
	b := put(t, "trips/twice.csv", second)
	s := stack.Client()
	if _, err := s.S3.DeleteObject(t.Context(),
		&s3.DeleteObjectInput{Bucket: &s.Outputs.LandingBucket, Key: aws.String("trips/twice.csv")}); err != nil {
		t.Fatal(err)
	}
	for object, data := range map[contract.Object][]byte{a: first, b: second} {
		if c := certified(t, contract.LoadID(object)); c.Length != int64(len(data)) {
			t.Errorf("version %s: %d bytes are certified, want %d", object.VersionID, c.Length, len(data))
		}
	}
}

// A load whose execution somebody stopped is resumed by the sweeper, once it has been quiet for a while; this is waited
// for while records are sent by stream.
func TestStoppedExecutionIsResumed(t *testing.T) {
	t.Parallel()
	chaos.killAfterOne("events")
	defer chaos.kill("events", 0)
	object := put(t, "events/stopped.ndjson", events(t, 8<<20))
	id := contract.LoadID(object)
	workflows := sfn.NewFromConfig(stack.AWSConfig())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	begun := errors.New("begun")
	watch, stop := context.WithCancelCause(ctx)
	if _, err := client.Follow(watch, stack.Client().Ledger, id, func(p client.Progress) {
		if p.Done > 0 {
			stop(begun)
		}
	}); err == nil {
		t.Fatal("the load finished before its execution could be stopped")
	}
	machine := strings.TrimSuffix(stack.Outputs.Workflow, ":live")
	running, err := workflows.ListExecutions(ctx, &sfn.ListExecutionsInput{StateMachineArn: &machine})
	if err != nil {
		t.Fatal(err)
	}
	stopped := slices.IndexFunc(running.Executions, func(e sfntypes.ExecutionListItem) bool { return *e.Name == id })
	if stopped < 0 {
		t.Fatalf("load %s has no execution", id)
	}
	if _, err := workflows.StopExecution(ctx,
		&sfn.StopExecutionInput{ExecutionArn: running.Executions[stopped].ExecutionArn}); err != nil {
		t.Fatal(err)
	}
	chaos.kill("events", 0)
	sweepUntil(t, func(r sweep.Report) bool { return r.Resumed > 0 })
	certified(t, id)
	load, err := stack.Client().Ledger.Load(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if load.Execution != 1 {
		t.Errorf("the load was resumed %d times, want once", load.Execution)
	}
}

// A second deployment of the same program changes nothing.
func TestUpAgainChangesNothing(t *testing.T) {
	if err := stack.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
	if stack.Changed {
		t.Error("the second deployment changed resources")
	}
}
