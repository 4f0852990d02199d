package reconcile

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/ledger"
	"dip/internal/record"
)

var began = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time {
	return began.Add(time.Duration(seconds * float64(time.Second)))
}

func ptr[T any](v T) *T { return &v }

var limits = Limits{DueAfter: time.Minute, MaxAttempts: 3, Keep: time.Hour}

// look is a look some time after the plan, in the first execution.
func look(seconds float64) Look { return Look{Now: at(seconds), Started: began} }

// planned is a load of n chunks of 100 bytes, none of them claimed.
func planned(n int) (ledger.Load, []ledger.Chunk) {
	l := ledger.Load{
		ID: "L", Segment: "things", Catalog: "catalog/old.json", Received: began.Add(-time.Hour), Status: contract.Running,
		Object: contract.Object{Bucket: "landing", Key: "things/a", VersionID: "v1", Size: int64(100 * n), ETag: "e"},
		Plan:   &ledger.Plan{Compression: contract.Plain, Body: 10, Columns: []int{1, -1}, Width: 2, Chunks: n, At: began},
	}
	chunks := make([]ledger.Chunk, n)
	for i := range chunks {
		chunks[i] = ledger.Chunk{Index: i, Start: int64(100 * i), End: int64(100*i + 100), Attempt: 1, Sent: began}
	}
	if n > 0 {
		chunks[0].Start, chunks[0].From = 10, &l.Plan.Body
	}
	return l, chunks
}

// ack acknowledges a chunk that read [start, end), two good records and a bad one.
func ack(c *ledger.Chunk, start, end int64, seconds float64) {
	good, bad := record.Sum{Hi: 1, Lo: 2}, record.Sum{Lo: 5}
	c.Ack = &contract.Ack{
		Start: start, End: end, RowsIn: 3, RowsOut: 2, Quarantined: 1, HashOut: good.String(), HashBad: bad.String(),
		Outputs:    []contract.Output{{Key: "data/k", Partition: "p=1", Rows: 2, Bytes: 20, SHA256: "s1"}},
		Quarantine: &contract.Output{Key: "quarantine/k", Rows: 1, Bytes: 10, SHA256: "s2"},
		Code:       "c0de", Runtime: "7", Attempt: c.Attempt, At: at(seconds), Millis: 5,
	}
}

// done acknowledges every chunk as it should be.
func done(chunks []ledger.Chunk) {
	for i := range chunks {
		ack(&chunks[i], chunks[i].Start, chunks[i].End, float64(i))
	}
}

