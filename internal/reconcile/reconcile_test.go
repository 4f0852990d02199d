package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/lake/laketest"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
)

// world is everything around the reconciler, in memory, with load L. What the reconciler does is logged; broken names
// the operations that fail.
type world struct {
	ledger *ledgertest.Fake
	lake   *laketest.Fake
	sent   []string
	events []contract.LoadEvent
	log    []string
	broken map[string]bool
	empty  map[string]bool // queues without messages
	now    time.Time

	deadline int // of the segment, seconds
}

var errThrottled = errors.New("throttled")

func (w *world) do(what string) error {
	if w.broken[what] {
		return errThrottled
	}
	w.log = append(w.log, what)
	return nil
}

// edit changes the load and its chunks.
func (w *world) edit(edit func(l *ledger.Load, c []ledger.Chunk)) { w.ledger.Change("L", edit) }

func (w *world) done() { w.edit(func(_ *ledger.Load, c []ledger.Chunk) { done(c) }) }

func (w *world) ack(i int, start, end int64, seconds float64) {
	w.edit(func(_ *ledger.Load, c []ledger.Chunk) { ack(&c[i], start, end, seconds) })
}

func (w *world) chunk(i int) ledger.Chunk { return w.ledger.Piece("L", i) }

// load is the load as it stands.
func (w *world) load() (load ledger.Load) {
	w.edit(func(l *ledger.Load, _ []ledger.Chunk) { load = *l })
	return load
}

func (w *world) Send(_ context.Context, queue string, bodies []string) error {
	if err := w.do("send to " + queue); err != nil {
		return err
	}
	w.sent = append(w.sent, bodies...)
	return nil
}

func (w *world) Empty(_ context.Context, queue string) (bool, error) {
	return w.empty[queue], w.do("ask " + queue)
}

func (w *world) Put(_ context.Context, detailType string, e contract.LoadEvent) error {
	if err := w.do(detailType); err != nil {
		return err
	}
	w.events = append(w.events, e)
	return nil
}

func (w *world) Catalog(_ context.Context, key string) (contract.Catalog, error) {
	if err := w.do("catalog " + key); err != nil {
		return contract.Catalog{}, err
	}
	switch key {
	case "catalog/new.json": // knows the queues
		return contract.Catalog{Restage: "restage", Segments: map[string]contract.Segment{"things": {
			Queue: "queue", Workers: "workers", Loads: contract.Loads{DueAfterSeconds: 1, MaxAttempts: 1, KeepSeconds: 1},
		}}}, nil
	case "catalog/old.json": // the load is pinned to its limits
		pinned := contract.Loads{
			DueAfterSeconds: int(limits.DueAfter / time.Second), MaxAttempts: limits.MaxAttempts,
			KeepSeconds: int(limits.Keep / time.Second),
		}
		return contract.Catalog{Segments: map[string]contract.Segment{"things": {Queue: "gone", MaxBadShare: 0.34,
			Loads: pinned, DeadlineSeconds: w.deadline}}}, nil
	}
	return contract.Catalog{}, errors.New("no such catalog")
}

func newWorld(n int) (*world, *Reconciler) {
	w := &world{ledger: ledgertest.New(), lake: laketest.New("lake"), broken: map[string]bool{}, now: at(1)}
	l, chunks := planned(n)
	w.ledger.Seed(l, chunks...)
	w.ledger.Before = func(op ledgertest.Op) error { return w.do(op.Name) }
	w.lake.Before = func(op laketest.Op) error { return w.do(op.Name + " " + op.Key + " " + op.ContentType) }
	return w, &Reconciler{
		Stack: "dev", Catalog: "catalog/new.json", Ledger: w.ledger, Queue: w, Bus: w, Lake: w.lake, Catalogs: w,
		Signer: w, Log: slog.New(slog.DiscardHandler),
		Now:   func() time.Time { w.now = w.now.Add(time.Millisecond); return w.now },
		Pause: func(context.Context, time.Duration) error { return w.do("pause") },
	}
}

