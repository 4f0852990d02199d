package lease

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errLost is the cause of cancelled work that another holder has taken over.
var errLost = errors.New("another holder has taken over the work")

// Keep calls beat at the interval every while work runs with the returned context. These heartbeats renew what would
// otherwise expire (a lease, a message's visibility timeout) while its holder lives. A beat that returns false has lost
// it: the context is cancelled. stop ends the heartbeats and the context, and returns why the context had already
// ended, if it had.
func Keep(ctx context.Context, every time.Duration, beat func(context.Context) (held bool)) (kept context.Context,
	stop func() error) {
	kept, cancel := context.WithCancelCause(ctx)
	var beats sync.WaitGroup
	done := make(chan struct{})
	beats.Go(func() {
		ticks := time.NewTicker(every)
		defer ticks.Stop()
		for {
			select {
			case <-done:
				return
			case <-kept.Done():
				return
			case <-ticks.C:
				if !beat(kept) {
					cancel(errLost)
					return
				}
			}
		}
	})
	return kept, sync.OnceValue(func() error {
		close(done)
		beats.Wait()
		cause := context.Cause(kept)
		cancel(nil)
		return cause
	})
}

// Beats is the number of heartbeats in a lease: two may fail before it expires.
const Beats = 3
