package restage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/catalog"
	"dip/internal/intercept"
	"dip/internal/lake/laketest"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
	"dip/internal/load"
	"dip/internal/process"
	"dip/internal/reconcile"
)

var began = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

var errKilled = errors.New("killed")

// world is ledger, lake and queue in memory, around one load. A job in it can be killed at any of its writes.
type world struct {
	t       *testing.T
	ledger  *ledgertest.Fake
	lake    *laketest.Fake
	id      string // of the load
	input   contract.Object
	catalog contract.Catalog
	sent    []contract.ChunkMessage
	queues  []string
	puts    []string

	writes int // so far, by the current job
	killAt int // the write at which it is killed; 0: never
	after  bool
	dead   bool
	staged func(index int) // called before a chunk is recorded
}

const maxContent = 3 << 20

const schema = `{"fields":[{"name":"id","type":"integer"},{"name":"note","type":"string"}]}`

func newWorld(t *testing.T, d contract.Dialect, stored []byte, plan ledger.Plan) *world {
	t.Helper()
	c := contract.Catalog{Version: 1, Restage: "restage", Segments: map[string]contract.Segment{
		"things": {Dialect: d, Schema: json.RawMessage(schema), MaxRecordMB: 1, Queue: "functions", Workers: "workers"},
	}}
	w := &world{t: t, ledger: ledgertest.New(), lake: laketest.New("lake"), catalog: c}
	w.input = w.lake.Put("landing", "things/a", stored)
	w.id = contract.LoadID(w.input)
	plan.Restage, plan.Lane, plan.At = true, contract.Workers, began
	w.ledger.Seed(ledger.Load{
		ID: w.id, Segment: "things", Object: w.input, Catalog: w.put(contract.Loads{}), Received: began,
		Status: contract.Running, Plan: &plan,
		Restage: &ledger.Chunk{Index: ledger.RestageIndex, Start: plan.Body, End: -1, Attempt: 1},
	})
	w.ledger.Before = func(op ledgertest.Op) error {
		if op.Name == "Stage" {
			if w.staged != nil {
				w.staged(op.Chunk)
			}
			if op.Chunk > 0 && w.ledger.Piece(w.id, op.Chunk-1).Attempt == 0 {
				t.Errorf("chunk %d is staged before the one that it follows", op.Chunk)
			}
		}
		return w.before(op.Write)
	}
	w.ledger.After = func(op ledgertest.Op) error { return w.written(op.Write) }
	w.lake.Before = func(op laketest.Op) error { return w.before(op.Write) }
	w.lake.After = func(op laketest.Op) error {
		if op.Write {
			w.puts = append(w.puts, op.Key)
		}
		return w.written(op.Write)
	}
	return w
}

// before and written stand around each write of a job, which is killed at one of them.
func (w *world) before(write bool) error {
	if !write {
		return nil
	}
	if w.dead {
		return errKilled
	}
	w.writes++
	w.dead = w.writes == w.killAt
	if w.dead && !w.after {
		return errKilled
	}
	return nil
}

func (w *world) written(write bool) error {
	if write && w.dead {
		return errKilled
	}
	return nil
}

// others is the ledger handle of the processes that are not killed.
func (w *world) others() *ledgertest.Fake { return w.ledger.With(intercept.Hooks[ledgertest.Op]{}) }

