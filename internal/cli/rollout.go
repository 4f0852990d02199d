package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/terminal"
)

type rolloutFlags struct {
	watch       bool
	stop, retry string
}

// watchPause is between two looks at rollouts.
const watchPause = 2 * time.Second

func (a *app) rolloutCommand() *cobra.Command {
	var f rolloutFlags
	cmd := &cobra.Command{
		Use:   "rollout [--watch] | --stop SEGMENT | --retry SEGMENT",
		Short: "Show how new versions of the segments' functions roll out",
		Long: "Rollout shows, for each segment whose records arrive as files, the version that is live; of a rollout\n" +
			"under way the version that comes, its share of the chunks and its next step; and of the last one what the\n" +
			"shadow found, or why it was rolled back. A deployment of the stack starts rollouts: see docs/rollouts.md.\n\n" +
			"With --watch it goes on until none is under way, and fails if one was rolled back. --stop rolls one back.\n" +
			"--retry starts the last one again, with the same version: after an alarm that had another cause.",
		Example: "  dip rollout --watch\n  dip rollout --stop trips",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.rollout(cmd.Context(), f) },
	}
	cmd.Flags().BoolVarP(&f.watch, "watch", "w", false, "go on until no rollout is under way")
	cmd.Flags().StringVar(&f.stop, "stop", "", "stop the rollout of this `SEGMENT`, and roll it back")
	cmd.Flags().StringVar(&f.retry, "retry", "", "start the last rollout of this `SEGMENT` again")
	cmd.MarkFlagsMutuallyExclusive("watch", "stop", "retry")
	return cmd
}

func (a *app) rollout(ctx context.Context, f rolloutFlags) error {
	stack, err := a.connect(ctx)
	if err != nil {
		return err
	}
	r := client.Rollouts{
		Outputs: stack.Outputs, Ledger: stack.Ledger, Deployments: stack.Deployments, Aliases: stack.Aliases,
	}
	switch {
	case f.stop != "":
		if err := stack.CheckSegment(f.stop); err != nil {
			return err
		}
		return a.stopRollout(ctx, r, f.stop)
	case f.retry != "":
		if err := stack.CheckSegment(f.retry); err != nil {
			return err
		}
		return a.retryRollout(ctx, r, stack.Lambda, f.retry)
	case f.watch:
		return a.watchRollouts(ctx, r, client.Pause)
	}
	states, err := rolloutStates(ctx, r)
	if err != nil {
		return err
	}
	return a.showRollouts(states)
}

func rolloutStates(ctx context.Context, r client.Rollouts) (states []client.RolloutState, err error) {
	for _, segment := range r.Segments() {
		s, err := r.State(ctx, segment)
		if err != nil {
			return nil, err
		}
		states = append(states, s)
	}
	return states, nil
}

func (a *app) stopRollout(ctx context.Context, r client.Rollouts, segment string) error {
	stopped, err := r.Stop(ctx, segment)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("segment %s: the rollout is stopped, and rolls back\n", segment)
	if !stopped {
		text = fmt.Sprintf("segment %s: no rollout is under way\n", segment)
	}
	return a.result(map[string]any{"segment": segment, "stopped": stopped}, text)
}

func (a *app) retryRollout(ctx context.Context, r client.Rollouts, functions client.Functions, segment string) error {
	s, err := r.State(ctx, segment)
	if err != nil {
		return err
	}
	answer, err := client.RetryRollout(ctx, functions, r.Outputs.Functions[contract.RolloutFunction], s)
	if err != nil {
		return err
	}
	return a.result(answer, terminal.Printable(answer.Text)+"\n")
}

// watchRollouts shows the rollouts each time that one has changed, until none is under way. Those that were under way
// and were rolled back are its error.
func (a *app) watchRollouts(
	ctx context.Context, r client.Rollouts, pause func(context.Context, time.Duration) error,
) error {
	last, seen := "", map[string]bool{}
	for {
		states, err := rolloutStates(ctx, r)
		if err != nil {
			return err
		}
		if text := rolloutText(0, states); text != last {
			if err := a.showRollouts(states); err != nil {
				return err
			}
			last = text
		}
		running, failed := false, []error(nil)
		for _, s := range states {
			running = running || s.Phase.Running()
			seen[s.Segment] = seen[s.Segment] || s.Phase.Running()
			if seen[s.Segment] && s.Phase == client.RolledBack {
				failed = append(failed, fmt.Errorf("the rollout of segment %s was rolled back", s.Segment))
			}
		}
		if !running {
			return errors.Join(failed...)
		}
		if err := pause(ctx, watchPause); err != nil {
			return err
		}
	}
}

func (a *app) showRollouts(states []client.RolloutState) error {
	if !a.json {
		return a.screen.Printf("%s", rolloutText(a.screen.Width, states))
	}
	for _, s := range states {
		if err := a.result(s, ""); err != nil {
			return err
		}
	}
	return nil
}

var rolloutColumns = []terminal.Column{
	{Title: "SEGMENT"}, {Title: "LIVE", Right: true}, {Title: "COMING", Right: true}, {Title: "WEIGHT", Right: true},
	{Title: "STEP", Right: true}, {Title: "NEXT STEP"}, {Title: "STATE"},
}

// rolloutText is a line for each segment, and below them what was found, and why rollouts were rolled back.
func rolloutText(width int, states []client.RolloutState) string {
	var rows [][]string
	var details strings.Builder
	for _, s := range states {
		row := []string{s.Segment, s.Live, "", "", "", "", string(s.Phase)}
		if s.Phase.Running() {
			row[2], row[3] = s.Coming, strconv.Itoa(int(100*s.Weight+0.5))+" %"
			row[4] = fmt.Sprintf("%d/%d", s.Step, s.Steps)
			if !s.NextAt.IsZero() {
				row[5] = s.NextAt.UTC().Format(time.TimeOnly)
			}
		}
		rows = append(rows, row)
		if text := found(s); text != "" {
			fmt.Fprintf(&details, "%s: %s\n", s.Segment, text)
		}
		if s.Phase == client.RolledBack {
			fmt.Fprintf(&details, "%s: version %s was rolled back:\n  %s\n", s.Segment, s.Rollout.Target,
				terminal.Printable(s.Reason))
		}
	}
	return terminal.Table(width, rolloutColumns, rows) + details.String()
}

// found is what the last check that passed has found.
func found(s client.RolloutState) string {
	switch r := s.Rollout; {
	case r == nil || s.Phase == client.RolledBack:
		return ""
	case r.After != nil && r.After.Chunks > 0:
		return r.After.Text
	case r.Before != nil:
		return r.Before.Text
	}
	return ""
}
