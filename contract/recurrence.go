package contract

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Recurrence is when something begins again and again: five fields of cron, minute hour day month weekday, each of them
// *, numbers, ranges, lists and steps, such as "0 7 * * 1-5". Sunday is 0 or 7. Where both day and weekday are
// restricted, a date needs to match one of them, as in cron.
type Recurrence struct {
	fields [5]uint64 // a bit for each value
	// whether day and weekday are restricted
	byDay, byWeekday bool
}

// recurrenceFields are the fields of a Recurrence, with their bounds.
var recurrenceFields = [5]struct {
	name      string
	low, high int
}{{"minute", 0, 59}, {"hour", 0, 23}, {"day", 1, 31}, {"month", 1, 12}, {"weekday", 0, 7}}

const (
	cronMinute = iota
	cronHour
	cronDay
	cronMonth
	cronWeekday
)

// ParseRecurrence reads a recurrence.
func ParseRecurrence(text string) (r Recurrence, err error) {
	fields := strings.Fields(text)
	if len(fields) != len(recurrenceFields) {
		return r, fmt.Errorf(`%q: want five fields, minute hour day month weekday, such as "0 7 * * 1-5"`, text)
	}
	for i, f := range recurrenceFields {
		for item := range strings.SplitSeq(fields[i], ",") {
			values, ok := recurrenceItem(item, f.low, f.high)
			if !ok {
				return r, fmt.Errorf("%q: %q is not a %s from %d to %d", text, fields[i], f.name, f.low, f.high)
			}
			r.fields[i] |= values
		}
	}
	if r.fields[cronWeekday]&(1<<7) != 0 {
		r.fields[cronWeekday] |= 1
	}
	r.byDay, r.byWeekday = !strings.HasPrefix(fields[cronDay], "*"), !strings.HasPrefix(fields[cronWeekday], "*")
	return r, nil
}

func recurrenceItem(item string, low, high int) (values uint64, ok bool) {
	span, stepText, stepped := strings.Cut(item, "/")
	step := 1
	if stepped {
		var err error
		if step, err = strconv.Atoi(stepText); err != nil || step < 1 {
			return 0, false
		}
	}
	from, to := low, high
	if span != "*" {
		first, last, ranged := strings.Cut(span, "-")
		a, err := strconv.Atoi(first)
		if err != nil || a < low || a > high {
			return 0, false
		}
		from, to = a, a
		if stepped {
			to = high
		}
		if ranged {
			if to, err = strconv.Atoi(last); err != nil || to < from || to > high {
				return 0, false
			}
		}
	}
	for v := from; v <= to; v += step {
		values |= 1 << v
	}
	return values, true
}

// neverAgain is how many days Next looks ahead: a leap day comes within eight years.
const neverAgain = 8*366 + 1

// Next is the first time after one at which the recurrence begins in a zone; zero if it never does. A time of day that
// a change of the clocks skips begins when they have changed; one that comes twice begins once, the first time.
func (r Recurrence) Next(after time.Time, zone *time.Location) time.Time {
	local := after.In(zone)
	for offset := -1; offset < neverAgain; offset++ { // from the day before: a skipped time may begin the next day
		date := time.Date(local.Year(), local.Month(), local.Day()+offset, 12, 0, 0, 0, time.UTC)
		if !r.on(date) {
			continue
		}
		for hour := range 24 {
			for minute := range 60 {
				if !r.has(cronHour, hour) || !r.has(cronMinute, minute) {
					continue
				}
				if at := ClockTime(date, hour, minute, zone); at.After(after) {
					return at
				}
			}
		}
	}
	return time.Time{}
}

// on says whether the recurrence begins on a date.
func (r Recurrence) on(date time.Time) bool {
	if !r.has(cronMonth, int(date.Month())) {
		return false
	}
	day, weekday := r.has(cronDay, date.Day()), r.has(cronWeekday, int(date.Weekday()))
	if r.byDay && r.byWeekday {
		return day || weekday
	}
	return day && weekday
}

func (r Recurrence) has(field, value int) bool { return r.fields[field]&(1<<value) != 0 }

// ClockTime is when clocks in a zone show a time of day on a date. When a change of the clocks skips it, that is the
// moment of the change; when it comes twice, the first time.
func ClockTime(date time.Time, hour, minute int, zone *time.Location) time.Time {
	at := time.Date(date.Year(), date.Month(), date.Day(), hour, minute, 0, 0, zone)
	if at.Hour() != hour || at.Minute() != minute { // skipped: at is on either side of the change
		// No zone changes its clocks twice within six hours.
		_, change := at.Add(-3 * time.Hour).ZoneBounds()
		return change
	}
	began, _ := at.ZoneBounds()
	if began.IsZero() {
		return at
	}
	_, now := at.Zone()
	_, before := began.Add(-time.Second).Zone()
	if first := at.Add(time.Duration(now-before) * time.Second); before > now && first.Before(began) {
		return first
	}
	return at
}
