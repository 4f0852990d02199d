package reconcile

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/ledger"
	"dip/internal/load"
)

// restaged is a load of a gzip whose job has staged n pieces of 100 bytes so far.
func restaged(n int) (ledger.Load, []ledger.Chunk) {
	l, chunks := planned(n)
	l.Object.Size, l.Plan.Chunks = 55, 0
	l.Plan.Compression, l.Plan.Restage, l.Plan.Lane = contract.Gzip, true, contract.Workers
	l.Restage = &ledger.Chunk{Index: ledger.RestageIndex, Start: 10, End: -1, Attempt: 1, Sent: began}
	for i := range chunks {
		c := &chunks[i]
		c.From, c.Staged = &c.Start, &contract.Object{Bucket: "lake", Key: "staging/k", Size: c.End - c.Start}
	}
	return l, chunks
}

// whole acknowledges the restage of what is staged.
func whole(l *ledger.Load, chunks []ledger.Chunk) {
	end := l.Plan.Body
	if len(chunks) > 0 {
		end = chunks[len(chunks)-1].End
	}
	l.Restage.Ack = &contract.Ack{Start: l.Plan.Body, End: end}
}

func TestDecideOfARestagedLoad(t *testing.T) {
	type chunks = []ledger.Chunk
	for _, c := range []struct {
		name    string
		seconds float64
		prepare func(l *ledger.Load, c chunks)
		action  contract.Action
		cause   string
		lost    bool
		send    []int
		wait    int
	}{
		{name: "nothing yet", seconds: 10, prepare: func(*ledger.Load, chunks) {}, action: contract.ActionWait, wait: 5},
		{
			name: "all so far is done, but more is to come", seconds: 10,
			prepare: func(l *ledger.Load, c chunks) { done(c); l.Restage.Owner, l.Restage.LeaseUntil = "job", at(30) },
			action:  contract.ActionWait, wait: 5,
		},
		{
			name: "a chunk whose piece has expired: the job makes it, and sends it", seconds: 10,
			prepare: func(_ *ledger.Load, c chunks) { done(c[:2]); c[2].Sent = time.Time{} },
			action:  contract.ActionWait, wait: 5,
		},
		{
			name: "the job waits for a node", seconds: 70, prepare: func(_ *ledger.Load, c chunks) { done(c) },
			action: contract.ActionWait, wait: 35,
		},
		{
			name: "the job never began, and its queue is empty", seconds: 70, lost: true,
			prepare: func(_ *ledger.Load, c chunks) { done(c) },
			action:  contract.ActionWait, send: []int{ledger.RestageIndex}, wait: 35,
		},
		{
			name: "the job died", seconds: 31,
			prepare: func(l *ledger.Load, c chunks) { done(c); l.Restage.Owner, l.Restage.LeaseUntil = "job", at(30) },
			action:  contract.ActionWait, send: []int{ledger.RestageIndex}, wait: 16,
		},
		{
			name: "the job failed", seconds: 1,
			prepare: func(l *ledger.Load, _ chunks) { l.Restage.Failure = "the gzip input is truncated" },
			action:  contract.ActionFail, cause: "the restage of the input: the gzip input is truncated",
		},
		{
			name: "a chunk failed while the job is running", seconds: 1,
			prepare: func(_ *ledger.Load, c chunks) { c[1].Failure = "no such key" },
			action:  contract.ActionFail, cause: "chunk 1 (bytes 100 to 200): no such key",
		},
		{
			name: "the job died too often", seconds: 500,
			prepare: func(l *ledger.Load, c chunks) {
				done(c)
				l.Restage.Failures, l.Restage.Owner, l.Restage.LeaseUntil = 2, "job", at(30)
			},
			action: contract.ActionFail, cause: "the restage of the input failed 3 times; last error: none reported",
		},
		{
			name: "interruptions of the job do not count", seconds: 500, lost: true,
			prepare: func(l *ledger.Load, c chunks) { done(c); l.Restage.Attempt, l.Restage.HandedBack = 5, 3 },
			action:  contract.ActionWait, send: []int{ledger.RestageIndex}, wait: 60,
		},
		{name: "all is staged and done", prepare: func(l *ledger.Load, c chunks) { done(c); whole(l, c) },
			action: contract.ActionCertify},
		{
			name: "all is staged", seconds: 9, prepare: func(l *ledger.Load, c chunks) { done(c[:2]); whole(l, c) },
			action: contract.ActionWait, wait: 3,
		},
		{
			name: "chunks before the end are missing", seconds: 1,
			prepare: func(l *ledger.Load, c chunks) { done(c); whole(l, c); l.Restage.Ack.End = 400 },
			action:  contract.ActionFail, cause: "the ledger has chunks of load L up to byte 300 of 400",
		},
		{
			name: "a chunk in the middle is missing", seconds: 1, prepare: func(l *ledger.Load, c chunks) { c[1].Start++ },
			action: contract.ActionFail, cause: "the ledger has no chunk of load L that starts at byte 100",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, k := restaged(3)
			c.prepare(&l, k)
			look := look(c.seconds)
			if c.lost {
				look.Lost = map[int]bool{ledger.RestageIndex: true}
			}
			got := Decide(look, l, k, limits)
			if got.Action != c.action || got.Wait != time.Duration(c.wait)*time.Second ||
				!strings.HasPrefix(got.Cause, c.cause) || (got.Cause == "") != (c.cause == "") {
				t.Errorf("got %+v, want %s %d %q", got, c.action, c.wait, c.cause)
			}
			var send []int
			for _, s := range got.Send {
				send = append(send, s.Chunk.Index)
			}
			if !slices.Equal(send, c.send) {
				t.Errorf("send %v, want %v", send, c.send)
			}
		})
	}
	l, _ := restaged(0)
	whole(&l, nil)
	if got := Decide(look(1), l, nil, limits); got.Action != contract.ActionCertify {
		t.Errorf("an input without records: %+v", got)
	}
}

