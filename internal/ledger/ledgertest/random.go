package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/ledger"
)

// everyWriteTwice repeats each write of a load's life, a zombie's too, as a caller without an answer does: the
// repetition changes nothing.
func everyWriteTwice(t *testing.T, l Subject) {
	owner, other, pieces := by(0, 1, "a"), by(1, 1, "b"), by(ledger.RestageIndex, 1, "r")
	ctx := t.Context()
	restage := plan(0)
	restage.Restage = true
	var (
		read   ledger.Chunk
		stands ledger.Load
	)
	for _, step := range []struct {
		name string
		do   func(when time.Time) error
	}{
		{"receive", func(time.Time) error { _, _, err := l.Receive(ctx, received("L")); return err }},
		{"plan", func(time.Time) error { _, err := l.Plan(ctx, "L", restage, nil); return err }},
		{"claim the restage", func(time.Time) error { _, err := l.Claim(ctx, pieces, at(2), at(60)); return err }},
		{"stage", func(time.Time) error { _, err := l.Stage(ctx, "L", piece(0, 10, 110, "staging/0")); return err }},
		{"stage another", func(time.Time) error { _, err := l.Stage(ctx, "L", piece(1, 110, 210, "staging/1")); return err }},
		{"acknowledge the restage", func(time.Time) error {
			_, err := l.Acknowledge(ctx, pieces, contract.Ack{End: 210})
			return err
		}},
		{"claim", func(time.Time) error { _, err := l.Claim(ctx, owner, at(2), at(60)); return err }},
		{"acknowledge", func(time.Time) error { _, err := l.Acknowledge(ctx, owner, contract.Ack{RowsIn: 3}); return err }},
		{"claim another", func(time.Time) error { _, err := l.Claim(ctx, other, at(2), at(60)); return err }},
		{"hand back", func(time.Time) error { _, err := l.HandBack(ctx, other); return err }},
		{"claim again", func(time.Time) error { _, err := l.Claim(ctx, other, at(3), at(60)); return err }},
		{"release", func(time.Time) error { _, err := l.Release(ctx, other, "reset", at(50)); return err }},
		{"fail a chunk", func(time.Time) error {
			_, err := l.Claim(ctx, other, at(4), at(60))
			_, failed := l.FailChunk(ctx, other, "broken")
			return errors.Join(err, failed)
		}},
		{"fail", func(time.Time) error { _, err := l.Fail(ctx, "L", "broken", at(7)); return err }},
		{"redrive", func(when time.Time) error { _, err := l.Redrive(ctx, received("L"), when); return err }},
		{"resume", func(when time.Time) error {
			if stands.ID == "" {
				stands = loadOf(t, l)
			}
			_, err := l.Resume(ctx, stands, when)
			return err
		}},
		{"resend", func(time.Time) error {
			if read.Attempt == 0 {
				read = chunkOf(t, l, 1)
			}
			if _, err := l.Resend(ctx, "L", read, nil, 1); !errors.Is(err, ledger.ErrMoved) {
				return err
			}
			return nil
		}},
		{"sent", func(when time.Time) error { return l.Sent(ctx, "L", chunksOf(t, l, "L"), when) }},
		{"dispatched", func(when time.Time) error { return l.Dispatched(ctx, "L", when) }},
		{"prove", func(time.Time) error { return l.Prove(ctx, "L", ledger.Proven{Chunks: 1, End: 110, Last: at(3)}) }},
		{"certify", func(when time.Time) error { _, err := l.Certify(ctx, "L", "trips", first(3), when); return err }},
		{"publish", func(time.Time) error { _, err := l.Publish(ctx, "L", at(9)); return err }},
		{"announced", func(time.Time) error { return l.Announced(ctx, "L") }},
	} {
		before := state(t, l, "L")
		if err := step.do(at(10)); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		first := state(t, l, "L")
		if reflect.DeepEqual(first, before) {
			t.Errorf("%s did nothing", step.name)
		}
		if err := step.do(at(11)); err != nil {
			t.Errorf("%s, repeated: %v", step.name, err)
		}
		if second := state(t, l, "L"); !reflect.DeepEqual(second, first) {
			t.Errorf("%s, repeated:\nfirst %+v\nthen  %+v", step.name, first, second)
		}
	}
}

// state is everything that a ledger holds about a load; empty for an unknown one.
func state(t *testing.T, l Ledger, id string) (all struct {
	Load   ledger.Load
	Chunks []ledger.Chunk
	Open   int
}) {
	t.Helper()
	var err error
	if all.Load, err = l.Load(t.Context(), id); err != nil && !errors.Is(err, ledger.ErrNotFound) {
		t.Fatal(err)
	}
	all.Chunks = chunksOf(t, l, id)
	all.Open = len(must[[]ledger.Load](t)(l.Open(t.Context(), at(1_000), 9)))
	return all
}

