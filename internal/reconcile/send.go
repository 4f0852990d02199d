package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"dip/contract"
	"dip/internal/ledger"
	"dip/internal/load"
)

// send enqueues the current attempt at some work of a load.
func (r *Reconciler) send(ctx context.Context, l ledger.Load, some []ledger.Chunk) error {
	if len(some) == 0 {
		return nil
	}
	catalog, err := r.Catalogs.Catalog(ctx, r.Catalog)
	if err != nil {
		return err
	}
	segment, err := catalog.Segment(l.Segment)
	if err != nil {
		return err
	}
	var chunks []string
	for _, c := range some {
		if c.Index == ledger.RestageIndex {
			if err := r.sendRestage(ctx, catalog.Restage, l.ID, c.Attempt); err != nil {
				return err
			}
			continue
		}
		body, err := json.Marshal(load.Message(l, c))
		if err != nil {
			return fmt.Errorf("encode message of chunk %d: %w", c.Index, err)
		}
		chunks = append(chunks, string(body))
	}
	if len(chunks) == 0 {
		return nil
	}
	return r.Queue.Send(ctx, segment.QueueOf(l.Plan.Lane), chunks)
}

func (r *Reconciler) sendRestage(ctx context.Context, queue, load string, attempt int) error {
	if queue == "" {
		return errors.New("the input has to be restaged, but the stack no longer has a cluster: deploy one, then redrive " +
			"the load")
	}
	body, err := json.Marshal(contract.RestageMessage{Version: contract.Version, Load: load, Attempt: attempt})
	if err != nil {
		return fmt.Errorf("encode restage message: %w", err)
	}
	return r.Queue.Send(ctx, queue, []string{string(body)})
}
