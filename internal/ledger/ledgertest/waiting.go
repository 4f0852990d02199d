package ledgertest

import (
	"strings"
	"testing"
	"unicode/utf8"

	"dip/contract"
	"dip/internal/ledger"
)

// A claim that comes to nothing is a failure: one that was given up, whose lease ran out and was taken over, or that
// the reconciler says so of. A worker that stops has not failed, and waiting is no failure at all.
func failures(t *testing.T, l Subject) {
	planned(t, l, 1)
	is := func(want int, why string) {
		t.Helper()
		if c := chunkOf(t, l, 0); c.Failures != want {
			t.Errorf("%s: %d failures, want %d", why, c.Failures, want)
		}
	}
	claim(t, l, "a", 1, 2, 60)
	claim(t, l, "a", 1, 3, 60)
	is(0, "a renewal")
	must[bool](t)(l.HandBack(t.Context(), by(0, 1, "a")))
	is(0, "handed back")
	claim(t, l, "a", 1, 4, 60)
	must[bool](t)(l.Release(t.Context(), by(0, 1, "a"), "reset", at(5)))
	is(1, "released")
	claim(t, l, "b", 1, 6, 60)
	if c := chunkOf(t, l, 0); !c.Released.IsZero() {
		t.Errorf("claimed again it is still released at %s", c.Released)
	}
	if got := claim(t, l, "c", 1, 61, 90); got != ledger.Granted {
		t.Fatal(got)
	}
	is(2, "taken over")
	next := must[ledger.Chunk](t)(l.Resend(t.Context(), "L", chunkOf(t, l, 0), nil, 1))
	is(3, "sent again because its holder died")
	if next.Failures != 3 {
		t.Errorf("got %+v", next)
	}
	must[ledger.Chunk](t)(l.Resend(t.Context(), "L", next, nil, 0))
	is(3, "sent again because its message expired")
	claim(t, l, "d", 9, 92, 99)
	is(3, "a later attempt")
}

// Whether an attempt's message was sent is known; and a holder that has renewed its lease since the chunk was read
// keeps it.
func sent(t *testing.T, l Subject) {
	planned(t, l, 2)
	read := chunkOf(t, l, 0)
	next := must[ledger.Chunk](t)(l.Resend(t.Context(), "L", read, nil, 0))
	if c := chunkOf(t, l, 0); !c.Sent.IsZero() || !next.Sent.IsZero() {
		t.Errorf("no message was sent yet: %+v", c)
	}
	for second := range 2 { // the first time counts
		if err := l.Sent(t.Context(), "L", []ledger.Chunk{next, read}, at(62+second)); err != nil {
			t.Fatal(err)
		}
	}
	if c := chunkOf(t, l, 0); !c.Sent.Equal(at(62)) {
		t.Errorf("got %+v", c)
	}
	claim(t, l, "a", 2, 64, 90)
	held := chunkOf(t, l, 0)
	claim(t, l, "a", 2, 70, 99)
	if _, err := l.Resend(t.Context(), "L", held, nil, 1); err == nil {
		t.Error("a chunk was taken from a holder that is alive")
	}
	if c := chunkOf(t, l, 0); c.Owner != "a" || c.Attempt != 2 || c.Failures != 0 {
		t.Errorf("got %+v", c)
	}
}

func redriveForgetsFailures(t *testing.T, l Subject) {
	planned(t, l, 1)
	claim(t, l, "a", 1, 2, 60)
	must[bool](t)(l.Release(t.Context(), by(0, 1, "a"), "reset", at(3)))
	must[bool](t)(l.Fail(t.Context(), "L", "reset", at(4)))
	must[bool](t)(l.Redrive(t.Context(), loadOf(t, l), at(5)))
	if c := chunkOf(t, l, 0); c.Failures != 0 || c.Attempt != 2 || !c.Released.IsZero() || !c.Sent.IsZero() {
		t.Errorf("got %+v", c)
	}
}

