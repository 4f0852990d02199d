package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dip/contract"
	"dip/internal/ledger"
)

// Pace of Follow. Where reading a load's chunks takes long, the pause grows with it, so that watching never takes
// more than a fifth of the time.
const (
	minPause    = 500 * time.Millisecond
	pauseFactor = 4
)

// Read measures a load's progress once.
func Read(ctx context.Context, l Ledger, id string) (Progress, error) {
	load, err := l.Load(ctx, id)
	if err != nil {
		return Progress{}, err
	}
	var chunks []ledger.Chunk
	if load.Plan != nil {
		if chunks, err = l.Chunks(ctx, load.ID); err != nil {
			return Progress{}, err
		}
	}
	return Measure(load, chunks, time.Now()), nil
}

// Follow reads a load's progress again and again, hands each reading to each, and returns the last one when the load
// is over. A load that is not in the ledger yet shows the status "": its event is under way.
func Follow(ctx context.Context, l Ledger, id string, each func(Progress)) (Progress, error) {
	for {
		began := time.Now()
		p, err := Read(ctx, l, id)
		switch {
		case errors.Is(err, ledger.ErrNotFound):
			p = Progress{Load: id}
		case err != nil:
			return p, fmt.Errorf("follow load %s: %w", id, err)
		}
		each(p)
		if p.Status.Final() {
			return p, nil
		}
		pause := time.NewTimer(max(minPause, pauseFactor*time.Since(began)))
		select {
		case <-ctx.Done():
			pause.Stop()
			return p, fmt.Errorf("follow load %s, which goes on by itself: %w", id, context.Cause(ctx))
		case <-pause.C:
		}
	}
}

// FailedError is the outcome of a load that failed. Its text leaves the reason to whoever shows the load.
type FailedError struct{ Progress Progress }

func (e *FailedError) Error() string {
	return fmt.Sprintf("load %s of %s failed", e.Progress.Load, e.Progress.Key)
}

// Outcome is a *FailedError when the load failed.
func Outcome(p Progress) error {
	if p.Status == contract.Failed {
		return &FailedError{p}
	}
	return nil
}
