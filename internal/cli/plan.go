package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"dip/config"
	"dip/contract"
	"dip/internal/client"
	"dip/internal/graph"
	"dip/internal/simulate"
	"dip/local"
)

// planSince is how far back plans look: a week has its weekend.
const planSince = 7 * 24 * time.Hour

type planFlags struct {
	since  time.Duration
	whatIf string
	assume bool
	quota  int
	seed   uint64
	html   string
}

func (a *app) planCommand() *cobra.Command {
	f := planFlags{}
	model := simulate.DefaultModel()
	cmd := &cobra.Command{
		Use: "plan", Short: "Replay the stack's loads in a simulation, and propose settings", Args: cobra.NoArgs,
		Long: "Plan reads which loads arrived, how long their chunks took, and what other programs take of the account's\n" +
			"concurrent functions. It replays the loads through a simulation of the pipeline, and searches for the\n" +
			"cheapest chunk size, memory, concurrency and maximum of workers and nodes that keep every deadline, and for\n" +
			"hours in which no load runs: for sleep and maintenance. It prints them as a diff of the stack's file, with\n" +
			"times and monthly cost before and after, and names what would be the first bottleneck. It changes nothing.",
		Example: "  dip plan\n  dip plan --what-if 10x --html plan.html\n  dip plan --stack prod --what-if 1PB/day --assume",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.since < time.Minute || f.quota < 1 {
				return usagef("--since must be a minute or more, --quota positive")
			}
			if f.assume && f.whatIf == "" {
				return usagef("--assume needs --what-if with an amount such as 1TB/day")
			}
			return a.plan(cmd.Context(), f)
		},
	}
	cmd.Flags().DurationVar(&f.since, "since", planSince, "how far back to look")
	cmd.Flags().StringVar(&f.whatIf, "what-if", "", "plan for another `AMOUNT`: a factor such as 10x, or 1TB/day")
	cmd.Flags().BoolVar(&f.assume, "assume", false,
		"read nothing from the stack: loads of 10 GB, at the rate that the settings plan with")
	cmd.Flags().IntVar(&f.quota, "quota", model.Quota, "concurrent executions of Lambda that the account allows")
	cmd.Flags().StringVar(&f.html, "html", "", "also write the simulated loads as a page to this `FILE`")
	cmd.Flags().Uint64Var(&f.seed, "seed", model.Seed, "seed of the simulation")
	return cmd
}

// planReport is what plan found.
type planReport struct {
	Stack    string                   `json:"stack"`
	WhatIf   string                   `json:"whatIf,omitempty"`
	Days     float64                  `json:"days"` // that the loads arrive in
	Loads    int                      `json:"loads"`
	Bytes    int64                    `json:"bytes"`
	Paces    map[string]simulate.Pace `json:"paces"`
	Prices   string                   `json:"pricesOf"` // date
	Limits   []simulate.Limit         `json:"limits"`   // the tightest first, with the present settings
	Proposal *simulate.Proposal       `json:"proposal"`
	// Checks compare what loads really took with the simulation of the same; none with another amount of input.
	Checks []planCheck `json:"checks,omitempty"`
	// Calendar is when it would sleep; none without the stack's own loads.
	Calendar *simulate.Calendar `json:"calendar,omitempty"`
	// Usage is of the account's concurrency; none if nothing was read.
	Usage *planUsage `json:"usage,omitempty"`
}

// planCheck is a load as it was, and as it is simulated.
type planCheck struct {
	At        time.Duration `json:"-"` // of its receipt, since the workload's beginning
	Segment   string        `json:"segment"`
	Bytes     int64         `json:"bytes"`
	Chunks    int           `json:"chunks"`
	Took      float64       `json:"seconds"`
	Simulated float64       `json:"simulatedSeconds"`
}

// planChecks are the loads of a workload that are over, if all of it was simulated.
func planChecks(w simulate.Workload, r *simulate.Result) (checks []planCheck) {
	if len(r.Loads) != len(w.Loads) {
		return nil
	}
	for i, l := range r.Loads {
		if took := w.Loads[i].Took; took > 0 {
			checks = append(checks, planCheck{l.At, l.Segment, l.Bytes, l.Chunks, took.Seconds(), l.Took.Seconds()})
		}
	}
	return checks
}