// A call whose context has ended has no effect, and fails with the reason.
func endedContext(t *testing.T, l Subject) {
	planned(t, l, 1)
	claim(t, l, "a", 1, 2, 60)
	before := state(t, l, "L")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Acknowledge(ctx, by(0, 1, "a"), contract.Ack{}); !errors.Is(err, context.Canceled) {
		t.Errorf("acknowledge: %v", err)
	}
	if _, err := l.Load(ctx, "L"); !errors.Is(err, context.Canceled) {
		t.Errorf("load: %v", err)
	}
	if after := state(t, l, "L"); !reflect.DeepEqual(after, before) {
		t.Errorf("before %+v\nafter  %+v", before, after)
	}
}

// randomOperations applies the same random operations to the subject and to a fake: workers that are slow, die, come
// back as zombies and learn of attempts late; a reconciler, splitters and restage jobs that act on stale reads; and
// people who fail and redrive loads. Answers and states stay equal, at most one acknowledgement counts for an attempt,
// and none of an attempt before the current one ever stands.
func randomOperations(t *testing.T, l Subject) {
	for seed := range uint64(12) {
		r := &randomRun{
			t: t, Rand: rand.New(rand.NewPCG(seed, 1)), load: fmt.Sprintf("S%d", seed),
			subject: l, fake: New(), acks: map[string]int{},
		}
		for r.now = 10; r.now < 120; r.now += 1 + r.IntN(3) {
			if r.step(); r.IntN(2) == 0 {
				r.compare()
			}
		}
		r.compare()
	}
}

type randomRun struct {
	t *testing.T
	*rand.Rand
	load          string
	subject, fake Ledger
	now           int
	seen          []ledger.Chunk // stale reads
	acks          map[string]int // that counted, by chunk and attempt
	trace         []string
}

// both asks both ledgers and compares their answers.
func (r *randomRun) both(what string, ask func(l Ledger) (any, error)) any {
	r.t.Helper()
	got, err := ask(r.subject)
	want, wantErr := ask(r.fake)
	r.trace = append(r.trace, fmt.Sprintf("%d %s: %v, %v", r.now, what, want, wantErr))
	for _, known := range []error{ledger.ErrNotFound, ledger.ErrMoved} {
		if errors.Is(err, known) && errors.Is(wantErr, known) {
			err, wantErr = nil, nil
		}
	}
	if err != nil || wantErr != nil || !reflect.DeepEqual(got, want) {
		r.t.Fatalf("%q:\ngot  %+v, %v\nwant %+v, %v", r.trace, got, err, want, wantErr)
	}
	return got
}

func (r *randomRun) step() {
	ctx, now := r.t.Context(), at(r.now)
	c := ledger.Claim{Load: r.load, Chunk: r.IntN(4) - 1, Attempt: 1 + r.IntN(4), Owner: string(rune('a' + r.IntN(3)))}
	if len(r.seen) > 0 && r.IntN(4) > 0 { // mostly a chunk that was read before
		old := r.seen[r.IntN(len(r.seen))]
		c.Chunk, c.Attempt = old.Index, old.Attempt
		if old.Owner != "" && r.IntN(2) == 0 {
			c.Owner = old.Owner
		}
	}
	name := fmt.Sprintf("%d.%d %s", c.Chunk, c.Attempt, c.Owner)
	switch r.IntN(22) {
	case 0, 1, 2, 3:
		until := at(r.now + r.IntN(20))
		r.both("claim "+name, func(l Ledger) (any, error) { return l.Claim(ctx, c, now, until) })
	case 4, 5, 6:
		ack := contract.Ack{Attempt: c.Attempt, Code: c.Owner, Start: int64(r.now)}
		if r.both("acknowledge "+name, func(l Ledger) (any, error) { return l.Acknowledge(ctx, c, ack) }) == true {
			r.acks[fmt.Sprintf("%d.%d", c.Chunk, c.Attempt)]++
		}
	case 7:
		r.both("release "+name, func(l Ledger) (any, error) { return l.Release(ctx, c, "lost", now) })
	case 8:
		r.both("hand back "+name, func(l Ledger) (any, error) { return l.HandBack(ctx, c) })
	case 9:
		r.both("fail chunk "+name, func(l Ledger) (any, error) { return l.FailChunk(ctx, c, "broken") })
	case 10, 11, 12:
		if len(r.seen) > 0 {
			old := r.seen[r.IntN(len(r.seen))]
			var from *int64
			if r.IntN(3) == 0 {
				from = ptr(int64(r.now))
			}
			r.both(fmt.Sprintf("resend %d.%d from %v", old.Index, old.Attempt, from != nil), func(l Ledger) (any, error) {
				return l.Resend(ctx, r.load, old, from, r.now%2)
			})
		}
	case 13:
		r.both("sent", func(l Ledger) (any, error) { return nil, l.Sent(ctx, r.load, r.seen[:min(2, len(r.seen))], now) })
	default:
		r.life(now)
	}
}