func TestPlanned(t *testing.T) {
	l, chunks := planned(3)
	l.Plan.Chunks = 2
	if got := load.Planned(l, chunks); len(got) != 2 {
		t.Errorf("%d chunks", len(got))
	}
	l, chunks = restaged(3)
	chunks[2].Staged = nil // of a plan that died halfway
	if got := load.Planned(l, chunks); len(got) != 2 || len(chunks) != 3 || chunks[2].Index != 2 {
		t.Errorf("%d chunks of %+v", len(got), chunks)
	}
}

func TestCertificateOfARestagedLoad(t *testing.T) {
	l, chunks := restaged(3)
	done(chunks)
	if _, err := Certificate("dev", l, chunks); err == nil {
		t.Error("certified before all was staged")
	}
	whole(&l, chunks)
	c, err := Certificate("dev", l, chunks)
	if err != nil {
		t.Fatal(err)
	}
	if c.Length != 300 || c.Totals.Bytes != 290 || c.Chain.Reruns != 0 || c.Chunks[2].CutStart != 200 ||
		c.Chunks[2].CutEnd != 300 || c.Input != l.Object {
		t.Errorf("got %+v", c)
	}
}

// heavy is a world with a restaged load.
func heavy(n int) (*world, *Reconciler) {
	w, r := newWorld(0)
	l, chunks := restaged(n)
	w.ledger.Seed(l, chunks...)
	return w, r
}

func TestDispatchOfARestagedLoad(t *testing.T) {
	w, r := heavy(2)
	w.ack(0, 10, 100, 1)
	w.edit(func(l *ledger.Load, c []ledger.Chunk) { l.Restage.Sent, c[1].Sent = time.Time{}, time.Time{} })
	w.step(t, r, contract.Dispatch, "")
	if want := []string{`{"v":1,"load":"L","attempt":1}`}; !slices.Equal(w.sent, want) {
		t.Fatalf("sent %q: the job sends chunks once their pieces are there", w.sent)
	}
	w.edit(whole)
	w.sent = nil
	for range 2 {
		w.step(t, r, contract.Dispatch, "")
	}
	if len(w.sent) != 1 {
		t.Fatalf("sent %q once the restage is acknowledged", w.sent)
	}
	m, err := contract.ParseChunkMessage(w.sent[0])
	if err != nil {
		t.Fatal(err)
	}
	from := int64(100)
	want := contract.ChunkMessage{
		Version: 1, Load: "L", Segment: "things", Catalog: "catalog/old.json", Object: *w.chunk(1).Staged, Base: 100,
		Compression: contract.Plain, Columns: []int{1, -1}, Width: 2, LoadDate: "2026-01-31", Chunk: 1, Attempt: 1,
		Start: 100, End: 200, From: &from,
	}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("got  %+v\nwant %+v", m, want)
	}
	if !slices.Contains(w.log, "send to restage") || !slices.Contains(w.log, "send to workers") {
		t.Errorf("did %v", w.log)
	}
}

func TestReconcileSendsARestageAgain(t *testing.T) {
	w, r := heavy(0)
	w.now, w.empty = at(100), map[string]bool{"restage": true}
	got := w.step(t, r, contract.Reconcile, "")
	if want := []string{`{"v":1,"load":"L","attempt":2}`}; !slices.Equal(w.sent, want) ||
		got.Action != contract.ActionWait || w.load().Restage.Attempt != 2 {
		t.Errorf("sent %q, %+v", w.sent, got)
	}
	w.step(t, r, contract.Reconcile, "")
	if len(w.sent) != 1 {
		t.Errorf("sent %q", w.sent)
	}
}

func TestRestageWithoutACluster(t *testing.T) {
	w, r := heavy(0)
	w.edit(func(l *ledger.Load, _ []ledger.Chunk) { l.Restage.Sent = time.Time{} })
	r.Catalog = "catalog/old.json"
	_, err := r.Handle(t.Context(), contract.StepRequest{Version: 1, Load: "L", Step: contract.Dispatch})
	if err == nil || !strings.Contains(err.Error(), "the stack no longer has a cluster") {
		t.Errorf("got %v", err)
	}
}
