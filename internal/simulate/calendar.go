package simulate

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"dip/config"
)

// Calendar is when a stack would sleep, and update its nodes, if hours in which no load ran had been chosen.
type Calendar struct {
	Changes []CalendarChange `json:"changes"` // by setting
	// of a week, now and with the changes; 0: nothing sleeps
	AsleepBefore float64 `json:"asleepHoursBefore"`
	AsleepAfter  float64 `json:"asleepHoursAfter"`
	Saves        float64 `json:"savesUSD"`      // a month, of sleep; below zero: loads ran in hours of the present one
	Days         float64 `json:"days"`          // in which loads were seen
	Why          string  `json:"why,omitempty"` // why nothing is proposed; "": something is
}

// CalendarChange is a setting that gets another value, as YAML on one line.
type CalendarChange struct {
	Setting string `json:"setting"`
	From    string `json:"from"`
	To      string `json:"to"`
	Value   any    `json:"-"` // To, for the rules of the stack
}

const (
	// calendarMargin is how long before and after a load an hour counts as busy: no two weeks are the same to the minute.
	calendarMargin = time.Hour
	// calendarLeast is how long loads have to have been seen: every hour of a week once.
	calendarLeast = 7 * day
	hoursPerWeek  = 7 * 24
)

// week says of each hour of a week, by time.Weekday, whether something holds.
type week [hoursPerWeek]bool

func hourOf(d time.Weekday, hour int) int { return (int(d)*24 + hour + hoursPerWeek) % hoursPerWeek }

// busy are the hours of a week, in a zone, in which a load was in progress or nearly.
func busy(loads []Arrival, since time.Time, zone *time.Location) (hours week) {
	const step = 15 * time.Minute // zones differ from UTC by whole quarters of hours
	for _, l := range loads {
		from := since.Add(l.At - calendarMargin).Truncate(step)
		to := since.Add(l.At + l.Open + calendarMargin)
		for t := from; t.Before(to) && t.Sub(from) <= 8*day; t = t.Add(step) {
			local := t.In(zone)
			hours[hourOf(local.Weekday(), local.Hour())] = true
		}
	}
	return hours
}

// ProposeCalendar proposes hours of sleep, and starts of weekly maintenance windows, that keep clear of all loads by an
// hour. since is when the workload begins, in which loads arrived as they did. Of sleeps that do, it is the one with
// the most hours: each business day is awake from the same hour to the same hour, as maintenance.sleep has it. A window
// only moves if loads ran in it: to the hour of its weekday, or of another one, that is farthest from any load. Windows
// that do not open once a week stay. What the rules of the stack refuse, together with a proposal, is not proposed.
func ProposeCalendar(
	s *config.Stack, parse Parse, with *Proposal, w Workload, since time.Time, p config.Prices,
) Calendar {
	c := Calendar{Changes: []CalendarChange{}}
	if !s.Maintenance.Enabled || !s.Cluster.Enabled {
		c.Why = "the stack has no nodes that are maintained"
		return c
	}
	if len(w.Loads) > 0 {
		c.Days = (w.Span - w.Loads[0].At).Hours() / 24
	}
	if c.Days*float64(day) < float64(calendarLeast) {
		c.Why = fmt.Sprintf("loads were seen for %.1f days, and it takes a week: look farther back with --since", c.Days)
		return c
	}
	c.sleep(s, w, since, p)
	c.windows(s.Maintenance.Windows, w, since)
	c.check(parse, with)
	if len(c.Changes) == 0 && c.Why == "" {
		c.Why = "no load runs in the windows, and no more hours are free to sleep"
	}
	return c
}

