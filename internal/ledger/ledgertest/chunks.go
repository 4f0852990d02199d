package ledgertest

import (
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"

	"dip/contract"
	"dip/internal/ledger"
)

// claim takes chunk 0 of load L for owner until second until.
func claim(t *testing.T, l Ledger, owner string, attempt, now, until int) ledger.Outcome {
	t.Helper()
	got, err := l.Claim(t.Context(), by(0, attempt, owner), at(now), at(until))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func claimMatrix(t *testing.T, l Subject) {
	planned(t, l, 1)
	for _, c := range []struct {
		why                 string
		owner               string
		attempt, now, until int
		want                ledger.Outcome
	}{
		{"unclaimed", "a", 1, 10, 60, ledger.Granted},
		{"the owner asks again", "a", 1, 11, 61, ledger.Granted},
		{"another one works on it", "b", 1, 12, 62, ledger.Busy},
		{"its lease ends at this moment", "b", 1, 61, 90, ledger.Busy},
		{"its lease has expired", "b", 1, 62, 90, ledger.Granted},
		{"the first owner lost it", "a", 1, 63, 90, ledger.Busy},
		{"a later attempt takes over at once", "c", 2, 64, 100, ledger.Granted},
		{"an earlier attempt comes late", "b", 1, 65, 100, ledger.Superseded},
		{"an earlier attempt comes after the lease", "b", 1, 200, 300, ledger.Superseded},
	} {
		if got := claim(t, l, c.owner, c.attempt, c.now, c.until); got != c.want {
			t.Errorf("%s: %s, want %s", c.why, got, c.want)
		}
	}
	if c := chunkOf(t, l, 0); c.Owner != "c" || c.Attempt != 2 || !c.LeaseUntil.Equal(at(100)) {
		t.Errorf("got %+v", c)
	}
}

func claimOfWhatIsOver(t *testing.T, l Subject) {
	planned(t, l, 2)
	claim(t, l, "a", 1, 2, 60)
	must[bool](t)(l.Acknowledge(t.Context(), by(0, 1, "a"), contract.Ack{}))
	for attempt := 1; attempt <= 2; attempt++ {
		if got := claim(t, l, "b", attempt, 100, 200); got != ledger.Done {
			t.Errorf("attempt %d at an acknowledged chunk: %s", attempt, got)
		}
	}
	other := by(1, 1, "a")
	must[ledger.Outcome](t)(l.Claim(t.Context(), other, at(2), at(60)))
	must[bool](t)(l.FailChunk(t.Context(), other, "broken"))
	for attempt := 1; attempt <= 2; attempt++ {
		other.Attempt, other.Owner = attempt, "b"
		if got, err := l.Claim(t.Context(), other, at(100), at(200)); err != nil || got != ledger.Done {
			t.Errorf("attempt %d at a failed chunk: %s, %v", attempt, got, err)
		}
	}
	// A message of a load that the ledger does not know must not create half a chunk.
	for _, unknown := range []ledger.Claim{{Load: "M", Attempt: 1, Owner: "a"}, by(7, 1, "a")} {
		if _, err := l.Claim(t.Context(), unknown, at(2), at(60)); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("%+v: %v", unknown, err)
		}
	}
	if chunks := chunksOf(t, l, "M"); len(chunks) != 0 {
		t.Errorf("got %+v", chunks)
	}
}

func acknowledge(t *testing.T, l Subject) {
	planned(t, l, 1)
	ack := contract.Ack{
		Start: 10, End: 100, RowsIn: 3, RowsOut: 2, Quarantined: 1, HashOut: "h", HashBad: "b",
		Code: "c", Runtime: "7", Attempt: 1, At: at(9), Millis: 5,
		Outputs:    []contract.Output{{Key: "k", Rows: 2, Bytes: 9, SHA256: "s"}},
		Quarantine: &contract.Output{Key: "q", Rows: 1},
	}
	owner := by(0, 1, "a")
	if ok, err := l.Acknowledge(t.Context(), owner, ack); err != nil || ok {
		t.Fatalf("without a claim: %t, %v", ok, err)
	}
	claim(t, l, "a", 1, 2, 60)
	if ok, err := l.Acknowledge(t.Context(), by(0, 1, "b"), ack); err != nil || ok {
		t.Fatalf("another owner: %t, %v", ok, err)
	}
	if ok, err := l.Acknowledge(t.Context(), owner, ack); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if c := chunkOf(t, l, 0); !reflect.DeepEqual(c.Ack, &ack) {
		t.Errorf("got  %+v\nwant %+v", c.Ack, ack)
	}
	// The first one counts, for good.
	for what, finish := range map[string]func() (bool, error){
		"acknowledge": func() (bool, error) { return l.Acknowledge(t.Context(), owner, contract.Ack{RowsIn: 99}) },
		"fail":        func() (bool, error) { return l.FailChunk(t.Context(), owner, "broken") },
		"release":     func() (bool, error) { return l.Release(t.Context(), owner, "broken", at(50)) },
	} {
		if ok, err := finish(); err != nil || ok {
			t.Errorf("%s after the acknowledgement: %t, %v", what, ok, err)
		}
	}
	if c := chunkOf(t, l, 0); c.Ack.RowsIn != 3 || c.Failure != "" || c.LastError != "" {
		t.Errorf("got %+v", c)
	}
}

