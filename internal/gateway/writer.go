package gateway

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// Kinesis is the part of Kinesis that the gateway needs. *kinesis.Client implements it; its own retries must be off,
// as they repeat the records that were accepted. It must not use the records' data once a call has returned.
type Kinesis interface {
	PutRecords(context.Context, *kinesis.PutRecordsInput, ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error)
}

// Record is a record on its way into a stream.
type Record struct {
	entry types.PutRecordsRequestEntry
	size  int // bytes, as PutRecords counts them
}

// newRecord makes a record of its data. It gets its partition key afterwards.
func newRecord(data []byte) Record {
	return Record{types.PutRecordsRequestEntry{Data: data}, len(data) + partitionKeyBytes}
}

// Writer puts the records of all requests into one stream. It batches them across requests, and retries those that
// failed, alone. It is safe for concurrent use.
type Writer struct {
	Stream  string // its name
	Kinesis Kinesis
	Metrics *Metrics
	Log     *slog.Logger

	in      chan *delivery
	slots   chan struct{}
	running sync.WaitGroup
}

// delivery is the records of one Put.
type delivery struct {
	records  []Record
	outcomes []Outcome // of the attempts so far
	since    time.Time
	open     sync.WaitGroup // records without an outcome that is final
}

// pending is a record that waits for its outcome: one of a delivery.
type pending struct {
	of *delivery
	at int
}

func (p pending) record() *Record   { return &p.of.records[p.at] }
func (p pending) outcome() *Outcome { return &p.of.outcomes[p.at] }

// Start begins to take records.
func (w *Writer) Start() {
	w.in, w.slots = make(chan *delivery), make(chan struct{}, calls)
	w.running.Go(w.collect)
}

// Close waits until all records have their outcome. No Put may follow, or be running.
func (w *Writer) Close() {
	close(w.in)
	w.running.Wait()
}

// Put returns when all records have an outcome, which it returns in their order. That takes at most patience, a
// backoff and the time of one call. Afterwards nothing uses the records' data.
func (w *Writer) Put(records []Record) []Outcome {
	d := &delivery{records: records, outcomes: make([]Outcome, len(records)), since: time.Now()}
	for i := range d.outcomes {
		d.outcomes[i] = Throttled
	}
	d.open.Add(len(records))
	w.in <- d
	d.open.Wait()
	return d.outcomes
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
			wait := linger(len(w.slots)) - time.Since(waiting[0].of.since)
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
			if more != nil {
				for i := range more.records {
					waiting = append(waiting, pending{more, i})
					bytes += more.records[i].size
				}
			}
		case slots <- struct{}{}:
			n := fill(func(i int) int { return waiting[i].record().size }, len(waiting))
			batch := slices.Clone(waiting[:n])
			clear(waiting[:n]) // the array lives on
			waiting = waiting[n:]
			for _, p := range batch {
				bytes -= p.record().size
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
		if now.Sub(p.of.since) >= patience {
			p.of.open.Done()
		} else {
			rest = append(rest, p)
		}
	}
	return rest
}

// entries are lists for calls, which no call uses.
var entries = sync.Pool{New: func() any { return new([callRecords]types.PutRecordsRequestEntry) }}

// call puts a batch, settles the records that need no further call, and gives the others.
func (w *Writer) call(batch []pending) []pending {
	list := entries.Get().(*[callRecords]types.PutRecordsRequestEntry)
	for i, p := range batch {
		list[i] = p.record().entry
	}
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	began := time.Now()
	out, err := w.Kinesis.PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: &w.Stream, Records: list[:len(batch)]})
	clear(list[:len(batch)])
	entries.Put(list)
	outcomes := judge(len(batch), out, err)
	w.Metrics.called(w.Stream, time.Since(began), outcomes)
	if err != nil {
		w.Log.Warn("put records failed", "stream", w.Stream, "records", len(batch), "error", err)
	}
	rest := batch[:0]
	for i, p := range batch {
		*p.outcome() = outcomes[i]
		if outcomes[i].retries() {
			rest = append(rest, p)
		} else {
			p.of.open.Done()
		}
	}
	return rest
}
