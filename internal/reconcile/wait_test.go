package reconcile

import (
	"testing"
	"time"

	"dip/contract"
)

// eventsPerRound are the history events of a look: state entered and exited for the wait, the task and the choice, and
// of the task scheduled, started and succeeded.
const eventsPerRound = 9

// A workflow ends after 25,000 events, uncaught. In the worst case, something comes due every second for 30 days; then
// a fifth of the events is left, for 50 retries each hour of throttling and what goes before and after the loop.
func TestHistoryLasts30Days(t *testing.T) {
	const days = 30 * 24 * time.Hour
	rounds := 0
	for age := time.Duration(0); age < days; rounds++ {
		age += bound(0, age)
	}
	if events := rounds * eventsPerRound; events > 20_000 {
		t.Errorf("%d rounds make %d events", rounds, events)
	}
	if rounds < 1_500 {
		t.Errorf("%d rounds: waits are longer than they have to be", rounds)
	}
}

func TestBounds(t *testing.T) {
	for _, c := range []struct{ wait, age, want time.Duration }{
		{0, 0, time.Second},
		{1500 * time.Millisecond, 0, 2 * time.Second},
		{time.Hour, 0, time.Minute},
		{time.Second, 10 * time.Minute, 3 * time.Second},
		{time.Hour, 10 * time.Minute, time.Minute},
		{time.Second, 10 * 24 * time.Hour, 72 * time.Minute},
		{24 * time.Hour, 10 * 24 * time.Hour, 72 * time.Minute},
		{-time.Hour, -time.Hour, time.Second}, // a clock that is behind
	} {
		if got := bound(c.wait, c.age); got != c.want {
			t.Errorf("%s at the age of %s: %s, want %s", c.wait, c.age, got, c.want)
		}
	}
}

// The age is the execution's: a load that is redriven after a month is looked at as often as a new one.
func TestWaitsGrowWithTheExecution(t *testing.T) {
	l, chunks := planned(2)
	for started, want := range map[float64]time.Duration{0: 30 * time.Minute, 359_990: 5 * time.Second} {
		chunks[0].Owner, chunks[0].LeaseUntil = "a", at(360_005)
		l.Plan.At = at(started)
		d := Decide(Look{Now: at(360_000), Started: at(started)}, l, chunks, Limits{MaxAttempts: 9, Keep: 1000 * time.Hour})
		if d.Action != contract.ActionWait || d.Wait != want {
			t.Errorf("begun at %.0f s: %+v, want %s", started, d, want)
		}
	}
}

func TestBackoff(t *testing.T) {
	for failures, want := range map[int]time.Duration{
		1: 15 * time.Second, 2: time.Minute, 3: 4 * time.Minute, 4: 16 * time.Minute, 5: 30 * time.Minute,
		99: 30 * time.Minute,
	} {
		if got := backoff(failures); got != want {
			t.Errorf("after %d failures: %s, want %s", failures, got, want)
		}
	}
}

func TestOverdue(t *testing.T) {
	l, chunks := restaged(6)
	l.Restage.Sent = at(-1)
	done(chunks[:1])
	chunks[1].Owner = "a"
	chunks[2].Released = at(1)
	chunks[3].Sent = time.Time{}
	chunks[4].Sent = at(1)
	var got []int
	for _, c := range Overdue(at(60), l, chunks, limits) {
		got = append(got, c.Index)
	}
	if len(got) != 2 || got[0] != -1 || got[1] != 5 {
		t.Errorf("overdue: %v, want the restage and chunk 5", got)
	}
}

// One chunk of many that is done says little: the next look is no later than half of the time so far.
func TestPaceIsBounded(t *testing.T) {
	for _, c := range []struct {
		elapsed, idle time.Duration
		done, missing int
		want          time.Duration
	}{
		{4 * time.Second, 0, 0, 36, 2 * time.Second},
		{4 * time.Second, 0, 1, 35, 2 * time.Second},
		{4 * time.Second, 0, 2, 1, time.Second},
		{100 * time.Second, 90 * time.Second, 99, 1, 22500 * time.Millisecond},
	} {
		if got := pace(c.elapsed, c.idle, c.done, c.missing); got != c.want {
			t.Errorf("%d of %d after %s: %s, want %s", c.done, c.done+c.missing, c.elapsed, got, c.want)
		}
	}
}

// A simulation waits as a load does of which nothing comes due.
func TestPauseIsTheWait(t *testing.T) {
	for _, done := range []int{0, 1, 3} {
		l, chunks := planned(4)
		for i := range chunks {
			if chunks[i].Sent = at(9_000); i < done {
				chunks[i].Ack = &contract.Ack{Start: chunks[i].Start, End: chunks[i].End, At: at(100)}
			}
		}
		look := Look{Now: at(150), Started: at(-5_000)}
		d := Decide(look, l, chunks, Limits{MaxAttempts: 9, Keep: 1000 * time.Hour, DueAfter: 999 * time.Hour})
		elapsed, idle := look.Now.Sub(l.Plan.At), look.Now.Sub(lastAck(l.Plan.At, chunks))
		if want := Pause(elapsed, idle, look.Now.Sub(look.Started), done, 4-done); d.Wait != want || want <= minWait {
			t.Errorf("%d done: %s, want %s", done, d.Wait, want)
		}
	}
}
