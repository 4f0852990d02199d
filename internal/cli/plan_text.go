package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"dip/internal/simulate"
	"dip/internal/terminal"
)

// planText shows a plan.
func planText(width int, r planReport) string {
	var b strings.Builder
	title := "Stack " + r.Stack
	if r.WhatIf != "" {
		title += ", what if " + r.WhatIf
	}
	fmt.Fprintf(&b, "%s: %s, %s in %s\n", title, plural(r.Loads, "load"), terminal.Bytes(r.Bytes),
		terminal.Duration(time.Duration(r.Days*24*float64(time.Hour))))
	for _, name := range slices.Sorted(maps.Keys(r.Paces)) {
		fmt.Fprintf(&b, "  %s: %s\n", terminal.Printable(name), paceText(r.Paces[name]))
	}
	if share := r.Proposal.Before.Simulated; share > 0 && share < 1 {
		fmt.Fprintf(&b, "  the busiest %.1f %% of the bytes are simulated\n", 100*share)
	}
	b.WriteString(usageText(r.Usage))
	b.WriteString(checksText(r.Checks))
	b.WriteString("\n" + planTimes(width, r.Proposal) + "\n")
	if len(r.Proposal.Before.Groups) > 0 {
		b.WriteString(planGroups(width, r.Proposal) + "\n")
	}
	b.WriteString(planCosts(width, r) + "\n")
	if len(r.Limits) > 0 {
		b.WriteString(planLimits(width, r.Limits) + "\n")
	}
	b.WriteString(planChanges(r))
	return b.String()
}

func paceText(p simulate.Pace) string {
	rate := terminal.Rate(1/p.PerByte) + " MB/s a vCPU"
	if p.Measured == 0 {
		return rate + ", assumed: no chunks were measured"
	}
	return rate + ", measured with " + plural(p.Measured, "chunk")
}

// checksText says how far the simulation can be trusted: what it makes of the loads that were.
func checksText(checks []planCheck) string {
	if len(checks) == 0 {
		return ""
	}
	ratios := make([]float64, len(checks))
	for i, c := range checks {
		ratios[i] = c.Simulated / c.Took
	}
	slices.Sort(ratios)
	return fmt.Sprintf("  simulated as they arrived, %s took %.2f times as long as in fact (median; %.2f to %.2f)\n",
		plural(len(checks), "load"), ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1])
}

// planTimes is a row for each segment now, and one with what is proposed.
func planTimes(width int, p *simulate.Proposal) string {
	columns := []terminal.Column{
		{Title: "SEGMENT", Flex: true}, {Title: "SETTINGS"}, {Title: "LOADS", Right: true},
		{Title: "DEADLINE", Short: "DUE", Right: true}, {Title: "LATE", Right: true}, {Title: "95 %", Right: true},
		{Title: "LONGEST", Right: true}, {Title: "QUEUE AGE", Short: "AGE", Right: true},
		{Title: "FUNCTIONS", Short: "FUNC", Right: true}, {Title: "USED", Right: true},
	}
	var rows [][]string
	row := func(settings string, s simulate.SegmentResult) {
		deadline, late := "-", "-"
		if s.Deadline > 0 {
			deadline, late = terminal.Duration(seconds(s.Deadline)), terminal.Count(int64(s.Late))
		}
		if s.Loads == 0 {
			rows = append(rows, []string{s.Name, settings, "0", deadline, late, "-", "-", "-", "-", "-"})
			return
		}
		rows = append(rows, []string{
			s.Name, settings, terminal.Count(int64(s.Loads)), deadline, late, terminal.Duration(seconds(s.P95)),
			terminal.Duration(seconds(s.Longest)), terminal.Duration(seconds(s.QueueAge)),
			terminal.Count(int64(s.Concurrent)), fmt.Sprintf("%.0f %%", 100*s.Utilisation),
		})
	}
	for i, s := range p.Before.Segments {
		row("now", s)
		if len(p.Changes) > 0 {
			row("proposed", p.After.Segments[i])
		}
	}
	return terminal.Table(width, columns, rows)
}

func planGroups(width int, p *simulate.Proposal) string {
	columns := []terminal.Column{
		{Title: "NODES"}, {Title: "SETTINGS"}, {Title: "AT MOST", Right: true}, {Title: "HOURS", Right: true},
		{Title: "USED", Right: true}, {Title: "INTERRUPTED", Right: true}, {Title: "HANDED BACK", Right: true},
	}
	var rows [][]string
	row := func(settings string, g simulate.GroupResult) {
		rows = append(rows, []string{
			g.Name, settings, fmt.Sprint(g.Most), fmt.Sprintf("%.1f", g.Hours), fmt.Sprintf("%.0f %%", 100*g.Utilisation),
			terminal.Count(int64(g.Interruptions)), terminal.Count(int64(g.HandedBack)),
		})
	}
	for i, g := range p.Before.Groups {
		row("now", g)
		if len(p.Changes) > 0 {
			row("proposed", p.After.Groups[i])
		}
	}
	return terminal.Table(width, columns, rows)
}

