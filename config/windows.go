package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the same zones on every machine
)

// cronFields are the fields of a recurrence of Auto Scaling's scheduled actions, with their bounds.
var cronFields = []struct {
	name      string
	low, high int
}{{"minute", 0, 59}, {"hour", 0, 23}, {"day", 1, 31}, {"month", 1, 12}, {"weekday", 0, 7}}

// checkCron reads a recurrence: five fields of *, numbers, ranges, lists and steps.
func checkCron(text string) error {
	fields := strings.Fields(text)
	if len(fields) != len(cronFields) {
		return fmt.Errorf(`%q: want five fields, minute hour day month weekday, such as "0 7 * * 1-5"`, text)
	}
	for i, f := range cronFields {
		for item := range strings.SplitSeq(fields[i], ",") {
			if !cronItem(item, f.low, f.high) {
				return fmt.Errorf("%q: %q is not a %s from %d to %d", text, fields[i], f.name, f.low, f.high)
			}
		}
	}
	return nil
}

func cronItem(item string, low, high int) bool {
	span, step, stepped := strings.Cut(item, "/")
	if n, err := strconv.Atoi(step); stepped && (err != nil || n < 1) {
		return false
	}
	if span == "*" {
		return true
	}
	from, to, ranged := strings.Cut(span, "-")
	a, err := strconv.Atoi(from)
	if err != nil || a < low || a > high {
		return false
	}
	if !ranged {
		return true
	}
	b, err := strconv.Atoi(to)
	return err == nil && b >= a && b <= high
}

// WindowsMoveMax says whether a window of the group has a maximum of its own. Only then does an up leave the maximum of
// the Auto Scaling group alone.
func (g NodeGroup) WindowsMoveMax() bool {
	return slices.ContainsFunc(g.Windows, func(w Window) bool { return w.Max > 0 })
}

// validateWindows checks a group's windows.
func validateWindows(path string, g NodeGroup, found *problems) {
	var names, starts []string
	for i, w := range g.Windows {
		at := fmt.Sprintf("%s.windows[%d]", path, i)
		if !segmentName.MatchString(w.Name) {
			found.add(at+".name", "%q: want lower-case letters, digits and dashes", w.Name)
		} else if slices.Contains(names, w.Name) {
			found.add(at+".name", "%q is listed twice", w.Name)
		}
		if err := checkCron(w.Start); err != nil {
			found.add(at+".start", "%v", err)
		} else if key := w.Start + " " + w.TimeZone; slices.Contains(starts, key) {
			found.add(at+".start", "%q: another window starts at the same time: which minimum applies would be random", w.Start)
		} else {
			starts = append(starts, key)
		}
		names = append(names, w.Name)
		if _, err := time.LoadLocation(w.TimeZone); err != nil || w.TimeZone == "Local" {
			found.add(at+".timeZone", `%q: want an IANA time zone such as "Europe/Berlin"`, w.TimeZone)
		}
		top := g.Max
		if w.Max > 0 {
			top = w.Max
			if w.Max > g.Max {
				found.add(at+".max", "%d is above %s.max, %d", w.Max, path, g.Max)
			}
		}
		within(found, at+".min", w.Min, 0, top)
	}
}
