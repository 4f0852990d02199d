package ledger

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"dip/contract"
)

// model is what one chunk of the ledger should be, by the rules in words.
type model struct {
	attempt     int
	owner       string
	lease       int
	acked       int // attempt whose acknowledgement counts; 0 none
	ackedBy     string
	failed      bool
	acksCounted map[int]int // acknowledgements that counted, by attempt
}

func (m *model) claim(c Claim, now, until int) Outcome {
	switch {
	case m.acked > 0 || m.failed:
		return Done
	case c.Attempt < m.attempt:
		return Superseded
	case c.Attempt == m.attempt && m.owner != "" && m.owner != c.Owner && m.lease >= now:
		return Busy
	}
	m.attempt, m.owner, m.lease = c.Attempt, c.Owner, until
	return Granted
}

func (m *model) holds(c Claim) bool {
	return m.acked == 0 && c.Attempt == m.attempt && c.Owner == m.owner
}

// Workers that are slow, die, come back as zombies and hear of attempts late, and a reconciler that sends again from
// what it read some time ago, in random order: at most one acknowledgement counts for an attempt, none of an attempt
// before the chunk's present one ever does, and the ledger is always what the rules say.
func TestRandomInterleavings(t *testing.T) {
	l := newLedger(t)
	for seed := range uint64(12) {
		load := received(fmt.Sprintf("S%d", seed))
		if _, _, err := l.Receive(t.Context(), load); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Plan(t.Context(), load.ID, plan(1), cut(1)); err != nil {
			t.Fatal(err)
		}
		interleave(t, l, load.ID, rand.New(rand.NewPCG(seed, 1)))
	}
}

func interleave(t *testing.T, l *Ledger, load string, random *rand.Rand) {
	read := func() Chunk {
		t.Helper()
		return must[[]Chunk](t)(l.Chunks(t.Context(), load))[0]
	}
	m := model{attempt: 1, acksCounted: map[int]int{}}
	var trace []string
	note := func(format string, args ...any) { trace = append(trace, fmt.Sprintf(format, args...)) }
	sent, seen := []int{1}, []Chunk{read()} // attempts whose message is under way, what the reconciler has read
	for now := 10; now < 50; now += 1 + random.IntN(3) {
		c := Claim{load, 0, sent[random.IntN(len(sent))], string(rune('a' + random.IntN(3)))}
		switch random.IntN(10) {
		case 0, 1, 2:
			until := now + random.IntN(8)
			want := m.claim(c, now, until)
			got, err := l.Claim(t.Context(), c, at(now), at(until))
			if note("%d claim %d %s: %s", now, c.Attempt, c.Owner, got); err != nil || got != want {
				t.Fatalf("%q: want %s, %v", trace, want, err)
			}
		case 3, 4:
			want := m.holds(c)
			got, err := l.Acknowledge(t.Context(), c, contract.Ack{Attempt: c.Attempt, Code: c.Owner})
			if note("%d ack %d %s: %t", now, c.Attempt, c.Owner, got); err != nil || got != want {
				t.Fatalf("%q: want %t, %v", trace, want, err)
			}
			if got {
				m.acked, m.ackedBy = c.Attempt, c.Owner
				m.acksCounted[c.Attempt]++
			}
		case 5:
			want := m.holds(c)
			got, err := l.Release(t.Context(), c, "lost")
			if note("%d release %d %s: %t", now, c.Attempt, c.Owner, got); err != nil || got != want {
				t.Fatalf("%q: want %t, %v", trace, want, err)
			}
			if got {
				m.owner = ""
			}
		case 6:
			if random.IntN(4) > 0 {
				continue // permanent failures are rare
			}
			want := m.holds(c)
			got, err := l.FailChunk(t.Context(), c, "broken")
			if note("%d fail %d %s: %t", now, c.Attempt, c.Owner, got); err != nil || got != want {
				t.Fatalf("%q: want %t, %v", trace, want, err)
			}
			m.failed = m.failed || got
		case 7:
			seen = append(seen, read())
		default:
			old := seen[random.IntN(len(seen))]
			var from *int64
			if random.IntN(2) == 0 {
				from = ptr(int64(now))
			}
			want := old.Attempt == m.attempt && (from != nil || m.acked == 0)
			next, err := l.Resend(t.Context(), load, old, from, at(now))
			note("%d resend %d from %v: %v", now, old.Attempt, from != nil, err)
			if (err == nil) != want || err != nil && !errors.Is(err, ErrMoved) {
				t.Fatalf("%q: want %t", trace, want)
			}
			if err == nil {
				m.attempt, m.owner, m.lease, m.failed, m.acked, m.ackedBy = next.Attempt, "", 0, false, 0, ""
				sent = append(sent, next.Attempt)
			}
		}
		stands := read()
		acked, by := 0, ""
		if stands.Ack != nil {
			acked, by = stands.Ack.Attempt, stands.Ack.Code
		}
		if stands.Attempt != m.attempt || stands.Owner != m.owner || acked != m.acked || by != m.ackedBy || (stands.Failure != "") != m.failed {
			t.Fatalf("%q: the ledger has %+v, the rules say %+v", trace, stands, m)
		}
		if acked != 0 && acked < stands.Attempt {
			t.Fatalf("%q: attempt %d is acknowledged by attempt %d", trace, stands.Attempt, acked)
		}
		for attempt, n := range m.acksCounted {
			if n > 1 {
				t.Fatalf("%q: %d acknowledgements of attempt %d counted", trace, n, attempt)
			}
		}
	}
}
