package stream

import (
	"context"
	"time"

	"dip/contract"
	"dip/internal/emf"
)

// measure emits how far the closer has come, even if it then failed.
func (c *Closer) measure(ctx context.Context, r Report, err error) {
	now, values := c.Processor.Now(), emf.Values{}
	if s, unknown := c.settings(ctx); unknown == nil {
		values[contract.OverdueIntervals] = float64(overdue(r.Waiting, s, now))
	}
	if !r.Through.IsZero() {
		values[contract.Watermark] = now.Sub(r.Through).Seconds()
	}
	if err == nil {
		values[contract.Closings] = 1
	}
	if len(values) > 0 {
		c.Metrics.Emit(c.Processor.Segment, values, nil)
	}
}

// overdue counts the intervals from the open one on that are past their due time; nil: none is open.
func overdue(open *contract.Interval, s contract.Stream, now time.Time) int {
	if open == nil {
		return 0
	}
	late := now.Sub(open.End.Add(seconds(s.DueSeconds)))
	if late < 0 {
		return 0
	}
	return 1 + int(late/seconds(s.IntervalSeconds))
}

// published emits what an interval consists of, as a load's chunks and its outcome do.
func (c *Closer) published(certificate contract.Certificate) {
	t := certificate.Totals
	c.Metrics.Emit(certificate.Segment, emf.Values{
		contract.BytesIn: float64(t.Bytes), contract.RecordsIn: float64(t.RowsIn), contract.RecordsOut: float64(t.RowsOut),
		contract.RecordsQuarantined: float64(t.Quarantined), contract.LoadsPublished: 1,
		contract.LoadSeconds: c.Processor.Now().Sub(certificate.Received).Seconds(),
	}, map[string]string{"load": certificate.Load})
}