// A megabyte of quoted input fits into no item.
func reasonsAreCut(t *testing.T, l Subject) {
	long := strings.Repeat("ü", 1<<20)
	planned(t, l, 2)
	claim(t, l, "a", 1, 2, 60)
	must[bool](t)(l.Release(t.Context(), by(0, 1, "a"), long, at(3)))
	claim(t, l, "a", 1, 4, 60)
	must[bool](t)(l.FailChunk(t.Context(), by(0, 1, "a"), long))
	must[bool](t)(l.Fail(t.Context(), "L", long, at(5)))
	c := chunkOf(t, l, 0)
	for _, reason := range []string{c.LastError, c.Failure, loadOf(t, l).Reason} {
		if len(reason) > 4096 || len(reason) < 4000 || !utf8.ValidString(reason) {
			t.Errorf("%d bytes are left", len(reason))
		}
	}
}

// A load keeps its status and its chunks; only what was read last may be resumed, and only once.
func resume(t *testing.T, l Subject) {
	planned(t, l, 1)
	read := loadOf(t, l)
	if !must[bool](t)(l.Resume(t.Context(), read, at(9))) {
		t.Fatal("not resumed")
	}
	load := loadOf(t, l)
	if load.Execution != 1 || load.Status != contract.Running || !load.Updated.Equal(at(9)) ||
		chunkOf(t, l, 0).Attempt != 1 {
		t.Errorf("got %+v", load)
	}
	if must[bool](t)(l.Resume(t.Context(), read, at(10))) {
		t.Error("resumed twice")
	}
	must[bool](t)(l.Fail(t.Context(), "L", "why", at(11)))
	for _, stale := range []ledger.Load{load, loadOf(t, l)} {
		if must[bool](t)(l.Resume(t.Context(), stale, at(12))) {
			t.Errorf("a failed load was resumed by who read %s", stale.Status)
		}
	}
}

