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

// queues are where a load's work goes: the current stack's, not those of the catalog that the load is pinned to.
func (r *Reconciler) queues(ctx context.Context, l ledger.Load) (chunks, restage string, err error) {
	catalog, err := r.Catalogs.Catalog(ctx, r.Catalog)
	if err != nil {
		return "", "", err
	}
	segment, err := catalog.Segment(l.Segment)
	return segment.QueueOf(l.Plan.Lane), catalog.Restage, err
}

// lost says which unclaimed work has lost its message: its queue is empty. A message that was sent less than a minute
// ago may not be counted yet ("GetQueueAttributes", SQS API Reference): work is not overdue that soon.
func (r *Reconciler) lost(ctx context.Context, l ledger.Load, overdue []ledger.Chunk) (map[int]bool, error) {
	if len(overdue) == 0 {
		return nil, nil
	}
	chunks, restage, err := r.queues(ctx, l)
	if err != nil {
		return nil, err
	}
	lost, empty := map[int]bool{}, map[string]bool{"": true} // a queue that is gone has no messages
	for _, c := range overdue {
		queue := chunks
		if c.Index == ledger.RestageIndex {
			queue = restage
		}
		if _, asked := empty[queue]; !asked {
			if empty[queue], err = r.Queue.Empty(ctx, queue); err != nil {
				return nil, err
			}
		}
		lost[c.Index] = empty[queue]
	}
	return lost, nil
}

// send enqueues the current attempt at some work of a load, and records that.
func (r *Reconciler) send(ctx context.Context, l ledger.Load, some []ledger.Chunk) error {
	if len(some) == 0 {
		return nil
	}
	if err := r.enqueue(ctx, l, some); err != nil {
		return err
	}
	return r.sent(ctx, l, some)
}

// sent records what was sent. First attempts are sent together, or together with all of them that were not recorded:
// one write does for them.
func (r *Reconciler) sent(ctx context.Context, l ledger.Load, some []ledger.Chunk) error {
	var later []ledger.Chunk
	for _, c := range some {
		if l.Restage != nil || c.Attempt > 1 {
			later = append(later, c)
		}
	}
	if len(later) < len(some) {
		if err := r.Ledger.Dispatched(ctx, l.ID, r.Now()); err != nil {
			return err
		}
	}
	if len(later) == 0 {
		return nil
	}
	return r.Ledger.Sent(ctx, l.ID, later, r.Now())
}

func (r *Reconciler) enqueue(ctx context.Context, l ledger.Load, some []ledger.Chunk) error {
	queue, restage, err := r.queues(ctx, l)
	if err != nil {
		return err
	}
	var chunks []string
	for _, c := range some {
		if c.Index == ledger.RestageIndex {
			if err := r.sendRestage(ctx, restage, l.ID, c.Attempt); err != nil {
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
	return r.Queue.Send(ctx, queue, chunks)
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
