package lease

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errLost is the cause with which work ends whose beat said that somebody else has it now.
var errLost = errors.New("the work is somebody else's now")

// Keep calls beat each time that every has passed, for as long as work goes on with the context that it returns: that
// is how what ends by itself (a lease, the time in which a message is hidden) is kept while its holder lives. A beat
// that returns false has lost it: the context is cancelled. stop ends beats and context, and returns why the context had
// ended before that, if it had.
func Keep(ctx context.Context, every time.Duration, beat func(context.Context) (held bool)) (kept context.Context, stop func() error) {
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

// Beats is how many beats there are in a lease: two may fail before it ends.
const Beats = 3