func planCosts(width int, r planReport) string {
	before, after := r.Proposal.Before.Cost, r.Proposal.After.Cost
	columns := []terminal.Column{{Title: "USD A MONTH, PRICES OF " + r.Prices}, {Title: "NOW", Right: true}}
	if len(r.Proposal.Changes) > 0 {
		columns = append(columns, terminal.Column{Title: "PROPOSED", Right: true})
	}
	var rows [][]string
	row := func(name string, now, proposed float64) {
		rows = append(rows, []string{name, fmt.Sprintf("%.2f", now), fmt.Sprintf("%.2f", proposed)}[:len(columns)])
	}
	row("at rest", before.Idle, after.Idle)
	for _, name := range itemNames(before, after) {
		row(name, amount(before, name), amount(after, name))
	}
	row("together", before.Total(), after.Total())
	return terminal.Table(width, columns, rows)
}

// itemNames are those of both bills, in their order.
func itemNames(bills ...simulate.Cost) (names []string) {
	for _, c := range bills {
		for _, item := range c.Items {
			if !slices.Contains(names, item.Name) {
				names = append(names, item.Name)
			}
		}
	}
	return names
}

func amount(c simulate.Cost, name string) float64 {
	for _, item := range c.Items {
		if item.Name == name {
			return item.Amount
		}
	}
	return 0
}

func planLimits(width int, limits []simulate.Limit) string {
	columns := []terminal.Column{
		{Title: "LIMIT", Flex: true}, {Title: "NEEDED", Right: true}, {Title: "AVAILABLE", Right: true},
		{Title: "FITS", Right: true},
	}
	var rows [][]string
	for _, l := range limits {
		needed, available := quantity(l.Demand, l.Unit), quantity(l.Capacity, l.Unit)
		rows = append(rows, []string{l.Name, needed, available, times(l.Room())})
	}
	return terminal.Table(width, columns, rows)
}

func quantity(v float64, unit string) string {
	switch {
	case unit == "bytes":
		return terminal.Bytes(int64(v))
	case v < 10:
		return fmt.Sprintf("%.2g %s", v, unit)
	}
	return terminal.Count(int64(v)) + " " + unit
}

func times(v float64) string {
	if v < 10 {
		return fmt.Sprintf("%.2gx", v)
	}
	return terminal.Count(int64(v)) + "x"
}

// planChanges names the first bottleneck, and shows the proposal as a diff of the stack's file.
func planChanges(r planReport) string {
	var b strings.Builder
	if len(r.Limits) > 0 {
		first := r.Limits[0]
		fmt.Fprintf(&b, "First bottleneck: %s, at %s of this input\n  raise %s\n", first.Name, times(first.Room()),
			first.Mend)
	}
	p := r.Proposal
	b.WriteString(calendarText(r.Calendar))
	switch {
	case p.Misses > 0 && len(p.Changes) == 0:
		fmt.Fprintf(&b, "None of %s keeps all deadlines or is better.\n", plural(p.Tried, "combination"))
	case len(p.Changes) == 0:
		fmt.Fprintf(&b, "None of %s is cheaper by more than 1 %% and keeps all deadlines.\n", plural(p.Tried, "combination"))
	case p.Misses > 0:
		fmt.Fprintf(&b, "The best of %s still leaves %s late or too much for a limit:\n", plural(p.Tried, "combination"),
			plural(p.Misses, "load"))
	default:
		fmt.Fprintf(&b, "The cheapest of %s that keeps all deadlines:\n", plural(p.Tried, "combination"))
	}
	var changes []string
	for _, c := range p.Changes {
		changes = append(changes, fmt.Sprintf("- %[1]s: %[2]d\n+ %[1]s: %[3]d\n", c.Setting, c.From, c.To))
	}
	if r.Calendar != nil {
		for _, c := range r.Calendar.Changes {
			changes = append(changes, fmt.Sprintf("- %[1]s: %[2]s\n+ %[1]s: %[3]s\n", c.Setting, c.From, c.To))
		}
	}
	if len(changes) > 0 {
		fmt.Fprintf(&b, "\n--- %[1]s\n+++ %[1]s\n%[2]s", stackFile(r.Stack), strings.Join(changes, ""))
	}
	if len(p.Changes) > 0 && len(p.Limits) > 0 {
		next := p.Limits[0]
		fmt.Fprintf(&b, "\nThe bottleneck then: %s, at %s of this input\n", next.Name, times(next.Room()))
	}
	return b.String()
}

// calendarText says what is proposed for sleep and maintenance, or why nothing is.
func calendarText(c *simulate.Calendar) string {
	switch {
	case c == nil:
		return ""
	case len(c.Changes) == 0:
		return "Sleep and maintenance stay as they are: " + c.Why + ".\n"
	}
	text := fmt.Sprintf("No load of %.0f days ran within an hour of the proposed sleep and maintenance.\n", c.Days)
	if c.AsleepAfter == c.AsleepBefore && c.Saves == 0 {
		return text
	}
	text += fmt.Sprintf("  asleep for %.0f hours a week, now %.0f: ", c.AsleepAfter, c.AsleepBefore)
	if c.Saves < 0 {
		return text + fmt.Sprintf("$%.2f a month more, since loads run in the present hours\n", -c.Saves)
	}
	return text + fmt.Sprintf("$%.2f a month less\n", c.Saves)
}