// check drops the changes if the stack's rules refuse them together with a proposal's.
func (c *Calendar) check(parse Parse, p *Proposal) {
	if len(c.Changes) == 0 {
		return
	}
	all := Settings{}
	for _, change := range p.Changes {
		all[change.Setting] = change.To
	}
	for _, change := range c.Changes {
		all[change.Setting] = change.Value
	}
	if _, err := parse(all); err != nil {
		*c = Calendar{
			Changes: []CalendarChange{}, AsleepBefore: c.AsleepBefore, AsleepAfter: c.AsleepBefore, Days: c.Days,
			Why: fmt.Sprintf("the rules of the settings refuse it: %v", err),
		}
	}
}

// sleepHours are a sleep's: those of which any part is asleep, and their length. Holidays do not count.
func sleepHours(z config.Sleep) (asleep week, hours float64) {
	minutes := func(text string) int {
		hour, minute, _ := strings.Cut(text, ":")
		h, _ := strconv.Atoi(hour) // the rules of the settings have read it
		m, _ := strconv.Atoi(minute)
		return 60*h + m
	}
	var awake [hoursPerWeek * 60]bool
	from, until := minutes(z.From), minutes(z.Until)
	if from <= until {
		from += 24 * 60
	}
	for _, d := range z.BusinessDays {
		for m := until; m < from; m++ {
			awake[(slices.Index(config.Weekdays, d)*24*60+m)%len(awake)] = true
		}
	}
	length := 0
	for m, is := range awake {
		if !is {
			asleep[m/60], length = true, length+1
		}
	}
	return asleep, float64(length) / 60
}

// clashes counts the hours that two weeks share.
func (a week) clashes(b week) (n int) {
	for i := range a {
		if a[i] && b[i] {
			n++
		}
	}
	return n
}

// quietest is the sleep with the most hours that has none of the busy ones; false if there is none, or nothing is busy.
func quietest(hours week) (z config.Sleep, ok bool) {
	least := hoursPerWeek
	for awake := 1; awake < 24; awake++ {
		for until := range 24 {
			days, fits := businessDays(hours, until, awake)
			if n := len(days) * awake; fits && n > 0 && n < least {
				least, ok = n, true
				z = config.Sleep{
					From: fmt.Sprintf("%02d:00", (until+awake)%24), Until: fmt.Sprintf("%02d:00", until), BusinessDays: days,
				}
			}
		}
	}
	return z, ok
}

// businessDays are those that have to be awake from an hour on, for some hours, so that no busy hour is asleep, Monday
// first; false: there are none.
func businessDays(hours week, until, awake int) (days []config.Weekday, ok bool) {
	needed := map[time.Weekday]bool{}
	for at, is := range hours {
		if !is {
			continue
		}
		since := (at - until + hoursPerWeek) % hoursPerWeek // an awake day begins at until
		if since%24 >= awake {
			return nil, false
		}
		needed[time.Weekday(since/24)] = true
	}
	for i := range 7 {
		if d := time.Weekday((i + 1) % 7); needed[d] {
			days = append(days, config.Weekdays[d])
		}
	}
	return days, true
}

func (c *Calendar) sleep(s *config.Stack, w Workload, since time.Time, p config.Prices) {
	now := s.Maintenance.Sleep
	zone, err := time.LoadLocation(now.TimeZone)
	if err != nil { // the rules of the settings have read it
		zone, now.TimeZone = time.UTC, "UTC"
	}
	saved := 0.0 // USD an hour
	for _, g := range s.NodeGroups {
		if len(g.Windows) > 0 {
			continue
		}
		if hour, err := p.NodeHour(g, g.Capacity); err == nil {
			saved += float64(g.Min-g.AsleepMin()) * hour
		}
	}
	hours := busy(w.Loads, since, zone)
	clash := 0
	if now.Enabled {
		var asleep week
		asleep, c.AsleepBefore = sleepHours(now)
		clash = asleep.clashes(hours)
	}
	c.AsleepAfter = c.AsleepBefore
	next, ok := quietest(hours)
	if saved <= 0 || !ok {
		return
	}
	_, most := sleepHours(next)
	if clash == 0 && most <= c.AsleepBefore {
		return
	}
	c.AsleepAfter = most
	c.Saves = saved * (most - c.AsleepBefore) * config.HoursPerMonth / hoursPerWeek
	const path = "maintenance.sleep."
	quoted := func(text string) string { return strconv.Quote(text) }
	if !slices.Equal(now.BusinessDays, next.BusinessDays) {
		c.change(path+"businessDays", days(now.BusinessDays), days(next.BusinessDays), next.BusinessDays)
	}
	if !now.Enabled {
		c.change(path+"enabled", "false", "true", true)
	}
	if now.From != next.From {
		c.change(path+"from", quoted(now.From), quoted(next.From), next.From)
	}
	if now.Until != next.Until {
		c.change(path+"until", quoted(now.Until), quoted(next.Until), next.Until)
	}
}

