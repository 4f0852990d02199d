package simulate

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"dip/config"
)

// monday is one, midnight UTC.
var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// nights are loads of half an hour on some days of four weeks, at an hour.
func nights(hour int, weekdays ...time.Weekday) Workload {
	w := Workload{Span: 28 * day}
	for d := range 28 {
		if slices.Contains(weekdays, monday.AddDate(0, 0, d).Weekday()) {
			w.Loads = append(w.Loads, Arrival{
				Segment: "trips", At: time.Duration(d)*day + time.Duration(hour)*time.Hour, Open: 30 * time.Minute,
			})
		}
	}
	return w
}

// sleeper parses dev with other settings of maintenance.
func sleeper(t *testing.T, maintenance string) Parse {
	t.Helper()
	return func(s Settings) (*config.Stack, error) {
		text := fmt.Sprintf(`{"environment": "dev", "segments": {"trips": {}}, "cluster": {"publicCidrs": ["203.0.113.7/32"],
			"access": {"ops": {"principal": "arn:aws:iam::123456789012:role/ops", "policy": "admin", "namespaces": ["dip"]}}},
			"maintenance": {%s}}`, maintenance)
		return config.Parse([]byte(text), config.Options{Files: files})
	}
}

func TestProposeCalendar(t *testing.T) {
	all := []time.Weekday{1, 2, 3, 4, 5, 6, 0}
	const two = `"windows": [{"name": "weekly", "start": "0 2 * * 2", "duration": "2h"}, {"name": "monthly", "start": "0 2 1 * *", ` +
		`"duration": "2h"}]`
	for _, c := range []struct {
		name, maintenance string
		w                 Workload
		changes           []string
		before, after     float64
		why               string
	}{
		{
			// 09:00 to 09:30 and an hour around them: awake from 08:00 to 11:00 on Mondays and Thursdays
			"loads in the morning", "", nights(9, time.Monday, time.Thursday), []string{
				"maintenance.sleep.businessDays: [mon, tue, wed, thu, fri] -> [mon, thu]",
				`maintenance.sleep.from: "20:00" -> "11:00"`, `maintenance.sleep.until: "06:00" -> "08:00"`,
			}, 98, 162, "",
		},
		{
			"loads in the present sleep and in the window", "", nights(2, time.Tuesday), []string{
				"maintenance.sleep.businessDays: [mon, tue, wed, thu, fri] -> [tue]",
				`maintenance.sleep.from: "20:00" -> "04:00"`, `maintenance.sleep.until: "06:00" -> "01:00"`,
				`maintenance.windows: [{name: weekly, start: "0 2 * * 2", timeZone: UTC, duration: 4h}] -> ` +
					`[{name: weekly, start: "0 23 * * 2", timeZone: UTC, duration: 4h}]`,
			}, 98, 165, "",
		},
		{
			// from 00:00 to 00:30, or 01:30 once the clocks are changed
			"around midnight, in a zone", `"sleep": {"timeZone": "Europe/Berlin"}`, nights(23, time.Sunday), []string{
				"maintenance.sleep.businessDays: [mon, tue, wed, thu, fri] -> [sun]",
				`maintenance.sleep.from: "20:00" -> "03:00"`, `maintenance.sleep.until: "06:00" -> "23:00"`,
			}, 98, 164, "",
		},
		{
			"only weekly windows move", two, nights(2, all...), []string{
				"maintenance.sleep.businessDays: [mon, tue, wed, thu, fri] -> [mon, tue, wed, thu, fri, sat, sun]",
				`maintenance.sleep.from: "20:00" -> "04:00"`, `maintenance.sleep.until: "06:00" -> "01:00"`,
				`maintenance.windows: [{name: weekly, start: "0 2 * * 2", timeZone: UTC, duration: 2h}, ` +
					`{name: monthly, start: "0 2 1 * *", timeZone: UTC, duration: 2h}] -> ` +
					`[{name: weekly, start: "0 13 * * 2", timeZone: UTC, duration: 2h}, ` +
					`{name: monthly, start: "0 2 1 * *", timeZone: UTC, duration: 2h}]`,
			}, 98, 147, "",
		},
		{
			"fewer hours, without the loads", `"sleep": {"from": "20:00", "until": "19:00", "businessDays": ["mon"]}, ` +
				`"windows": [{"name": "weekly", "start": "0 12 * * 2", "duration": "4h"}]`, nights(2, time.Tuesday), []string{
				"maintenance.sleep.businessDays: [mon] -> [tue]", `maintenance.sleep.from: "20:00" -> "04:00"`,
				`maintenance.sleep.until: "19:00" -> "01:00"`,
			}, 167, 165, "",
		},
		{
			// from 05:30 to 07:30, and busy from 07:00
			"a window that ends too late", `"sleep": {"enabled": false}, "windows": [{"name": "weekly", "start": "30 5 * * 2", ` +
				`"duration": "2h"}, {"name": "once", "start": "0 8 8 * 2", "duration": "2h"}]`, nights(8, time.Tuesday), []string{
				"maintenance.sleep.businessDays: [mon, tue, wed, thu, fri] -> [tue]", "maintenance.sleep.enabled: false -> true",
				`maintenance.sleep.from: "20:00" -> "10:00"`, `maintenance.sleep.until: "06:00" -> "07:00"`,
				`maintenance.windows: [{name: weekly, start: "30 5 * * 2", timeZone: UTC, duration: 2h}, ` +
					`{name: once, start: "0 8 8 * 2", timeZone: UTC, duration: 2h}] -> ` +
					`[{name: weekly, start: "0 23 * * 2", timeZone: UTC, duration: 2h}, ` +
					`{name: once, start: "0 8 8 * 2", timeZone: UTC, duration: 2h}]`,
			}, 0, 165, "",
		},
		{
			"as good as can be", `"sleep": {"from": "11:00", "until": "08:00", "businessDays": ["mon"]}`, nights(9, time.Monday),
			nil, 165, 165, "no load runs in the windows, and no more hours are free to sleep",
		},
		{"no maintenance", `"enabled": false`, nights(9, time.Monday), nil, 0, 0, "the stack has no nodes that are maintained"},
		{"nothing arrived", "", Workload{Span: 28 * day}, nil, 0, 0, "loads were seen for 0.0 days, and it takes a week"},
		{
			"seen for too short", "", Workload{Span: 28 * day, Loads: []Arrival{{At: 22 * day}}}, nil, 0, 0,
			"loads were seen for 6.0 days, and it takes a week",
		},
	} {
		parse := sleeper(t, c.maintenance)
		s, err := parse(nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := ProposeCalendar(s, parse, &Proposal{}, c.w, monday, config.ListPrices())
		var changes []string
		for _, change := range got.Changes {
			changes = append(changes, fmt.Sprintf("%s: %s -> %s", change.Setting, change.From, change.To))
		}
		if !slices.Equal(changes, c.changes) || !strings.HasPrefix(got.Why, c.why) || (got.Why == "") != (c.why == "") {
			t.Errorf("%s: %q\n%s", c.name, got.Why, strings.Join(changes, "\n"))
		}
		if got.AsleepBefore != c.before || got.AsleepAfter != c.after {
			t.Errorf("%s: asleep for %g hours, before for %g", c.name, got.AsleepAfter, got.AsleepBefore)
		}
	}
}

// One node of the group services sleeps: 64 hours a week more save its price for 64 of 168 hours.
func TestWhatSleepSaves(t *testing.T) {
	parse := sleeper(t, "")
	s, err := parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := config.ListPrices()
	g := s.NodeGroups["services"]
	hour, err := p.NodeHour(g, g.Capacity)
	if err != nil {
		t.Fatal(err)
	}
	c := ProposeCalendar(s, parse, &Proposal{}, nights(9, time.Monday, time.Thursday), monday, p)
	if want := hour * 730 * (162 - 98) / 168; math.Abs(c.Saves-want) > 1e-6 {
		t.Errorf("saves %g, want %g", c.Saves, want)
	}
	for name, g := range s.NodeGroups { // windows of its own move its minimum
		g.Windows = []config.Window{{}}
		s.NodeGroups[name] = g
	}
	if c := ProposeCalendar(s, parse, &Proposal{}, nights(9, time.Monday), monday, p); len(c.Changes) != 0 || c.Saves != 0 {
		t.Errorf("groups with windows sleep: %+v", c)
	}
}

// What the rules refuse is not proposed.
func TestCalendarIsChecked(t *testing.T) {
	s, err := sleeper(t, "")(nil)
	if err != nil {
		t.Fatal(err)
	}
	asked := Settings{}
	refuse := func(s Settings) (*config.Stack, error) {
		asked = s
		return nil, errors.New("it is refused")
	}
	with := &Proposal{Changes: []Change{{Setting: "loads.chunkMB", To: 96}}}
	c := ProposeCalendar(s, refuse, with, nights(9, time.Monday), monday, config.ListPrices())
	if len(c.Changes) != 0 || c.Saves != 0 || c.AsleepAfter != 98 || !strings.Contains(c.Why, "it is refused") {
		t.Errorf("%+v", c)
	}
	if asked["maintenance.sleep.from"] != "11:00" || asked["loads.chunkMB"] != 96 {
		t.Errorf("asked for %v", asked)
	}
}

// Whatever loads there were, no proposed hour of sleep or maintenance is within an hour of one.
func TestCalendarKeepsClearOfLoads(t *testing.T) {
	parse := sleeper(t, `"sleep": {"timeZone": "Asia/Kathmandu"}`)
	s, err := parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	proposed := 0
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		w := Workload{Span: 28 * day}
		for range 1 + r.IntN(12) {
			w.Loads = append(w.Loads, Arrival{
				At: time.Duration(r.Int64N(int64(20 * day))), Open: time.Duration(r.Int64N(int64(5 * time.Hour))),
			})
		}
		w.sort()
		c := ProposeCalendar(s, parse, &Proposal{}, w, monday, config.ListPrices())
		z, windows := s.Maintenance.Sleep, s.Maintenance.Windows
		for _, change := range c.Changes {
			switch v := change.Value.(type) {
			case []config.Weekday:
				z.BusinessDays = v
			case []config.MaintenanceWindow:
				windows = v
			case string:
				if strings.HasSuffix(change.Setting, "from") {
					z.From = v
				} else {
					z.Until = v
				}
			}
		}
		if len(c.Changes) == 0 {
			continue
		}
		proposed++
		sleeps, err := time.LoadLocation(z.TimeZone)
		if err != nil {
			t.Fatal(err)
		}
		asleep, _ := sleepHours(z)
		_, opens, _ := weekly(windows[0].Start)
		for _, l := range w.Loads {
			for at := l.At - time.Hour; at < l.At+l.Open+time.Hour; at += time.Minute {
				local, utc := monday.Add(at).In(sleeps), monday.Add(at)
				if c.AsleepAfter != c.AsleepBefore && asleep[hourOf(local.Weekday(), local.Hour())] {
					t.Fatalf("seed %d: asleep at %s: %+v", seed, local, c)
				}
				hour := hourOf(utc.Weekday(), utc.Hour())
				for i := range 4 {
					if (opens+i)%hoursPerWeek == hour {
						t.Fatalf("seed %d: the window is open at %s: %+v", seed, utc, c)
					}
				}
			}
		}
	}
	if proposed < 150 {
		t.Errorf("%d proposals", proposed)
	}
}