// life is what happens to the load as a whole.
func (r *randomRun) life(now time.Time) {
	ctx, id := r.t.Context(), r.load
	switch r.IntN(16) {
	case 14:
		r.both("dispatched", func(l Ledger) (any, error) { return nil, l.Dispatched(ctx, id, now) })
	case 15:
		r.both("prove", func(l Ledger) (any, error) { return nil, l.Prove(ctx, id, ledger.Proven{Chunks: 1, Last: now}) })
	case 12:
		r.both("announced", func(l Ledger) (any, error) { return nil, l.Announced(ctx, id) })
	case 13:
		r.both("resume", func(l Ledger) (any, error) {
			load, err := l.Load(ctx, id)
			if err != nil {
				return nil, err
			}
			return l.Resume(ctx, load, now)
		})
	case 0, 1, 2:
		r.both("receive", func(l Ledger) (any, error) {
			load := received(id)
			load.Received = now
			stands, created, err := l.Receive(ctx, load)
			return []any{stands, created}, err
		})
	case 3, 4, 5:
		p, chunks := plan(1+r.IntN(3)), []ledger.Chunk(nil)
		if p.Restage = r.IntN(2) == 0; !p.Restage {
			chunks = cut(p.Chunks)
		}
		r.both(fmt.Sprintf("plan %d, restage %t", p.Chunks, p.Restage), func(l Ledger) (any, error) {
			return l.Plan(ctx, id, p, chunks)
		})
	case 6, 7:
		index, length := r.IntN(3), int64(1+r.IntN(99))
		c := piece(index, int64(100*index), int64(100*index)+length, fmt.Sprint("staging/", length))
		r.both(fmt.Sprintf("stage %d", index), func(l Ledger) (any, error) { return l.Stage(ctx, id, c) })
	case 8:
		r.both("fail", func(l Ledger) (any, error) { return l.Fail(ctx, id, "why", now) })
	case 9:
		r.both("redrive", func(l Ledger) (any, error) { return l.Redrive(ctx, received(id), now) })
	case 10:
		if r.IntN(4) == 0 {
			r.both("certify", func(l Ledger) (any, error) { return l.Certify(ctx, id, id, first(1), now) })
		}
	case 11:
		r.both("publish", func(l Ledger) (any, error) { return l.Publish(ctx, id, now) })
	}
}

// compare compares the whole content of the two ledgers, and remembers some of it.
func (r *randomRun) compare() {
	r.t.Helper()
	load := r.both("load", func(l Ledger) (any, error) { return l.Load(r.t.Context(), r.load) }).(ledger.Load)
	work := r.both("chunks", func(l Ledger) (any, error) { return l.Chunks(r.t.Context(), r.load) }).([]ledger.Chunk)
	first, untouched := r.IntN(4), r.IntN(3)
	r.both("chunks from", func(l Ledger) (any, error) { return l.ChunksFrom(r.t.Context(), r.load, first, untouched) })
	r.both("open", func(l Ledger) (any, error) {
		all, err := l.Open(r.t.Context(), at(1_000), 99)
		return slices.ContainsFunc(all, func(load ledger.Load) bool { return load.ID == r.load }), err
	})
	r.trace = r.trace[:len(r.trace)-4]
	if load.Restage != nil {
		work = append(work, *load.Restage)
	}
	for _, c := range work {
		if c.Ack != nil && c.Ack.Attempt != c.Attempt {
			r.t.Fatalf("%q: attempt %d of chunk %d is acknowledged by attempt %d", r.trace, c.Attempt, c.Index, c.Ack.Attempt)
		}
		if r.IntN(3) == 0 {
			r.seen = append(r.seen, c)
		}
	}
	for attempt, n := range r.acks {
		if n > 1 {
			r.t.Fatalf("%q: %d acknowledgements of %s counted", r.trace, n, attempt)
		}
	}
}
