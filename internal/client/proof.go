package client

import (
	"context"
	"encoding/json"
	"fmt"
	"path"

	"dip/contract"
	"dip/internal/lake"
	"dip/internal/ledger"
	"dip/internal/load"
	"dip/internal/reconcile"
)

// Certificate reads a load's certificate as it is stored, and gives its file's SHA-256 in hex.
func Certificate(ctx context.Context, from Lake, l ledger.Load) (c contract.Certificate, sha256Hex string, err error) {
	if l.Totals == nil {
		return c, "", fmt.Errorf("load %s has no certificate: %w: it is %s %s", l.ID, ErrNotFound, l.Status, l.Reason)
	}
	data, err := from.Get(ctx, contract.CertificateKey(l.Segment, l.ID))
	if err != nil {
		return c, "", err
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, "", fmt.Errorf("certificate of load %s: %w", l.ID, err)
	}
	return c, lake.Hash(data), nil
}

// Recorded is the certificate that the ledger's own records of a load amount to, with the totals that the ledger has
// of it. A stored certificate that says anything else was changed. stack may be qualified, as Pulumi does it.
func Recorded(ctx context.Context, stack string, chunks Chunks, l ledger.Load) (contract.Certificate, error) {
	if l.Plan == nil || l.Totals == nil {
		return contract.Certificate{}, fmt.Errorf("load %s is not certified in the ledger: %w", l.ID, ErrNotFound)
	}
	all, err := chunks.Chunks(ctx, l.ID)
	if err != nil {
		return contract.Certificate{}, err
	}
	c, err := reconcile.Certificate(path.Base(stack), l, load.Planned(l, all))
	if err != nil {
		return c, fmt.Errorf("the ledger does not prove load %s: %w", l.ID, err)
	}
	c.Totals = *l.Totals
	return c, nil
}

// Chunks is the part of the ledger that holds a load's chunks.
type Chunks interface {
	Chunks(ctx context.Context, load string) ([]ledger.Chunk, error)
}
