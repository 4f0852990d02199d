package restage

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

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
	l := w.load()
	plan := *l.Plan
	m := contract.ChunkMessage{
		Version: 1, Load: l.ID, Segment: "things", Catalog: l.Catalog, Object: l.Object, Compression: plan.Compression,
		Columns: plan.Columns, Width: plan.Width, LoadDate: "2026-01-31", Attempt: 1, Start: plan.Body, End: -1,
		From: &plan.Body,
	}
	s, err := segments(w).Segment(t.Context(), m.Catalog, m.Segment)
	if err != nil {
		t.Fatal(err)
	}
	ack, err := process.Process(t.Context(), w.lake, &outputs{}, s, m)
	if err != nil {
		t.Fatal(err)
	}
	return ack
}

// same checks that a certificate accounts for exactly the records of the input.
func same(t *testing.T, c contract.Certificate, want contract.Ack) {
	t.Helper()
	if c.Totals.RowsIn != want.RowsIn || c.Totals.HashOut != want.HashOut || c.Totals.HashBad != want.HashBad ||
		c.Length != want.End+want.Footer.Bytes || c.Footer != want.Footer ||
		c.Totals.Skipped != want.Skipped.Plus(want.Footer) {
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
		chunks, pieces := w.chunks(), w.lake.Contents("lake")
		if len(chunks) < 4 || len(w.sent) != len(chunks) || w.restage().Ack == nil {
			t.Fatalf("%d chunks, %d sent, %+v", len(chunks), len(w.sent), w.restage())
		}
		for i, k := range chunks {
			piece := pieces[k.Staged.Key]
			if piece != string(content[k.Start:k.End]) || k.Index != i || *k.From != k.Start || k.Staged.Bucket != "lake" ||
				k.Staged.Size != k.End-k.Start ||
				!strings.HasPrefix(k.Staged.Key, fmt.Sprintf("staging/things/%s/%05d-%d-", w.id, i, k.Start)) {
				t.Errorf("chunk %+v holds %q", k, piece)
			}
			if last := i == len(chunks)-1; !last && k.End-k.Start < 500 {
				t.Errorf("chunk %d has %d bytes: the load is pinned to chunks of 500", i, k.End-k.Start)
			}
			if w.queues[i] != "workers" || w.sent[i].Base != k.Start || w.sent[i].Compression != contract.Plain {
				t.Errorf("to %s: %+v", w.queues[i], w.sent[i])
			}
		}
		if a := w.restage().Ack; a.Start != 8 || a.End != int64(len(content)) || a.Code != "c0de" ||
			a.Runtime != "worker/job" {
			t.Errorf("acknowledged %+v", a)
		}
		want := direct(t, w)
		w.work(len(w.sent))
		same(t, w.certificate(), want)
		// A repeated job does nothing.
		if err := w.run(500); err != nil || len(w.sent) != 0 {
			t.Errorf("repeated: %v, %d sent", err, len(w.sent))
		}
	}
}

// A job is killed at each of its writes, before or after it took effect, some chunks are processed meanwhile, and the
// next job may cut at another size: every record is accounted for exactly once, what was acknowledged is neither
// staged nor sent again, and a piece is staged again only where its chunk was not yet in the ledger.
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
				written := len(w.chunks())
				w.puts, w.killAt = nil, 0
				if err := w.run(target + int64(random.IntN(3))*50); err != nil {
					t.Fatal(err)
				}
				for _, key := range w.puts {
					var index int
					if _, err := fmt.Sscanf(key, "staging/things/"+w.id+"/%d-", &index); err != nil || index < written {
						t.Fatalf("killed at write %d (after it: %t): %s is staged again, %v", killAt, after, key, err)
					}
				}
				w.work(len(w.sent))
				same(t, w.certificate(), want)
			}
		}
	}
}

