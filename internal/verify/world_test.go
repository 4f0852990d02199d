package verify

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/catalog"
	"dip/internal/fault"
	"dip/internal/lake"
	"dip/internal/lake/laketest"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
	"dip/internal/load"
	"dip/internal/plan"
	"dip/internal/process"
	"dip/internal/reconcile"
)

const lakeBucket, landing = "lake", "landing"

// world is one load, carried out in memory from its plan to its manifest.
type world struct {
	objects     *laketest.Fake
	load        ledger.Load
	chunks      []ledger.Chunk
	certificate contract.Certificate
}

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// ingest carries out a load. why is the reason of a load that fails, whose certificate is empty.
func ingest(t *testing.T, segment contract.Segment, content []byte, chunkBytes int64) (w *world, why string) {
	t.Helper()
	segment.Loads.ChunkBytes = chunkBytes
	key, document, err := contract.Catalog{Version: contract.Version,
		Segments: map[string]contract.Segment{"things": segment}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	w = &world{objects: laketest.New(lakeBucket)}
	object := w.objects.Put(landing, "things/a", content)
	w.objects.Put(lakeBucket, key, document)
	book, id := ledgertest.New(), contract.LoadID(object)
	book.Seed(ledger.Load{ID: id, Segment: "things", Object: object, Catalog: key, Received: now,
		Status: contract.Received})
	segments := &process.Segments{Catalogs: &catalog.Reader{Lake: w.objects}}
	planner := plan.Planner{
		Ledger: book, Source: w.objects, Versions: w.objects, Segments: segments,
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now },
	}
	step, err := planner.Handle(t.Context(), contract.WorkflowInput{Load: id})
	if err != nil {
		t.Fatal(err)
	}
	if w.load, err = book.Load(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if w.chunks, err = book.Chunks(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if step.Action == contract.ActionFail {
		return w, step.Cause
	}
	compiled, err := segments.Segment(t.Context(), key, "things")
	if err != nil {
		t.Fatal(err)
	}
	for i := range w.chunks {
		w.process(t, compiled, i)
	}
	for range w.chunks {
		d := reconcile.Decide(reconcile.Look{Now: now, Started: now}, w.load, w.chunks,
			reconcile.Limits{MaxAttempts: 100, Keep: time.Hour})
		if d.Action == contract.ActionFail {
			return w, d.Cause
		}
		for _, again := range d.Send {
			c := &w.chunks[again.Chunk.Index]
			c.From, c.Ack = again.From, nil
			c.Attempt++
			w.process(t, compiled, c.Index)
		}
	}
	if w.certificate, err = reconcile.Certificate("test", w.load, w.chunks); err != nil {
		t.Fatal(err)
	}
	w.load.Totals = &w.certificate.Totals
	w.objects.Put(lakeBucket, contract.ManifestKey("things", w.load.ID), reconcile.Manifest(lakeBucket, w.chunks))
	return w, ""
}

// quarantine is what a chunk rejected, decompressed.
func (w *world) quarantine(t *testing.T, k contract.ChunkProof) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(w.content(k.Quarantine.Key)))
	if err != nil {
		t.Fatal(err)
	}
	lines, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// certify stores the certificate as the reconciler does.
func (w *world) certify(t *testing.T) {
	t.Helper()
	w.objects.Put(lakeBucket, contract.CertificateKey("things", w.load.ID), w.file(t))
}

// file is the certificate's file.
func (w *world) file(t *testing.T) []byte {
	t.Helper()
	data, err := w.certificate.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (w *world) process(t *testing.T, s *process.Segment, i int) {
	t.Helper()
	ack, err := process.Process(t.Context(), w.objects, w.objects, s, load.Message(w.load, w.chunks[i]))
	if fault.IsPermanent(err) {
		w.chunks[i].Failure = err.Error()
		return
	}
	if err != nil {
		t.Fatalf("chunk %d: %v", i, err)
	}
	ack.Code, ack.Runtime, ack.Attempt = "code", "7", w.chunks[i].Attempt
	ack.At, ack.Millis = now.Add(time.Duration(i+1)*time.Second), int64(10+i)
	w.chunks[i].Ack = &ack
}

// content is what an object of the lake holds.
func (w *world) content(key string) []byte { return []byte(w.objects.Contents(lakeBucket)[key]) }

// copy is a world that may be changed without changing w. It lacks the objects with the keys without.
func (w *world) copy(t *testing.T, without ...string) *world {
	t.Helper()
	c := &world{objects: laketest.New(lakeBucket), load: w.load, chunks: w.chunks}
	for _, bucket := range []string{landing, lakeBucket} { // the input first: it keeps the name of its version
		for key, content := range w.objects.Contents(bucket) {
			if !slices.Contains(without, key) {
				c.objects.Put(bucket, key, []byte(content))
			}
		}
	}
	data, err := json.Marshal(w.certificate)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &c.certificate); err != nil {
		t.Fatal(err)
	}
	return c
}

// verify proves the certificate with the ledger, or offline.
func (w *world) verify(t *testing.T, offline bool) (Report, error) {
	t.Helper()
	o := Options{Lake: w.objects, Certificate: w.certificate, SHA256: lake.Hash(w.file(t))}
	if !offline {
		c, err := reconcile.Certificate("test", w.load, w.chunks)
		if err != nil {
			t.Fatal(err)
		}
		o.Ledger = &c
	}
	return Certificate(t.Context(), o)
}

// verifies ingests an input and proves its certificate.
func verifies(t *testing.T, segment contract.Segment, content []byte, chunkBytes int64) *world {
	t.Helper()
	w, why := ingest(t, segment, content, chunkBytes)
	if why != "" {
		t.Fatalf("%q: %s", content, why)
	}
	w.holds(t, fmt.Sprintf("%q", content))
	return w
}

func (w *world) holds(t *testing.T, what string) {
	t.Helper()
	report, err := w.verify(t, false)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	total := w.certificate.Totals
	if !report.Verified || report.RowsIn != total.RowsIn || report.RowsOut != total.RowsOut ||
		report.Quarantined != total.Quarantined {
		t.Fatalf("%s:\n%+v\n%+v", what, report, total)
	}
}
