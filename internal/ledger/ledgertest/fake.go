// Package ledgertest provides an in-memory ledger for tests, and the conformance suite that it and the real one pass.
package ledgertest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"dip/contract"
	"dip/internal/intercept"
	"dip/internal/ledger"
)

// Op is an operation on the fake, as its hooks see it.
type Op struct {
	// Name of the method. Plan and Redrive write chunks first: each is an operation of its own, PutChunk or Resend.
	Name  string
	Load  string // "" for a list
	Chunk int    // or ledger.RestageIndex; 0 for operations on the load
	Write bool
}

// Fake is an in-memory ledger with the rules of the real one. It is safe for concurrent use.
type Fake struct {
	intercept.Hooks[Op]
	*table
}

// table is the state that handles on the same ledger share.
type table struct {
	mu    sync.Mutex
	loads map[string]ledger.Load
	work  map[string]map[int]ledger.Chunk // by load and index, restages under RestageIndex
	open  map[string]bool                 // loads whose outcome was not announced
	sweep *sweep
	heads map[string]ledger.Head // by segment
	stream
	rollouts map[string]written // by deployment group

	maintenance ledger.Maintenance
}

// New makes an empty ledger.
func New() *Fake {
	return &Fake{table: &table{
		loads: map[string]ledger.Load{}, work: map[string]map[int]ledger.Chunk{}, heads: map[string]ledger.Head{},
		open: map[string]bool{}, sweep: &sweep{}, stream: newStream(), rollouts: map[string]written{},
	}}
}

// With returns another process's handle on the same ledger, with its own hooks.
func (f *Fake) With(hooks intercept.Hooks[Op]) *Fake { return &Fake{hooks, f.table} }

// Seed stores a load and its chunks as given, bypassing all rules and hooks. It replaces a load of that id.
func (f *Fake) Seed(load ledger.Load, chunks ...ledger.Chunk) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seed(load, chunks)
}

func (t *table) seed(load ledger.Load, chunks []ledger.Chunk) {
	work := map[int]ledger.Chunk{}
	for _, c := range chunks {
		work[c.Index] = clone(c)
	}
	if load.Restage != nil {
		work[ledger.RestageIndex] = clone(*load.Restage)
	}
	load.Restage = nil
	t.loads[load.ID], t.work[load.ID], t.open[load.ID] = clone(load), work, !load.Status.Final()
}

// Reopen makes a load one whose outcome was not announced, past all rules and hooks.
func (f *Fake) Reopen(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open[id] = true
}

// Change edits a load and its chunks in place, bypassing all rules and hooks.
func (f *Fake) Change(id string, edit func(load *ledger.Load, chunks []ledger.Chunk)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	load, err := f.read(id)
	if err != nil {
		panic(err) // the test is wrong
	}
	chunks := f.chunks(id, 0, math.MaxInt)
	restage, restaged := f.work[id][ledger.RestageIndex]
	edit(&load, chunks)
	f.seed(load, chunks)
	if restaged && load.Restage == nil { // the plan no longer says that there is one
		f.work[id][ledger.RestageIndex] = restage
	}
}

// Piece returns a chunk, or a load's restage, as stored; the zero chunk when there is none.
func (f *Fake) Piece(id string, index int) ledger.Chunk {
	f.mu.Lock()
	defer f.mu.Unlock()
	return clone(f.work[id][index])
}

// do runs an operation under the lock, between the hooks.
func (f *Fake) do(ctx context.Context, op Op, do func() error) error {
	return f.Do(ctx, op, func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		return do()
	})
}

// read returns a load with its restage.
func (t *table) read(id string) (ledger.Load, error) {
	load, ok := t.loads[id]
	if !ok {
		return ledger.Load{}, fmt.Errorf("load %s: %w", id, ledger.ErrNotFound)
	}
	load = clone(load)
	if load.Plan != nil && load.Plan.Restage {
		restage := clone(t.work[id][ledger.RestageIndex])
		load.Restage = &restage
	}
	return load, nil
}

func (t *table) chunks(id string, first, most int) []ledger.Chunk {
	var chunks []ledger.Chunk
	for _, index := range slices.Sorted(maps.Keys(t.work[id])) {
		if index != ledger.RestageIndex && index >= first && len(chunks) < most {
			chunks = append(chunks, clone(t.work[id][index]))
		}
	}
	return chunks
}

