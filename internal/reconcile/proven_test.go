package reconcile

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
)

// Whatever is known to be proven, a load is judged as if all of its chunks had been read.
func TestProvenChunksNeedNotBeRead(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 3))
		n := 1 + random.IntN(12)
		l, chunks := planned(n)
		l.Object.Size += 50
		end := l.Plan.Body
		for i := range chunks { // records end up to 250 bytes behind the cut: some chunks own none
			c := &chunks[i]
			if random.IntN(8) == 0 {
				continue
			}
			start := max(end, c.Start)
			if end < c.End {
				start, end = end, min(c.End+random.Int64N(250), l.Object.Size)
			} else {
				start = end
			}
			if random.IntN(10) == 0 {
				start++ // guessed wrong
			}
			ack(c, start, max(start, end), float64(random.IntN(50)))
			if start == max(start, end) {
				c.Ack.RowsIn = 0
			}
		}
		verdict, p := Chain(l, chunks), provenOf(l, chunks)
		if p.Chunks == 0 {
			continue
		}
		l.Proven = &p
		folded := append(standIns(l), chunks[p.Chunks:]...)
		look := look(60)
		if want, got := Decide(look, l, chunks, limits), Decide(look, l, folded, limits); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: %+v, of all chunks %+v", seed, got, want)
		}
		if want, got := Predict(look.Now, l, chunks), Predict(look.Now, l, folded); !got.Equal(want) {
			t.Fatalf("seed %d: predicted %s, of all chunks %s", seed, got, want)
		}
		if got := Chain(l, folded); got.Accepted != verdict.Accepted || got.Position != verdict.Position {
			t.Fatalf("seed %d: %+v, of all chunks %+v", seed, got, verdict)
		}
	}
}

// What is proven is recorded from time to time, and a look reads the rest: of a large load that in which somebody may
// be at work, and all of it every few minutes, or before it does something about what it has not read.
func TestLooksReadWhatMayHaveChanged(t *testing.T) {
	const n = 2000
	w, r := newWorld(n)
	w.edit(func(l *ledger.Load, _ []ledger.Chunk) { l.Sent = began })
	var reads []int
	proofs := 0
	w.ledger.Before = func(op ledgertest.Op) error {
		switch op.Name {
		case "Chunks":
			reads = append(reads, n)
		case "ChunksFrom":
			reads = append(reads, op.Chunk)
		case "Prove":
			proofs++
		}
		return nil
	}
	acked := 0
	for _, c := range []struct {
		seconds float64
		acked   int
		edit    func(c []ledger.Chunk)
		reads   []int // indexes from which pages were read; n: all chunks
		proofs  int
		sent    []string
	}{
		{seconds: 1, reads: []int{n}, proofs: 1}, // by the second look it is known when there was a first one
		{seconds: 2, acked: 100, reads: []int{0, 200}},
		{seconds: 3, acked: 300, reads: []int{0, 200, 400}, proofs: 1},
		{seconds: 4, acked: 300, reads: []int{300}},
		{
			seconds: 5, acked: 300, reads: []int{300, 500}, sent: []string{"310.2@?"},
			edit: func(c []ledger.Chunk) { c[310].Owner, c[310].LeaseUntil = "a", at(4) },
		},
		{ // behind the page
			seconds: 6, acked: 300, reads: []int{300, 500},
			edit: func(c []ledger.Chunk) { c[1900].Owner, c[1900].LeaseUntil = "a", at(4) },
		},
		{seconds: 302, acked: 300, reads: []int{300}, proofs: 1, sent: []string{"1900.2@?"}},
		{seconds: 303, acked: 1999, reads: []int{300, 500, 700, 900, 1100, 1300, 1500, 1700, 1900}, proofs: 1},
	} {
		w.edit(func(_ *ledger.Load, all []ledger.Chunk) {
			for ; acked < c.acked; acked++ {
				if all[acked].Ack == nil {
					ack(&all[acked], all[acked].Start, all[acked].End, 1)
				}
			}
			if c.edit != nil {
				c.edit(all)
			}
		})
		reads, proofs, w.sent, w.now = nil, 0, nil, at(c.seconds)
		if got := w.step(t, r, contract.Reconcile, ""); got.Action != contract.ActionWait {
			t.Fatalf("after %v s: %+v", c.seconds, got)
		}
		if !slices.Equal(reads, c.reads) || proofs != c.proofs || !slices.Equal(attempts(t, w.sent), c.sent) {
			t.Errorf("after %v s: read from %v, recorded %d times, sent %v", c.seconds, reads, proofs, attempts(t, w.sent))
		}
	}
	w.done()
	if got := w.step(t, r, contract.Reconcile, ""); got.Action != contract.ActionCertify {
		t.Errorf("got %+v", got)
	}
	w.step(t, r, contract.Certify, "")
	if load := w.load(); load.Totals == nil || load.Totals.Chunks != n || reads[len(reads)-1] != n {
		t.Errorf("certified from %v: %+v", reads, load.Totals)
	}
}

// A queue that lost its messages is no reason to send what was not read.
func TestWhatIsSentWasRead(t *testing.T) {
	const n = 2000
	w, r := newWorld(n)
	w.edit(func(l *ledger.Load, c []ledger.Chunk) {
		l.Sent, l.Proven = began, &ledger.Proven{End: l.Plan.Body, Last: began, Looked: at(60)}
		for i := range c {
			c[i].Sent = time.Time{}
		}
		c[1500].End, c[1501].Start = c[1500].End+7, c[1501].Start+7
		ack(&c[1999], c[1999].Start, c[1999].End, 3)
	})
	w.empty, w.now = map[string]bool{"queue": true}, at(61)
	w.step(t, r, contract.Reconcile, "")
	got := attempts(t, w.sent)
	if len(got) != n-1 || got[n-2] != "1998.2@?" {
		t.Errorf("%d were sent, the last one %s", len(got), got[len(got)-1])
	}
	for _, body := range w.sent[1500:1502] {
		m, err := contract.ParseChunkMessage(body)
		if c := w.chunk(m.Chunk); err != nil || m.Start != c.Start || m.End != c.End {
			t.Errorf("%s was sent for %+v", body, c)
		}
	}
	if c := w.chunk(1999); c.Attempt != 1 || c.Ack == nil {
		t.Errorf("a chunk that is done: %+v", c)
	}
}

// The work of a restage is not known from the start: nothing is recorded of it.
func TestNothingIsProvenOfARestage(t *testing.T) {
	l, chunks := planned(200)
	done(chunks)
	chunks = append(chunks, ledger.Chunk{Index: 200, Start: 20_000, End: 20_100, Attempt: 1})
	l.Plan.Chunks, l.Object.Size = 201, 20_100
	if Prove(at(60), l, chunks, true) == nil {
		t.Error("200 of 201 chunks are not recorded")
	}
	l.Restage = &ledger.Chunk{Index: ledger.RestageIndex, Attempt: 1, Start: 10, End: -1}
	if p := Prove(at(60), l, chunks, true); p != nil {
		t.Errorf("recorded %+v", p)
	}
}