// A worker presumed dead finishes after its chunk was taken over: its acknowledgement must not count.
func zombieIsRefused(t *testing.T, l Subject) {
	planned(t, l, 1)
	claim(t, l, "zombie", 1, 2, 10)
	claim(t, l, "heir", 1, 11, 60)
	zombie := by(0, 1, "zombie")
	if ok, err := l.Acknowledge(t.Context(), zombie, contract.Ack{RowsIn: 1}); err != nil || ok {
		t.Errorf("after another owner took over: %t, %v", ok, err)
	}
	next := must[ledger.Chunk](t)(l.Resend(t.Context(), "L", chunkOf(t, l, 0), nil, 0))
	for _, late := range []ledger.Claim{zombie, by(0, 1, "heir")} {
		if ok, err := l.Acknowledge(t.Context(), late, contract.Ack{RowsIn: 1}); err != nil || ok {
			t.Errorf("%s after the next attempt was sent: %t, %v", late.Owner, ok, err)
		}
		if ok, err := l.FailChunk(t.Context(), late, "broken"); err != nil || ok {
			t.Errorf("%s failed the next attempt: %t, %v", late.Owner, ok, err)
		}
		if ok, err := l.Release(t.Context(), late, "broken", at(50)); err != nil || ok {
			t.Errorf("%s released the next attempt: %t, %v", late.Owner, ok, err)
		}
	}
	claim(t, l, "third", next.Attempt, 62, 90)
	if ok, err := l.Acknowledge(t.Context(), by(0, next.Attempt, "third"), contract.Ack{RowsIn: 3}); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if c := chunkOf(t, l, 0); c.Ack.RowsIn != 3 || c.Failure != "" {
		t.Errorf("got %+v", c)
	}
}

func releaseLetsTheNextOneIn(t *testing.T, l Subject) {
	planned(t, l, 1)
	claim(t, l, "a", 1, 2, 900)
	if ok, err := l.Release(t.Context(), by(0, 1, "b"), "not mine", at(50)); err != nil || ok {
		t.Fatalf("another owner released it: %t, %v", ok, err)
	}
	if ok, err := l.Release(t.Context(), by(0, 1, "a"), "connection reset", at(50)); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if c := chunkOf(t, l, 0); c.Owner != "" || c.LastError != "connection reset" || !c.Released.Equal(at(50)) {
		t.Errorf("got %+v", c)
	}
	if got := claim(t, l, "b", 1, 3, 900); got != ledger.Granted {
		t.Errorf("long before the lease ends: %s", got)
	}
}

// A worker that stops hands its chunk to the next one at once, under the same attempt; the ledger counts how often.
func handBack(t *testing.T, l Subject) {
	planned(t, l, 1)
	claim(t, l, "a", 1, 2, 900)
	if ok, err := l.HandBack(t.Context(), by(0, 1, "b")); err != nil || ok {
		t.Fatalf("another owner handed it back: %t, %v", ok, err)
	}
	for i, owner := range []string{"a", "b"} {
		if got := claim(t, l, owner, 1, 3, 900); got != ledger.Granted {
			t.Fatalf("%s long before the lease ends: %s", owner, got)
		}
		if ok, err := l.HandBack(t.Context(), by(0, 1, owner)); err != nil || !ok {
			t.Fatal(ok, err)
		}
		if c := chunkOf(t, l, 0); c.Owner != "" || c.HandedBack != i+1 || c.Attempt != 1 || c.LastError != "" {
			t.Errorf("got %+v", c)
		}
	}
	next := must[ledger.Chunk](t)(l.Resend(t.Context(), "L", chunkOf(t, l, 0), nil, 0))
	if next.HandedBack != 2 || chunkOf(t, l, 0).HandedBack != 2 {
		t.Errorf("got %+v", next)
	}
}