func TestDecide(t *testing.T) {
	type chunks = []ledger.Chunk
	for _, c := range []struct {
		name    string
		seconds float64 // since the plan
		prepare func(l *ledger.Load, c chunks)
		action  contract.Action
		cause   string
		lost    bool  // the queue is empty
		send    []int // indexes
		from    []int64
		failed  int // of what is sent
		wait    int
	}{
		{name: "all done", prepare: func(_ *ledger.Load, c chunks) { done(c) }, action: contract.ActionCertify},
		{name: "just sent", seconds: 1, prepare: func(*ledger.Load, chunks) {}, action: contract.ActionWait, wait: 1},
		{name: "one moment before it is due", seconds: 59.5, prepare: func(*ledger.Load, chunks) {},
			action: contract.ActionWait, wait: 1},
		{
			name: "unclaimed: it waits in its queue", seconds: 60, prepare: func(_ *ledger.Load, c chunks) { done(c[:2]) },
			action: contract.ActionWait, wait: 15,
		},
		{
			name: "as long as the queue keeps its message", seconds: 3599,
			prepare: func(_ *ledger.Load, c chunks) { done(c[:2]) }, action: contract.ActionWait, wait: 18,
		},
		{
			name: "and no longer", seconds: 3600, prepare: func(_ *ledger.Load, c chunks) { done(c[:2]) },
			action: contract.ActionWait, send: []int{2}, from: []int64{-1}, wait: 60,
		},
		{
			name: "unclaimed, but its queue is empty", seconds: 60, lost: true,
			prepare: func(_ *ledger.Load, c chunks) { done(c[:2]) },
			action:  contract.ActionWait, send: []int{2}, from: []int64{-1}, failed: 1, wait: 15,
		},
		{
			name: "opened and never sent", seconds: 2, prepare: func(_ *ledger.Load, c chunks) { c[1].Sent = time.Time{} },
			action: contract.ActionWait, send: []int{1}, from: []int64{-1}, wait: 1,
		},
		{
			name: "handed back: its message is in its queue", seconds: 50,
			prepare: func(_ *ledger.Load, c chunks) { done(c[:2]); c[2].HandedBack, c[2].LeaseUntil = 9, at(40) },
			action:  contract.ActionWait, wait: 10,
		},
		{
			name: "claimed, however long ago it was sent", seconds: 600,
			prepare: func(_ *ledger.Load, c chunks) { done(c[:2]); c[2].Owner, c[2].LeaseUntil = "a", at(610) },
			action:  contract.ActionWait, wait: 10,
		},
		{
			name: "two are claimed: the lease that ends first", seconds: 600,
			prepare: func(_ *ledger.Load, c chunks) {
				done(c[:1])
				c[1].Owner, c[1].LeaseUntil, c[2].Owner, c[2].LeaseUntil = "a", at(605), "b", at(610)
			},
			action: contract.ActionWait, wait: 5,
		},
		{
			name: "its worker's lease has expired", seconds: 610,
			prepare: func(_ *ledger.Load, c chunks) { done(c[:2]); c[2].Owner, c[2].LeaseUntil = "a", at(610) },
			action:  contract.ActionWait, send: []int{2}, from: []int64{-1}, failed: 1, wait: 60,
		},
		{
			name: "its worker gave it up", seconds: 70,
			prepare: func(_ *ledger.Load, c chunks) { done(c[:2]); c[2].Released, c[2].Failures = at(60), 1 },
			action:  contract.ActionWait, wait: 5,
		},
		{
			name: "and it is due soon, though its message is still hidden", seconds: 75,
			prepare: func(_ *ledger.Load, c chunks) { done(c[:2]); c[2].Released, c[2].Failures = at(60), 1 },
			action:  contract.ActionWait, send: []int{2}, from: []int64{-1}, wait: 19,
		},
		{
			name: "a failure is final", seconds: 1, prepare: func(_ *ledger.Load, c chunks) { c[1].Failure = "too long" },
			action: contract.ActionFail, cause: "chunk 1 (bytes 100 to 200): too long",
		},
		{
			name: "a failure of an input that cannot be split", seconds: 1,
			prepare: func(_ *ledger.Load, c chunks) { c[0].End, c[0].Failure = -1, "truncated" },
			action:  contract.ActionFail, cause: "chunk 0 (bytes from 10): truncated",
		},
		{
			name: "chunks are missing", prepare: func(l *ledger.Load, c chunks) { done(c); l.Plan.Chunks = 4 },
			action: contract.ActionFail, cause: "the ledger has 3 of 4 chunks of load L",
		},
		{
			name: "attempts are exhausted", seconds: 300,
			prepare: func(_ *ledger.Load, c chunks) {
				done(c[:2])
				c[2].Failures, c[2].Released, c[2].LastError = 3, at(300), "reset"
			},
			action: contract.ActionFail, cause: "chunk 2 (bytes 200 to 300) failed 3 times; last error: reset",
		},
		{
			name: "attempts are exhausted, no error reported", seconds: 300,
			prepare: func(_ *ledger.Load, c chunks) {
				done(c[:2])
				c[2].Failures, c[2].Owner, c[2].LeaseUntil = 2, "a", at(290)
			},
			action: contract.ActionFail, cause: "failed 3 times; last error: none reported: the function crashed",
		},
		{
			name: "its message ends among the dead letters again and again", seconds: 300, lost: true,
			prepare: func(_ *ledger.Load, c chunks) { done(c[:2]); c[2].Failures = 2 },
			action:  contract.ActionFail, cause: "failed 3 times",
		},
		{
			name: "the last attempt may still succeed", seconds: 300,
			prepare: func(_ *ledger.Load, c chunks) {
				done(c[:2])
				c[2].Failures, c[2].Owner, c[2].LeaseUntil = 2, "a", at(310)
			},
			action: contract.ActionWait, wait: 10,
		},
		{
			name: "attempts are no failures", seconds: 300, lost: true,
			prepare: func(_ *ledger.Load, c chunks) { done(c[:2]); c[2].Attempt = 50 },
			action:  contract.ActionWait, send: []int{2}, from: []int64{-1}, failed: 1, wait: 60,
		},
		{
			name: "a wrong guess runs again from the proven start, whatever else is missing", seconds: 2,
			prepare: func(_ *ledger.Load, c chunks) { ack(&c[0], 10, 130, 1); ack(&c[1], 120, 200, 1) },
			action:  contract.ActionWait, send: []int{1}, from: []int64{130}, wait: 1,
		},
		{
			name: "a wrong guess is not a failed attempt", seconds: 2,
			prepare: func(_ *ledger.Load, c chunks) { done(c); c[1].Attempt = 3; ack(&c[1], 120, 200, 1) },
			action:  contract.ActionWait, send: []int{1}, from: []int64{100}, wait: 1,
		},
		{
			name: "several are known to be wrong at once", seconds: 2,
			prepare: func(_ *ledger.Load, c chunks) {
				ack(&c[0], 10, 250, 1)
				ack(&c[1], 120, 200, 1)
				ack(&c[2], 260, 300, 1)
			},
			action: contract.ActionWait, send: []int{1, 2}, from: []int64{250, 250}, wait: 1,
		},
		{
			name: "a compressed input is done when its only chunk is",
			prepare: func(l *ledger.Load, c chunks) {
				l.Plan.Compression, c[0].End, l.Plan.Chunks = contract.Gzip, -1, 1
				ack(&c[0], 10, 99_999, 1)
			},
			action: contract.ActionCertify,
		},
		{
			name: "and not before", seconds: 4,
			prepare: func(l *ledger.Load, c chunks) { l.Plan.Compression, c[0].End, l.Plan.Chunks = contract.Gzip, -1, 1 },
			action:  contract.ActionWait, wait: 2,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, k := planned(3)
			c.prepare(&l, k)
			if l.Plan.Chunks == 1 {
				k = k[:1]
			}
			look := look(c.seconds)
			if c.lost {
				look.Lost = map[int]bool{2: true}
			}
			got := Decide(look, l, k, limits)
			if got.Action != c.action || !strings.Contains(got.Cause, c.cause) || (got.Cause == "") != (c.cause == "") {
				t.Fatalf("got %+v, want %s %q", got, c.action, c.cause)
			}
			if got.Wait != time.Duration(c.wait)*time.Second {
				t.Errorf("wait %s, want %d s", got.Wait, c.wait)
			}
			var send []int
			var from []int64
			for _, s := range got.Send {
				send = append(send, s.Chunk.Index)
				if s.Failed != c.failed || s.Repair != s.Chunk.Sent.IsZero() {
					t.Errorf("send %+v", s)
				}
				if s.From == nil {
					from = append(from, -1)
				} else {
					from = append(from, *s.From)
				}
			}
			if !reflect.DeepEqual(send, c.send) || !reflect.DeepEqual(from, c.from) {
				t.Errorf("send %v from %v, want %v from %v", send, from, c.send, c.from)
			}
			if again := Decide(look, l, k, limits); !reflect.DeepEqual(again, got) {
				t.Errorf("first %+v\nthen %+v", got, again)
			}
		})
	}
}