// step takes a step that must succeed.
func (w *world) step(t *testing.T, r *Reconciler, s contract.Step, cause string) contract.StepResponse {
	t.Helper()
	got, err := r.Handle(t.Context(), contract.StepRequest{Version: 1, Load: "L", Step: s, Cause: cause})
	if err != nil {
		t.Fatal(err)
	}
	if got.Load != "L" {
		t.Errorf("the answer names load %q", got.Load)
	}
	return got
}

func attempts(t *testing.T, bodies []string) (got []string) {
	t.Helper()
	for _, body := range bodies {
		m, err := contract.ParseChunkMessage(body)
		if err != nil {
			t.Fatal(err)
		}
		from := "?"
		if m.From != nil {
			from = fmt.Sprint(*m.From)
		}
		got = append(got, fmt.Sprintf("%d.%d@%s", m.Chunk, m.Attempt, from))
	}
	return got
}

// unsent makes the load one whose chunks were planned and not sent yet.
func (w *world) unsent() {
	w.edit(func(_ *ledger.Load, c []ledger.Chunk) {
		for i := range c {
			c[i].Sent = time.Time{}
		}
	})
}

func TestDispatch(t *testing.T) {
	w, r := newWorld(3)
	w.unsent()
	w.ack(1, 100, 200, 1)
	want := contract.StepResponse{Load: "L", Action: contract.ActionWait, WaitSeconds: 1}
	for range 2 { // what was sent is not sent again, whichever execution asks
		if got := w.step(t, r, contract.Dispatch, ""); got != want {
			t.Errorf("got %+v", got)
		}
		if got := attempts(t, w.sent); !slices.Equal(got, []string{"0.1@10", "2.1@?"}) {
			t.Errorf("sent %v", got)
		}
	}
	if !slices.Contains(w.log, "send to queue") {
		t.Errorf("the queue is the current stack's, not that of the pinned catalog: %v", w.log)
	}
	m, err := contract.ParseChunkMessage(w.sent[1])
	if err != nil {
		t.Fatal(err)
	}
	wanted := contract.ChunkMessage{
		Version: 1, Load: "L", Segment: "things", Catalog: "catalog/old.json", Object: w.load().Object,
		Compression: contract.Plain,
		Columns:     []int{1, -1}, Width: 2, LoadDate: "2026-01-31", Chunk: 2, Attempt: 1, Start: 200, End: 300,
	}
	if !reflect.DeepEqual(m, wanted) {
		t.Errorf("got  %+v\nwant %+v", m, wanted)
	}
}

func TestNothingIsSentWhenAllIsDone(t *testing.T) {
	w, r := newWorld(2)
	w.done()
	w.step(t, r, contract.Dispatch, "")
	if w.sent != nil || slices.Contains(w.log, "send to queue") {
		t.Errorf("sent %v", w.sent)
	}
}

func TestReconcile(t *testing.T) {
	w, r := newWorld(3)
	w.now = at(2)
	w.ack(0, 10, 130, 1)
	w.ack(1, 120, 200, 1)
	if got := w.step(t, r, contract.Reconcile, ""); got.Action != contract.ActionWait || got.WaitSeconds != 1 {
		t.Errorf("got %+v", got)
	}
	if got := attempts(t, w.sent); !slices.Equal(got, []string{"1.2@130"}) {
		t.Errorf("sent %v", got)
	}
	// The same again: what was sent is not due.
	w.step(t, r, contract.Reconcile, "")
	if len(w.sent) != 1 {
		t.Errorf("sent %v", attempts(t, w.sent))
	}
	w.now = at(70)
	w.step(t, r, contract.Reconcile, "")
	if len(w.sent) != 1 || !slices.Contains(w.log, "ask queue") {
		t.Errorf("sent %v though the queue has messages; did %v", attempts(t, w.sent), w.log)
	}
	w.empty = map[string]bool{"queue": true}
	w.step(t, r, contract.Reconcile, "")
	if got := attempts(t, w.sent[1:]); !slices.Equal(got, []string{"1.3@130", "2.2@?"}) {
		t.Errorf("sent %v", got)
	}
	w.edit(func(_ *ledger.Load, c []ledger.Chunk) { c[2].Failure = "too long" })
	if got := w.step(t, r, contract.Reconcile, ""); got.Action != contract.ActionFail ||
		got.Cause != "chunk 2 (bytes 200 to 300): too long" {
		t.Errorf("got %+v", got)
	}
	w.edit(func(_ *ledger.Load, c []ledger.Chunk) { c[2].Failure = "" })
	w.ack(1, 130, 200, 70)
	w.ack(2, 200, 300, 70)
	if got := w.step(t, r, contract.Reconcile, ""); got.Action != contract.ActionCertify {
		t.Errorf("got %+v", got)
	}
}