func resend(t *testing.T, l Subject) {
	planned(t, l, 2)
	claim(t, l, "a", 1, 2, 60)
	must[bool](t)(l.Release(t.Context(), by(0, 1, "a"), "connection reset", at(50)))
	claim(t, l, "b", 1, 3, 60)
	read := chunkOf(t, l, 0)
	next, err := l.Resend(t.Context(), "L", read, nil, 0)
	want := ledger.Chunk{
		Index: 0, Start: 10, End: 100, From: ptr(int64(10)), Attempt: 2, LastError: "connection reset", Failures: 1,
	}
	if err != nil || !reflect.DeepEqual(next, want) {
		t.Fatalf("%v\ngot  %+v\nwant %+v", err, next, want)
	}
	if c := chunkOf(t, l, 0); !reflect.DeepEqual(c, want) {
		t.Errorf("the ledger has %+v", c)
	}
	// A caller that read the chunk before that no longer decides on it.
	if _, err := l.Resend(t.Context(), "L", read, nil, 0); !errors.Is(err, ledger.ErrMoved) {
		t.Errorf("resend of a resent chunk: %v", err)
	}
	if _, err := l.Resend(t.Context(), "L", read, ptr(int64(20)), 0); !errors.Is(err, ledger.ErrMoved) {
		t.Errorf("rerun of a resent chunk: %v", err)
	}
}

func resendNeverDropsAnAcknowledgementUnlessItBeganInTheWrongPlace(t *testing.T, l Subject) {
	planned(t, l, 2)
	read := chunkOf(t, l, 1)
	owner := by(1, 1, "a")
	must[ledger.Outcome](t)(l.Claim(t.Context(), owner, at(2), at(60)))
	must[bool](t)(l.Acknowledge(t.Context(), owner, contract.Ack{Start: 105, End: 200, RowsIn: 4}))
	// It was not acknowledged when it was read, and is now.
	if _, err := l.Resend(t.Context(), "L", read, nil, 0); !errors.Is(err, ledger.ErrMoved) {
		t.Fatalf("got %v", err)
	}
	if c := chunkOf(t, l, 1); c.Ack == nil || c.Attempt != 1 {
		t.Fatalf("got %+v", c)
	}
	next, err := l.Resend(t.Context(), "L", chunkOf(t, l, 1), ptr(int64(0)), 0)
	want := ledger.Chunk{Index: 1, Start: 100, End: 200, From: ptr(int64(0)), Attempt: 2}
	if err != nil || !reflect.DeepEqual(next, want) {
		t.Fatalf("%v\ngot  %+v\nwant %+v", err, next, want)
	}
	if c := chunkOf(t, l, 1); !reflect.DeepEqual(c, want) {
		t.Errorf("the ledger has %+v", c)
	}
	// The proven start stays with the chunk however often it is sent.
	third := must[ledger.Chunk](t)(l.Resend(t.Context(), "L", next, nil, 0))
	if third.From == nil || *third.From != 0 || *chunkOf(t, l, 1).From != 0 {
		t.Errorf("got %+v", third)
	}
}

// A holder that failed for good may still succeed: its acknowledgement counts.
func acknowledgeAfterAFailure(t *testing.T, l Subject) {
	planned(t, l, 1)
	claim(t, l, "a", 1, 2, 60)
	owner := ledger.Claim{Load: "L", Attempt: 1, Owner: "a"}
	must[bool](t)(l.FailChunk(t.Context(), owner, "broken"))
	if ok, err := l.Acknowledge(t.Context(), owner, contract.Ack{RowsIn: 3}); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if c := chunkOf(t, l, 0); c.Ack == nil || c.Failure != "broken" {
		t.Errorf("got %+v", c)
	}
}

// Of any number of workers that claim at once, one gets the chunk.
func oneClaimIsGranted(t *testing.T, l Subject) {
	planned(t, l, 1)
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		granted []string
	)
	for _, owner := range strings.Split("abcdefgh", "") {
		wg.Go(func() {
			got, err := l.Claim(t.Context(), by(0, 1, owner), at(2), at(60))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if got == ledger.Granted {
				granted = append(granted, owner)
			} else if got != ledger.Busy {
				t.Errorf("%s: %s", owner, got)
			}
		})
	}
	wg.Wait()
	if len(granted) != 1 || chunkOf(t, l, 0).Owner != granted[0] {
		t.Errorf("granted to %v", granted)
	}
}
