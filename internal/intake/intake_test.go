package intake

import (
	"context"
	_ "embed"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dip/contract"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
	"dip/internal/trace/tracetest"
)

// The notifications are as S3 sends them, with names and ids replaced.
var (
	//go:embed testdata/put.json
	put string
	//go:embed testdata/several.json
	several string
	//go:embed testdata/test-event.json
	testEvent string
	//go:embed testdata/unversioned.json
	unversioned string
)

func TestObjects(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       []contract.Object
	}{
		{"one", put, []contract.Object{
			{Bucket: "landing-1a2b3c", Key: "trips/2026/new york + ü.csv", VersionID: "096fKKXTRTtl3on89fVO.nfljtsv6qko",
				Size: 1305107, ETag: "b21b84d653bb07b05b1e6b33684dc11b"},
		}},
		{"several, one of them a removal, one a multipart upload", several, []contract.Object{
			{Bucket: "landing-1a2b3c", Key: "events/a=b&c.ndjson.gz", VersionID: "v1", Size: 7, ETag: "e1"},
			{Bucket: "landing-1a2b3c", Key: "events/100%.ndjson", VersionID: "v3", Size: 0, ETag: "e3-2"},
		}},
		{"what S3 sends when notifications are configured", testEvent, nil},
		{"a console's folder",
			`{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},` +
				`"object":{"key":"trips/","size":0,"versionId":"1"}}}]}`, nil},
	} {
		if got, err := Objects(c.body); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v\ngot  %+v\nwant %+v", c.name, err, got, c.want)
		}
	}
}

func TestObjectsRefuses(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{"", "S3 event"},
		{"not json", "not json"},
		{"{}", "S3 event without records"},
		{`{"Records":[]}`, "S3 event without records"},
		{strings.Replace(put, "+%2B+", "%ZZ", 1), "invalid URL escape"},
		{unversioned, "S3 event for trips/a.csv without a version: versioning of bucket landing-1a2b3c is off"},
	} {
		if got, err := Objects(c.body); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60q: %+v, %v; want %q", c.body, got, err, c.want)
		}
	}
}

type workflows struct {
	started []string
	err     error
}

func (w *workflows) Start(_ context.Context, execution string, in contract.WorkflowInput) error {
	if w.err != nil {
		return w.err
	}
	if in.Version != contract.Version || !strings.HasPrefix(execution, in.Load) {
		return errors.New("wrong input")
	}
	w.started = append(w.started, execution)
	return nil
}

var now = time.Date(2026, 1, 31, 23, 59, 59, 987654321, time.FixedZone("west", -3600))

func handler() (*Handler, *ledgertest.Fake, *workflows) {
	b, w := ledgertest.New(), &workflows{}
	return &Handler{
		Catalog: "catalog/1.json", Ledger: b, Workflows: w, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return now },
	}, b, w
}

// loads lists what was received, all on the day of now.
func loads(t *testing.T, b *ledgertest.Fake) []ledger.Load {
	t.Helper()
	loads, err := b.Day(t.Context(), "2026-02-01")
	if err != nil {
		t.Fatal(err)
	}
	return loads
}

func handle(t *testing.T, h *Handler, bodies ...string) (failed []string) {
	t.Helper()
	var batch events.SQSEvent
	for i, body := range bodies {
		batch.Records = append(batch.Records, events.SQSMessage{MessageId: string(rune('a' + i)), Body: body})
	}
	response, err := h.Handle(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range response.BatchItemFailures {
		failed = append(failed, f.ItemIdentifier)
	}
	return failed
}

func TestReceive(t *testing.T) {
	h, b, w := handler()
	if failed := handle(t, h, put); failed != nil {
		t.Fatalf("failed: %v", failed)
	}
	o := contract.Object{Bucket: "landing-1a2b3c", Key: "trips/2026/new york + ü.csv",
		VersionID: "096fKKXTRTtl3on89fVO.nfljtsv6qko", Size: 1305107, ETag: "b21b84d653bb07b05b1e6b33684dc11b"}
	id := contract.LoadID(o)
	want := ledger.Load{
		ID: id, Segment: "trips", Object: o, Catalog: "catalog/1.json", Status: contract.Received,
		Received: time.Date(2026, 2, 1, 0, 59, 59, 987000000, time.UTC), // what the ledger keeps: UTC, milliseconds
	}
	want.Updated = want.Received
	if got, err := b.Load(t.Context(), id); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
	}
	if !slices.Equal(w.started, []string{id}) {
		t.Errorf("started %v", w.started)
	}
}

