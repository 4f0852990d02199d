package scenarios

import (
	"slices"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	all, err := choose(nil)
	if err != nil || len(all) != len(scenarios) {
		t.Errorf("by default %d of %d scenarios run (%v)", len(all), len(scenarios), err)
	}
	names := Scenarios()
	chosen, err := choose([]string{names[len(names)-1], names[0]})
	if err != nil || len(chosen) != 2 || chosen[0].name != names[0] {
		t.Errorf("chosen are %v (%v): want the order in which they run", chosen, err)
	}
	if _, err := choose([]string{"up", "storms"}); err == nil ||
		!strings.Contains(err.Error(), `unknown scenario "storms": want some of `+strings.Join(names, ", ")) {
		t.Errorf("an unknown one: %v", err)
	}
	slices.Sort(names)
	if len(slices.Compact(names)) != len(scenarios) {
		t.Errorf("two scenarios have the same name: %q", names)
	}
}
