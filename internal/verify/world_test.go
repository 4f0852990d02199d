package verify

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/catalog"
	"dip/internal/fault"
	"dip/internal/lake"
	"dip/internal/ledger"
	"dip/internal/load"
	"dip/internal/plan"
	"dip/internal/process"
	"dip/internal/reconcile"
)

// store is S3 in memory: objects by bucket and key.
type store map[string][]byte

const lakeBucket, landing = "lake", "landing"

func (s store) Bucket() string { return lakeBucket }

func (s store) object(o contract.Object) ([]byte, error) {
	data, ok := s[o.Bucket+"/"+o.Key]
	if !ok {
		return nil, fault.Permanent(fmt.Errorf("no object %s", o.Key))
	}
	return data, nil
}

func (s store) Get(_ context.Context, key string) ([]byte, error) {
	return s.object(contract.Object{Bucket: lakeBucket, Key: key})
}

func (s store) Head(_ context.Context, o contract.Object) (contract.Object, error) {
	data, err := s.object(o)
	if o.Bucket == landing && o.VersionID != "v1" {
		err = fault.Permanent(fmt.Errorf("no version %q of %s", o.VersionID, o.Key))
	}
	o.Size, o.ETag = int64(len(data)), lake.Hash(data)[:32]
	return o, err
}

func (s store) Previous(context.Context, contract.Object) (contract.Object, bool, error) {
	return contract.Object{}, false, nil
}

func (s store) Stream(_ context.Context, o contract.Object, from int64) io.ReadCloser {
	return io.NopCloser(bytes.NewReader(s[o.Bucket+"/"+o.Key][from:]))
}

func (s store) ReadRange(_ context.Context, o contract.Object, from, to int64) ([]byte, error) {
	return s[o.Bucket+"/"+o.Key][from:to], nil
}

func (s store) PutOnce(_ context.Context, key, _ string, body io.ReadSeeker, sha256Hex string) error {
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return err
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	if lake.Hash(data) != sha256Hex {
		return fmt.Errorf("%s: wrong hash", key)
	}
	s[lakeBucket+"/"+key] = data
	return nil
}

// world is one load, carried out in memory from its plan to its manifest.
type world struct {
	objects     store
	load        ledger.Load
	chunks      []ledger.Chunk
	certificate contract.Certificate
}

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func (w *world) Load(context.Context, string) (ledger.Load, error) { return w.load, nil }

func (w *world) Plan(_ context.Context, _ string, p ledger.Plan, chunks []ledger.Chunk) (bool, error) {
	w.load.Plan, w.chunks = &p, chunks
	return true, nil
}

func (w *world) Same(context.Context, string, string, time.Time) (bool, error) { return true, nil }

func (w *world) Announced(context.Context, string) error { return nil }

// ingest carries out a load. why is the reason of a load that fails, whose certificate is empty.
func ingest(t *testing.T, segment contract.Segment, content []byte, chunkBytes int64) (w *world, why string) {
	t.Helper()
	segment.Loads.ChunkBytes = chunkBytes
	key, document, err := contract.Catalog{Version: contract.Version,
		Segments: map[string]contract.Segment{"things": segment}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	w = &world{objects: store{lakeBucket + "/" + key: document, landing + "/things/a": content}}
	object, err := w.objects.Head(t.Context(), contract.Object{Bucket: landing, Key: "things/a", VersionID: "v1"})
	if err != nil {
		t.Fatal(err)
	}
	w.load = ledger.Load{ID: contract.LoadID(object), Segment: "things", Object: object, Catalog: key, Received: now}
	segments := &process.Segments{Catalogs: &catalog.Reader{Lake: w.objects}}
	planner := plan.Planner{
		Ledger: w, Source: w.objects, Segments: segments,
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now },
	}
	step, err := planner.Handle(t.Context(), contract.WorkflowInput{Load: w.load.ID})
	if err != nil {
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
	w.objects[lakeBucket+"/"+contract.ManifestKey("things", w.load.ID)] = reconcile.Manifest(lakeBucket, w.chunks)
	return w, ""
}

// quarantine is what a chunk rejected, decompressed.
func (w *world) quarantine(t *testing.T, k contract.ChunkProof) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(w.objects[lakeBucket+"/"+k.Quarantine.Key]))
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
	data, err := json.MarshalIndent(w.certificate, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	w.objects[lakeBucket+"/"+contract.CertificateKey("things", w.load.ID)] = data
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

// copy is a world that may be changed without changing w.
func (w *world) copy(t *testing.T) *world {
	t.Helper()
	c := &world{objects: maps.Clone(w.objects), load: w.load, chunks: w.chunks}
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
	o := Options{Lake: w.objects, Certificate: w.certificate}
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
