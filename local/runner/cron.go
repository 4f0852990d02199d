package runner

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// expression is a parsed schedule: rate(...), at(...) or cron(...)
// (https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html).
type expression struct {
	rate time.Duration
	at   time.Time
	cron *cronFields
	// location of cron fields and of at().
	location *time.Location
}

// parseExpression parses a schedule; location is the time zone of cron and at expressions.
func parseExpression(text string, location *time.Location) (expression, error) {
	e := expression{location: location}
	kind, inner, ok := strings.Cut(strings.TrimSuffix(text, ")"), "(")
	if !ok || !strings.HasSuffix(text, ")") {
		return e, fmt.Errorf("schedule %q: want rate(...), at(...) or cron(...)", text)
	}
	var err error
	switch kind {
	case "rate":
		e.rate, err = parseRate(inner)
	case "at":
		e.at, err = time.ParseInLocation("2006-01-02T15:04:05", inner, location)
	case "cron":
		e.cron, err = parseCron(inner)
	default:
		err = errors.New("unknown kind")
	}
	if err != nil {
		return e, fmt.Errorf("schedule %q: %w", text, err)
	}
	return e, nil
}

func parseRate(text string) (time.Duration, error) {
	number, unit, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is not a positive number", number)
	}
	units := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	d, ok := units[strings.TrimSuffix(unit, "s")]
	if !ok {
		return 0, fmt.Errorf("unit %q: want minutes, hours or days", unit)
	}
	return time.Duration(n) * d, nil
}

// next is the first firing after a time; false: there is none. Rates count from origin.
func (e expression) next(after, origin time.Time) (time.Time, bool) {
	switch {
	case e.rate > 0:
		periods := max(0, after.Sub(origin)/e.rate) + 1
		return origin.Add(periods * e.rate), true
	case e.cron != nil:
		return e.cron.next(after, e.location)
	default:
		return e.at, e.at.After(after)
	}
}

// field is the set of values that a cron field allows, besides the special day forms.
type field struct {
	any    bool
	values []int
}

func (f field) has(v int) bool { return f.any || slices.Contains(f.values, v) }

// cronFields are the six fields of AWS's cron expressions.
type cronFields struct {
	minutes, hours, daysOfMonth, months, daysOfWeek, years field
	// lastDay: L, the month's last day. nearestWeekday: 15W, the weekday nearest to the 15th.
	lastDay        bool
	nearestWeekday int
	// lastWeekday: 6L, the month's last Friday. nth: 6#3, its third Friday; 0: not set.
	lastWeekday, nth int
}

var (
	monthNames = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
	dayNames   = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}
)

// lastYear is the last year that AWS accepts.
const lastYear = 2199

func parseCron(text string) (*cronFields, error) {
	parts := strings.Fields(text)
	if len(parts) != 6 {
		return nil, fmt.Errorf("%d fields, want 6: minutes hours day-of-month month day-of-week year", len(parts))
	}
	if (parts[2] == "?") == (parts[4] == "?") {
		return nil, errors.New("exactly one of day-of-month and day-of-week must be ?")
	}
	c := &cronFields{}
	switch dom := parts[2]; {
	case dom == "L":
		c.lastDay, parts[2] = true, "?"
	case strings.HasSuffix(dom, "W"):
		day, err := number(strings.TrimSuffix(dom, "W"), 1, 31, nil)
		if err != nil {
			return nil, err
		}
		c.nearestWeekday, parts[2] = day, "?"
	}
	switch dow := parts[4]; {
	case strings.HasSuffix(dow, "L"):
		day, err := number(strings.TrimSuffix(dow, "L"), 1, 7, dayNames)
		if err != nil {
			return nil, err
		}
		c.lastWeekday, parts[4] = day, "?"
	case strings.Contains(dow, "#"):
		name, nth, _ := strings.Cut(dow, "#")
		n, err := number(nth, 1, 5, nil)
		if err != nil {
			return nil, err
		}
		c.nth, parts[4] = n, name
	}
	var errs []error
	for i, f := range []struct {
		target   *field
		min, max int
		names    []string
	}{
		{&c.minutes, 0, 59, nil}, {&c.hours, 0, 23, nil}, {&c.daysOfMonth, 1, 31, nil},
		{&c.months, 1, 12, monthNames}, {&c.daysOfWeek, 1, 7, dayNames}, {&c.years, 1970, lastYear, nil},
	} {
		var err error
		if *f.target, err = parseField(parts[i], f.min, f.max, f.names); err != nil {
			errs = append(errs, err)
		}
	}
	return c, errors.Join(errs...)
}

