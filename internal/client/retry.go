package client

import (
	"context"
	"fmt"
	"time"

	"dip/contract"
	"dip/internal/fault"
	"dip/internal/ledger"
)

// Workflows is the part of Step Functions that a retry needs. *adapters.Workflows implements it.
type Workflows interface {
	Start(ctx context.Context, execution string, in contract.WorkflowInput) error
	State(ctx context.Context, execution string) (known, running bool, err error)
}

// Retrier is the part of the ledger that a retry needs.
type Retrier interface {
	Ledger
	Redrive(ctx context.Context, load ledger.Load, at time.Time) (bool, error)
	Restage(ctx context.Context, load ledger.Load) error
	Fail(ctx context.Context, id, reason string, at time.Time) (bool, error)
}

// Retried is the outcome of a retry.
type Retried string

// The outcomes of a retry.
const (
	Restarted Retried = "restarted"
	GoingOn   Retried = "running"   // its workflow is running: nothing to do
	AllDone   Retried = "certified" // nothing to do
)

// Retry retries a failed load: acknowledged chunks stay acknowledged, the others start over under a new execution of
// the workflow. A load whose workflow was lost or ended without a result is retried the same way. Retry is
// idempotent: a running load is left alone.
func Retry(ctx context.Context, l Retrier, pieces Pieces, w Workflows, id string, now time.Time) (Retried, error) {
	load, err := l.Load(ctx, id)
	if err != nil {
		return "", err
	}
	if load.Status == contract.Published || load.Status == contract.Duplicate {
		return AllDone, nil
	}
	if load.Status != contract.Failed {
		running, err := start(ctx, w, load)
		if err != nil || running {
			return GoingOn, err
		}
		if _, err := l.Fail(ctx, id, "its workflow ended without a result", now); err != nil {
			return "", err
		}
	}
	if err := restage(ctx, l, pieces, id); err != nil {
		return "", err
	}
	if _, err := l.Redrive(ctx, load, now); err != nil {
		return "", err
	}
	if load, err = l.Load(ctx, id); err != nil {
		return "", err
	}
	if load.Status == contract.Published {
		return AllDone, nil
	}
	if running, err := start(ctx, w, load); err != nil {
		return "", err
	} else if !running {
		return "", fmt.Errorf("retry load %s: execution %d of its workflow has already ended: try again", id, load.Execution)
	}
	return Restarted, nil
}

// Pieces tells whether the pieces of a restaged input are there. *lake.Lake implements it.
type Pieces interface {
	Head(ctx context.Context, o contract.Object) (contract.Object, error)
}

// restage has the input of a failed load restaged once more if its pieces have expired: those that chunks still need.
// Pieces expire in the order in which they were made.
func restage(ctx context.Context, l Retrier, pieces Pieces, id string) error {
	load, err := l.Load(ctx, id)
	if err != nil || load.Restage == nil || load.Restage.Ack == nil {
		return err
	}
	chunks, err := l.Chunks(ctx, id)
	if err != nil {
		return err
	}
	for _, c := range chunks {
		if c.Ack != nil || c.Staged == nil {
			continue
		}
		if _, err := pieces.Head(ctx, *c.Staged); fault.IsPermanent(err) {
			return l.Restage(ctx, load)
		} else if err != nil {
			return fmt.Errorf("look for a piece of load %s: %w", id, err)
		}
		return nil
	}
	return nil
}

// start starts a load's current execution unless it exists; false means that it has ended. Whether it is running is
// asked for: to start it once more would tell that only with the input that it was started with ("StartExecution").
func start(ctx context.Context, w Workflows, load ledger.Load) (running bool, err error) {
	known, running, err := w.State(ctx, executionName(load))
	if err != nil || known {
		return running, err
	}
	in := contract.WorkflowInput{Version: contract.Version, Load: load.ID}
	if err := w.Start(ctx, executionName(load), in); err != nil {
		return false, fmt.Errorf("start the workflow of load %s: %w", load.ID, err)
	}
	return true, nil
}

// executionName is the load's id; a redriven load's executions are numbered.
func executionName(load ledger.Load) string {
	if load.Execution == 0 {
		return load.ID
	}
	return fmt.Sprintf("%s-%d", load.ID, load.Execution)
}
