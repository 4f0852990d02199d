package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"dip/contract"
	"dip/internal/ledger"
)

// Lake is the part of the lake that this package reads.
type Lake interface {
	Get(ctx context.Context, key string) ([]byte, error)
}

// Chunked gives the chunks of a load. Those of an interval are the acknowledgements of its certificate: before it is
// certified nobody knows which of them count.
func Chunked(ctx context.Context, chunks Chunks, lake Lake, l ledger.Load) ([]ledger.Chunk, error) {
	if l.Interval == nil {
		return chunks.Chunks(ctx, l.ID)
	}
	c, _, err := Certificate(ctx, lake, l)
	if err != nil {
		return nil, err
	}
	var list []ledger.Chunk
	for _, k := range c.Chunks {
		list = append(list, ledger.Chunk{Index: k.Chunk, Attempt: k.Attempt, Ack: &k.Ack})
	}
	return list, nil
}

// Quarantine passes a load's rejected records to each, in input order, until there are no more or each asks to stop.
// The load need not be certified: the records that its finished chunks rejected are readable at once.
func Quarantine(
	ctx context.Context, lake Lake, chunks []ledger.Chunk, each func(contract.Rejected) (more bool, err error),
) error {
	for _, c := range chunks {
		if c.Ack == nil || c.Ack.Quarantine == nil {
			continue
		}
		key := c.Ack.Quarantine.Key
		data, err := lake.Get(ctx, key)
		if err != nil {
			return err
		}
		content, err := contract.Quarantine(bytes.NewReader(data))
		if err != nil {
			return fmt.Errorf("quarantine file %s: %w", key, err)
		}
		for lines := json.NewDecoder(content); ; {
			var r contract.Rejected
			err := lines.Decode(&r)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return fmt.Errorf("quarantine file %s: %w", key, err)
			}
			if more, err := each(r); err != nil || !more {
				return err
			}
		}
	}
	return nil
}
