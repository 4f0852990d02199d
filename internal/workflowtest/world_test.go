package workflowtest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dip/contract"
	"dip/internal/boot"
	"dip/internal/catalog"
	"dip/internal/intake"
	"dip/internal/lake"
	"dip/internal/lake/laketest"
	"dip/internal/ledger/ledgertest"
	"dip/internal/load"
	"dip/internal/plan"
	"dip/internal/process"
	"dip/internal/reconcile"
	"dip/internal/sweep"
)

// world is a stack in memory: the code of every function, on the workflow's own definition, with stores and queues that
// keep AWS's rules, on the clock of testing/synctest.
type world struct {
	t       *testing.T
	ctx     context.Context
	stop    func()
	ledger  *ledgertest.Fake
	lake    *laketest.Fake
	queues  map[string]*queue
	machine *Machine
	catalog string
	signer  signer
	events  []contract.LoadEvent

	mu         sync.Mutex
	executions map[string]*running
	busy       sync.WaitGroup
}

type running struct {
	Execution
	stop context.CancelFunc
	over bool
}

// queueKept is how long queues keep messages, as in AWS by default.
const queueKept = 10 * 24 * time.Hour

func newWorld(t *testing.T) *world {
	return newWorldOf(t, plainCSV)
}

var plainCSV = contract.Dialect{Encoding: contract.CSV, Delimiter: ",", Quote: `"`, Header: true}

// newWorldOf is a world whose segment has inputs of a dialect.
func newWorldOf(t *testing.T, d contract.Dialect) *world {
	t.Helper()
	return worldOn(t, d, ledgertest.New(), laketest.New("lake"))
}

// worldOn is a new stack over stores that may hold what an earlier one left.
func worldOn(t *testing.T, d contract.Dialect, books *ledgertest.Fake, objects *laketest.Fake) *world {
	t.Helper()
	definition, err := os.ReadFile("../../components/workflow/testdata/definition.json")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, ledger: books, lake: objects, signer: testSigner, executions: map[string]*running{},
		queues: map[string]*queue{"intake": {}, "queue": {}, "workers": {}},
	}
	ctx, cancel := context.WithCancel(t.Context())
	w.ctx, w.stop = ctx, func() { cancel(); w.busy.Wait() }
	t.Cleanup(w.stop)
	if w.machine, err = Parse(definition); err != nil {
		t.Fatal(err)
	}
	w.publishCatalog(d)
	catalogs := &catalog.Reader{Lake: w.lake}
	planner := &plan.Planner{
		Ledger: w.ledger, Source: w.lake, Versions: w.lake, Segments: &process.Segments{Catalogs: catalogs}, Log: quiet,
		Now: time.Now,
	}
	w.machine.Functions = map[string]Function{
		"arn:aws:lambda:us-east-1:123456789012:function:splitter:live":   function(boot.Step(planner.Handle)),
		"arn:aws:lambda:us-east-1:123456789012:function:reconciler:live": function(boot.Step(w.reconciler().Handle)),
	}
	return w
}

var quiet = slog.New(slog.DiscardHandler)

// function is a handler behind JSON.
func function[In, Out any](handle func(context.Context, In) (Out, error)) Function {
	return func(ctx context.Context, payload []byte) ([]byte, error) {
		var in In
		if err := json.Unmarshal(payload, &in); err != nil {
			return nil, err
		}
		out, err := handle(ctx, in)
		if err != nil {
			return nil, err
		}
		return json.Marshal(out)
	}
}

func (w *world) publishCatalog(d contract.Dialect) {
	key, data, err := contract.Catalog{Version: 1, Segments: map[string]contract.Segment{"things": {
		Dialect: d,
		Schema:  json.RawMessage(`{"fields": [{"name": "a", "type": "integer"}, {"name": "b", "type": "string"}]}`),
		Lane:    contract.Workers, Queue: "queue", Workers: "workers", MaxRecordMB: 16,
		Loads: contract.Loads{
			ChunkBytes: 256, DueAfterSeconds: 900, MaxAttempts: 5, KeepSeconds: int(queueKept / time.Second),
			SkipSame: true,
		},
	}}}.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	err = w.lake.PutOnce(w.ctx, key, "application/json", strings.NewReader(string(data)), lake.Hash(data))
	if err != nil {
		w.t.Fatal(err)
	}
	w.catalog = key
}

func (w *world) reconciler() *reconcile.Reconciler {
	return &reconcile.Reconciler{
		Stack: "test", Catalog: w.catalog, Ledger: w.ledger, Queue: w, Bus: w, Lake: w.lake,
		Catalogs: &catalog.Reader{Lake: w.lake}, Signer: w.signer, Log: quiet, Now: time.Now, Pause: sleep,
	}
}

// signer signs as KMS does.
type signer struct{ *ecdsa.PrivateKey }

var testSigner = func() signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return signer{key}
}()

func (s signer) Sign(_ context.Context, digest [sha256.Size]byte) ([]byte, error) {
	return ecdsa.SignASN1(rand.Reader, s.PrivateKey, digest[:])
}

func (s signer) PublicKey(context.Context) (*ecdsa.PublicKey, error) {
	return &s.PrivateKey.PublicKey, nil
}

// Send puts messages into a queue.
func (w *world) Send(_ context.Context, name string, bodies []string) error {
	q, ok := w.queues[name]
	if !ok {
		return fmt.Errorf("no queue %q", name)
	}
	q.send(bodies)
	return nil
}

// Empty says whether a queue holds no message.
func (w *world) Empty(_ context.Context, name string) (bool, error) {
	return w.queues[name].empty(), nil
}

