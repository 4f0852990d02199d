package client

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"dip/contract"
	"dip/internal/ledger"
)

// fakeLedger is an in-memory ledger.
type fakeLedger struct {
	mu       sync.Mutex
	loads    map[string]ledger.Load
	chunks   map[string][]ledger.Chunk
	redriven int
	days     []string // that were queried
}

func (f *fakeLedger) Load(_ context.Context, id string) (ledger.Load, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l, ok := f.loads[id]
	if !ok {
		return l, fmt.Errorf("load %s: %w", id, ledger.ErrNotFound)
	}
	return l, nil
}

func (f *fakeLedger) Chunks(_ context.Context, id string) ([]ledger.Chunk, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.chunks[id]), nil
}

func (f *fakeLedger) Day(_ context.Context, day string) ([]ledger.Load, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.days = append(f.days, day)
	var loads []ledger.Load
	for _, l := range f.loads {
		if l.Received.UTC().Format(time.DateOnly) == day {
			loads = append(loads, l)
		}
	}
	return loads, nil
}

func (f *fakeLedger) Redrive(_ context.Context, load ledger.Load, _ time.Time) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.loads[load.ID]
	if l.Status != contract.Failed {
		return false, nil
	}
	f.redriven++
	l.Status, l.Execution = contract.Running, l.Execution+1
	f.loads[load.ID] = l
	return true, nil
}

func (f *fakeLedger) Fail(_ context.Context, id, reason string, _ time.Time) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.loads[id]
	if l.Status != contract.Received && l.Status != contract.Running {
		return false, nil
	}
	l.Status, l.Reason = contract.Failed, reason
	f.loads[id] = l
	return true, nil
}

func (f *fakeLedger) set(l ledger.Load) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.loads == nil {
		f.loads = map[string]ledger.Load{}
	}
	f.loads[l.ID] = l
}

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func loadID(prefix string) string { return (prefix + "00000000000000000000000000000000")[:idLength] }
