package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// fate is what a fake call does to its records.
type fate struct {
	err   error                              // of the call
	lost  bool                               // the records are put, but the reply is not received: it times out
	stall time.Duration                      // before the reply; the call's context may end first
	fails func(i int) (code string, is bool) // of single records; nil: none
}

// fake is a stream in memory.
type fake struct {
	next func(call int) fate // of the calls, from 0; nil: all succeed

	mu    sync.Mutex
	calls []attempt
	ids   map[string]int    // how often each record id was put
	data  map[string]string // by id
}

type attempt struct {
	at      time.Time
	records int
	bytes   int
}

var errLimits = errors.New("the call is beyond the limits of PutRecords")

func (f *fake) Put(ctx context.Context, _ string, records []*Record) ([]Outcome, error) {
	c := attempt{at: time.Now(), records: len(records)}
	for _, r := range records {
		c.bytes += len(r.Data()) + len(r.PartitionKey())
	}
	f.mu.Lock()
	n := len(f.calls)
	f.calls = append(f.calls, c)
	f.mu.Unlock()
	if c.records == 0 || c.records > 500 || c.bytes > 5<<20 {
		return nil, errLimits
	}
	var now fate
	if f.next != nil {
		now = f.next(n)
	}
	if now.err != nil {
		return nil, now.err
	}
	if !now.lost && now.stall > 0 {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(now.stall):
		}
	}
	out := f.put(records, now)
	if now.lost {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return out, nil
}

func (f *fake) put(records []*Record, now fate) []Outcome {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ids == nil {
		f.ids, f.data = map[string]int{}, map[string]string{}
	}
	outcomes := make([]Outcome, len(records))
	for i, r := range records {
		if now.fails != nil {
			if code, is := now.fails(i); is {
				outcomes[i] = classify(code)
				continue
			}
		}
		head, line, _ := bytes.Cut(r.Data(), []byte("\n"))
		id := strings.TrimPrefix(string(head), "\x00dip id ")
		f.ids[id]++
		f.data[id] = string(line)
	}
	return outcomes
}

// sizes are the numbers of records in the calls so far.
func (f *fake) sizes() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []int
	for _, c := range f.calls {
		list = append(list, c.records)
	}
	return list
}

var quiet = slog.New(slog.DiscardHandler)

func newWriter(f *fake) *Writer {
	return &Writer{Stream: "readings", Kinesis: f, Metrics: NewMetrics(), Log: quiet}
}

// numbered makes n records with ids that begin with a name.
func numbered(t testing.TB, name string, n, size int) []Record {
	t.Helper()
	list := make([]Record, n)
	for i := range list {
		list[i] = Record{id: fmt.Appendf(nil, "%s-%d", name, i), line: bytes.Repeat([]byte("x"), size)}
	}
	return list
}

// put gives the outcomes of records.
func put(w *Writer, records []Record) []Outcome {
	w.Put(records)
	outcomes := make([]Outcome, len(records))
	for i := range records {
		outcomes[i] = records[i].outcome
	}
	return outcomes
}

func count(outcomes []Outcome) map[Outcome]int {
	n := map[Outcome]int{}
	for _, o := range outcomes {
		n[o]++
	}
	return n
}