// Put announces an outcome.
func (w *world) Put(_ context.Context, _ string, e contract.LoadEvent) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
	return nil
}

// Start starts an execution; one of that name is the same load's.
func (w *world) Start(_ context.Context, name string, in contract.WorkflowInput) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.executions[name]; ok {
		return nil
	}
	ctx, stop := context.WithCancel(w.ctx)
	e := &running{stop: stop}
	w.executions[name] = e
	w.busy.Go(func() {
		e.Run(ctx, w.machine, in)
		w.mu.Lock()
		defer w.mu.Unlock()
		e.over = true
	})
	return nil
}

// State tells whether there is an execution, and whether it is running.
func (w *world) State(_ context.Context, name string) (known, running bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e, ok := w.executions[name]
	return ok, ok && !e.over, nil
}

// kill stops a running execution from outside.
func (w *world) kill(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.executions[name].stop()
}

// every calls a function at a rate until the test ends.
func (w *world) every(rate time.Duration, do func()) {
	w.busy.Go(func() {
		for sleep(w.ctx, rate) == nil {
			do()
		}
	})
}

// sweeps has the sweeper run every quarter of an hour, and intake take what it finds.
func (w *world) sweeps() {
	outcomes, n := load.Announcer{Stack: "test", Ledger: w.ledger, Bus: w}, 0
	h := &intake.Handler{Catalog: w.catalog, Ledger: w.ledger, Workflows: w, Log: quiet, Now: time.Now}
	w.every(15*time.Minute, func() {
		n++
		s := &sweep.Sweeper{
			Bucket: "landing", Intake: "intake", Grace: 15 * time.Minute, Horizon: 48 * time.Hour, Full: 24 * time.Hour,
			Owner: fmt.Sprint(n), Ledger: w.ledger, Landing: w.lake, Queue: w, Workflows: w, Announce: outcomes.Announce,
			Log: quiet, Now: time.Now,
		}
		if _, err := s.Sweep(w.ctx); err != nil && w.ctx.Err() == nil {
			w.t.Error(err)
		}
		w.queues["intake"].take(time.Minute, func(id, body string) error {
			out, err := h.Handle(w.ctx, events.SQSEvent{Records: []events.SQSMessage{{MessageId: id, Body: body}}})
			if len(out.BatchItemFailures) > 0 {
				return errors.New("not taken")
			}
			return err
		})
	})
}

// arrive is the event of an object.
func (w *world) arrive(o contract.Object) {
	h := &intake.Handler{Catalog: w.catalog, Ledger: w.ledger, Workflows: w, Log: quiet, Now: time.Now}
	out, err := h.Handle(w.ctx, events.SQSEvent{Records: []events.SQSMessage{{MessageId: "e", Body: event(o)}}})
	if err != nil || len(out.BatchItemFailures) > 0 {
		w.t.Fatal("the event was not taken", err)
	}
}

// event is S3's notification of an object.
func event(o contract.Object) string {
	return fmt.Sprintf(`{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":%q},"object":{"key":%q,`+
		`"versionId":%q,"size":%d,"eTag":%q}}}]}`, o.Bucket, o.Key, o.VersionID, o.Size, o.ETag)
}

// work has a worker take chunks, one after the other.
func (w *world) work() {
	h := &process.Handler{
		Name: "things", Code: "c0de", Runtime: "worker", Ledger: w.ledger, Lease: time.Minute, Source: w.lake,
		Sink: w.lake, Segments: &process.Segments{Catalogs: &catalog.Reader{Lake: w.lake}}, Log: quiet, Now: time.Now,
	}
	w.every(time.Second, func() {
		w.queues["workers"].take(2*time.Minute, func(id, body string) error { return h.Message(w.ctx, id, body) })
	})
}

// land puts an object whose event is lost.
func (w *world) land(content string) contract.Object {
	return w.lake.Put("landing", "things/a", []byte(content))
}

// rows is an input of n records.
func rows(n int) string {
	var text strings.Builder
	text.WriteString("a,b\n")
	for i := range n {
		fmt.Fprintf(&text, "%d,some text\n", i)
	}
	return text.String()
}

// queue is SQS: messages are hidden once they are received, return when that has ended, and expire.
type queue struct {
	mu       sync.Mutex
	messages []*message
	bodies   []string // of all that were ever sent
}

type message struct {
	id, body    string
	sent        time.Time
	hiddenUntil time.Time
}

func (q *queue) send(bodies []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, body := range bodies {
		q.bodies = append(q.bodies, body)
		q.messages = append(q.messages, &message{id: fmt.Sprint("m", len(q.bodies)), body: body, sent: time.Now()})
	}
}

func (q *queue) expire() {
	kept := q.messages[:0]
	for _, m := range q.messages {
		if time.Since(m.sent) < queueKept {
			kept = append(kept, m)
		}
	}
	q.messages = kept
}

func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.expire()
	return len(q.messages) == 0
}

// take receives and handles what is visible.
func (q *queue) take(hidden time.Duration, handle func(id, body string) error) {
	q.mu.Lock()
	q.expire()
	var received []*message
	for _, m := range q.messages {
		if !time.Now().Before(m.hiddenUntil) {
			m.hiddenUntil = time.Now().Add(hidden)
			received = append(received, m)
		}
	}
	q.mu.Unlock()
	for _, m := range received {
		if handle(m.id, m.body) != nil {
			continue
		}
		q.mu.Lock()
		for i, other := range q.messages {
			if other == m {
				q.messages = append(q.messages[:i:i], q.messages[i+1:]...)
				break
			}
		}
		q.mu.Unlock()
	}
}
