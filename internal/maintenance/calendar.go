package maintenance

import (
	"errors"
	"fmt"
	"slices"
	"time"
	_ "time/tzdata" // functions have no zones of their own

	"dip/contract"
)

// Plan is when what is done: the calendar of a stack.
type Plan struct {
	nodes   bool
	windows []window
	sleep   *sleep
}

// window is a window of the plan.
type window struct {
	name   string
	starts contract.Recurrence
	zone   *time.Location
	length time.Duration
	except []string
}

// sleep is when node groups sleep: at all times but from until to from, of business days.
type sleep struct {
	from, until time.Time // of a day
	zone        *time.Location
	days        []time.Weekday
	holidays    []string
}

// clock is the layout of a time of day.
const clock = "15:04"

// NewPlan reads a plan. The error names every problem.
func NewPlan(p contract.MaintenancePlan) (*Plan, error) {
	made, problems := &Plan{nodes: p.Nodes}, []error{}
	for _, w := range p.Windows {
		starts, err := contract.ParseRecurrence(w.Start)
		zone, zoneErr := time.LoadLocation(w.Zone)
		if err := errors.Join(err, zoneErr); err != nil {
			problems = append(problems, fmt.Errorf("maintenance window %s: %w", w.Name, err))
			continue
		}
		made.windows = append(made.windows,
			window{w.Name, starts, zone, time.Duration(w.Minutes) * time.Minute, w.Except})
	}
	if s := p.Sleep; s != nil {
		from, fromErr := time.Parse(clock, s.From)
		until, untilErr := time.Parse(clock, s.Until)
		zone, zoneErr := time.LoadLocation(s.Zone)
		if err := errors.Join(fromErr, untilErr, zoneErr); err != nil {
			problems = append(problems, fmt.Errorf("sleep: %w", err))
		}
		made.sleep = &sleep{from, until, zone, s.BusinessDays, s.Holidays}
	}
	return made, errors.Join(problems...)
}

// opens is the first opening of the window after a time; nil if there is none.
func (w window) opens(after time.Time) *contract.Window {
	for range len(w.except) + 1 {
		at := w.starts.Next(after, w.zone)
		if at.IsZero() {
			return nil
		}
		if !slices.Contains(w.except, at.In(w.zone).Format(time.DateOnly)) {
			return &contract.Window{Name: w.name, Start: at.UTC(), End: at.Add(w.length).UTC()}
		}
		after = at
	}
	return w.opens(after) // it opens several times on a day that is excepted
}

// open is the window that is open: of several the one that closes last.
func (p *Plan) open(now time.Time) (found *contract.Window) {
	for _, w := range p.windows {
		for o := w.opens(now.Add(-w.length)); o != nil && !o.Start.After(now); o = w.opens(o.Start) {
			if found == nil || o.End.After(found.End) {
				found = o
			}
		}
	}
	return found
}

// next is the window that opens next.
func (p *Plan) next(now time.Time) (found *contract.Window) {
	for _, w := range p.windows {
		if o := w.opens(now); o != nil && (found == nil || o.Start.Before(found.Start)) {
			found = o
		}
	}
	return found
}

// farthest is how many days ahead awake looks for a business day.
const farthest = 400

// awake lists the spans in which nothing sleeps that end after a time, in order: up to the first that begins after a
// later one.
func (s *sleep) awake(after, later time.Time) (spans []contract.Window) {
	local := after.In(s.zone)
	for offset := -2; offset < farthest; offset++ {
		day := time.Date(local.Year(), local.Month(), local.Day()+offset, 12, 0, 0, 0, time.UTC)
		if !slices.Contains(s.days, day.Weekday()) || slices.Contains(s.holidays, day.Format(time.DateOnly)) {
			continue
		}
		last := day
		if !s.from.After(s.until) {
			last = day.AddDate(0, 0, 1)
		}
		span := contract.Window{
			Start: contract.ClockTime(day, s.until.Hour(), s.until.Minute(), s.zone),
			End:   contract.ClockTime(last, s.from.Hour(), s.from.Minute(), s.zone),
		}
		if span.End.After(after) {
			spans = append(spans, span)
		}
		if span.Start.After(after) && span.Start.After(later) {
			break
		}
	}
	return spans
}

// state is whether node groups sleep, where people keep them awake until a time.
func (s *sleep) state(now, awake time.Time) contract.SleepState {
	spans := s.awake(now, awake)
	if len(spans) == 0 { // no business day for more than a year
		return contract.SleepState{Asleep: !awake.After(now), Until: awake.UTC(), Next: awake.UTC()}
	}
	first := spans[0]
	if now.Before(first.Start) && !awake.After(now) {
		return contract.SleepState{Asleep: true, Until: first.Start.UTC(), Next: first.End.UTC()}
	}
	until := awake
	if !now.Before(first.Start) && first.End.After(awake) {
		until = first.End
	}
	for _, span := range spans { // people may keep it awake into one
		if !until.Before(span.Start) && until.Before(span.End) {
			until = span.End
		}
	}
	return contract.SleepState{Until: until.UTC(), Next: until.UTC()}
}
