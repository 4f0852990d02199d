package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dip/internal/lease"
)

const (
	held  = 60 * time.Second // the lease
	grace = 30 * time.Second
	poll  = 20 * time.Second

	firstBeat = held / lease.Beats // after the work starts
)

// queue is a queue on the clock of the test's bubble. It logs the fate of messages, each with its second.
type queue struct {
	mu       sync.Mutex
	began    time.Time
	visible  map[string]time.Time // when each message may be received
	receipts map[string]int
	polls    int // started so far
	asked    []int
	log      []string
	broken   error
	changed  chan struct{} // signals a change of the above
}

func newQueue(ids ...string) *queue {
	q := &queue{began: time.Now(), visible: map[string]time.Time{}, receipts: map[string]int{},
		changed: make(chan struct{}, 1)}
	q.send(ids...)
	return q
}

func (q *queue) send(ids ...string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, id := range ids {
		q.visible[id] = time.Now()
	}
}

func (q *queue) note(format string, args ...any) {
	q.log = append(q.log, fmt.Sprintf("%.0f ", time.Since(q.began).Seconds())+fmt.Sprintf(format, args...))
	q.tell()
}

func (q *queue) tell() {
	select {
	case q.changed <- struct{}{}:
	default: // the waiter has not looked yet
	}
}

// await waits until a condition holds, at most an hour of the bubble's time.
func (q *queue) await(t *testing.T, holds func() bool) {
	t.Helper()
	for limit := time.After(time.Hour); ; {
		q.mu.Lock()
		held := holds()
		q.mu.Unlock()
		if held {
			return
		}
		select {
		case <-q.changed:
		case <-limit:
			t.Fatalf("timed out: %q", q.events())
		}
	}
}

// awaitEvents waits for n events.
func (q *queue) awaitEvents(t *testing.T, n int) {
	t.Helper()
	q.await(t, func() bool { return len(q.log) >= n })
}

func (q *queue) events() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.log)
}

func (q *queue) Receive(ctx context.Context, n int, hidden time.Duration) ([]Message, error) {
	q.mu.Lock()
	q.polls++
	q.tell()
	q.mu.Unlock()
	for ends := time.Now().Add(poll); ; {
		q.mu.Lock()
		if q.broken != nil {
			defer q.mu.Unlock()
			q.note("refused")
			return nil, q.broken
		}
		var got []Message
		for id, at := range q.visible {
			if len(got) < n && !time.Now().Before(at) {
				q.receipts[id]++
				q.visible[id] = time.Now().Add(hidden)
				got = append(got, Message{ID: id, Receipt: fmt.Sprint(id, q.receipts[id]), Body: "body of " + id})
			}
		}
		if len(got) > 0 || !time.Now().Before(ends) {
			q.asked = append(q.asked, n)
			q.mu.Unlock()
			return got, nil
		}
		q.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func (q *queue) Hide(_ context.Context, m Message, hidden time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.visible[m.ID] = time.Now().Add(hidden)
	q.note("hide %s %.0f", m.ID, hidden.Seconds())
	return nil
}

func (q *queue) Delete(_ context.Context, m Message) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.visible, m.ID)
	q.note("delete %s", m.ID)
	return nil
}

// works takes the given time, or ends with the cause of its context.
func works(d time.Duration) func(context.Context, string, string) error {
	return func(ctx context.Context, _, _ string) error {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(d):
			return nil
		}
	}
}

func newWorker(q Queue, slots int, handle func(context.Context, string, string) error) *Worker {
	return &Worker{Queue: q, Handle: handle, Slots: slots, Lease: held, Grace: grace, Log: slog.New(slog.DiscardHandler)}
}

// start runs a worker; stop tells it to stop, wait waits until it has and returns how long that took.
func start(t *testing.T, w *Worker) (stop context.CancelFunc, wait func() time.Duration) {
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { w.Run(ctx); close(ended) }()
	return stop, func() time.Duration {
		stopped := time.Now()
		<-ended
		return time.Since(stopped)
	}
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestWorkIsKeptHiddenAndDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue("a")
		stop, wait := start(t, newWorker(q, 1, works(50*time.Second)))
		q.awaitEvents(t, 3)
		stop()
		wait()
		expect(t, q.events(), "20 hide a 80", "40 hide a 80", "50 delete a")
	})
}

func TestNoMoreAreTakenThanThereAreSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ids := []string{"a", "b", "c", "d", "e", "f", "g"}
		q := newQueue(ids...)
		now, most := 0, 0
		var mu sync.Mutex
		stop, wait := start(t, newWorker(q, 3, func(ctx context.Context, id, body string) error {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			err := works(5*time.Second)(ctx, id, body)
			mu.Lock()
			now--
			mu.Unlock()
			return err
		}))
		q.awaitEvents(t, len(ids))
		stop()
		wait()
		if most != 3 || len(q.visible) != 0 || q.asked[0] != 3 || slices.Max(q.asked) != 3 {
			t.Errorf("%d at once, %d left, asked for %v", most, len(q.visible), q.asked)
		}
	})
}

