package rollout

import (
	"context"
	"fmt"
	"time"

	"dip/contract"
	"dip/internal/ledger"
	"dip/internal/load"
)

// baselineLoads is how many loads of before a rollout its quarantined share is compared with.
const baselineLoads = 20

// made is what is known of a version's work on loads.
type made struct {
	chunks  []sample // that it processed, in the time of the rollout
	others  tally    // of the other chunks of the same loads
	earlier tally    // of loads that were certified before
	failed  []sample // that failed for good, by whatever version
}

// after looks at the chunks that a version has processed.
func (r *Rollouts) after(ctx context.Context, c contract.Rollout) (contract.Check, error) {
	m, err := r.made(ctx, c)
	if err != nil {
		return contract.Check{}, err
	}
	broke, err := r.broken(ctx, c, m.failed)
	if err != nil {
		return contract.Check{}, err
	}
	return judgeWork(m, broke, c.QuarantineDrift), nil
}

// made looks at the loads that were received from the day before the rollout began on: at the newest mostLoads of those
// that have changed since.
func (r *Rollouts) made(ctx context.Context, c contract.Rollout) (m made, err error) {
	looked := 0
	for day := r.now(); !day.Before(c.Began.AddDate(0, 0, -2)) && looked < mostLoads; day = day.AddDate(0, 0, -1) {
		loads, err := r.Ledger.Day(ctx, day.Format(time.DateOnly))
		if err != nil {
			return m, err
		}
		for _, l := range loads {
			old := l.Status.Final() && l.Updated.Before(c.Began)
			if l.Segment != c.Segment || l.Interval != nil || l.Plan == nil || old || looked == mostLoads {
				continue
			}
			looked++
			chunks, err := r.Ledger.Chunks(ctx, l.ID)
			if err != nil {
				return m, err
			}
			for _, k := range load.Planned(l, chunks) {
				m.add(c, sample{l, k})
			}
		}
	}
	n := 0
	return m, r.chain(ctx, c.Segment, func(l ledger.Load) (bool, error) {
		if l.Totals != nil && l.Updated.Before(c.Began) {
			m.earlier.records += l.Totals.RowsIn
			m.earlier.quarantined += l.Totals.Quarantined
			n++
		}
		return n < baselineLoads, nil
	})
}

func (m *made) add(c contract.Rollout, s sample) {
	switch ack := s.chunk.Ack; {
	case s.chunk.Failure != "":
		m.failed = append(m.failed, s)
	case ack == nil:
	case ack.Runtime == c.Target && !ack.At.Before(c.Began):
		m.chunks = append(m.chunks, s)
	default:
		m.others = m.others.plus(ack)
	}
}

// broken are the failed chunks that the version fails at and the one before it does not. Inputs that no version can
// process are not the version's fault.
func (r *Rollouts) broken(ctx context.Context, c contract.Rollout, failed []sample) (broke []string, err error) {
	for _, s := range failed[:min(len(failed), c.Shadow)] {
		m := load.Message(s.load, s.chunk)
		old, err := r.Functions.Shadow(ctx, c.Function, c.Current, m)
		if err != nil {
			return nil, fmt.Errorf("process %s again: %w", label(s.load, s.chunk), err)
		}
		if old.Ack == nil { // or it is a version of before there were shadows
			continue
		}
		answer, err := r.Functions.Shadow(ctx, c.Function, c.Target, m)
		if err != nil {
			return nil, fmt.Errorf("process %s again: %w", label(s.load, s.chunk), err)
		}
		if answer.Ack == nil && !answer.Absent {
			broke = append(broke, fmt.Sprintf("%s fails, and did not with version %s: %s", label(s.load, s.chunk), c.Current,
				answer.Error))
		}
	}
	return broke, nil
}

// judgeWork passes a version whose chunks reconcile: each record is in the output or in quarantine, the quarantined
// share is about that of the other chunks of the same loads, or without such of earlier loads, and nothing fails that
// did not before.
func judgeWork(m made, broke []string, drift float64) (c contract.Check) {
	reasons, total := broke, tally{}
	for _, s := range m.chunks {
		ack := s.chunk.Ack
		c.Chunks, c.Rows, total = c.Chunks+1, c.Rows+ack.RowsIn, total.plus(ack)
		if why := unbalanced(*ack); why != "" {
			reasons = append(reasons, label(s.load, s.chunk)+" "+why)
		}
	}
	base, of := m.others, "of other versions in the same loads"
	if base.records == 0 {
		base, of = m.earlier, "of earlier loads"
	}
	if !within(total, base, drift) {
		reasons = append(reasons, fmt.Sprintf("%.2f %% of its records are quarantined, and %.2f %% %s: more than "+
			"quarantineDrift apart", 100*total.share(), 100*base.share(), of))
	}
	c.Passed = len(reasons) == 0
	switch {
	case !c.Passed:
		c.Text = list(reasons)
	case c.Chunks == 0:
		c.Text = "it has processed no chunk yet"
	default:
		c.Text = fmt.Sprintf("the %d chunks that it has processed reconcile", c.Chunks)
	}
	return c
}

// unbalanced says why an acknowledgement does not add up; "": it does.
func unbalanced(a contract.Ack) string {
	rows := int64(0)
	for _, o := range a.Outputs {
		rows += o.Rows
	}
	switch {
	case a.RowsIn != a.RowsOut+a.Quarantined:
		return fmt.Sprintf("has %d records, but %d rows and %d quarantined", a.RowsIn, a.RowsOut, a.Quarantined)
	case rows != a.RowsOut:
		return fmt.Sprintf("has %d rows, but %d in its files", a.RowsOut, rows)
	case a.Quarantined > 0 && (a.Quarantine == nil || a.Quarantine.Rows != a.Quarantined):
		return fmt.Sprintf("quarantines %d records, which are not in its quarantine file", a.Quarantined)
	}
	return ""
}