func (c *Calendar) change(setting, from, to string, value any) {
	c.Changes = append(c.Changes, CalendarChange{setting, from, to, value})
}

func days(list []config.Weekday) string {
	var names []string
	for _, d := range list {
		names = append(names, string(d))
	}
	return "[" + strings.Join(names, ", ") + "]"
}

// windows moves the weekly windows in which loads ran.
func (c *Calendar) windows(windows []config.MaintenanceWindow, w Workload, since time.Time) {
	moved := slices.Clone(windows)
	for i, m := range windows {
		zone, err := time.LoadLocation(m.TimeZone)
		minute, at, ok := weekly(m.Start)
		if err != nil || !ok {
			continue
		}
		hours := busy(w.Loads, since, zone)
		length := int(math.Ceil(float64(minute)/60 + time.Duration(m.Duration).Hours()))
		if hours.room(at, length) > 0 {
			continue
		}
		if best, ok := clearest(hours, at, int(math.Ceil(time.Duration(m.Duration).Hours()))); ok {
			moved[i].Start = fmt.Sprintf("0 %d * * %d", best%24, best/24)
		}
	}
	if from, to := windowList(windows), windowList(moved); from != to {
		c.change("maintenance.windows", from, to, moved)
	}
}

// weekly reads a start that comes once a week: its minute, and its hour of the week.
func weekly(start string) (minute, hour int, ok bool) {
	f := strings.Fields(start)
	if len(f) != 5 || f[2] != "*" || f[3] != "*" {
		return 0, 0, false
	}
	var n [3]int
	for i, text := range []string{f[0], f[1], f[4]} {
		var err error
		if n[i], err = strconv.Atoi(text); err != nil {
			return 0, 0, false
		}
	}
	return n[0], hourOf(time.Weekday(n[2]%7), n[1]), true
}

// room is how many hours lie between a window and the nearest busy hour, counted from 1; 0: one is in it.
func (hours week) room(at, length int) int {
	for gap := range hoursPerWeek {
		for i := at - gap; i < at+length+gap; i++ {
			if hours[(i+2*hoursPerWeek)%hoursPerWeek] {
				return gap
			}
		}
	}
	return hoursPerWeek
}

// clearest is the hour of the week from which on a window is farthest from any load: of the weekday of a present one,
// if there is a clear one. Of equal ones it is the first.
func clearest(hours week, present, length int) (best int, ok bool) {
	for _, within := range []int{24, hoursPerWeek} {
		most := 0
		for i := range within {
			at := (present/24*24 + i) % hoursPerWeek
			if room := hours.room(at, length); room > most {
				most, best = room, at
			}
		}
		if most > 0 {
			return best, true
		}
	}
	return 0, false
}

func windowList(windows []config.MaintenanceWindow) string {
	var all []string
	for _, w := range windows {
		text := fmt.Sprintf("{name: %s, start: %q, timeZone: %s, duration: %s", w.Name, w.Start, w.TimeZone, w.Duration)
		if len(w.Except) > 0 {
			text += ", except: [" + strings.Join(w.Except, ", ") + "]"
		}
		all = append(all, text+"}")
	}
	return "[" + strings.Join(all, ", ") + "]"
}
