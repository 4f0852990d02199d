package config

import (
	"fmt"
	"slices"
	"time"

	"dip/contract"
)

// Maintenance is when the nodes of the cluster are updated, and when they sleep.
type Maintenance struct {
	// a function that updates node groups and moves their minima; small has no nodes
	Enabled bool `json:"enabled"`
	// windows update managed node groups to the newest release of their image; false: each `pulumi up` does
	Nodes bool `json:"nodes"`
	// when updates may begin; default one of four hours a week, in prod two days after dev and staging
	Windows []MaintenanceWindow `json:"windows"`
	Sleep   Sleep               `json:"sleep"` // when fewer nodes are kept
}

// MaintenanceWindow is a time in which updates may begin. What has begun goes on after its end.
type MaintenanceWindow struct {
	Name     string `json:"name" jsonschema:"required"`  // such as weekly
	Start    string `json:"start" jsonschema:"required"` // cron, as of nodeGroups.<name>.windows
	TimeZone string `json:"timeZone"`                    // IANA, such as "Europe/Berlin"; default UTC
	// how long it is open
	Duration Duration `json:"duration" jsonschema:"required" limits:"1h..24h"`
	Except   []string `json:"except"` // dates on which it stays closed, such as "2026-12-24"
}

// Sleep is when node groups without windows of their own keep nodeGroups.<name>.asleep nodes at least: outside of the
// hours of business days. The scaler removes the others when it finds them empty.
type Sleep struct {
	Enabled      bool      `json:"enabled"`      // node groups without windows of their own do
	From         string    `json:"from"`         // when it begins, HH:MM
	Until        string    `json:"until"`        // when it ends, on business days, HH:MM
	TimeZone     string    `json:"timeZone"`     // IANA, such as "Europe/Berlin"
	BusinessDays []Weekday `json:"businessDays"` // all others it sleeps through; default mon to fri
	Holidays     []string  `json:"holidays"`     // dates that are no business days, such as "2026-12-25"
}

// Limits of the lists: a function's environment takes 4 KB ("Lambda quotas").
const (
	maxMaintenanceWindows = 5
	maxMaintenanceDates   = 60
)

// maintenanceDefaults are those of an environment. Prod is updated two days after dev and staging.
func maintenanceDefaults(e Environment) Maintenance {
	weekly := MaintenanceWindow{
		Name: "weekly", Start: pick(e, "0 2 * * 2", "0 2 * * 2", "0 2 * * 2", "0 2 * * 4"), Duration: hours(4),
	}
	return Maintenance{
		Enabled: e != Small, Nodes: true, Windows: []MaintenanceWindow{weekly},
		Sleep: Sleep{
			Enabled: e == Dev || e == Staging, From: "20:00", Until: "06:00", TimeZone: "UTC",
			BusinessDays: []Weekday{"mon", "tue", "wed", "thu", "fri"},
		},
	}
}

// UpdatesNodes says whether windows update the managed node groups.
func (s *Stack) UpdatesNodes() bool { return s.Maintenance.Enabled && s.Maintenance.Nodes }

// Sleeps says whether a node group does: it has nodes to spare, and no windows, which move the minimum themselves.
func (s *Stack) Sleeps(g NodeGroup) bool {
	return s.Maintenance.Enabled && s.Maintenance.Sleep.Enabled && len(g.Windows) == 0 && g.AsleepMin() < g.Min
}

// AsleepMin is the minimum of a group that sleeps: never more than while it is awake.
func (g NodeGroup) AsleepMin() int { return min(g.Asleep, g.Min) }

// clock is the layout of a time of day.
const clock = "15:04"

// MaintainEvery is how often the maintenance function looks.
func (s *Stack) MaintainEvery() Duration { return minutes(pick(s.Environment, 1, 5, 5, 5)) }