func (w *world) load() ledger.Load {
	w.t.Helper()
	l, err := w.others().Load(context.Background(), w.id)
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

func (w *world) chunks() []ledger.Chunk {
	w.t.Helper()
	chunks, err := w.others().Chunks(context.Background(), w.id)
	if err != nil {
		w.t.Fatal(err)
	}
	return chunks
}

func (w *world) restage() ledger.Chunk { return w.ledger.Piece(w.id, ledger.RestageIndex) }

func (w *world) change(edit func(*ledger.Load)) {
	w.ledger.Change(w.id, func(l *ledger.Load, _ []ledger.Chunk) { edit(l) })
}

// resend gives the restage its next attempt, as the reconciler does when a job's lease has expired.
func (w *world) resend() {
	w.t.Helper()
	_, err := w.others().Resend(context.Background(), w.id, w.restage(), nil, 0)
	if err != nil && !errors.Is(err, ledger.ErrMoved) {
		w.t.Fatal(err)
	}
}

// put stores the catalog with these settings of loads and gives its key.
func (w *world) put(l contract.Loads) string {
	w.t.Helper()
	things := w.catalog.Segments["things"]
	things.Loads = l
	w.catalog.Segments["things"] = things
	key, document, err := w.catalog.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	w.lake.Put("lake", key, document)
	return key
}

// job is the next process: a killed one is followed by another, whose message is the next attempt. The load is pinned
// to chunks of a size; those of the stack's current catalog have another.
func (w *world) job(chunkBytes int64) *Job {
	current := w.put(contract.Loads{ChunkBytes: 1})
	pinned := w.put(contract.Loads{ChunkBytes: chunkBytes, MaxContentBytes: maxContent})
	w.change(func(l *ledger.Load) { l.Catalog = pinned })
	if w.dead {
		w.resend()
	}
	w.writes, w.dead = 0, false
	return &Job{
		Code: "c0de", Runtime: "worker/job", Catalog: current, Lease: time.Hour,
		Ledger: w.ledger, Lake: w.lake, Queue: w, Segments: segments(w),
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return began },
	}
}

func segments(w *world) *process.Segments {
	return &process.Segments{Catalogs: &catalog.Reader{Lake: w.lake}}
}

func (w *world) message() string {
	return fmt.Sprintf(`{"v":1,"load":%q,"attempt":%d}`, w.id, w.restage().Attempt)
}

// run runs a job on the current attempt.
func (w *world) run(chunkBytes int64) error {
	j := w.job(chunkBytes)
	return j.Message(w.t.Context(), "m", w.message())
}

func (w *world) Send(_ context.Context, queue string, bodies []string) error {
	if err := w.before(true); err != nil {
		return err
	}
	for _, body := range bodies {
		m, err := contract.ParseChunkMessage(body)
		if err != nil {
			w.t.Error(err)
		}
		if w.ledger.Piece(w.id, m.Chunk).Ack != nil {
			w.t.Errorf("chunk %d is sent although it is acknowledged", m.Chunk)
		}
		w.sent, w.queues = append(w.sent, m), append(w.queues, queue)
	}
	return w.written(true)
}

// work processes the messages that were sent so far, at most n of them, as the segment does.
func (w *world) work(n int) {
	w.t.Helper()
	compiled := segments(w)
	for ; n > 0 && len(w.sent) > 0; n-- {
		m := w.sent[0]
		w.sent = w.sent[1:]
		claim := ledger.Claim{Load: m.Load, Chunk: m.Chunk, Attempt: m.Attempt, Owner: "worker"}
		outcome, err := w.others().Claim(w.t.Context(), claim, began, began.Add(time.Hour))
		if err != nil {
			w.t.Fatal(err)
		}
		if outcome == ledger.Done {
			continue // sent twice before it was acknowledged
		}
		s, err := compiled.Segment(w.t.Context(), m.Catalog, m.Segment)
		if err != nil {
			w.t.Fatal(err)
		}
		ack, err := process.Process(w.t.Context(), w.lake, &outputs{}, s, m)
		if err != nil {
			w.t.Fatalf("chunk %d: %v", m.Chunk, err)
		}
		if ok, err := w.others().Acknowledge(w.t.Context(), claim, ack); err != nil || !ok {
			w.t.Fatalf("chunk %d: %t, %v", m.Chunk, ok, err)
		}
	}
}

// outputs accepts outputs and drops them.
type outputs struct{}

func (*outputs) PutOnce(context.Context, string, string, io.ReadSeeker, string) error { return nil }

// certificate is the load's once all work is done.
func (w *world) certificate() contract.Certificate {
	w.t.Helper()
	l := w.load()
	chunks := load.Planned(l, w.chunks())
	d := reconcile.Decide(reconcile.Look{Now: began, Started: began}, l, chunks,
		reconcile.Limits{DueAfter: time.Hour, MaxAttempts: 99, Keep: time.Hour})
	if d.Action != contract.ActionCertify {
		w.t.Fatalf("the next decision is %+v", d)
	}
	c, err := reconcile.Certificate("test", l, chunks)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}