// parseField parses a list of values, ranges and steps, or * or ?.
func parseField(text string, low, high int, names []string) (field, error) {
	if text == "*" || text == "?" {
		return field{any: true}, nil
	}
	var f field
	for item := range strings.SplitSeq(text, ",") {
		span, stepText, stepped := strings.Cut(item, "/")
		step := 1
		var err error
		if stepped {
			if step, err = number(stepText, 1, high, nil); err != nil {
				return f, err
			}
		}
		from, to := low, high
		if span != "*" {
			first, last, ranged := strings.Cut(span, "-")
			if from, err = number(first, low, high, names); err != nil {
				return f, err
			}
			switch {
			case ranged:
				if to, err = number(last, low, high, names); err != nil {
					return f, err
				}
			case !stepped:
				to = from
			}
		}
		if to < from { // FRI-MON
			to += high - low + 1
		}
		for v := from; v <= to; v += step {
			f.values = append(f.values, low+(v-low)%(high-low+1))
		}
	}
	return f, nil
}

func number(text string, low, high int, names []string) (int, error) {
	if i := slices.Index(names, strings.ToUpper(text)); i >= 0 {
		return low + i, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("%q is not between %d and %d", text, low, high)
	}
	return n, nil
}

// next is the first minute after a time that the fields match.
func (c *cronFields) next(after time.Time, location *time.Location) (time.Time, bool) {
	local := after.In(location)
	for day := time.Date(local.Year(), local.Month(), local.Day(), 12, 0, 0, 0,
		location); day.Year() <= lastYear; day = day.AddDate(0, 0, 1) {
		if !c.years.has(day.Year()) || !c.months.has(int(day.Month())) || !c.dayMatches(day) {
			continue
		}
		for hour := range 24 {
			if !c.hours.has(hour) {
				continue
			}
			for minute := range 60 {
				if !c.minutes.has(minute) {
					continue
				}
				at := time.Date(day.Year(), day.Month(), day.Day(), hour, minute, 0, 0, location)
				// A wall-clock time that the change to daylight saving time skips does not fire.
				if at.After(after) && at.Hour() == hour {
					return at, true
				}
			}
		}
	}
	return time.Time{}, false
}

// dayMatches checks day-of-month and day-of-week, one of which is always ?.
func (c *cronFields) dayMatches(day time.Time) bool {
	lastOfMonth := day.AddDate(0, 1, -day.Day()).Day()
	weekday := int(day.Weekday()) + 1
	switch {
	case c.lastDay:
		return day.Day() == lastOfMonth
	case c.nearestWeekday > 0:
		return day.Day() == nearestWeekday(day, min(c.nearestWeekday, lastOfMonth), lastOfMonth)
	case c.lastWeekday > 0:
		return weekday == c.lastWeekday && day.Day()+7 > lastOfMonth
	case c.nth > 0:
		return c.daysOfWeek.has(weekday) && (day.Day()-1)/7+1 == c.nth
	}
	return c.daysOfMonth.has(day.Day()) && c.daysOfWeek.has(weekday)
}

// nearestWeekday is the weekday, Monday to Friday, nearest to the given day in the same month.
func nearestWeekday(inMonth time.Time, wanted, lastOfMonth int) int {
	switch inMonth.AddDate(0, 0, wanted-inMonth.Day()).Weekday() {
	case time.Saturday:
		if wanted == 1 {
			return 3
		}
		return wanted - 1
	case time.Sunday:
		if wanted == lastOfMonth {
			return wanted - 2
		}
		return wanted + 1
	}
	return wanted
}