func (a *app) plan(ctx context.Context, f planFlags) error {
	var q simulate.WhatIf
	if f.whatIf != "" {
		var err error
		if q, err = simulate.ParseWhatIf(f.whatIf); err != nil {
			return usagef("--what-if: %w", err)
		}
	}
	root, err := local.FindRoot(".")
	if err != nil {
		return fmt.Errorf("find the project of stack %s: %w", a.stack, err)
	}
	parse, err := stackParser(root, a.stack)
	if err != nil {
		return err
	}
	stack, err := parse(nil)
	if err != nil {
		return err
	}
	w, paces := simulate.Workload{Span: 24 * time.Hour}, map[string]simulate.Pace{}
	now := time.Now()
	since := now.Add(-f.since)
	var usage *planUsage
	if !f.assume {
		s, err := a.connect(ctx)
		if err != nil {
			return err
		}
		if w, paces, err = workload(ctx, s, stack, since, now); err != nil {
			return err
		}
		if usage, err = readPlanUsage(ctx, s.Metrics, s.Outputs, since, now); err != nil {
			return err
		}
	}
	history := w
	if f.whatIf != "" {
		if w, err = q.Apply(w, stack.FileNames()); err != nil {
			return usagef("--what-if: %w", err)
		}
	}
	model := planModel(f, stack, usage)
	proposal, err := simulate.Propose(parse, w, paces, model)
	if err != nil {
		return err
	}
	for _, name := range stack.FileNames() {
		if _, ok := paces[name]; !ok {
			paces[name] = simulate.AssumedPace()
		}
	}
	r := planReport{
		Stack: a.stack, WhatIf: f.whatIf, Days: w.Span.Hours() / 24, Loads: len(w.Loads), Bytes: w.Bytes(), Paces: paces,
		Prices: config.ListPrices().Date, Limits: simulate.Limits(stack, w, paces, model), Proposal: proposal,
		Checks: planChecks(w, proposal.Before), Usage: usage,
	}
	if !f.assume {
		r.Calendar = new(simulate.ProposeCalendar(stack, parse, proposal, history, since, config.ListPrices()))
	}
	if f.html != "" {
		h := planHistory(r, now)
		if err := writeFile(f.html, func(w io.Writer) error { return graph.HTML(w, h) }); err != nil {
			return err
		}
		a.screen.Notef("wrote %s", f.html)
	}
	return a.result(r, planText(a.screen.Width, r))
}

// coresOf is on how many cores all functions of a stack run: those of this machine in the local stack; 0 in AWS.
func coresOf(stack *config.Stack) int {
	if stack.Environment == config.Local {
		return runtime.NumCPU()
	}
	return 0
}

// workload is what the stack received.
func workload(
	ctx context.Context, s *client.Stack, stack *config.Stack, since, now time.Time,
) (simulate.Workload, map[string]simulate.Pace, error) {
	share := func(segment string, lane contract.Lane) float64 {
		if lane == contract.Workers && stack.Cluster.Enabled {
			return simulate.WorkerShare(stack.Cluster.Workers)
		}
		return config.VCPU(stack.Segments[segment].MemoryMB)
	}
	w, paces, err := client.ReadWorkload(ctx, s.Ledger, stack.FileNames(), since, now, coresOf(stack), share)
	if err != nil {
		return w, nil, fmt.Errorf("read the loads of stack %s: %w", s.Name, err)
	}
	return w, paces, nil
}

// stackParser reads a stack's file, and gives its settings with some changed.
func stackParser(root, stack string) (simulate.Parse, error) {
	name := stackFile(stack)
	data, err := os.ReadFile(filepath.Join(root, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("stack %s: %w: the project has no %s", stack, client.ErrNotFound, name)
	}
	if err != nil {
		return nil, fmt.Errorf("read the settings of stack %s: %w", stack, err)
	}
	var file struct{ Config map[string]any }
	if err := yaml.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	object, ok := file.Config[config.Key].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s has no object %s", name, config.Key)
	}
	return func(changes simulate.Settings) (*config.Stack, error) {
		changed := object
		for path, value := range changes {
			changed = with(changed, strings.Split(path, "."), value)
		}
		data, err := json.Marshal(changed)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		s, err := config.Parse(data, config.Options{Files: os.DirFS(root)})
		if err != nil {
			return nil, fmt.Errorf("%s, %s:\n%w", name, config.Key, err)
		}
		return s, nil
	}, nil
}

func stackFile(stack string) string { return "Pulumi." + stack + ".yaml" }

// with is an object with another value at a path; the object itself stays as it is.
func with(object map[string]any, path []string, value any) map[string]any {
	changed := maps.Clone(object)
	if changed == nil {
		changed = map[string]any{}
	}
	if len(path) == 1 {
		changed[path[0]] = value
		return changed
	}
	below, _ := changed[path[0]].(map[string]any)
	changed[path[0]] = with(below, path[1:], value)
	return changed
}
