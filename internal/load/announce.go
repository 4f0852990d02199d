package load

import (
	"context"

	"dip/contract"
	"dip/internal/ledger"
)

// Bus announces the outcome of a load.
type Bus interface {
	Put(ctx context.Context, detailType string, e contract.LoadEvent) error
}

// Announcer announces the outcomes of loads.
type Announcer struct {
	Stack  string
	Ledger interface {
		Announced(ctx context.Context, id string) error
	}
	Bus Bus
}

// Announce sends the event of a load's outcome, and records that. It may be repeated: whoever died in between did not
// record it.
func (a Announcer) Announce(ctx context.Context, l ledger.Load) error {
	if l.Status == contract.Duplicate { // the other load's event announces both
		return a.Ledger.Announced(ctx, l.ID)
	}
	event := contract.LoadEvent{
		Version: contract.Version, Stack: a.Stack, Load: l.ID, Segment: l.Segment, Object: l.Object, Reason: l.Reason,
	}
	kind := contract.EventFailed
	if l.Status == contract.Published {
		kind = contract.EventPublished
		event.Certificate = contract.CertificateKey(l.Segment, l.ID)
		event.Manifest = contract.ManifestKey(l.Segment, l.ID)
		event.Rows, event.Quarantined = l.Totals.RowsOut, l.Totals.Quarantined
	}
	if err := a.Bus.Put(ctx, kind, event); err != nil {
		return err
	}
	return a.Ledger.Announced(ctx, l.ID)
}
