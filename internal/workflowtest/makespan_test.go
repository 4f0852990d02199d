package workflowtest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dip/contract"
	"dip/internal/lease"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
)

// functions processes the messages of the workers' queue with a concurrency, as a mapping does: each takes a chunk and
// the next one when it is done. A chunk takes 20 to 40 seconds. Its records have 16 bytes.
func (w *world) functions(concurrency int) {
	h := lease.Holder{Ledger: w.ledger, Code: "c0de", Runtime: "7", Log: quiet, Now: time.Now}
	free := make(chan struct{}, concurrency)
	w.every(time.Second, func() {
		for {
			select {
			case free <- struct{}{}:
			default:
				return
			}
			message := w.queues["workers"].one()
			if message == nil {
				<-free
				return
			}
			w.busy.Go(func() {
				defer func() { <-free }()
				m, err := contract.ParseChunkMessage(message.body)
				if err != nil {
					w.t.Error(err)
					return
				}
				claim := ledger.Claim{Load: m.Load, Chunk: m.Chunk, Attempt: m.Attempt, Owner: message.id}
				err = h.Do(w.ctx, claim, func(ctx context.Context) (contract.Ack, error) {
					start, end := (m.Start+15)/16*16, (m.End+15)/16*16
					rows := (end - start) / 16
					return contract.Ack{
						Start: start, End: end, RowsIn: rows, RowsOut: rows, LinesIn: rows,
						HashOut: fmt.Sprintf("%032x", rows), HashBad: fmt.Sprintf("%032x", 0),
						Outputs: []contract.Output{{Key: fmt.Sprint("data/", m.Chunk), Rows: rows, Bytes: 1}},
					}, sleep(ctx, 20*time.Second+time.Duration(m.Chunk*7919%20)*time.Second)
				})
				if err != nil {
					w.t.Error(err)
				}
			})
		}
	})
}

// one receives the oldest visible message and takes it away: nobody fails here.
func (q *queue) one() *message {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.messages) == 0 {
		return nil
	}
	m := q.messages[0]
	q.messages = q.messages[1:]
	return m
}

// A load takes as long as its chunks: from its event to its publication, a straight line through 10 and 10,000 chunks
// tells that of 100 and 1,000 within a tenth. What its looks read of the ledger is a straight line as well.
func TestMakespanIsLinear(t *testing.T) {
	took, read, looks := map[int]float64{}, map[int]int{}, map[int]int{}
	sizes := []int{10, 100, 1_000, 10_000}
	for _, n := range sizes {
		synctest.Test(t, func(t *testing.T) {
			w := newWorldOf(t, contract.Dialect{Encoding: contract.NDJSON})
			w.ledger.After = func(op ledgertest.Op) error {
				switch op.Name {
				case "Chunks":
					looks[n], read[n] = looks[n]+1, read[n]+n
				case "ChunksFrom":
					looks[n], read[n] = looks[n]+1, read[n]+min(200, n-op.Chunk)
				}
				return nil
			}
			o := w.land(strings.Repeat(`{"a":1,"b":"x"}`+"\n", 16*n))
			w.functions(10)
			began := time.Now()
			w.arrive(o)
			id := contract.LoadID(o)
			for {
				time.Sleep(time.Minute)
				load, err := w.ledger.Load(w.ctx, id)
				if err != nil {
					t.Fatal(err)
				}
				if load.Status == contract.Failed {
					t.Fatal(load.Reason)
				}
				if load.Status == contract.Published {
					if load.Totals.Chunks != n || load.Totals.RowsOut != int64(16*n) || len(w.executions) != 1 {
						t.Errorf("%d chunks: %+v", n, load.Totals)
					}
					took[n] = load.Updated.Sub(began).Seconds()
					return
				}
			}
		})
		t.Logf("%5d chunks: %8.0f s, %3d looks read %6d chunks", n, took[n], looks[n], read[n])
	}
	slope := (took[10_000] - took[10]) / (10_000 - 10)
	for _, n := range sizes {
		line := took[10] + slope*float64(n-10)
		if off := took[n]/line - 1; math.Abs(off) > 0.1 {
			t.Errorf("%d chunks take %.0f s, the line says %.0f", n, took[n], line)
		}
	}
	if slices.ContainsFunc(sizes, func(n int) bool { return read[n] > 30*n }) {
		t.Errorf("chunks read from the ledger: %v", read)
	}
}