// A duplicate joins the existing load. Until its workflow is known to run, it is started again, under the same name.
func TestDuplicateEvents(t *testing.T) {
	h, b, w := handler()
	if failed := handle(t, h, put, put); failed != nil {
		t.Fatalf("failed: %v", failed)
	}
	known := loads(t, b)
	if len(known) != 1 || len(w.started) != 2 || w.started[0] != w.started[1] {
		t.Fatalf("%d loads, started %v", len(known), w.started)
	}
	for _, status := range []contract.Status{contract.Running, contract.Certified, contract.Published, contract.Failed} {
		b.Change(known[0].ID, func(l *ledger.Load, _ []ledger.Chunk) { l.Status = status })
		w.started = nil
		if failed := handle(t, h, put); failed != nil || w.started != nil {
			t.Errorf("a load that is %s: failed %v, started %v", status, failed, w.started)
		}
	}
}

// A redriven load continues under the name of its new execution.
func TestDuplicateAfterRedrive(t *testing.T) {
	h, b, w := handler()
	handle(t, h, put)
	id := w.started[0]
	b.Change(id, func(l *ledger.Load, _ []ledger.Chunk) { l.Execution = 2 })
	w.started = nil
	if handle(t, h, put); !slices.Equal(w.started, []string{id + "-2"}) {
		t.Errorf("started %v", w.started)
	}
}

func TestFailuresComeAgain(t *testing.T) {
	h, b, w := handler()
	if failed := handle(t, h, "garbage", put, unversioned, testEvent, several); !slices.Equal(failed, []string{"a", "c"}) {
		t.Errorf("failed %v, want the garbage and the object without a version", failed)
	}
	if len(loads(t, b)) != 3 || len(w.started) != 3 {
		t.Errorf("%d loads, %d started", len(loads(t, b)), len(w.started))
	}

	h, b, w = handler()
	w.err = errors.New("throttled")
	if failed := handle(t, h, put); !slices.Equal(failed, []string{"a"}) || len(loads(t, b)) != 1 {
		t.Errorf("failed %v, %d loads", failed, len(loads(t, b)))
	}
	w.err = nil
	if failed := handle(t, h, put); failed != nil || len(w.started) != 1 {
		t.Errorf("the redelivered message: failed %v, started %v", failed, w.started)
	}

	h, b, w = handler()
	b.Before = func(ledgertest.Op) error { return errors.New("throttled") }
	if failed := handle(t, h, put); !slices.Equal(failed, []string{"a"}) || w.started != nil {
		t.Errorf("failed %v, started %v", failed, w.started)
	}
}

// A key without a segment is a load too: it fails with a visible reason.
func TestKeyWithoutASegment(t *testing.T) {
	h, b, w := handler()
	if failed := handle(t, h, strings.Replace(put, "trips/2026/new+york+%2B+%C3%BC.csv", "a.csv", 1)); failed != nil {
		t.Fatalf("failed: %v", failed)
	}
	for _, load := range loads(t, b) {
		if load.Segment != "" || load.Object.Key != "a.csv" {
			t.Errorf("got %+v", load)
		}
	}
	if len(w.started) != 1 {
		t.Errorf("started %v", w.started)
	}
}

// The trace of an event can be found by the load that it begins.
func TestReceiptsAreTraced(t *testing.T) {
	traces, next := tracetest.Start(t)
	h := &Handler{
		Ledger: ledgertest.New(), Workflows: &workflows{}, Log: slog.New(slog.DiscardHandler), Now: time.Now, Traces: traces,
	}
	message := events.SQSMessage{Body: put}
	batch := events.SQSEvent{Records: []events.SQSMessage{message}}
	if r, err := h.Handle(tracetest.Invocation(t.Context(), tracetest.Header), batch); err != nil || r.BatchItemFailures != nil {
		t.Fatal(r, err)
	}
	objects, err := Objects(put)
	if err != nil {
		t.Fatal(err)
	}
	if got := next(); !strings.Contains(got, `"annotations":{"load":"`+contract.LoadID(objects[0])+`"}`) {
		t.Errorf("recorded %s", got)
	}
}
