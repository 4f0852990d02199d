// Package client is what an operator does with a stack: land files, follow loads, read quarantine, redrive dead
// letters. It talks to AWS through interfaces as narrow as each task allows, and prints nothing.
package client

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"dip/contract"
	"dip/internal/ledger"
)

// ErrNotFound reports a load, segment or file that does not exist.
var ErrNotFound = errors.New("not found")

// Ledger is the part of the ledger that this package reads.
type Ledger interface {
	Load(ctx context.Context, id string) (ledger.Load, error)
	Chunks(ctx context.Context, id string) ([]ledger.Chunk, error)
	Day(ctx context.Context, day string) ([]ledger.Load, error)
}

// PrefixDays is how many days back FindLoad searches for a load by a prefix of its id.
const PrefixDays = 31

// dayReaders is the maximum number of concurrent queries, one per day.
const dayReaders = 8

// idLength of a load: 32 hex digits.
const idLength = 32

// FindLoad finds a load by its id, or by a prefix of it that is unique among the loads of the last PrefixDays.
func FindLoad(ctx context.Context, l Ledger, id string, now time.Time) (ledger.Load, error) {
	id = strings.ToLower(id)
	if !isHex(id) || len(id) > idLength {
		return ledger.Load{}, fmt.Errorf("load %q: %w: want a load id of %d hex digits or a prefix of one", id, ErrNotFound,
			idLength)
	}
	if len(id) == idLength {
		load, err := l.Load(ctx, id)
		if errors.Is(err, ledger.ErrNotFound) {
			return load, fmt.Errorf("load %s: %w", id, ErrNotFound)
		}
		return load, err
	}
	loads, err := ListLoads(ctx, l, Filter{Since: now.AddDate(0, 0, -PrefixDays)}, now)
	if err != nil {
		return ledger.Load{}, err
	}
	loads = slices.DeleteFunc(loads, func(l ledger.Load) bool { return !strings.HasPrefix(l.ID, id) })
	switch len(loads) {
	case 0:
		return ledger.Load{}, fmt.Errorf("load %s: %w in the last %d days: give the whole id of an older load", id,
			ErrNotFound, PrefixDays)
	case 1:
		// The index of loads is eventually consistent and may lag behind the load itself.
		return l.Load(ctx, loads[0].ID)
	default:
		return ledger.Load{}, fmt.Errorf("load %s: %w: ambiguous: %d loads match, such as %s and %s: give more digits",
			id, ErrNotFound, len(loads), loads[0].ID, loads[1].ID)
	}
}

func isHex(s string) bool {
	_, err := hex.DecodeString(s + strings.Repeat("0", len(s)%2))
	return s != "" && err == nil
}

// Filter selects loads. An empty field matches everything.
type Filter struct {
	Segment string
	Status  contract.Status
	Since   time.Time // received at this time or later
	Limit   int       // the newest ones
}

// ListLoads lists loads, newest first.
func ListLoads(ctx context.Context, l Ledger, f Filter, now time.Time) ([]ledger.Load, error) {
	days := daysBetween(f.Since, now)
	found := make([][]ledger.Load, len(days))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(dayReaders)
	for i, day := range days {
		group.Go(func() (err error) {
			found[i], err = l.Day(ctx, day)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	loads := slices.DeleteFunc(slices.Concat(found...), func(l ledger.Load) bool {
		return l.Received.Before(f.Since) || f.Segment != "" && l.Segment != f.Segment || f.Status != "" &&
			l.Status != f.Status
	})
	slices.SortStableFunc(loads, func(a, b ledger.Load) int {
		return cmp.Or(b.Received.Compare(a.Received), cmp.Compare(a.ID, b.ID))
	})
	if f.Limit > 0 && len(loads) > f.Limit {
		loads = loads[:f.Limit]
	}
	return loads, nil
}

// daysBetween lists the days (YYYY-MM-DD, UTC) from since to now, newest first.
func daysBetween(since, now time.Time) []string {
	var days []string
	first := since.UTC().Format(time.DateOnly)
	for t := now.UTC(); ; t = t.AddDate(0, 0, -1) {
		day := t.Format(time.DateOnly)
		if day < first {
			return days
		}
		days = append(days, day)
	}
}
