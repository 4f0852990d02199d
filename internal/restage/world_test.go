package restage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/catalog"
	"dip/internal/lake"
	"dip/internal/ledger"
	"dip/internal/load"
	"dip/internal/process"
	"dip/internal/reconcile"
)

var began = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

var errKilled = errors.New("killed")

// world is ledger, lake and queue in memory, around one load. A job in it can be killed at any of its writes.
type world struct {
	t       *testing.T
	load    ledger.Load
	catalog contract.Catalog
	chunks  []ledger.Chunk
	objects map[string][]byte
	sent    []contract.ChunkMessage
	puts    []string
	queues  []string
	ended   []string // how the restage's claims ended

	writes int // so far, by the present job
	killAt int // the write at which it is killed; 0: never
	after  bool
	dead   bool
	staged func(index int) // called before a chunk is written down
}

const maxContent = 3 << 20

const schema = `{"fields":[{"name":"id","type":"integer"},{"name":"note","type":"string"}]}`

func newWorld(t *testing.T, d contract.Dialect, stored []byte, plan ledger.Plan) *world {
	t.Helper()
	c := contract.Catalog{Version: 1, Restage: "restage", Segments: map[string]contract.Segment{
		"things": {Dialect: d, Schema: json.RawMessage(schema), MaxRecordMB: 1, Queue: "functions", Workers: "workers"},
	}}
	w := &world{t: t, catalog: c, objects: map[string][]byte{"things/a": stored}}
	plan.Restage, plan.Lane, plan.At = true, contract.Workers, began
	o := contract.Object{Bucket: "landing", Key: "things/a", VersionID: "v1", Size: int64(len(stored))}
	w.load = ledger.Load{
		ID: contract.LoadID(o), Segment: "things", Object: o, Catalog: w.put(contract.Loads{}), Received: began, Status: contract.Running, Plan: &plan,
		Restage: &ledger.Chunk{Index: ledger.RestageIndex, Start: plan.Body, End: -1, Attempt: 1},
	}
	return w
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
	w.objects[key] = document
	return key
}

// write does a write of a job, unless it is killed before.
func (w *world) write(do func()) error {
	if w.dead {
		return errKilled
	}
	w.writes++
	w.dead = w.writes == w.killAt
	if !w.dead || w.after {
		do()
	}
	if w.dead {
		return errKilled
	}
	return nil
}

// job is the next process: a killed one is followed by another, whose message is the next attempt. The load is pinned to
// chunks of a size; those of the stack's present catalog have another.
func (w *world) job(chunkBytes int64) *Job {
	current := w.put(contract.Loads{ChunkBytes: 1})
	w.load.Catalog = w.put(contract.Loads{ChunkBytes: chunkBytes, MaxContentBytes: maxContent})
	if w.dead {
		w.load.Restage.Attempt++
		w.load.Restage.Owner = ""
	}
	w.writes, w.dead = 0, false
	return &Job{
		Code: "c0de", Runtime: "worker/job", Catalog: current, Lease: time.Hour,
		Ledger: w, Lake: w, Queue: w, Segments: segments(w),
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return began },
	}
}

func segments(w *world) *process.Segments {
	return &process.Segments{Catalogs: &catalog.Reader{Lake: w}}
}

func (w *world) message() string {
	return fmt.Sprintf(`{"v":1,"load":%q,"attempt":%d}`, w.load.ID, w.load.Restage.Attempt)
}

// run runs a job on the present attempt.
func (w *world) run(chunkBytes int64) error {
	j := w.job(chunkBytes)
	return j.Message(w.t.Context(), "m", w.message())
}

func (w *world) Get(_ context.Context, key string) ([]byte, error) { return w.objects[key], nil }

func (w *world) Bucket() string { return "lake" }

func (w *world) Stream(ctx context.Context, o contract.Object, from int64) io.ReadCloser {
	return io.NopCloser(&cancellable{ctx, bytes.NewReader(w.objects[o.Key][from:o.Size])})
}

type cancellable struct {
	ctx context.Context
	io.Reader
}

func (c *cancellable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.Reader.Read(p)
}

func (w *world) ReadRange(_ context.Context, o contract.Object, from, to int64) ([]byte, error) {
	return w.objects[o.Key][from:to], nil
}

func (w *world) PutOnce(_ context.Context, key, _ string, body io.ReadSeeker, sha256Hex string) error {
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return err
	}
	data, err := io.ReadAll(body)
	if err != nil || lake.Hash(data) != sha256Hex {
		return fmt.Errorf("put %s: wrong hash, %w", key, err)
	}
	return w.write(func() {
		w.puts = append(w.puts, key)
		w.objects[key] = data
	})
}