// A load has the attempts of the catalog that it is pinned to, whatever the current one says.
func TestTriesAreThoseOfThePinnedCatalog(t *testing.T) {
	for failures, want := range map[int]contract.Action{2: contract.ActionWait, 3: contract.ActionFail} {
		w, r := newWorld(1)
		w.edit(func(_ *ledger.Load, c []ledger.Chunk) { c[0].Failures, c[0].Released = failures, at(1) })
		if got := w.step(t, r, contract.Reconcile, ""); got.Action != want {
			t.Errorf("after %d failures: %+v, want %s", failures, got, want)
		}
	}
}

// A chunk that is acknowledged after the ledger was read and before it is sent is not sent.
func TestReconcileOfAChunkThatMoved(t *testing.T) {
	w, r := newWorld(2)
	w.now, w.empty = at(61), map[string]bool{"queue": true}
	w.ledger.After = func(op ledgertest.Op) error {
		if op.Name == "Chunks" {
			w.ack(1, 100, 200, 61)
		}
		return nil
	}
	w.step(t, r, contract.Reconcile, "")
	if got := attempts(t, w.sent); !slices.Equal(got, []string{"0.2@10"}) {
		t.Errorf("sent %v", got)
	}
	if c := w.chunk(1); c.Ack == nil || c.Attempt != 1 {
		t.Errorf("got %+v", c)
	}
}

// The next attempt is recorded before it is sent. When sending fails, the repeated step sends it at once, whatever the
// state of the queue.
func TestReconcileWhoseSendingFailed(t *testing.T) {
	w, r := newWorld(1)
	w.edit(func(_ *ledger.Load, c []ledger.Chunk) { c[0].Owner, c[0].LeaseUntil = "a", at(60) })
	w.now, w.broken["send to queue"] = at(61), true
	for range 2 {
		if _, err := r.Handle(t.Context(), contract.StepRequest{Load: "L", Step: contract.Reconcile}); !errors.Is(err,
			errThrottled) || !strings.Contains(err.Error(), "reconcile load L") {
			t.Fatalf("got %v", err)
		}
		if c := w.chunk(0); c.Attempt != 2 || c.Failures != 1 || !c.Sent.IsZero() {
			t.Errorf("got %+v", c)
		}
	}
	w.broken["send to queue"] = false
	for range 2 {
		w.step(t, r, contract.Reconcile, "")
		if got := attempts(t, w.sent); !slices.Equal(got, []string{"0.2@10"}) {
			t.Errorf("sent %v", got)
		}
	}
}

// A message whose sending was not recorded is sent twice: the claims of the ledger make that harmless.
func TestReconcileThatDiedAfterItSent(t *testing.T) {
	w, r := newWorld(1)
	w.unsent()
	w.broken["Dispatched"] = true
	if _, err := r.Handle(t.Context(), contract.StepRequest{Load: "L", Step: contract.Reconcile}); !errors.Is(err,
		errThrottled) {
		t.Fatalf("got %v", err)
	}
	w.broken["Dispatched"] = false
	w.step(t, r, contract.Reconcile, "")
	if got := attempts(t, w.sent); !slices.Equal(got, []string{"0.1@10", "0.1@10"}) || w.load().Sent.IsZero() {
		t.Errorf("sent %v, load %+v", got, w.load())
	}
}

