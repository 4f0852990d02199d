package client

import (
	"context"
	"fmt"
	"slices"
	"time"

	"dip/contract"
	"dip/internal/ledger"
)

// Certified is a certified interval of a segment.
type Certified struct {
	Segment     string    `json:"segment"`
	Load        string    `json:"load"`
	Start       time.Time `json:"start"`
	End         time.Time `json:"end"`     // the segment's watermark, once the interval is certified
	Records     int64     `json:"records"` // that arrived
	RowsOut     int64     `json:"rowsOut"`
	Quarantined int64     `json:"quarantined"`
	Duplicates  int64     `json:"duplicates"`
	PerSecond   float64   `json:"recordsPerSecond"`
	LagSeconds  float64   `json:"lagSeconds"` // from its end to its publication
}

func certifiedOf(l ledger.Load, c contract.Certificate) Certified {
	s, t := c.Stream, c.Totals
	return Certified{
		Segment: l.Segment, Load: l.ID, Start: s.Start, End: s.End, Records: s.Archived.Records, RowsOut: t.RowsOut,
		Quarantined: t.Quarantined, Duplicates: s.Repeated.Records,
		PerSecond:  float64(s.Archived.Records) / s.End.Sub(s.Start).Seconds(),
		LagSeconds: l.Updated.Sub(s.End).Seconds(),
	}
}

// Tail shows the intervals of a segment as they are certified.
type Tail struct {
	Segment string
	Chains  Chains
	Lake    Lake
	Since   time.Time // intervals that ended before are left out
	Follow  bool      // go on until ctx ends
	Pause   func(ctx context.Context, d time.Duration) error
	// Failed hears of reads that failed while it follows; they are repeated.
	Failed func(error)
}

// Pauses between two looks at a segment: they double as long as there is nothing new.
const (
	minTail = time.Second
	maxTail = 16 * time.Second
)

// Run passes the intervals to each, in order. A Tail that follows returns nil when ctx ends.
func (t Tail) Run(ctx context.Context, each func(Certified) error) error {
	last := ""
	for pause := minTail; ; pause = min(2*pause, maxTail) {
		fresh, err := t.fresh(ctx, last)
		switch {
		case t.Follow && ctx.Err() != nil:
			return nil
		case err != nil && !t.Follow:
			return err
		case err != nil:
			t.Failed(err)
		}
		for _, c := range fresh {
			if err := each(c); err != nil {
				return err
			}
			last, pause = c.Load, minTail
		}
		if !t.Follow {
			return nil
		}
		if err := t.Pause(ctx, pause); err != nil {
			return nil
		}
	}
}

// fresh are the published intervals behind the one of a load, from the oldest on.
func (t Tail) fresh(ctx context.Context, last string) (list []Certified, err error) {
	head, err := t.Chains.Head(ctx, t.Segment)
	if err != nil {
		return nil, err
	}
	for id := head.Load; id != "" && id != last; {
		load, err := t.Chains.Load(ctx, id)
		if err != nil {
			return nil, err
		}
		if load.Link == nil {
			return nil, fmt.Errorf("load %s is in the chain of segment %s, and has no link", id, t.Segment)
		}
		id = load.Link.Load
		if load.Interval == nil || load.Interval.End.Before(t.Since) {
			break
		}
		if load.Status != contract.Published { // only the newest one: its certificate is being written
			continue
		}
		c, _, err := Certificate(ctx, t.Lake, load)
		if err != nil {
			return nil, err
		}
		list = append(list, certifiedOf(load, c))
	}
	slices.Reverse(list)
	return list, nil
}