func (w *world) Load(context.Context, string) (ledger.Load, error) { return w.load, nil }

func (w *world) Chunks(context.Context, string) ([]ledger.Chunk, error) {
	return slices.Clone(w.chunks), nil
}

func (w *world) Stage(_ context.Context, _ string, c ledger.Chunk) (ledger.Chunk, error) {
	if w.staged != nil {
		w.staged(c.Index)
	}
	stands := c
	err := w.write(func() {
		switch {
		case c.Index < len(w.chunks):
			stands = w.chunks[c.Index]
		case c.Index > len(w.chunks):
			w.t.Errorf("chunk %d is staged after %d", c.Index, len(w.chunks))
		default:
			w.chunks = append(w.chunks, c)
		}
	})
	return stands, err
}

func (w *world) Send(_ context.Context, queue string, bodies []string) error {
	return w.write(func() {
		for _, body := range bodies {
			m, err := contract.ParseChunkMessage(body)
			if err != nil {
				w.t.Error(err)
			}
			if w.chunks[m.Chunk].Ack != nil {
				w.t.Errorf("chunk %d is sent although it is acknowledged", m.Chunk)
			}
			w.sent, w.queues = append(w.sent, m), append(w.queues, queue)
		}
	})
}

func (w *world) Claim(_ context.Context, c ledger.Claim, _, _ time.Time) (ledger.Outcome, error) {
	r := w.load.Restage
	switch {
	case c.Chunk != ledger.RestageIndex || c.Load != w.load.ID:
		w.t.Errorf("claimed %+v", c)
	case r.Ack != nil || r.Failure != "":
		return ledger.Done, nil
	case c.Attempt < r.Attempt:
		return ledger.Superseded, nil
	case r.Owner != "" && r.Owner != c.Owner:
		return ledger.Busy, nil
	}
	r.Owner = c.Owner
	return ledger.Granted, nil
}

func (w *world) end(c ledger.Claim, how string, do func(*ledger.Chunk)) (bool, error) {
	r, counts := w.load.Restage, false
	err := w.write(func() {
		if counts = r.Ack == nil && r.Attempt == c.Attempt && r.Owner == c.Owner; counts {
			w.ended = append(w.ended, how)
			do(r)
		}
	})
	return counts, err
}

func (w *world) Acknowledge(_ context.Context, c ledger.Claim, a contract.Ack) (bool, error) {
	return w.end(c, "acknowledged", func(r *ledger.Chunk) { r.Ack = &a })
}

func (w *world) FailChunk(_ context.Context, c ledger.Claim, why string) (bool, error) {
	return w.end(c, "failed", func(r *ledger.Chunk) { r.Failure = why })
}

func (w *world) Release(_ context.Context, c ledger.Claim, why string) (bool, error) {
	return w.end(c, "released", func(r *ledger.Chunk) { r.Owner, r.LastError = "", why })
}

func (w *world) HandBack(_ context.Context, c ledger.Claim) (bool, error) {
	return w.end(c, "handed back", func(r *ledger.Chunk) { r.Owner, r.HandedBack = "", r.HandedBack+1 })
}

// work processes the messages that were sent so far, at most n of them, as the segment does.
func (w *world) work(n int) {
	w.t.Helper()
	compiled := segments(w)
	for ; n > 0 && len(w.sent) > 0; n-- {
		m := w.sent[0]
		w.sent = w.sent[1:]
		if w.chunks[m.Chunk].Ack != nil {
			continue // sent twice before it was acknowledged
		}
		s, err := compiled.Segment(w.t.Context(), m.Catalog, m.Segment)
		if err != nil {
			w.t.Fatal(err)
		}
		ack, err := process.Process(w.t.Context(), w, &outputs{}, s, m)
		if err != nil {
			w.t.Fatalf("chunk %d: %v", m.Chunk, err)
		}
		w.chunks[m.Chunk].Ack = &ack
	}
}

// outputs takes outputs and forgets them.
type outputs struct{}

func (*outputs) PutOnce(context.Context, string, string, io.ReadSeeker, string) error { return nil }

// certificate is the load's once all work is done.
func (w *world) certificate() contract.Certificate {
	w.t.Helper()
	chunks := load.Planned(w.load, w.chunks)
	d := reconcile.Decide(began, w.load, chunks, reconcile.Limits{DueAfter: time.Hour, MaxAttempts: 99})
	if d.Action != contract.ActionCertify {
		w.t.Fatalf("the load goes on with %+v", d)
	}
	c, err := reconcile.Certificate("test", w.load, chunks)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}