// Loads that an earlier version planned before this one dispatches them are sent.
func TestDispatchOfAnOldPlan(t *testing.T) {
	w, r := newWorld(1)
	if w.step(t, r, contract.Dispatch, ""); len(w.sent) != 1 {
		t.Errorf("sent %v", w.sent)
	}
}

const (
	putCertificate = "PutOnce certificates/things/L.json application/json"
	putEnvelope    = "PutOnce certificates/things/L.dsse.json application/json"
	putManifest    = "PutOnce manifests/things/L text/plain"
)

func TestCertifyAndPublish(t *testing.T) {
	w, r := newWorld(2)
	w.done()
	for range 2 { // also when it is repeated, at another time
		if got := w.step(t, r, contract.Certify, ""); got.Action != contract.ActionDone {
			t.Fatalf("got %+v", got)
		}
	}
	var c contract.Certificate
	if err := json.Unmarshal([]byte(w.lake.Contents("lake")["certificates/things/L.json"]), &c); err != nil {
		t.Fatal(err)
	}
	if w.load().Status != contract.Certified || !reflect.DeepEqual(&c.Totals, w.load().Totals) || c.Stack != "dev" ||
		!c.Chain.Closed {
		t.Errorf("load %+v\ncertificate %+v", w.load(), c)
	}
	if len(w.lake.Contents("lake")) != 2 || w.events != nil {
		t.Errorf("certifying made visible: %v %v", w.lake.Contents("lake"), w.events)
	}
	w.log = nil
	for range 2 {
		if got := w.step(t, r, contract.Publish, ""); got.Action != contract.ActionDone {
			t.Fatalf("got %+v", got)
		}
	}
	order := []string{"Load", "Chunks", putManifest, "Publish", "catalog catalog/old.json", contract.EventPublished}
	if got := w.log[:len(order)]; !slices.Equal(got, order) {
		t.Errorf("order %q, want %q", got, order)
	}
	if got := w.lake.Contents("lake")["manifests/things/L"]; got != "s3://lake/data/k\ns3://lake/data/k\n" {
		t.Errorf("manifest %q", got)
	}
	want := contract.LoadEvent{
		Version: 1, Stack: "dev", Load: "L", Segment: "things", Object: w.load().Object,
		Certificate: "certificates/things/L.json", Manifest: "manifests/things/L", Rows: 4, Quarantined: 2,
	}
	if w.load().Status != contract.Published || len(w.events) != 2 || w.events[0] != want || w.events[1] != want {
		t.Errorf("status %s, events %+v", w.load().Status, w.events)
	}
	// A late certify step finds its work done.
	if got := w.step(t, r, contract.Certify, ""); got.Action != contract.ActionDone ||
		w.load().Status != contract.Published {
		t.Errorf("got %+v, %s", got, w.load().Status)
	}
}