// A load whose jobs are killed at each write in turn is completed.
func TestStormOfKills(t *testing.T) {
	content := table(rand.New(rand.NewPCG(7, 8)), 300)
	w := newWorld(t, commas, compress(t, contract.Gzip, content), tablePlan(contract.Gzip))
	want := direct(t, w)
	jobs := 0
	for w.killAt = 5; w.restage().Ack == nil; jobs++ { // a claim, a message, a piece, its chunk, and then
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

// A job that is presumed dead continues while the next one cuts at another size.
func TestTwoJobsMakeOneSequence(t *testing.T) {
	content := table(rand.New(rand.NewPCG(9, 10)), 100)
	for at := range 4 {
		w := newWorld(t, commas, compress(t, contract.Gzip, content), tablePlan(contract.Gzip))
		want := direct(t, w)
		w.staged = func(index int) {
			if index == at {
				w.staged = nil
				w.resend()
				if err := w.run(333); err != nil {
					t.Error(err)
				}
			}
		}
		first := w.message()
		if err := w.job(500).Message(t.Context(), "m", first); err != nil {
			t.Fatal(err)
		}
		if r := w.restage(); r.Ack == nil || r.Ack.Attempt != 2 {
			t.Errorf("the restage is %+v", r)
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
	if err := w.job(300).Message(ctx, "m", w.message()); !errors.Is(err, lease.ErrStopping) {
		t.Fatalf("got %v", err)
	}
	if r := w.restage(); r.Ack != nil || r.HandedBack != 1 || r.Attempt != 1 || len(w.chunks()) < 2 {
		t.Errorf("%d chunks, %+v", len(w.chunks()), r)
	}
	w.staged = nil
	if err := w.run(300); err != nil {
		t.Fatal(err)
	}
	w.work(len(w.sent))
	same(t, w.certificate(), want)
}

// The footer is in no piece, comments are in the pieces, and cuts fall between characters, whichever job reads the end.
func TestRestageOfSkippedLines(t *testing.T) {
	text := "id,note\n# \"ë\n" + string(table(rand.New(rand.NewPCG(5, 6)), 120)) + "\n#\nTOTAL,120\n-- ë"
	for _, c := range []struct {
		charset contract.Charset
		unit    int64
		write   func(string) []byte
	}{{"", 1, func(s string) []byte { return []byte(s) }}, {contract.UTF16BE, 2, func(s string) []byte {
		var raw []byte
		for _, unit := range utf16.Encode([]rune(s)) {
			raw = binary.BigEndian.AppendUint16(raw, unit)
		}
		return raw
	}}} {
		d := commas
		d.Charset, d.Comment, d.FooterLines = c.charset, "#", 2
		plan := tablePlan(contract.Gzip)
		plan.Body *= c.unit
		stored := compress(t, contract.Gzip, c.write(text))
		for kill := range 9 {
			w := newWorld(t, d, stored, plan)
			w.killAt, w.after = kill, kill%2 == 0
			if err := w.run(300); kill > 0 {
				if !errors.Is(err, errKilled) {
					t.Fatalf("killed at write %d: %v", kill, err)
				}
				w.killAt, w.dead = 0, false
				w.resend()
				err = w.run(301)
				if err != nil {
					t.Fatal(err)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			want := direct(t, w)
			footer := contract.Skipped{Lines: 2, Bytes: c.unit * int64(utf8.RuneCountInString("TOTAL,120\n-- ë"))}
			if c.unit == 1 {
				footer.Bytes++ // ë
			}
			if want.Footer != footer || want.Skipped.Lines != 2 {
				t.Errorf("in one piece: %+v, want %+v", want, footer)
			}
			w.work(len(w.sent))
			same(t, w.certificate(), want)
		}
	}
}

func TestInputsThatCannotBeRestaged(t *testing.T) {
	long := compress(t, contract.Gzip, []byte("id,note\n1,\""+strings.Repeat("never closed\n", 200_000)))
	for _, c := range []struct {
		name   string
		stored []byte
		change func(*ledger.Load)
		want   string
	}{
		{"truncated", compress(t, contract.Gzip, table(rand.New(rand.NewPCG(1, 1)), 99))[:300], nil,
			"the gzip input is truncated near byte 300"},
		{"a record without end", long, nil, "the record at byte 8 is longer than 1 MiB"},
		{"a bomb", compress(t, contract.Gzip, bytes.Repeat([]byte("1,a\n"), maxContent/4+1)), nil,
			"of content (loads.maxContentGB)"},
		{"a load that failed", long, func(l *ledger.Load) { l.Status = contract.Failed }, "is failed and needs no restage"},
		{"a load that has chunks", long, func(l *ledger.Load) { l.Plan.Restage = false }, "is running and needs no restage"},
		{"an unknown segment", long, func(l *ledger.Load) { l.Segment = "others" }, `unknown segment "others"`},
	} {
		w := newWorld(t, commas, c.stored, tablePlan(contract.Gzip))
		if c.change != nil {
			w.change(c.change)
		}
		if err := w.run(1 << 20); err != nil || !strings.Contains(w.restage().Failure, c.want) {
			t.Errorf("%s: %v, %q", c.name, err, w.restage().Failure)
		}
	}
}

// A load that fails while its input is restaged needs no more pieces.
func TestJobStopsWithItsLoad(t *testing.T) {
	w := newWorld(t, commas, compress(t, contract.Gzip, table(rand.New(rand.NewPCG(2, 2)), 100)), tablePlan(contract.Gzip))
	w.staged = func(index int) {
		if index == 1 {
			w.change(func(l *ledger.Load) { l.Status = contract.Failed })
		}
	}
	if err := w.run(300); err != nil || len(w.chunks()) != 2 ||
		!strings.Contains(w.restage().Failure, "needs no restage") {
		t.Errorf("%v, %d chunks, %+v", err, len(w.chunks()), w.restage())
	}
}

func TestEmptyContent(t *testing.T) {
	w := newWorld(t, commas, compress(t, contract.Zstd, []byte("id,note\n")), tablePlan(contract.Zstd))
	if err := w.run(300); err != nil || len(w.chunks()) != 0 || w.restage().Ack.End != 8 {
		t.Errorf("%v, %d chunks, %+v", err, len(w.chunks()), w.restage())
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
	if err := j.Message(t.Context(), "m", w.message()); err != nil ||
		!w.chunks()[0].Sent.Equal(began.Add(time.Millisecond)) || w.chunks()[0].Attempt != 1 {
		t.Errorf("%v, %+v", err, w.chunks())
	}
}
