package sweep

import (
	"context"
	"fmt"
	"time"

	"dip/contract"
	"dip/internal/intake"
	"dip/internal/ledger"
)

// Workflows are the executions of the workflow. Starting one that exists succeeds.
type Workflows interface {
	Start(ctx context.Context, execution string, in contract.WorkflowInput) error
	// State tells whether there is an execution of that name, and whether it is running.
	State(ctx context.Context, execution string) (known, running bool, err error)
}

// quiet, in grace periods, is how long a load goes unchanged before its workflow is asked for: an hour in AWS.
const quiet = 4

// perShard is how many loads of a shard are looked at in a sweep: of 16 shards, 640 requests, which DescribeExecution
// takes in a minute ("Service quotas", Step Functions: 10 to 15 a second, bursts of 250 to 300).
const perShard = 40

// revive looks after loads that have not changed for a while, whatever their status, the oldest first. An execution may
// end without a trace in the ledger: stopped by somebody, or at one of Step Functions' limits.
func (s *Sweeper) revive(ctx context.Context, report *Report, until time.Time, bySegment found) error {
	now := s.Now()
	loads, err := s.Ledger.Open(ctx, now, perShard)
	if err != nil {
		return err
	}
	for _, load := range loads {
		if !load.Status.Final() {
			bySegment.oldest[load.Segment] = max(bySegment.oldest[load.Segment], now.Sub(load.Received))
		}
	}
	for _, load := range loads {
		if !load.Updated.Before(now.Add(-quiet * s.Grace)) {
			return nil // they are in order
		}
		if !s.Now().Before(until) {
			return nil
		}
		if load.Status.Final() {
			report.Announced++
			err = s.Announce(ctx, load)
		} else {
			err = s.resume(ctx, load, report)
		}
		if err != nil {
			return fmt.Errorf("revive load %s: %w", load.ID, err)
		}
	}
	return nil
}

func (s *Sweeper) resume(ctx context.Context, load ledger.Load, report *Report) error {
	known, running, err := s.Workflows.State(ctx, intake.Execution(load))
	switch {
	case err != nil:
		return err
	case running:
		return s.Ledger.Seen(ctx, load, s.Now())
	case known: // its name is used up
		resumed, err := s.Ledger.Resume(ctx, load, s.Now())
		if err != nil || !resumed {
			return err
		}
		load.Execution++
	}
	s.Log.WarnContext(ctx, "load without a workflow", "load", load.ID, "status", load.Status, "execution", load.Execution)
	report.Resumed++
	return s.Workflows.Start(ctx, intake.Execution(load), contract.WorkflowInput{Version: contract.Version, Load: load.ID})
}
