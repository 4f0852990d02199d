package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"dip/contract"
	"dip/internal/ledger"
)

// send asks for the present attempt at some work of a load.
func (r *Reconciler) send(ctx context.Context, load ledger.Load, some []ledger.Chunk) error {
	if len(some) == 0 {
		return nil
	}
	catalog, err := r.Catalogs.Catalog(ctx, r.Catalog)
	if err != nil {
		return err
	}
	segment, err := catalog.Segment(load.Segment)
	if err != nil {
		return err
	}
	var chunks []string
	for _, c := range some {
		if c.Index == ledger.RestageIndex {
			if err := r.sendRestage(ctx, catalog.Restage, load.ID, c.Attempt); err != nil {
				return err
			}
			continue
		}
		body, err := json.Marshal(Message(load, c))
		if err != nil {
			return fmt.Errorf("encode message of chunk %d: %w", c.Index, err)
		}
		chunks = append(chunks, string(body))
	}
	if len(chunks) == 0 {
		return nil
	}
	return r.Queue.Send(ctx, segment.QueueOf(load.Plan.Lane), chunks)
}

func (r *Reconciler) sendRestage(ctx context.Context, queue, load string, attempt int) error {
	if queue == "" {
		return errors.New("the input has to be restaged, and the stack has no cluster any more that could do it")
	}
	body, err := json.Marshal(contract.RestageMessage{Version: contract.Version, Load: load, Attempt: attempt})
	if err != nil {
		return fmt.Errorf("encode restage message: %w", err)
	}
	return r.Queue.Send(ctx, queue, []string{string(body)})
}

// Message is the message that asks for a chunk's present attempt.
func Message(load ledger.Load, c ledger.Chunk) contract.ChunkMessage {
	m := contract.ChunkMessage{
		Version: contract.Version, Load: load.ID, Segment: load.Segment, Catalog: load.Catalog, Object: load.Object,
		Compression: load.Plan.Compression, Columns: load.Plan.Columns, Width: load.Plan.Width,
		LoadDate: load.Received.UTC().Format(time.DateOnly),
		Chunk:    c.Index, Attempt: c.Attempt, Start: c.Start, End: c.End, From: c.From,
	}
	if c.Staged != nil { // pieces are plain
		m.Object, m.Base, m.Compression = *c.Staged, c.Start, contract.Plain
	}
	return m
}
