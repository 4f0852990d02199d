package scenarios

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"dip/internal/terminal"
)

// scenario is something that the lab proves.
type scenario struct {
	name string
	// before says that it needs no stack that is up.
	before bool
	// run proves it, and returns its findings: lines of the report.
	run func(*Lab, context.Context) ([]string, error)
}

// scenarios in the order in which they run.
var scenarios = []scenario{
	{name: "preview", before: true, run: (*Lab).previewStacks},
	{name: "up", run: (*Lab).upAgain},
	{name: "access", run: (*Lab).useKubeconfig},
	{name: "restage", run: (*Lab).restage},
	{name: "escalator", run: (*Lab).scaleToZero},
	{name: "storm", run: (*Lab).storm},
	{name: "gateway", run: (*Lab).gateway},
	{name: "rights", run: (*Lab).compareRights}, // of all that ran before
}

// choose finds the scenarios by their names; none is all.
func choose(names []string) ([]scenario, error) {
	if len(names) == 0 {
		return scenarios, nil
	}
	var chosen []scenario
	known := map[string]bool{}
	for _, s := range scenarios {
		known[s.name] = true
		if slices.Contains(names, s.name) {
			chosen = append(chosen, s)
		}
	}
	for _, name := range names {
		if !known[name] {
			return nil, fmt.Errorf("unknown scenario %q: want some of %s", name, strings.Join(Scenarios(), ", "))
		}
	}
	return chosen, nil
}

// Scenarios are the names of all scenarios, in the order in which they run.
func Scenarios() []string {
	var names []string
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return names
}

// try runs a scenario and reports its findings.
func (l *Lab) try(ctx context.Context, s scenario) error {
	began := time.Now()
	found, err := s.run(l, ctx)
	if err != nil {
		return fmt.Errorf("scenario %s: %w", s.name, err)
	}
	lines := append([]string{fmt.Sprintf("%s (%s)", s.name, terminal.Duration(time.Since(began)))}, found...)
	return l.options.Screen.Printf("%s\n", strings.Join(lines, "\n  "))
}