func TestDecideOfAnEmptyLoad(t *testing.T) {
	l, chunks := planned(0)
	l.Object.Size = l.Plan.Body // a header and nothing else
	if got := Decide(look(1), l, chunks, limits); got.Action != contract.ActionCertify {
		t.Errorf("got %+v", got)
	}
}

func TestWait(t *testing.T) {
	long := time.Hour // nothing comes due
	for _, c := range []struct {
		name          string
		chunks, acked int
		last          float64 // time of the last acknowledgement
		now           float64
		want          int
	}{
		{"nothing yet: half of the time so far", 10, 0, 0, 10, 5},
		{"at the beginning", 10, 0, 0, 0, 1},
		{"half is done: half of what the rest will take", 10, 5, 20, 20, 10},
		{"nearly done", 100, 99, 50, 50, 1},
		{"seconds are whole", 10, 5, 5, 5, 3},
		{"a long load is looked at once a minute", 1000, 10, 600, 600, 60},
		{"one chunk keeps it waiting: a quarter of that time", 100, 99, 20, 100, 20},
		{"and keeps on", 100, 99, 20, 1000, 60},
	} {
		l, chunks := planned(c.chunks)
		for i := range c.acked {
			ack(&chunks[i], chunks[i].Start, chunks[i].End, c.last*float64(i+1)/float64(c.acked))
		}
		if got := Decide(look(c.now), l, chunks,
			Limits{DueAfter: long, MaxAttempts: 1, Keep: long}); got.Wait != time.Duration(c.want)*time.Second {
			t.Errorf("%s: %s, want %d s", c.name, got.Wait, c.want)
		}
	}
}