func (t *table) put(id string, c ledger.Chunk) {
	if t.work[id] == nil {
		t.work[id] = map[int]ledger.Chunk{}
	}
	t.work[id][c.Index] = c
}

// Load reads a load and its restage.
func (f *Fake) Load(ctx context.Context, id string) (load ledger.Load, err error) {
	err = f.do(ctx, Op{Name: "Load", Load: id}, func() (err error) {
		load, err = f.read(id)
		return err
	})
	return load, err
}

// Chunks reads all chunks of a load, in order.
func (f *Fake) Chunks(ctx context.Context, id string) (chunks []ledger.Chunk, err error) {
	err = f.do(ctx, Op{Name: "Chunks", Load: id}, func() error {
		chunks = f.chunks(id, 0, math.MaxInt)
		return nil
	})
	return chunks, err
}

// ChunksFrom reads the chunks of a load from an index on, in order, up to a page that nobody has worked on. Each page is
// an operation of its own.
func (f *Fake) ChunksFrom(ctx context.Context, id string, first, untouched int) (chunks []ledger.Chunk, err error) {
	most := untouched
	if untouched == 0 {
		most = math.MaxInt
	}
	for {
		var page []ledger.Chunk
		err = f.do(ctx, Op{Name: "ChunksFrom", Load: id, Chunk: first}, func() error {
			page = f.chunks(id, first, most)
			return nil
		})
		chunks = append(chunks, page...)
		if err != nil || len(page) < most || untouched > 0 && !slices.ContainsFunc(page, ledger.Chunk.Touched) {
			return chunks, err
		}
		first = page[len(page)-1].Index + 1
	}
}

// Head reads the end of a segment's chain.
func (f *Fake) Head(ctx context.Context, segment string) (head ledger.Head, err error) {
	err = f.do(ctx, Op{Name: "Head", Load: segment}, func() error {
		head = f.heads[segment]
		return nil
	})
	return head, err
}

// Day lists the loads of a day, newest first, without their restages.
func (f *Fake) Day(ctx context.Context, day string) (loads []ledger.Load, err error) {
	err = f.do(ctx, Op{Name: "Day", Load: day}, func() error {
		for _, id := range slices.Sorted(maps.Keys(f.loads)) {
			if load := f.loads[id]; load.Received.UTC().Format(time.DateOnly) == day {
				loads = append(loads, clone(load))
			}
		}
		slices.SortStableFunc(loads, func(a, b ledger.Load) int { return b.Received.Compare(a.Received) })
		return nil
	})
	return loads, err
}

// Open lists loads that are not over or announced and have not changed since a time, the oldest n of each shard.
func (f *Fake) Open(ctx context.Context, since time.Time, n int) (loads []ledger.Load, err error) {
	err = f.do(ctx, Op{Name: "Open"}, func() error {
		shards := map[string]int{}
		for _, id := range slices.Sorted(maps.Keys(f.open)) {
			if load, ok := f.loads[id]; ok && f.open[id] && load.Updated.Before(millis(since)) {
				loads = append(loads, clone(load))
			}
		}
		slices.SortStableFunc(loads, func(a, b ledger.Load) int { return a.Updated.Compare(b.Updated) })
		loads = slices.DeleteFunc(loads, func(load ledger.Load) bool {
			shard := contract.LedgerShard(load.ID)
			shards[shard]++
			return shards[shard] > n
		})
		return nil
	})
	return loads, err
}

// Statuses returns the status of each load; unknown loads are left out.
func (f *Fake) Statuses(ctx context.Context, ids []string) (known map[string]contract.Status, err error) {
	err = f.do(ctx, Op{Name: "Statuses", Load: strings.Join(ids, " ")}, func() error {
		known = map[string]contract.Status{}
		for _, id := range ids {
			if load, ok := f.loads[id]; ok {
				known[id] = load.Status
			}
		}
		return nil
	})
	return known, err
}

// clone copies a value as the store would: it shares nothing with the caller.
func clone[T any](v T) (c T) {
	data, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil {
		panic(err) // these types are made for JSON
	}
	return c
}

// millis truncates a time to the ledger's precision.
func millis(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }
