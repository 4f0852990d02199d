package client

import (
	"context"
	"time"

	"dip/contract"
	"dip/internal/ledger"
)

// Catalogs gives the catalogs that loads are pinned to.
type Catalogs interface {
	Catalog(ctx context.Context, key string) (contract.Catalog, error)
}

// Deadline is when a load has to be published, as the catalog says that it is pinned to; zero: its segment has no
// deadline, or it has no segment.
func Deadline(ctx context.Context, catalogs Catalogs, l ledger.Load) (time.Time, error) {
	if l.Catalog == "" {
		return time.Time{}, nil
	}
	c, err := catalogs.Catalog(ctx, l.Catalog)
	if err != nil {
		return time.Time{}, err
	}
	s, ok := c.Segments[l.Segment]
	if !ok || s.DeadlineSeconds == 0 {
		return time.Time{}, nil
	}
	return l.Received.Add(time.Duration(s.DeadlineSeconds) * time.Second), nil
}

// Slack is what a load has left of its time at its end, or at the end that its rate so far predicts; below zero: it is
// too late by that much. ok is false without a deadline, and for a load that has failed.
func (p Progress) Slack() (slack time.Duration, ok bool) {
	if p.Deadline.IsZero() || p.Status == contract.Failed || p.Status == contract.Duplicate {
		return 0, false
	}
	seconds := p.ElapsedSeconds
	if p.ETASeconds != nil {
		seconds += *p.ETASeconds
	}
	end := p.Received.Add(time.Duration(seconds * float64(time.Second)))
	return p.Deadline.Sub(end), true
}
