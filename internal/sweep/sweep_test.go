package sweep

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/intake"
	"dip/internal/lake"
)

var now = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// world is a landing bucket of pages, a ledger and a queue.
type world struct {
	pages    [][]lake.Listed
	statuses map[string]contract.Status
	asked    []int // number of ids in each ledger read
	sent     []string
	fail     error // of the named part
	part     string
}

func (w *world) failure(part string) error {
	if w.part == part {
		return w.fail
	}
	return nil
}

func (w *world) Versions(_ context.Context, bucket string, visit func([]lake.Listed) error) error {
	if bucket != "landing" {
		return errors.New("wrong bucket")
	}
	for _, page := range w.pages {
		if err := visit(page); err != nil {
			return err
		}
	}
	return w.failure("list")
}

func (w *world) Statuses(_ context.Context, ids []string) (map[string]contract.Status, error) {
	w.asked = append(w.asked, len(ids))
	return w.statuses, w.failure("ledger")
}

func (w *world) Send(_ context.Context, queue string, bodies []string) error {
	if queue != "queue" {
		return errors.New("wrong queue")
	}
	w.sent = append(w.sent, bodies...)
	return w.failure("queue")
}

func sweeper(w *world) *Sweeper {
	return &Sweeper{
		Bucket: "landing", Intake: "queue", Grace: time.Minute, Ledger: w, Landing: w, Queue: w,
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now },
	}
}

func version(key, id string, age time.Duration) lake.Listed {
	return lake.Listed{Object: contract.Object{Bucket: "landing", Key: key, VersionID: id, Size: 5, ETag: "e"}, Modified: now.Add(-age)}
}

func keys(t *testing.T, bodies []string) (got []string) {
	t.Helper()
	for _, body := range bodies {
		objects, err := intake.Objects(body)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			got = append(got, o.Key+"@"+o.VersionID)
		}
	}
	return got
}

func TestSweep(t *testing.T) {
	w := &world{
		pages: [][]lake.Listed{
			{
				version("trips/lost", "1", time.Hour), version("trips/lost", "2", time.Hour),
				version("trips/received", "1", time.Hour), version("trips/running", "1", time.Hour),
				version("trips/certified", "1", time.Hour), version("trips/published", "1", time.Hour), version("trips/failed", "1", time.Hour),
			},
			{version("trips/just old enough", "1", time.Minute), version("trips/too young", "1", time.Minute-1)},
			{},
			{version("trips/last page", "1", time.Hour), {Object: contract.Object{Bucket: "landing", Key: "trips/", VersionID: "1"}, Modified: now.Add(-time.Hour)}},
		},
		statuses: map[string]contract.Status{},
	}
	for _, status := range []contract.Status{contract.Received, contract.Running, contract.Certified, contract.Published, contract.Failed} {
		w.statuses[contract.LoadID(version("trips/"+string(status), "1", 0).Object)] = status
	}
	report, err := sweeper(w).Sweep(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"trips/lost@1", "trips/lost@2", "trips/received@1", "trips/just old enough@1", "trips/last page@1"}
	if got := keys(t, w.sent); !slices.Equal(got, want) {
		t.Errorf("enqueued %q, want %q", got, want)
	}
	if want := (Report{Versions: 11, Enqueued: 5}); report != want {
		t.Errorf("report %+v, want %+v", report, want)
	}
	if !slices.Equal(w.asked, []int{7, 1, 0, 1}) {
		t.Errorf("ledger reads: %v", w.asked)
	}
}

func TestSweepFailures(t *testing.T) {
	for _, part := range []string{"list", "ledger", "queue"} {
		w := &world{pages: [][]lake.Listed{{version("trips/lost", "1", time.Hour)}}, part: part, fail: errors.New("throttled")}
		if _, err := sweeper(w).Sweep(t.Context()); !errors.Is(err, w.fail) || !strings.Contains(err.Error(), "sweep landing") {
			t.Errorf("%s: %v", part, err)
		}
	}
}

// Whatever the key, intake reads exactly the listed object.
func TestEventIsReadBackByIntake(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	pieces := []string{"a", " ", "+", "%", "%20", "%2B", "/", "//", "ü", "日本", "😀", "&", "=", "?", "#", "\\", "\"", "<", "\t", "\n", ".", "..", "~", "*", "'", ";", ":", "@", "\x00", "\u2028"}
	for range 5_000 {
		var key strings.Builder
		key.WriteString("trips/")
		for range random.IntN(8) {
			key.WriteString(pieces[random.IntN(len(pieces))])
		}
		v := version(key.String(), "v.1_-", time.Hour)
		v.Size = random.Int64()
		body, err := Event(v)
		if err != nil {
			t.Fatal(err)
		}
		got, err := intake.Objects(body)
		if err != nil || len(got) != 1 || got[0] != v.Object {
			t.Fatalf("key %q: %v\ngot  %+v\nwant %+v\nby %s", key.String(), err, got, v.Object, body)
		}
	}
}

func TestEventSaysWhereItComesFrom(t *testing.T) {
	body, err := Event(version("trips/a b", "1", 0))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"eventSource":"dip:sweeper"`, `"eventName":"ObjectCreated:Sweep"`, `"key":"trips/a+b"`, `"eventTime":"2026-01-31T12:00:00Z"`} {
		if !strings.Contains(body, want) {
			t.Errorf("%s is missing in %s", want, body)
		}
	}
}