// Each step dies at each of its operations in turn and is repeated: it ends as if nothing had happened.
func TestStepsThatDiedHalfway(t *testing.T) {
	whole, r := newWorld(2)
	whole.done()
	whole.step(t, r, contract.Certify, "")
	whole.step(t, r, contract.Publish, "")
	for _, c := range []struct {
		step contract.Step
		at   string
	}{
		{contract.Certify, "Load"}, {contract.Certify, "Chunks"}, {contract.Certify, "catalog catalog/old.json"},
		{contract.Certify, "Head"}, {contract.Certify, "Certify"}, {contract.Certify, putCertificate},
		{contract.Certify, "PublicKey"}, {contract.Certify, "Sign"}, {contract.Certify, putEnvelope},
		{contract.Publish, "Load"}, {contract.Publish, "Chunks"},
		{contract.Publish, putManifest}, {contract.Publish, "Publish"}, {contract.Publish, contract.EventPublished},
		{contract.Publish, "Announced"},
	} {
		w, r := newWorld(2)
		w.done()
		for _, step := range []contract.Step{contract.Certify, contract.Publish} {
			if step == c.step {
				w.broken[c.at] = true
				if _, err := r.Handle(t.Context(), contract.StepRequest{Load: "L", Step: step}); !errors.Is(err, errThrottled) {
					t.Fatalf("%s died at %q: %v", step, c.at, err)
				}
				if w.events != nil && c.at != "Announced" {
					t.Errorf("%s died at %q and announced the load", step, c.at)
				}
				w.events = nil // a receiver ignores the second
				if open, err := w.ledger.Open(t.Context(), at(9_999), 9); err != nil || len(open) != 1 {
					t.Errorf("%s died at %q, and nobody will find the load: %v, %v", step, c.at, open, err)
				}
				delete(w.broken, c.at)
				w.now = w.now.Add(time.Hour)
			}
			w.step(t, r, step, "")
		}
		if !maps.Equal(w.unsigned(t), whole.unsigned(t)) || !reflect.DeepEqual(w.events, whole.events) ||
			w.load().Status != contract.Published {
			t.Errorf("%s died at %q: %+v", c.step, c.at, w)
		}
		if open, err := w.ledger.Open(t.Context(), at(99_999), 9); err != nil || len(open) != 0 {
			t.Errorf("%s died at %q: an announced load is open: %v, %v", c.step, c.at, open, err)
		}
	}
}

func TestCertifyRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		harm func(l *ledger.Load, c []ledger.Chunk)
		want string
	}{
		{"an open chain", func(l *ledger.Load, c []ledger.Chunk) { c[1].Ack = nil },
			"the proof does not hold: the chain is not closed"},
		{"a lost record", func(l *ledger.Load, c []ledger.Chunk) { c[1].Ack.RowsIn++ }, "the proof does not hold: chunk 1"},
		{"too many bad records", func(l *ledger.Load, c []ledger.Chunk) {
			c[1].Ack.RowsIn, c[1].Ack.Quarantined, c[1].Ack.Quarantine.Rows = 4, 2, 2
		}, "3 of 7 records (42.86 %) do not fit the schema; the segment's limit maxBadShare is 34.00 %"},
	} {
		w, r := newWorld(2)
		w.done()
		w.edit(c.harm)
		got := w.step(t, r, contract.Certify, "")
		if got.Action != contract.ActionFail || !strings.Contains(got.Cause, c.want) {
			t.Errorf("%s: %+v", c.name, got)
		}
		if len(w.lake.Contents("lake")) != 0 || w.load().Status != contract.Running {
			t.Errorf("%s: wrote %v, load is %s", c.name, w.lake.Contents("lake"), w.load().Status)
		}
	}
}

func TestStepsAtTheWrongTime(t *testing.T) {
	for _, c := range []struct {
		name string
		step contract.Step
		harm func(l *ledger.Load, c []ledger.Chunk)
		want string
	}{
		{"certify a failed load", contract.Certify, func(l *ledger.Load, c []ledger.Chunk) { l.Status = contract.Failed },
			"certify load L: the load is failed"},
		{"publish an uncertified load", contract.Publish, func(*ledger.Load, []ledger.Chunk) {},
			"publish load L: the load has no certificate"},
		{"fail a certified load", contract.Fail, func(l *ledger.Load, c []ledger.Chunk) { l.Status = contract.Certified },
			"the load is certified and can no longer fail; cause: why"},
		{"dispatch before the plan", contract.Dispatch, func(l *ledger.Load, c []ledger.Chunk) { l.Plan = nil },
			"not planned"},
		{"reconcile before the plan", contract.Reconcile, func(l *ledger.Load, c []ledger.Chunk) { l.Plan = nil },
			"not planned"},
		{"certify before the plan", contract.Certify, func(l *ledger.Load, c []ledger.Chunk) { l.Plan = nil }, "not planned"},
		{"publish before the plan", contract.Publish, func(l *ledger.Load, c []ledger.Chunk) { l.Plan = nil }, "not planned"},
		{"an unknown step", "celebrate", func(*ledger.Load, []ledger.Chunk) {}, `unknown step "celebrate"`},
	} {
		w, r := newWorld(2)
		w.done()
		w.edit(c.harm)
		_, err := r.Handle(t.Context(), contract.StepRequest{Load: "L", Step: c.step, Cause: "why"})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if w.events != nil || w.lake.Contents("lake")["manifests/things/L"] != "" {
			t.Errorf("%s: announced %v, published %v", c.name, w.events, w.lake.Contents("lake"))
		}
	}
	_, r := newWorld(1)
	if _, err := r.Handle(t.Context(), contract.StepRequest{Load: "M", Step: contract.Dispatch}); !errors.Is(err,
		ledger.ErrNotFound) {
		t.Errorf("an unknown load: %v", err)
	}
}

