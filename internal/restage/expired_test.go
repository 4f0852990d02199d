package restage

import (
	"math/rand/v2"
	"testing"

	"dip/contract"
	"dip/internal/ledger"
)

// A load that is redriven weeks after it failed finds its pieces gone: the job makes those again that are still needed,
// with the same bytes under the same keys, wherever it dies on its way.
func TestExpiredPiecesAreMadeAgain(t *testing.T) {
	content := table(rand.New(rand.NewPCG(21, 22)), 60)
	whole := newWorld(t, commas, compress(t, contract.Gzip, content), tablePlan(contract.Gzip))
	want := direct(t, whole)
	for kill := range 12 {
		w := newWorld(t, commas, compress(t, contract.Gzip, content), tablePlan(contract.Gzip))
		if err := w.run(300); err != nil {
			t.Fatal(err)
		}
		w.work(2)
		pieces := len(w.chunks())
		if pieces < 4 {
			t.Fatalf("only %d pieces", pieces)
		}
		w.expire()
		w.sent, w.puts = nil, nil
		w.killAt = kill
		err := w.run(300)
		if (err != nil) != (kill > 0 && w.dead) {
			t.Fatalf("killed at write %d: %v", kill, err)
		}
		if w.killAt = 0; err != nil {
			if err := w.run(300); err != nil {
				t.Fatalf("after a kill at write %d: %v", kill, err)
			}
		}
		for _, m := range w.sent {
			if m.Chunk < 2 {
				t.Errorf("chunk %d is sent although it is acknowledged", m.Chunk)
			}
		}
		w.work(len(w.sent))
		same(t, w.certificate(), want)
		if got := len(w.chunks()); got != pieces {
			t.Errorf("%d pieces became %d", pieces, got)
		}
	}
}

// expire fails and redrives the load after its pieces have expired.
func (w *world) expire() {
	w.t.Helper()
	ctx, l := w.t.Context(), w.others()
	if ok, err := l.Fail(ctx, w.id, "no worker", began); !ok || err != nil {
		w.t.Fatal(ok, err)
	}
	if err := l.Restage(ctx, w.load()); err != nil {
		w.t.Fatal(err)
	}
	if ok, err := l.Redrive(ctx, ledger.Load{ID: w.id}, began); !ok || err != nil {
		w.t.Fatal(ok, err)
	}
	for _, c := range w.chunks() {
		w.lake.Delete("lake", c.Staged.Key)
	}
}

// A piece that would come out otherwise is another input.
func TestAnotherInputMakesNoPieces(t *testing.T) {
	content := table(rand.New(rand.NewPCG(21, 22)), 60)
	w := newWorld(t, commas, compress(t, contract.Gzip, content), tablePlan(contract.Gzip))
	if err := w.run(300); err != nil {
		t.Fatal(err)
	}
	w.expire()
	w.ledger.Change(w.id, func(_ *ledger.Load, chunks []ledger.Chunk) { chunks[1].Staged.Key += "x" })
	if err := w.run(300); err != nil {
		t.Fatal(err)
	}
	if r := w.restage(); r.Failure == "" || r.Ack != nil {
		t.Errorf("the restage is %+v", r)
	}
}