// A workflow may have 25,000 events in its history, and a look at the ledger makes about a dozen of them.
func TestNumberOfLooks(t *testing.T) {
	for _, c := range []struct {
		name         string
		chunks       int
		rate         float64 // chunks a second
		stall        float64 // seconds that the last chunk takes
		looks, after int     // at most, and seconds between the end and the next look at most
	}{
		{"one short chunk", 1, 1, 0, 2, 2},
		{"short", 20, 2, 0, 8, 2},
		{"long", 10_000, 1, 0, 190, 50}, // 1/200 of its age
		{"the last chunk takes long", 1000, 10, 3600, 95, 61},
	} {
		l, chunks := planned(c.chunks)
		end := float64(c.chunks)/c.rate + c.stall
		looks, now := 0, 0.0
		for ; ; looks++ {
			for i := range chunks {
				ends := float64(i+1) / c.rate
				if i == len(chunks)-1 {
					ends += c.stall
				}
				if chunks[i].Ack == nil && ends <= now {
					ack(&chunks[i], chunks[i].Start, chunks[i].End, ends)
				}
			}
			d := Decide(look(now), l, chunks, Limits{DueAfter: 24 * time.Hour, MaxAttempts: 1, Keep: 24 * time.Hour})
			if d.Action == contract.ActionCertify {
				break
			}
			now += d.Wait.Seconds()
		}
		if looks > c.looks || now > end+float64(c.after) {
			t.Errorf("%s: %d looks, want %d; seen %.0f s after its end, want %d s", c.name, looks, c.looks, now-end, c.after)
		}
	}
}

func TestEnd(t *testing.T) {
	l, chunks := planned(2)
	if got := End(l, chunks); got != 200 {
		t.Errorf("plain: %d", got)
	}
	l.Plan.Compression = contract.Zstd
	if got := End(l, chunks[:1]); got != l.Plan.Body {
		t.Errorf("compressed, not read yet: %d", got)
	}
	ack(&chunks[0], 10, 5_000, 1)
	if got := End(l, chunks[:1]); got != 5_000 {
		t.Errorf("compressed: %d", got)
	}
}