// What is not over or not announced is found, the longest unchanged first.
func open(t *testing.T, l Subject) {
	list := func(second, n int) (ids string) {
		t.Helper()
		for _, load := range must[[]ledger.Load](t)(l.Open(t.Context(), at(second), n)) {
			ids += load.ID
		}
		return ids
	}
	for _, id := range []string{"A", "Q", "B", "L"} { // A and Q share a shard
		load := received(id)
		must[bool](t)(func() (bool, error) { _, created, err := l.Receive(t.Context(), load); return created, err }())
	}
	must[bool](t)(l.Plan(t.Context(), "L", plan(1), cut(1)))
	must[bool](t)(l.Fail(t.Context(), "B", "why", at(3)))
	must[bool](t)(l.Fail(t.Context(), "A", "why", at(4)))
	for _, c := range []struct {
		second, n int
		want      string
	}{{9, 9, "QLBA"}, {4, 9, "QLB"}, {1, 9, "Q"}, {0, 9, ""}, {9, 1, "QLB"}} {
		if got := list(c.second, c.n); got != c.want {
			t.Errorf("unchanged since second %d, %d of a shard: %q, want %q", c.second, c.n, got, c.want)
		}
	}
	read := loadOf(t, l)
	for _, second := range []int{20, 30} { // the second time, it has changed
		if err := l.Seen(t.Context(), read, at(second)); err != nil {
			t.Fatal(err)
		}
	}
	if load := loadOf(t, l); !load.Updated.Equal(at(20)) || load.Status != contract.Running {
		t.Errorf("got %+v", load)
	}
	for _, id := range []string{"B", "L", "unknown"} { // L is not over
		if err := l.Announced(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if got := list(21, 9); got != "QAL" {
		t.Errorf("once B is announced: %q", got)
	}
	must[bool](t)(l.Redrive(t.Context(), ledger.Load{ID: "B"}, at(6)))
	if got := list(21, 9); got != "QABL" {
		t.Errorf("once B is redriven: %q", got)
	}
}

// A load that is the same as another is over, and nobody looks after it.
func same(t *testing.T, l Subject) {
	receivedLoad(t, l)
	for range 2 {
		if !must[bool](t)(l.Same(t.Context(), "L", "M", at(3))) {
			t.Fatal("not noted")
		}
	}
	if load := loadOf(t, l); load.Status != contract.Duplicate || load.Of != "M" || !load.Updated.Equal(at(3)) {
		t.Errorf("got %+v", load)
	}
	if err := l.Announced(t.Context(), "L"); err != nil {
		t.Fatal(err)
	}
	if list := must[[]ledger.Load](t)(l.Open(t.Context(), at(99), 9)); len(list) != 0 {
		t.Errorf("open: %+v", list)
	}
	for what, late := range map[string]func() (bool, error){
		"plan":   func() (bool, error) { return l.Plan(t.Context(), "L", plan(1), cut(1)) },
		"fail":   func() (bool, error) { return l.Fail(t.Context(), "L", "why", at(4)) },
		"resume": func() (bool, error) { return l.Resume(t.Context(), loadOf(t, l), at(4)) },
	} {
		if must[bool](t)(late()) {
			t.Errorf("%s of a load that is over", what)
		}
	}
	if _, _, err := l.Receive(t.Context(), received("P")); err != nil {
		t.Fatal(err)
	}
	must[bool](t)(l.Plan(t.Context(), "P", plan(1), cut(1)))
	if must[bool](t)(l.Same(t.Context(), "P", "M", at(5))) {
		t.Error("a load that is running became another's duplicate")
	}
}

// All first attempts are recorded as sent by one write. It is no change of the load: who waits for one sees none.
func dispatched(t *testing.T, l Subject) {
	ctx := t.Context()
	receivedLoad(t, l)
	if err := l.Dispatched(ctx, "L", at(3)); err != nil || !loadOf(t, l).Sent.IsZero() {
		t.Errorf("a load without a plan: %v, %+v", err, loadOf(t, l))
	}
	must[bool](t)(l.Plan(ctx, "L", plan(2), cut(2)))
	before := loadOf(t, l).Updated
	for second := range 2 { // the first time counts
		if err := l.Dispatched(ctx, "L", at(5+second)); err != nil {
			t.Fatal(err)
		}
	}
	if load := loadOf(t, l); !load.Sent.Equal(at(5)) || !load.Updated.Equal(before) {
		t.Errorf("got %+v", load)
	}
	if c := chunkOf(t, l, 1); c.Sent.Equal(at(5)) {
		t.Errorf("a chunk was written: %+v", c)
	}
	if err := l.Dispatched(ctx, "unknown", at(5)); err != nil {
		t.Error(err)
	}
}

// What is proven of a running load need not be read again.
func prove(t *testing.T, l Subject) {
	ctx := t.Context()
	receivedLoad(t, l)
	p := ledger.Proven{Chunks: 2, End: 210, Last: at(4), Looked: at(5)}
	if err := l.Prove(ctx, "L", p); err != nil || loadOf(t, l).Proven != nil {
		t.Errorf("a load that is not running: %v, %+v", err, loadOf(t, l).Proven)
	}
	must[bool](t)(l.Plan(ctx, "L", plan(3), cut(3)))
	before := loadOf(t, l).Updated
	if err := l.Prove(ctx, "L", p); err != nil {
		t.Fatal(err)
	}
	if load := loadOf(t, l); load.Proven == nil || *load.Proven != p || !load.Updated.Equal(before) {
		t.Errorf("got %+v", load)
	}
	for first, want := range []int{3, 2, 1, 0} {
		rest := must[[]ledger.Chunk](t)(l.ChunksFrom(ctx, "L", first, 0))
		if len(rest) != want || want > 0 && rest[0].Index != first {
			t.Errorf("from chunk %d: %+v", first, rest)
		}
	}
	claim(t, l, "a", 1, 1, 60) // chunk 0
	for untouched, want := range []int{3, 2, 3, 3} {
		if rest := must[[]ledger.Chunk](t)(l.ChunksFrom(ctx, "L", 0, untouched)); len(rest) != want {
			t.Errorf("up to a page of %d that nobody has worked on: %d chunks, want %d", untouched, len(rest), want)
		}
	}
}
