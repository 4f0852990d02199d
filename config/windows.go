package config

import (
	"fmt"
	"slices"
	_ "time/tzdata" // the same zones on every machine

	"dip/contract"
)

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
		if _, err := contract.ParseRecurrence(w.Start); err != nil {
			found.add(at+".start", "%v", err)
		} else if key := w.Start + " " + w.TimeZone; slices.Contains(starts, key) {
			found.add(at+".start", "%q: another window starts at the same time: which minimum applies would be random", w.Start)
		} else {
			starts = append(starts, key)
		}
		names = append(names, w.Name)
		validateZone(at, w.TimeZone, found)
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
