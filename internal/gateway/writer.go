package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"dip/internal/interval"
)

// Kinesis is the part of Kinesis that the gateway needs. *kinesis.Client implements it; its own retries must be off,
// as they repeat the records that were accepted.
type Kinesis interface {
	PutRecords(context.Context, *kinesis.PutRecordsInput, ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error)
}

// Record is a record on its way into a stream.
type Record struct {
	entry types.PutRecordsRequestEntry
	size  int // bytes, as PutRecords counts them
}

// NewRecord puts a record into its envelope. The id has 1 to 256 bytes without a line feed.
func NewRecord(id string, record []byte) (Record, error) {
	data, err := interval.Envelope(id, record)
	if err != nil {
		return Record{}, fmt.Errorf("put a record into its envelope: %w", err)
	}
	key := partitionKey(id)
	return Record{types.PutRecordsRequestEntry{Data: data, PartitionKey: &key}, len(data) + len(key)}, nil
}

// Writer puts the records of all requests into one stream. It batches them across requests, and retries those that
// failed, alone. It is safe for concurrent use.
type Writer struct {
	Stream  string // its name
	Kinesis Kinesis
	Metrics *Metrics
	Log     *slog.Logger

	in      chan []pending
	slots   chan struct{}
	running sync.WaitGroup
}

// pending is a record that waits for its outcome.
type pending struct {
	Record
	since  time.Time
	last   Outcome // of the attempts so far
	settle func(Outcome)
}

// Start begins to take records.
func (w *Writer) Start() {
	w.in, w.slots = make(chan []pending), make(chan struct{}, calls)
	w.running.Go(w.collect)
}

// Close waits until all records have their outcome. No Put may follow, or be running.
func (w *Writer) Close() {
	close(w.in)
	w.running.Wait()
}

// Put returns when all records have an outcome, which it returns in their order. That takes at most patience, a
// backoff and the time of one call.
func (w *Writer) Put(records []Record) []Outcome {
	outcomes := make([]Outcome, len(records))
	list := make([]pending, len(records))
	var open sync.WaitGroup
	open.Add(len(records))
	now := time.Now()
	for i, r := range records {
		list[i] = pending{r, now, Throttled, func(o Outcome) { outcomes[i] = o; open.Done() }}
	}
	w.in <- list
	open.Wait()
	return outcomes
}

// collect cuts what comes in into batches. It never blocks: what waits is bounded by the budget of the gateway.
func (w *Writer) collect() {
	var waiting []pending
	bytes, in := 0, w.in
	timer := time.NewTimer(lingerBusy)
	defer timer.Stop()
	for in != nil || len(waiting) > 0 {
		var slots chan<- struct{} // nil while the batch is not due
		if len(waiting) > 0 {
			wait := linger(len(w.slots)) - time.Since(waiting[0].since)
			if in == nil || wait <= 0 || len(waiting) >= callRecords || bytes >= callBytes {
				slots = w.slots
			} else {
				timer.Reset(wait)
			}
		}
		select {
		case more, open := <-in:
			if !open {
				in = nil
			}
			waiting = append(waiting, more...)
			for _, p := range more {
				bytes += p.size
			}
		case slots <- struct{}{}:
			n := fill(func(i int) int { return waiting[i].size }, len(waiting))
			batch := append([]pending(nil), waiting[:n]...)
			clear(waiting[:n]) // the array lives on
			waiting = waiting[n:]
			for _, p := range batch {
				bytes -= p.size
			}
			w.running.Go(func() {
				defer func() { <-w.slots }()
				w.send(batch)
			})
		case <-timer.C:
		}
	}
}

// send calls until all records of a batch are accepted, denied, or out of patience.
func (w *Writer) send(batch []pending) {
	for attempt := 0; ; attempt++ {
		if batch = expire(batch, time.Now()); len(batch) == 0 {
			return
		}
		batch = w.call(batch)
		if len(batch) == 0 {
			return
		}
		w.Metrics.retried(w.Stream, len(batch))
		time.Sleep(backoff(attempt, rand.Float64()))
	}
}

// expire settles the records that have waited for too long, and gives the others.
func expire(batch []pending, now time.Time) []pending {
	rest := batch[:0]
	for _, p := range batch {
		if now.Sub(p.since) >= patience {
			p.settle(p.last)
		} else {
			rest = append(rest, p)
		}
	}
	return rest
}

// call puts a batch, settles the records that need no further call, and gives the others.
func (w *Writer) call(batch []pending) []pending {
	entries := make([]types.PutRecordsRequestEntry, len(batch))
	for i, p := range batch {
		entries[i] = p.entry
	}
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	began := time.Now()
	out, err := w.Kinesis.PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: &w.Stream, Records: entries})
	outcomes := judge(len(batch), out, err)
	w.Metrics.called(w.Stream, time.Since(began), outcomes)
	if err != nil {
		w.Log.Warn("put records failed", "stream", w.Stream, "records", len(batch), "error", err)
	}
	rest := batch[:0]
	for i, p := range batch {
		if p.last = outcomes[i]; p.last.retries() {
			rest = append(rest, p)
		} else {
			p.settle(p.last)
		}
	}
	return rest
}
