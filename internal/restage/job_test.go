package restage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"dip/contract"
	"dip/internal/lease"
	"dip/internal/ledger"
	"dip/internal/process"
)

func compress(t testing.TB, c contract.Compression, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	switch c {
	case contract.Gzip:
		for half := range slices.Chunk(content, max(1, len(content)/2)) { // several members, as `cat a.gz b.gz` makes
			w := gzip.NewWriter(&b)
			if _, err := w.Write(half); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
	case contract.Zstd:
		w, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(w.EncodeAll(content, nil))
	}
	return b.Bytes()
}

// table is a random input of the schema: quotes, line feeds in them, blank lines, records that do not fit.
func table(random *rand.Rand, rows int) []byte {
	content := []byte("id,note\n")
	for i := range rows {
		switch random.IntN(8) {
		case 0:
			content = fmt.Appendf(content, "%d,\"a\nb \"\"%d\"\"\n\"\r\n", i, i)
		case 1:
			content = append(content, "\n\r\n"...)
		case 2:
			content = fmt.Appendf(content, "x%d,no number\n", i)
		case 3:
			content = fmt.Appendf(content, "%d,%s\n", i, strings.Repeat("long ", random.IntN(40)))
		default:
			content = fmt.Appendf(content, "%d,note\n", i)
		}
	}
	if random.IntN(2) == 0 {
		content = bytes.TrimRight(content, "\r\n")
	}
	return content
}

func tablePlan(c contract.Compression) ledger.Plan {
	return ledger.Plan{Compression: c, Body: 8, Columns: []int{0, 1}, Width: 2}
}

// direct processes the input in one piece, without a restage.
func direct(t *testing.T, w *world) contract.Ack {
	t.Helper()
	plan := *w.load.Plan
	m := contract.ChunkMessage{
		Version: 1, Load: w.load.ID, Segment: "things", Catalog: w.load.Catalog, Object: w.load.Object, Compression: plan.Compression,
		Columns: plan.Columns, Width: plan.Width, LoadDate: "2026-01-31", Attempt: 1, Start: plan.Body, End: -1, From: &plan.Body,
	}
	s, err := segments(w).Segment(t.Context(), m.Catalog, m.Segment)
	if err != nil {
		t.Fatal(err)
	}
	ack, err := process.Process(t.Context(), w, &outputs{}, s, m)
	if err != nil {
		t.Fatal(err)
	}
	return ack
}

// same says whether a certificate accounts for exactly the records of the input.
func same(t *testing.T, c contract.Certificate, want contract.Ack) {
	t.Helper()
	if c.Totals.RowsIn != want.RowsIn || c.Totals.HashOut != want.HashOut || c.Totals.HashBad != want.HashBad || c.Length != want.End {
		t.Errorf("certified %+v of %d bytes, want %+v", c.Totals, c.Length, want)
	}
}

func TestRestage(t *testing.T) {
	content := table(rand.New(rand.NewPCG(3, 4)), 200)
	for _, c := range []contract.Compression{contract.Gzip, contract.Zstd} {
		w := newWorld(t, commas, compress(t, c, content), tablePlan(c))
		if err := w.run(500); err != nil {
			t.Fatal(err)
		}
		if len(w.chunks) < 4 || len(w.sent) != len(w.chunks) || !slices.Equal(w.ended, []string{"acknowledged"}) {
			t.Fatalf("%d chunks, %d sent, %v", len(w.chunks), len(w.sent), w.ended)
		}
		for i, k := range w.chunks {
			piece := w.objects[k.Staged.Key]
			if string(piece) != string(content[k.Start:k.End]) || k.Index != i || *k.From != k.Start || k.Staged.Bucket != "lake" || k.Staged.Size != k.End-k.Start ||
				!strings.HasPrefix(k.Staged.Key, fmt.Sprintf("staging/things/%s/%05d-%d-", w.load.ID, i, k.Start)) {
				t.Errorf("chunk %+v holds %q", k, piece)
			}
			if last := i == len(w.chunks)-1; !last && k.End-k.Start < 500 {
				t.Errorf("chunk %d has %d bytes: the load is pinned to chunks of 500", i, k.End-k.Start)
			}
			if w.queues[i] != "workers" || w.sent[i].Base != k.Start || w.sent[i].Compression != contract.Plain {
				t.Errorf("to %s: %+v", w.queues[i], w.sent[i])
			}
		}
		if a := w.load.Restage.Ack; a.Start != 8 || a.End != int64(len(content)) || a.Code != "c0de" || a.Runtime != "worker/job" {
			t.Errorf("acknowledged %+v", a)
		}
		want := direct(t, w)
		w.work(len(w.sent))
		same(t, w.certificate(), want)
		// What is done stays done.
		if err := w.run(500); err != nil || len(w.sent) != 0 {
			t.Errorf("once more: %v, %d sent", err, len(w.sent))
		}
	}
}

// A job is killed at each of its writes, before or after it took effect, some chunks are processed meanwhile, and the
// next job may cut at another size: every record is accounted for exactly once, whatever was acknowledged is neither
// staged nor sent again, and a piece is staged again only where its chunk was not written down.
func TestKilledAtEveryWrite(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for round := range 4 {
		c := []contract.Compression{contract.Gzip, contract.Zstd}[round%2]
		content := table(random, 20+random.IntN(60))
		target := int64(150 + random.IntN(400))
		for killAt, alive := 1, false; !alive; killAt++ {
			for _, after := range []bool{false, true} {
				w := newWorld(t, commas, compress(t, c, content), tablePlan(c))
				want := direct(t, w)
				w.killAt, w.after = killAt, after
				if alive = w.run(target) == nil && !w.dead; alive {
					break
				}
				w.work(random.IntN(4))
				written := len(w.chunks)
				w.puts, w.killAt = nil, 0
				if err := w.run(target + int64(random.IntN(3))*50); err != nil {
					t.Fatal(err)
				}
				for _, key := range w.puts {
					var index int
					if _, err := fmt.Sscanf(key, "staging/things/"+w.load.ID+"/%d-", &index); err != nil || index < written {
						t.Fatalf("killed at write %d (after it: %t): %s is staged again, %v", killAt, after, key, err)
					}
				}
				w.work(len(w.sent))
				same(t, w.certificate(), want)
			}
		}
	}
}

// One that is killed at each write once, again and again, comes to its end.
func TestStormOfKills(t *testing.T) {
	content := table(rand.New(rand.NewPCG(7, 8)), 300)
	w := newWorld(t, commas, compress(t, contract.Gzip, content), tablePlan(contract.Gzip))
	want := direct(t, w)
	jobs := 0
	for w.killAt = 4; w.load.Restage.Ack == nil; jobs++ { // a message, a piece, its chunk, and then
		if err := w.run(200); err != nil && !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		if jobs > 200 {
			t.Fatal("it does not get on")
		}
	}
	w.work(len(w.sent))
	same(t, w.certificate(), want)
}

// A job that is believed dead goes on while the next one cuts at another size.
func TestTwoJobsMakeOneSequence(t *testing.T) {
	content := table(rand.New(rand.NewPCG(9, 10)), 100)
	for at := range 4 {
		w := newWorld(t, commas, compress(t, contract.Gzip, content), tablePlan(contract.Gzip))
		want := direct(t, w)
		w.staged = func(index int) {
			if index == at {
				w.staged = nil
				w.load.Restage.Attempt++
				w.load.Restage.Owner = ""
				if err := w.run(333); err != nil {
					t.Error(err)
				}
			}
		}
		first := w.message()
		if err := w.job(500).Message(t.Context(), "m", first); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(w.ended, []string{"acknowledged"}) {
			t.Errorf("the claims ended %v", w.ended)
		}
		w.work(len(w.sent))
		same(t, w.certificate(), want)
	}
}

func TestStoppedJobHandsBack(t *testing.T) {
	content := table(rand.New(rand.NewPCG(11, 12)), 100)
	w := newWorld(t, commas, compress(t, contract.Gzip, content), tablePlan(contract.Gzip))
	want := direct(t, w)
	ctx, cancel := context.WithCancelCause(t.Context())
	w.staged = func(index int) {
		if index == 2 {
			cancel(lease.ErrStopping)
		}
	}
	j := w.job(300)
	j.Lake = stopping{w}
	if err := j.Message(ctx, "m", w.message()); !errors.Is(err, lease.ErrStopping) {
		t.Fatalf("got %v", err)
	}
	if !slices.Equal(w.ended, []string{"handed back"}) || w.load.Restage.HandedBack != 1 || w.load.Restage.Attempt != 1 {
		t.Errorf("ended %v: %+v", w.ended, w.load.Restage)
	}
	w.staged = nil
	if err := w.run(300); err != nil {
		t.Fatal(err)
	}
	w.work(len(w.sent))
	same(t, w.certificate(), want)
}

// stopping is a lake that does not store for a job that has to stop.
type stopping struct{ *world }

func (s stopping) PutOnce(ctx context.Context, key, contentType string, body io.ReadSeeker, sha256Hex string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.world.PutOnce(ctx, key, contentType, body, sha256Hex)
}

func TestInputsThatCannotBeRestaged(t *testing.T) {
	long := compress(t, contract.Gzip, []byte("id,note\n1,\""+strings.Repeat("never closed\n", 200_000)))
	for _, c := range []struct {
		name   string
		stored []byte
		change func(*ledger.Load)
		want   string
	}{
		{"truncated", compress(t, contract.Gzip, table(rand.New(rand.NewPCG(1, 1)), 99))[:300], nil, "the gzip input is truncated near byte 300"},
		{"a record without end", long, nil, "the record at byte 8 is longer than 1 MiB"},
		{"a bomb", compress(t, contract.Gzip, bytes.Repeat([]byte("1,a\n"), maxContent/4+1)), nil, "of content (loads.maxContentGB)"},
		{"a load that failed", long, func(l *ledger.Load) { l.Status = contract.Failed }, "is failed and needs no pieces"},
		{"a load that has chunks", long, func(l *ledger.Load) { l.Plan.Restage = false }, "is running and needs no pieces"},
		{"an unknown segment", long, func(l *ledger.Load) { l.Segment = "others" }, `unknown segment "others"`},
	} {
		w := newWorld(t, commas, c.stored, tablePlan(contract.Gzip))
		if c.change != nil {
			c.change(&w.load)
		}
		if err := w.run(1 << 20); err != nil || !strings.Contains(w.load.Restage.Failure, c.want) {
			t.Errorf("%s: %v, %q", c.name, err, w.load.Restage.Failure)
		}
	}
}

// A load that fails while its input is restaged needs no more pieces.
func TestJobStopsWithItsLoad(t *testing.T) {
	w := newWorld(t, commas, compress(t, contract.Gzip, table(rand.New(rand.NewPCG(2, 2)), 100)), tablePlan(contract.Gzip))
	w.staged = func(index int) {
		if index == 1 {
			w.load.Status = contract.Failed
		}
	}
	if err := w.run(300); err != nil || len(w.chunks) != 2 || !slices.Equal(w.ended, []string{"failed"}) {
		t.Errorf("%v, %d chunks, %v", err, len(w.chunks), w.ended)
	}
}

func TestEmptyContent(t *testing.T) {
	w := newWorld(t, commas, compress(t, contract.Zstd, []byte("id,note\n")), tablePlan(contract.Zstd))
	if err := w.run(300); err != nil || len(w.chunks) != 0 || w.load.Restage.Ack.End != 8 {
		t.Errorf("%v, %d chunks, %+v", err, len(w.chunks), w.load.Restage)
	}
	if c := w.certificate(); c.Length != 8 || c.Totals.RowsIn != 0 {
		t.Errorf("got %+v", c)
	}
}

func TestMessagesThatNobodyUnderstands(t *testing.T) {
	w := newWorld(t, commas, nil, tablePlan(contract.Gzip))
	for _, body := range []string{"garbage", `{"v":2,"load":"L","attempt":1}`} {
		if err := w.job(1).Message(t.Context(), "m", body); err == nil {
			t.Errorf("%s is fine", body)
		}
	}
}

// The time of a chunk's message is when it became due, to the precision of the ledger.
func TestChunksAreSentWhenTheyAreStaged(t *testing.T) {
	w := newWorld(t, lines, compress(t, contract.Gzip, []byte("{\"id\":1}\n")), ledger.Plan{Compression: contract.Gzip})
	j := w.job(1)
	j.Now = func() time.Time { return began.Add(1500 * time.Microsecond) }
	if err := j.Message(t.Context(), "m", w.message()); err != nil || !w.chunks[0].Sent.Equal(began.Add(time.Millisecond)) || w.chunks[0].Attempt != 1 {
		t.Errorf("%v, %+v", err, w.chunks)
	}
}