func TestFail(t *testing.T) {
	w, r := newWorld(1)
	want := contract.StepResponse{Load: "L", Action: contract.ActionFail, Cause: "out of memory"}
	for range 2 {
		if got := w.step(t, r, contract.Fail, `{"errorMessage":"out of memory","errorType":"x"}`); got != want {
			t.Errorf("got %+v", got)
		}
	}
	event := contract.LoadEvent{Version: 1, Stack: "dev", Load: "L", Segment: "things", Object: w.load().Object,
		Reason: "out of memory"}
	if w.load().Status != contract.Failed || w.load().Reason != "out of memory" || len(w.events) != 2 ||
		w.events[1] != event {
		t.Errorf("load %+v, events %+v", w.load(), w.events)
	}
	if !slices.Contains(w.log, contract.EventFailed) || len(w.lake.Contents("lake")) != 0 {
		t.Errorf("log %v, objects %v", w.log, w.lake.Contents("lake"))
	}
	// A load may fail before it is planned.
	w, r = newWorld(0)
	w.edit(func(l *ledger.Load, _ []ledger.Chunk) { l.Plan, l.Status = nil, contract.Received })
	if got := w.step(t, r, contract.Fail, "deleted"); got.Cause != "deleted" || w.load().Status != contract.Failed {
		t.Errorf("got %+v", got)
	}
}

// A plan that died halfway under another chunk size may have left chunks behind.
func TestLeftoversOfAnotherPlanDoNotCount(t *testing.T) {
	w, r := newWorld(2)
	l, chunks := planned(2)
	chunks[0].Sent, chunks[1].Sent = time.Time{}, time.Time{}
	w.ledger.Seed(l, append(chunks, ledger.Chunk{Index: 2, Start: 200, End: 300, Attempt: 1, Sent: began})...)
	w.step(t, r, contract.Dispatch, "")
	if got := attempts(t, w.sent); !slices.Equal(got, []string{"0.1@10", "1.1@?"}) {
		t.Errorf("sent %v", got)
	}
	w.edit(func(_ *ledger.Load, c []ledger.Chunk) { done(c[:2]) })
	if got := w.step(t, r, contract.Reconcile, ""); got.Action != contract.ActionCertify {
		t.Errorf("got %+v", got)
	}
	w.step(t, r, contract.Certify, "")
	w.step(t, r, contract.Publish, "")
	if w.load().Status != contract.Published || w.load().Totals.Chunks != 2 {
		t.Errorf("got %+v", w.load())
	}
}

// The error names a segment that left the stack while its load runs.
func TestSegmentThatIsGone(t *testing.T) {
	w, r := newWorld(1)
	w.edit(func(l *ledger.Load, _ []ledger.Chunk) { l.Segment = "gone" })
	if _, err := r.Handle(t.Context(), contract.StepRequest{Load: "L", Step: contract.Dispatch}); err == nil ||
		!strings.Contains(err.Error(), `unknown segment "gone"`) {
		t.Errorf("got %v", err)
	}
}
