package local

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dip/contract"
	"dip/internal/sample"
)

const (
	queueURN  = "urn:pulumi:local::dip::dip:queue:Queue$aws:sqs/queue:Queue::trips"
	stackURN  = "urn:pulumi:local::dip::pulumi:pulumi:Stack::dip-local"
	bucketURN = "urn:pulumi:local::dip::aws:s3/bucketV2:BucketV2::landing"

	events = `{"sequence":1,"resourcePreEvent":{"metadata":{"op":"create","urn":"` + queueURN + `"}}}
{"sequence":2,"resOutputsEvent":{"metadata":{"op":"create","urn":"` + queueURN + `"}}}
{"sequence":3,"resOutputsEvent":{"metadata":{"op":"same","urn":"` + stackURN + `"}}}
{"sequence":4,"resOpFailedEvent":{"metadata":{"op":"create","urn":"` + bucketURN + `"}}}
{"sequence":5,"diagnosticEvent":{"urn":"` + bucketURN + `","message":"no\nspace\n","severity":"error"}}
{"sequence":6,"diagnosticEvent":{"message":"old version","severity":"warning"}}
{"sequence":7,"summaryEvent":{"resourceChanges":{"create":1,"same":1}}}
`
)

func TestEngineEventsBecomeProgress(t *testing.T) {
	var c changes
	for line := range strings.Lines(events) {
		if err := c.note([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.String(); got != "2 resources, 1 changed, 1 failed: queue trips" {
		t.Errorf("progress %q", got)
	}
	if got := c.summary.String(); got != "2 resources: 1 created" {
		t.Errorf("result %q", got)
	}
	if got := c.problems(); got != "  bucketV2 landing: no\n  space\n" {
		t.Errorf("problems %q", got)
	}
	if err := c.note([]byte("{")); err == nil {
		t.Error("a broken event is an error")
	}
	if got := (Changes{"same": 7}).String(); got != "7 resources: no change" {
		t.Errorf("result %q", got)
	}
}

func TestFollowReadsWholeLinesToTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	write(t, path, "skipped\none\ntw")
	ctx, cancel := context.WithCancel(t.Context())
	var got []string
	err := follow(ctx, path, int64(len("skipped\n")), func(line []byte) error {
		got = append(got, string(line))
		switch len(got) {
		case 1: // the rest of a line arrives later
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("o\n\nthree\n")
			return errors.Join(err, f.Close())
		case 3:
			cancel()
		}
		return nil
	})
	if err != nil || !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestLeftovers(t *testing.T) {
	kept := map[string]string{
		"AmazonSQS.ListQueues":            `{"QueueUrls": ["http://127.0.0.1:1/123456789012/trips"]}`,
		"DynamoDB_20120810.ListTables":    `{"TableNames": ["ledger-1"]}`,
		"AWSEvents.ListEventBuses":        `{"EventBuses": [{"Name": "default"}, {"Name": "dip"}]}`,
		"Logs_20140328.DescribeLogGroups": `{"logGroups": [{"logGroupName": "/aws/x"}]}`,
		"ListRoles":                       `<R><RoleName>AWSServiceRoleForX</RoleName><RoleName>trips-role</RoleName></R>`,
		"/2015-03-31/functions/":          `{"Functions": [{"FunctionName": "intake"}]}`,
		"s3 /":                            `<B><Bucket><Name>landing</Name></Bucket></B>`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := kept[r.Header.Get("X-Amz-Target")]
		switch {
		case r.FormValue("Action") != "":
			answer = kept[r.FormValue("Action")]
		case strings.Contains(r.Header.Get("Authorization"), "/s3/"):
			answer = kept["s3 "+r.URL.Path]
		case r.URL.Path != "/":
			answer = kept[r.URL.Path]
		case answer == "":
			answer = "{}"
		}
		if _, err := w.Write([]byte(answer)); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	got, err := leftovers(t.Context(), Daemon{Endpoint: server.URL}, inventories)
	want := []string{
		"bucket landing", "queue http://127.0.0.1:1/123456789012/trips", "table ledger-1", "event bus dip",
		"log group /aws/x",
		"role trips-role", "function intake",
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}

func TestGeneratedSamplesAreKept(t *testing.T) {
	p := place(t.TempDir())
	if err := p.make(); err != nil {
		t.Fatal(err)
	}
	first, err := generated(t.Context(), p, "events", contract.Gzip, sample.Options{Bytes: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	write(t, first.Path, "still the old one")
	again, err := generated(t.Context(), p, "events", contract.Gzip, sample.Options{Bytes: 100_000})
	if err != nil || again != first {
		t.Errorf("%+v, %v, want %+v", again, err, first)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := generated(ctx, p, "trips", contract.Plain, sample.Options{Bytes: 10_000_000}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if isFile(filepath.Join(p.samples(), "sample-10.0MB.csv.json")) {
		t.Error("a truncated file counts as complete")
	}
}
