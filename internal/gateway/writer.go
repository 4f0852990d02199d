package gateway

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// Kinesis puts records into streams.
type Kinesis interface {
	// Put tries once to put up to 500 records of up to 5 MiB, and gives the outcome of each. The error is that of the
	// call: nothing is known of its records. The records are not used after it has returned.
	Put(ctx context.Context, stream string, records []*Record) ([]Outcome, error)
}

// Writer puts the records of all requests into one stream. It batches them across requests, and retries those that
// failed, alone. It is safe for concurrent use.
type Writer struct {
	Stream  string // its name
	Kinesis Kinesis
	Metrics *Metrics
	Log     *slog.Logger

	mu       sync.Mutex
	waiting  []*Record // for a call, the oldest first: what the budget of the gateway allows
	bytes    int       // of those
	inFlight int       // calls
	closing  bool
	timer    *time.Timer
	due      time.Time // when the timer fires; zero: it does not

	running sync.WaitGroup // calls
}

// delivery is the records of one Put.
type delivery struct {
	since time.Time
	open  sync.WaitGroup // records without an outcome that is final
}

// Put returns when all records have an outcome. That takes at most patience, a backoff and the time of one call.
// Afterwards nothing uses the records.
func (w *Writer) Put(records []Record) {
	d := &delivery{since: time.Now()}
	d.open.Add(len(records))
	w.mu.Lock()
	for i := range records {
		r := &records[i]
		r.of, r.outcome = d, Throttled
		w.waiting = append(w.waiting, r)
		w.bytes += r.size()
	}
	w.dispatch()
	w.mu.Unlock()
	d.open.Wait()
}

// Close puts what waits without waiting for more, and returns when all records have their outcome. No Put may follow.
func (w *Writer) Close() {
	w.mu.Lock()
	w.closing = true
	w.dispatch()
	w.mu.Unlock()
	w.running.Wait()
}

// batches are lists of records that no call uses.
var batches = sync.Pool{New: func() any { return new([callRecords]*Record) }}

// dispatch starts the calls that are due, and sets the timer for the next one. The caller holds the lock.
func (w *Writer) dispatch() {
	for len(w.waiting) > 0 && w.inFlight < calls {
		if full := len(w.waiting) >= callRecords || w.bytes >= callBytes; !full && !w.closing {
			due := w.waiting[0].of.since.Add(linger(w.inFlight))
			if now := time.Now(); due.After(now) {
				w.wake(due, now)
				return
			}
		}
		list := batches.Get().(*[callRecords]*Record)
		n := fill(w.waiting)
		batch := list[:copy(list[:], w.waiting[:n])]
		rest := copy(w.waiting, w.waiting[n:])
		clear(w.waiting[rest:]) // the array lives on
		w.waiting = w.waiting[:rest]
		for _, r := range batch {
			w.bytes -= r.size()
		}
		w.inFlight++
		w.running.Go(func() {
			w.send(batch)
			clear(list[:n])
			batches.Put(list)
			w.mu.Lock()
			defer w.mu.Unlock()
			w.inFlight--
			w.dispatch()
		})
	}
}

// wake has dispatch called at a time, unless it is called before.
func (w *Writer) wake(due, now time.Time) {
	switch {
	case w.timer == nil:
		w.timer = time.AfterFunc(due.Sub(now), func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.due = time.Time{}
			w.dispatch()
		})
	case w.due.IsZero() || due.Before(w.due):
		w.timer.Reset(due.Sub(now))
	default:
		return
	}
	w.due = due
}

// send calls until all records of a batch are accepted, denied, or out of patience.
func (w *Writer) send(batch []*Record) {
	for attempt := 0; ; attempt++ {
		if batch = expire(batch, time.Now()); len(batch) == 0 {
			return
		}
		if batch = w.call(batch); len(batch) == 0 {
			return
		}
		w.Metrics.retried(w.Stream, len(batch))
		time.Sleep(backoff(attempt, rand.Float64()))
	}
}

// expire settles the records that have waited for too long, and gives the others.
func expire(batch []*Record, now time.Time) []*Record {
	rest := batch[:0]
	for _, r := range batch {
		if now.Sub(r.of.since) >= patience {
			r.of.open.Done()
		} else {
			rest = append(rest, r)
		}
	}
	return rest
}

// call puts a batch, settles the records that need no further call, and gives the others.
func (w *Writer) call(batch []*Record) []*Record {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	began := time.Now()
	told, err := w.Kinesis.Put(ctx, w.Stream, batch)
	outcomes := judge(len(batch), told, err)
	w.Metrics.called(w.Stream, time.Since(began), outcomes)
	if err != nil {
		w.Log.Warn("put records failed", "stream", w.Stream, "records", len(batch), "error", err)
	}
	rest := batch[:0]
	for i, r := range batch {
		r.outcome = outcomes[i]
		if outcomes[i].retries() {
			rest = append(rest, r)
		} else {
			r.of.open.Done()
		}
	}
	return rest
}
