package scenarios

import (
	"context"
	"fmt"
	"time"
)

// every is how often scenarios look at what they wait for.
const every = 250 * time.Millisecond

// await returns when a condition holds. what describes it in the error, when it does not hold in time.
func await(ctx context.Context, limit time.Duration, what string, holds func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("waited %s for %s", limit, what))
	defer cancel()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		ok, err := holds(ctx)
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}