// MaintenancePlan is what the maintenance function is told, without the names of what is in AWS.
func (s *Stack) MaintenancePlan() contract.MaintenancePlan {
	p := contract.MaintenancePlan{Nodes: s.Maintenance.Nodes}
	for _, w := range s.Maintenance.Windows {
		p.Windows = append(p.Windows, contract.MaintenanceWindow{
			Name: w.Name, Start: w.Start, Zone: w.TimeZone, Minutes: w.Duration.Seconds() / 60, Except: w.Except,
		})
	}
	if s.Cluster.Enabled {
		p.SupportEnds = kubernetes[s.Cluster.Version].standardEnds
	}
	if z := s.Maintenance.Sleep; z.Enabled && s.Cluster.Enabled {
		p.Sleep = &contract.Sleep{From: z.From, Until: z.Until, Zone: z.TimeZone, Holidays: z.Holidays}
		for _, day := range z.BusinessDays {
			p.Sleep.BusinessDays = append(p.Sleep.BusinessDays, day.weekday())
		}
	}
	return p
}

func (s *Stack) validateMaintenance(found *problems) {
	m := s.Maintenance
	if !m.Enabled {
		return
	}
	if m.Nodes && len(m.Windows) == 0 {
		found.add("maintenance.windows", "none: no node would ever be updated: want one, or maintenance.nodes: false, with "+
			"which each up updates them")
	}
	if n := len(m.Windows); n > maxMaintenanceWindows {
		found.add("maintenance.windows", "%d, want at most %d", n, maxMaintenanceWindows)
	}
	dates := len(m.Sleep.Holidays)
	var names []string
	for i, w := range m.Windows {
		path := fmt.Sprintf("maintenance.windows[%d]", i)
		if !segmentName.MatchString(w.Name) {
			found.add(path+".name", "%q: want lower-case letters, digits and dashes", w.Name)
		} else if slices.Contains(names, w.Name) || w.Name == contract.ForcedWindow {
			found.add(path+".name", "%q is taken", w.Name)
		}
		names = append(names, w.Name)
		zone := validateZone(path, w.TimeZone, found)
		if starts, err := contract.ParseRecurrence(w.Start); err != nil {
			found.add(path+".start", "%v", err)
		} else if starts.Next(day("2026-01-01"), zone).IsZero() {
			found.add(path+".start", "%q never comes", w.Start)
		}
		validateDates(path+".except", w.Except, found)
		dates += len(w.Except)
	}
	if dates > maxMaintenanceDates {
		found.add("maintenance", "%d dates in except and sleep.holidays, want at most %d: remove those that are over", dates,
			maxMaintenanceDates)
	}
	if m.Sleep.Enabled {
		m.Sleep.validate(found)
	}
}

func (z Sleep) validate(found *problems) {
	const path = "maintenance.sleep"
	for _, at := range []struct{ name, value string }{{"from", z.From}, {"until", z.Until}} {
		if _, err := time.Parse(clock, at.value); err != nil || len(at.value) != len(clock) {
			found.add(path+"."+at.name, "%q: want a time such as 20:00", at.value)
		}
	}
	if z.From == z.Until {
		found.add(path+".until", "%s, which is maintenance.sleep.from: want another time, or sleep.enabled: false", z.Until)
	}
	validateZone(path, z.TimeZone, found)
	if len(z.BusinessDays) == 0 {
		found.add(path+".businessDays", "none: the stack would always sleep: want at least one, or nodeGroups.<name>.min "+
			"lower")
	}
	validateDates(path+".holidays", z.Holidays, found)
}

// validateZone returns UTC for a zone that there is not.
func validateZone(path, name string, found *problems) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" || name == "" {
		found.add(path+".timeZone", `%q: want an IANA time zone such as "Europe/Berlin"`, name)
		return time.UTC
	}
	return zone
}

func validateDates(path string, dates []string, found *problems) {
	for i, date := range dates {
		if _, err := time.Parse(time.DateOnly, date); err != nil {
			found.add(fmt.Sprintf("%s[%d]", path, i), "%q: want a date such as 2026-12-24", date)
		} else if slices.Contains(dates[:i], date) {
			found.add(fmt.Sprintf("%s[%d]", path, i), "%s is listed twice", date)
		}
	}
}
