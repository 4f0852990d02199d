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
	"dip/internal/lake/laketest"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
)

var now = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// world is a landing bucket, a ledger and a queue.
type world struct {
	ledger  *ledgertest.Fake
	landing *laketest.Fake
	asked   []int // number of ids in each ledger read
	sent    []string
	broken  map[string]error // by part

	executions map[string]bool // by name: whether it is running
	started    []string
	announced  []string
}

func newWorld() *world {
	w := &world{
		ledger: ledgertest.New(), landing: laketest.New("lake"), broken: map[string]error{}, executions: map[string]bool{},
	}
	w.ledger.Before = func(op ledgertest.Op) error {
		if op.Name == "Statuses" {
			w.asked = append(w.asked, len(strings.Fields(op.Load)))
			return w.broken["ledger"]
		}
		return w.broken[op.Name]
	}
	w.landing.Before = func(laketest.Op) error { return w.broken["list"] }
	return w
}

func (w *world) Send(_ context.Context, queue string, bodies []string) error {
	if queue != "queue" {
		return errors.New("wrong queue")
	}
	w.sent = append(w.sent, bodies...)
	return w.broken["queue"]
}

func sweeper(w *world) *Sweeper {
	return &Sweeper{
		Bucket: "landing", Intake: "queue", Grace: time.Minute, Horizon: 48 * time.Hour, Full: 24 * time.Hour, Owner: "a",
		Ledger: w.ledger, Landing: w.landing, Queue: w, Workflows: w, Announce: w.announce,
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now },
	}
}

func (w *world) State(_ context.Context, execution string) (known, running bool, err error) {
	running, known = w.executions[execution]
	return known, running, w.broken["describe"]
}

func (w *world) Start(_ context.Context, execution string, in contract.WorkflowInput) error {
	w.started = append(w.started, execution+" of "+in.Load)
	return w.broken["start"]
}

func (w *world) announce(ctx context.Context, load ledger.Load) error {
	w.announced = append(w.announced, load.ID)
	return errors.Join(w.broken["announce"], w.ledger.Announced(ctx, load.ID))
}

// land puts an object of some age.
func (w *world) land(key string, age time.Duration) contract.Object {
	w.landing.Now = func() time.Time { return now.Add(-age) }
	content := "12345"
	if strings.HasSuffix(key, "/") {
		content = ""
	}
	return w.landing.Put("landing", key, []byte(content))
}

func version(key, id string, age time.Duration) lake.Listed {
	return lake.Listed{Object: contract.Object{Bucket: "landing", Key: key, VersionID: id, Size: 5, ETag: "e"},
		Modified: now.Add(-age)}
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
	w := newWorld()
	w.landing.Page = 4
	first, second := w.land("trips/a lost", time.Hour), w.land("trips/a lost", time.Hour)
	last := w.land("trips/z last page", time.Hour)
	young := w.land("trips/just old enough", time.Minute)
	w.land("trips/too young", time.Minute-1)
	w.land("trips/", time.Hour) // a console's folder
	w.landing.Delete("landing", "trips/a lost")
	w.landing.Put("other", "trips/a", nil)
	var received contract.Object
	for _, status := range []contract.Status{contract.Received, contract.Running, contract.Certified, contract.Published,
		contract.Failed} {
		o := w.land("trips/"+string(status), time.Hour)
		w.ledger.Seed(ledger.Load{ID: contract.LoadID(o), Object: o, Status: status, Updated: now})
		if status == contract.Received {
			received = o
		}
	}
	report, err := sweeper(w).Sweep(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	// page by page, in the order of the listing
	for _, o := range []contract.Object{second, first, young, received, last} {
		want = append(want, o.Key+"@"+o.VersionID)
	}
	if got := keys(t, w.sent); !slices.Equal(got, want) {
		t.Errorf("enqueued %q, want %q", got, want)
	}
	if want := (Report{Versions: 11, Compared: 9, Enqueued: 5, Full: true}); report != want {
		t.Errorf("report %+v, want %+v", report, want)
	}
	if !slices.Equal(w.asked, []int{3, 4, 2}) {
		t.Errorf("ledger reads: %v", w.asked)
	}
	w = newWorld()
	w.land("trips/too young", 0)
	if report, err := sweeper(w).Sweep(t.Context()); err != nil ||
		report != (Report{Versions: 1, Full: true}) || w.sent != nil {
		t.Errorf("nothing to do: %+v, %v", report, err)
	}
}

func TestSweepFailures(t *testing.T) {
	for _, part := range []string{"list", "ledger", "queue"} {
		w, failure := newWorld(), errors.New("throttled")
		w.land("trips/lost", time.Hour)
		w.broken[part] = failure
		if _, err := sweeper(w).Sweep(t.Context()); !errors.Is(err, failure) ||
			!strings.Contains(err.Error(), "sweep landing") {
			t.Errorf("%s: %v", part, err)
		}
	}
}

// Whatever the key, intake reads exactly the listed object.
func TestEventIsReadBackByIntake(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	pieces := []string{"a", " ", "+", "%", "%20", "%2B", "/", "//", "ü", "日本", "😀", "&", "=", "?", "#", "\\", "\"", "<",
		"\t", "\n", ".", "..", "~", "*", "'", ";", ":", "@", "\x00", "\u2028"}
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
	for _, want := range []string{`"eventSource":"dip:sweeper"`, `"eventName":"ObjectCreated:Sweep"`, `"key":"trips/a+b"`,
		`"eventTime":"2026-01-31T12:00:00Z"`} {
		if !strings.Contains(body, want) {
			t.Errorf("%s is missing in %s", want, body)
		}
	}
}
