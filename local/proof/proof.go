// Package proof shows on a real AWS account what no emulator can: rights, quotas, speed, interruptions, what is left
// after a destroy, the bill. It is a table of steps that anyone with an account runs once, and a report of them.
package proof

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"dip/config"
	"dip/internal/client"
)

// Place is where a proof runs: an account of AWS, or the emulator.
type Place interface {
	// Name of the stack.
	Name() string
	// Settings are the stack's own.
	Settings() (*config.Stack, error)
	// Up deploys the stack, with settings on top of its own.
	Up(ctx context.Context, settings map[string]any) (Deployed, error)
	// Destroy removes everything that Up made.
	Destroy(ctx context.Context) error
	// Client is access to the stack once it is up.
	Client(ctx context.Context) (*client.Stack, error)
	// Run runs a program and returns what it prints. AWS's command line finds the account, or the emulator.
	Run(ctx context.Context, program string, args ...string) ([]byte, error)
}

// Deployed is what a deployment did.
type Deployed struct {
	Summary string
	Changed bool // any resource
}

// Options of Run.
type Options struct {
	// Place is where the steps run. Required.
	Place Place
	// Local says that Place is the emulator: steps that it cannot do are not run.
	Local bool
	// Sizes of the inputs that are loaded, in bytes, one step each. None: those steps are skipped.
	Sizes []int64
	// Interrupter is the ARN of a role with which Fault Injection Service may interrupt instances. Empty: none is.
	Interrupter string
	// Only names the steps to run; empty: all.
	Only []string
	// Say tells which step runs; nil: nothing does.
	Say func(string)
	// Now is the clock of durations; nil: time.Now.
	Now func() time.Time
}

// Result of a step.
type Result string

// The results.
const (
	Shown    Result = "shown"
	Failed   Result = "FAILED"
	NotShown Result = "not shown here"
)

// Outcome is how a step ended.
type Outcome struct {
	Step   Step
	Result Result
	// Reason of a result that is not Shown.
	Reason string
	Lines  []string // what it found
	Took   time.Duration
}

// Report is all outcomes, in the order of the steps.
type Report struct {
	Stack    string
	Local    bool
	Began    time.Time
	Outcomes []Outcome
}

// Err names the steps that failed.
func (r Report) Err() error {
	var failed []string
	for _, o := range r.Outcomes {
		if o.Result == Failed {
			failed = append(failed, o.Step.Name)
		}
	}
	if failed == nil {
		return nil
	}
	return fmt.Errorf("these steps failed: %s", strings.Join(failed, ", "))
}

// errSkip is a step's error if this run cannot show it.
type errSkip struct{ reason string }

func (e errSkip) Error() string { return e.reason }

func skip(format string, args ...any) error { return errSkip{fmt.Sprintf(format, args...)} }

// Run runs the steps. The first failure ends the run, but for the steps that take down what is up.
func Run(ctx context.Context, o Options) (Report, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Say == nil {
		o.Say = func(string) {}
	}
	if err := known(o.Only); err != nil {
		return Report{}, err
	}
	settings, err := o.Place.Settings()
	if err != nil {
		return Report{}, err
	}
	r := Report{Stack: o.Place.Name(), Local: o.Local, Began: o.Now()}
	p := &proof{Options: o, settings: settings}
	broken := ""
	for _, step := range Steps(o.Sizes) {
		if len(o.Only) > 0 && !slices.Contains(o.Only, step.Name) {
			continue
		}
		out := Outcome{Step: step, Result: NotShown}
		switch {
		case broken != "" && !step.always:
			out.Reason = "step " + broken + " failed"
		case o.Local && step.Missing != "":
			out.Reason = step.Missing
		default:
			o.Say(step.Name)
			// What is up is taken down even if the run is interrupted.
			out = p.try(context.WithoutCancel(ctx), ctx, step)
			if out.Result == Failed {
				broken = step.Name
			}
		}
		r.Outcomes = append(r.Outcomes, out)
	}
	return r, r.Err()
}

// proof is a run.
type proof struct {
	Options
	settings *config.Stack
}

// try runs a step. steady is a context that outlives the run's.
func (p *proof) try(steady, ctx context.Context, step Step) Outcome {
	if step.always {
		ctx = steady
	}
	began := p.Now()
	lines, err := step.run(p, ctx)
	out := Outcome{Step: step, Result: Shown, Lines: lines, Took: p.Now().Sub(began)}
	var skipped errSkip
	switch {
	case errors.As(err, &skipped):
		out.Result, out.Reason = NotShown, skipped.reason
	case err != nil:
		out.Result, out.Reason = Failed, err.Error()
	}
	return out
}

// known returns an error for names that are not those of steps.
func known(names []string) error {
	var all []string
	for _, s := range Steps([]int64{0}) {
		all = append(all, s.Name)
	}
	for _, name := range names {
		if !slices.Contains(all, name) && !strings.HasPrefix(name, loadStep) {
			return fmt.Errorf("no step is called %q: there are %s", name, strings.Join(all, ", "))
		}
	}
	return nil
}
