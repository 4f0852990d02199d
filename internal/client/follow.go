package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dip/contract"
	"dip/internal/ledger"
)

// Pace of Follow. If reading a load's chunks is slow, the pause grows with it, so that reads never take more than a
// fifth of the time.
const (
	minPause    = 500 * time.Millisecond
	pauseFactor = 4
)

// Read reads a load's progress once.
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

// Follow polls a load's progress, passes each reading to each, and returns the last one when the load has finished. A
// load that is not in the ledger yet has the status "": its event is in flight. One that has the content of another
// goes on as that.
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
		if p.Status == contract.Duplicate { // its outcome is the other one's
			id = p.Of
			continue
		}
		if p.Status.Final() {
			return p, nil
		}
		if err := Pause(ctx, max(minPause, pauseFactor*time.Since(began))); err != nil {
			return p, fmt.Errorf("follow load %s (the load itself continues): %w", id, err)
		}
	}
}

// FailedError is the outcome of a failed load. Its text omits the reason, which is shown with the load.
type FailedError struct{ Progress Progress }

func (e *FailedError) Error() string {
	return fmt.Sprintf("load %s of %s failed", e.Progress.Load, e.Progress.Key)
}

// Outcome is a *FailedError if the load failed, else nil.
func Outcome(p Progress) error {
	if p.Status == contract.Failed {
		return &FailedError{p}
	}
	return nil
}
