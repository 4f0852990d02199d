// Package ledgertest has a ledger in memory for tests, and the suite of rules that it and the real one keep.
package ledgertest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
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
	Chunk int    // or ledger.RestageIndex; 0 for what concerns the load
	Write bool
}

// Fake is a ledger in memory with the rules of the real one. Its methods may be called by several goroutines at once.
type Fake struct {
	intercept.Hooks[Op]
	*table
}

// table is what fakes share that are handles on the same ledger.
type table struct {
	mu    sync.Mutex
	loads map[string]ledger.Load
	work  map[string]map[int]ledger.Chunk // by load and index, restages under RestageIndex
	open  map[string]bool                 // loads whose outcome was not announced
	sweep *sweep
}

// New makes an empty ledger.
func New() *Fake {
	return &Fake{table: &table{
		loads: map[string]ledger.Load{}, work: map[string]map[int]ledger.Chunk{}, open: map[string]bool{},
		sweep: &sweep{},
	}}
}

// With is another process's handle on the same ledger, with hooks of its own.
func (f *Fake) With(hooks intercept.Hooks[Op]) *Fake { return &Fake{hooks, f.table} }

// Seed puts a load and its chunks down as they are, past all rules and hooks. A load of that id is replaced.
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

// Change edits a load and its chunks in place, past all rules and hooks.
func (f *Fake) Change(id string, edit func(load *ledger.Load, chunks []ledger.Chunk)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	load, err := f.read(id)
	if err != nil {
		panic(err) // the test is wrong
	}
	chunks := f.chunks(id)
	restage, restaged := f.work[id][ledger.RestageIndex]
	edit(&load, chunks)
	f.seed(load, chunks)
	if restaged && load.Restage == nil { // the plan says no more that there is one
		f.work[id][ledger.RestageIndex] = restage
	}
}

// Piece is one chunk as it stands, or a load's restage; the zero chunk when there is none.
func (f *Fake) Piece(id string, index int) ledger.Chunk {
	f.mu.Lock()
	defer f.mu.Unlock()
	return clone(f.work[id][index])
}

// do carries an operation out under the lock, between the hooks.
func (f *Fake) do(ctx context.Context, op Op, do func() error) error {
	return f.Do(ctx, op, func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		return do()
	})
}

// read gives a load with its restage.
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

func (t *table) chunks(id string) []ledger.Chunk {
	var chunks []ledger.Chunk
	for _, index := range slices.Sorted(maps.Keys(t.work[id])) {
		if index != ledger.RestageIndex {
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
		chunks = f.chunks(id)
		return nil
	})
	return chunks, err
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

// Statuses tells how loads stand; unknown ones are left out.
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

// clone copies a value as it comes back from the store: nothing is shared with the caller.
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

// millis is a time to the precision that the ledger keeps.
func millis(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }
