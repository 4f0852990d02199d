package process

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"dip/contract"
	"dip/internal/lake/laketest"
	"dip/internal/ledger"
	"dip/internal/load"
	"dip/internal/reconcile"
)

// world is S3 in memory with one input. Outputs go to bucket lake.
type world struct {
	*laketest.Fake
	input  contract.Object
	froms  []int64 // offsets at which streams began
	gets   int
	broken map[string]error // what operations fail with, by name
}

func newWorld(input []byte) *world {
	w := &world{Fake: laketest.New("lake"), broken: map[string]error{}}
	w.input = w.Put("landing", "things/a", input)
	w.Before = func(op laketest.Op) error {
		switch op.Name {
		case "Stream":
			w.froms = append(w.froms, op.From)
		case "Get":
			w.gets++
		}
		return w.broken[op.Name]
	}
	return w
}

// outputs is what the lake holds, catalogs left out.
func (w *world) outputs() map[string]string {
	outputs := w.Contents("lake")
	maps.DeleteFunc(outputs, func(key, _ string) bool { return strings.HasPrefix(key, contract.CatalogPrefix) })
	return outputs
}

func compile(t testing.TB, s contract.Segment) *Segment {
	t.Helper()
	if s.MaxRecordMB == 0 {
		s.MaxRecordMB = 1
	}
	c, err := Compile("things", s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var received = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// run is a load that runs in memory, by the reconciler's own decisions.
type run struct {
	t      *testing.T
	world  *world
	seg    *Segment
	load   ledger.Load
	chunks []ledger.Chunk
	reruns int
}

func newRun(t *testing.T, w *world, seg *Segment, plan ledger.Plan, cuts []int64) *run {
	o := w.input
	r := &run{t: t, world: w, seg: seg, load: ledger.Load{ID: contract.LoadID(o), Segment: "things", Object: o,
		Catalog: "catalog/1.json", Received: received}}
	plan.At = received
	for i := range len(cuts) - 1 {
		r.chunks = append(r.chunks, ledger.Chunk{Index: i, Start: cuts[i], End: cuts[i+1], Attempt: 1, Sent: received})
	}
	if len(r.chunks) > 0 {
		r.chunks[0].From = &plan.Body
	}
	plan.Chunks = len(r.chunks)
	r.load.Plan = &plan
	return r
}

func (r *run) message(i int) contract.ChunkMessage { return load.Message(r.load, r.chunks[i]) }

func (r *run) process(i int) contract.Ack {
	r.t.Helper()
	ack, err := Process(r.t.Context(), r.world, r.world, r.seg, r.message(i))
	if err != nil {
		r.t.Fatalf("chunk %d, %+v: %v", i, r.chunks[i], err)
	}
	if n := r.world.Streams(); n != 0 {
		r.t.Fatalf("chunk %d left %d streams open", i, n)
	}
	return ack
}

// all runs every chunk in the given order, and reruns what the reconciler asks for, until the load can be certified.
func (r *run) all(order []int) contract.Certificate {
	r.t.Helper()
	for _, i := range order {
		ack := r.process(i)
		r.chunks[i].Ack = &ack
	}
	for range len(r.chunks) + 1 {
		d := reconcile.Decide(reconcile.Look{Now: received, Started: received}, r.load, r.chunks,
			reconcile.Limits{DueAfter: time.Hour, MaxAttempts: 1000, Keep: time.Hour})
		if d.Action == contract.ActionCertify {
			c, err := reconcile.Certificate("test", r.load, r.chunks)
			if err != nil {
				r.t.Fatal(err)
			}
			return c
		}
		for _, s := range d.Send {
			if s.From == nil {
				r.t.Fatalf("chunk %d is missing although it was run", s.Chunk.Index)
			}
			r.reruns++
			c := &r.chunks[s.Chunk.Index]
			c.From, c.Attempt = s.From, c.Attempt+1
			ack := r.process(c.Index)
			c.Ack = &ack
		}
		if len(d.Send) == 0 {
			break
		}
	}
	r.t.Fatalf("the chain does not close: %+v", reconcile.Chain(r.load, r.chunks))
	return contract.Certificate{}
}

// rows reads the outputs of a certificate with Apache Arrow, each row as its values joined by "|", partition by
// partition in the order of the chunks.
func (r *run) rows(c contract.Certificate) map[string][]string {
	r.t.Helper()
	got, outputs := map[string][]string{}, r.world.outputs()
	for _, k := range c.Chunks {
		for _, o := range k.Outputs {
			rows := readParquet(r.t, []byte(outputs[o.Key]))
			if int64(len(rows)) != o.Rows || int64(len(outputs[o.Key])) != o.Bytes {
				r.t.Fatalf("%s holds %d rows in %d bytes, the certificate says %+v", o.Key, len(rows), len(outputs[o.Key]), o)
			}
			got[o.Partition] = append(got[o.Partition], rows...)
		}
	}
	return got
}

func (r *run) quarantined(c contract.Certificate) (got []contract.Rejected) {
	r.t.Helper()
	for _, k := range c.Chunks {
		if k.Quarantine == nil {
			continue
		}
		for _, rejected := range rejectedIn(r.t, r.world.outputs()[k.Quarantine.Key]) {
			if rejected.Chunk != k.Chunk {
				r.t.Errorf("a record of chunk %d is in the quarantine of chunk %d", rejected.Chunk, k.Chunk)
			}
			got = append(got, rejected)
		}
	}
	return got
}

// rejectedIn are the lines of a quarantine object.
func rejectedIn(t *testing.T, stored string) (got []contract.Rejected) {
	t.Helper()
	z, err := gzip.NewReader(strings.NewReader(stored))
	if err != nil {
		t.Fatal(err)
	}
	lines, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(lines)) {
		var rejected contract.Rejected
		if err := json.Unmarshal([]byte(line), &rejected); err != nil {
			t.Fatal(err)
		}
		got = append(got, rejected)
	}
	return got
}

func readParquet(t *testing.T, data []byte) []string {
	t.Helper()
	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	fr, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	table, err := fr.ReadTable(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	rows := make([]string, table.NumRows())
	for c := range int(table.NumCols()) {
		row := 0
		for _, a := range table.Column(c).Data().Chunks() {
			for i := range a.Len() {
				if c > 0 {
					rows[row] += "|"
				}
				if !a.IsNull(i) {
					rows[row] += a.ValueStr(i)
				}
				row++
			}
		}
	}
	return rows
}

var errReset = errors.New("connection reset by peer")

// broken gives n bytes and then fails.
func broken(n int64) func(io.Reader) io.Reader {
	return func(r io.Reader) io.Reader { return io.MultiReader(io.LimitReader(r, n), iotest.ErrReader(errReset)) }
}