func TestFailuresComeAgainWhenTheyAreNotHiddenAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, tries := newQueue("a"), 0
		stop, wait := start(t, newWorker(q, 1, func(context.Context, string, string) error {
			if tries++; tries == 1 {
				return errors.New("reset")
			}
			return nil
		}))
		q.awaitEvents(t, 1)
		stop()
		wait()
		expect(t, q.events(), "80 delete a")
	})
}

func TestStopWhileIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		stop, wait := start(t, newWorker(q, 2, works(time.Hour)))
		q.await(t, func() bool { return q.polls == 1 })
		stop()
		if took := wait(); took > poll {
			t.Errorf("an idle worker took %s to stop", took)
		}
		// Messages from a poll in flight are handed back at once, and no poll follows.
		q = newQueue()
		stop, wait = start(t, newWorker(q, 2, works(time.Hour)))
		q.await(t, func() bool { return q.polls == 1 })
		stop()
		synctest.Wait() // the worker knows
		q.send("late")
		wait()
		expect(t, q.events(), "1 hide late 0")
		if q.receipts["late"] != 1 || q.polls != 1 {
			t.Errorf("received %d times, in %d polls", q.receipts["late"], q.polls)
		}
	})
}

func TestStopWhileAtWork(t *testing.T) {
	for _, c := range []struct {
		name  string
		left  time.Duration // what the work takes after the stop
		grace time.Duration
		took  time.Duration
		want  string
	}{
		{"finished within the grace", 15 * time.Second, 28 * time.Second, 15 * time.Second, "35 delete a"},
		{"handed back before the grace ends", time.Hour, 28 * time.Second, 18 * time.Second, "38 hide a 0"},
		{"half of a short grace is kept for handing back", time.Hour, 8 * time.Second, 4 * time.Second, "24 hide a 0"},
	} {
		synctest.Test(t, func(t *testing.T) {
			q := newQueue("a")
			w := newWorker(q, 1, works(firstBeat+c.left))
			w.Grace = c.grace
			stop, wait := start(t, w)
			q.awaitEvents(t, 1) // the first beat
			stop()
			if took := wait(); took != c.took {
				t.Errorf("%s: it took %s", c.name, took)
			}
			if got := q.events(); got[len(got)-1] != c.want {
				t.Errorf("%s: %q", c.name, got)
			}
		})
	}
}

// A handler that fails because its context ended may return any error.
func TestWhateverEndsWithTheGraceIsHandedBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue("a")
		w := newWorker(q, 1, func(ctx context.Context, _, _ string) error {
			<-ctx.Done()
			return fmt.Errorf("read: %w", ctx.Err())
		})
		w.Grace = 28 * time.Second
		stop, wait := start(t, w)
		q.awaitEvents(t, 1) // the first beat
		stop()
		wait()
		expect(t, q.events(), "20 hide a 80", "38 hide a 0")
	})
}

func TestQueueThatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		q.broken = errors.New("unreachable")
		stop, wait := start(t, newWorker(q, 2, works(0)))
		q.awaitEvents(t, 3)
		q.mu.Lock()
		q.broken = nil
		q.mu.Unlock()
		q.send("a")
		q.awaitEvents(t, 4)
		stop()
		wait()
		expect(t, q.events(), "0 refused", "5 refused", "10 refused", "15 delete a")
	})
}

func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue("a", "b")
		if err := newWorker(q, 1, works(time.Second)).Once(t.Context()); err != nil || len(q.visible) != 1 {
			t.Errorf("%v, %d messages left", err, len(q.visible))
		}
		q = newQueue()
		if err := newWorker(q, 1, works(time.Second)).Once(t.Context()); err != nil || len(q.asked) != 1 {
			t.Errorf("an empty queue: %v", err)
		}
		q.broken = errors.New("unreachable")
		if err := newWorker(q, 1, works(time.Second)).Once(t.Context()); !errors.Is(err, q.broken) {
			t.Errorf("no queue: %v", err)
		}
		q = newQueue("a")
		failed := errors.New("reset")
		err := newWorker(q, 1, func(context.Context, string, string) error { return failed }).Once(t.Context())
		if !errors.Is(err, failed) || len(q.visible) != 1 || q.log != nil {
			t.Errorf("a failure: %v, %q", err, q.log)
		}
	})
}

// A job gives its message back as soon as it is told to stop: it has no grace to wait for.
func TestOnceStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue("a")
		w := newWorker(q, 1, works(time.Hour))
		w.Grace = 0
		ctx, stop := context.WithTimeout(t.Context(), 7*time.Second)
		defer stop()
		if err := w.Once(ctx); err != nil {
			t.Errorf("stopping is not a failure: %v", err)
		}
		expect(t, q.events(), "7 hide a 0")
	})
}

func TestHandlersSeeTheWorkersCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cause error
		begun := make(chan struct{})
		stop, wait := start(t, newWorker(newQueue("a"), 1, func(ctx context.Context, id, body string) error {
			close(begun)
			if id != "a" || body != "body of a" {
				t.Errorf("message %q: %q", id, body)
			}
			<-ctx.Done()
			cause = context.Cause(ctx)
			return cause
		}))
		<-begun
		stop()
		wait()
		if !errors.Is(cause, lease.ErrStopping) {
			t.Errorf("cancelled with %v", cause)
		}
	})
}
