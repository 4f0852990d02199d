package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/ledger"
	"dip/internal/terminal"
)

type redriveFlags struct {
	load, segment string
	intake        bool
}

// redriven is the result of a redrive.
type redriven struct {
	Name string `json:"name"` // segment, or intake
	client.Moved
}

func (a *app) redriveCommand() *cobra.Command {
	var f redriveFlags
	cmd := &cobra.Command{
		Use:   "redrive --load LOAD | --segment SEGMENT | --intake",
		Short: "Return dead letters to their queue and retry a failed load",
		Long: "Redrive moves dead letters back to the queue they came from: those of one load, those of one segment, " +
			"or the\nevents that intake could not process. A letter is deleted only after it has been sent.\n\n" +
			"The interval of a stream has no letters: with --load, its closer is run at once. What was not processed it " +
			"processes\nfrom the archive, and it says what keeps the interval open.\n\n" +
			"With --load, a failed load is retried as well. Acknowledged chunks do not run again. The load keeps the " +
			"schema,\ndialect and limits that were current when its file landed: after a change of these put the file again.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.redrive(cmd.Context(), f) },
	}
	cmd.Flags().StringVar(&f.load, "load", "", "redrive the chunks of this load and, if it failed, retry the load")
	cmd.Flags().StringVarP(&f.segment, "segment", "s", "", "redrive the chunks of every load of this segment")
	cmd.Flags().BoolVar(&f.intake, "intake", false, "redrive the events that intake could not process")
	cmd.MarkFlagsMutuallyExclusive("load", "segment", "intake")
	return cmd
}

func (a *app) redrive(ctx context.Context, f redriveFlags) error {
	if f == (redriveFlags{}) {
		return usagef("one of --load, --segment and --intake is required")
	}
	stack, err := a.connect(ctx)
	if err != nil {
		return err
	}
	switch {
	case f.intake:
		o := stack.Outputs
		return a.move(ctx, stack, "intake", o.IntakeDeadLetters, o.IntakeQueue, client.ChooseAll)
	case f.segment != "":
		if err := stack.CheckSegment(f.segment); err != nil {
			return err
		}
		return a.moveChunks(ctx, stack, f.segment, "")
	}
	load, err := client.FindLoad(ctx, stack.Ledger, f.load, time.Now())
	if err != nil {
		return err
	}
	if load.Interval != nil {
		return a.closeIntervals(ctx, stack, load)
	}
	if slices.Contains(slices.Collect(maps.Keys(stack.Outputs.Segments)), load.Segment) {
		if err := a.moveChunks(ctx, stack, load.Segment, load.ID); err != nil {
			return err
		}
	}
	outcome, err := client.Retry(ctx, stack.Ledger, stack.Lake, stack.Loads, load.ID, time.Now())
	if err != nil {
		return err
	}
	if load.Catalog != stack.Outputs.Catalog && outcome != client.AllDone {
		a.screen.Notef("the load keeps the settings of %s; to use those that are deployed now, put the file again",
			load.Catalog)
	}
	return a.result(map[string]any{"load": load.ID, "outcome": outcome},
		fmt.Sprintf("load %s: %s\n", short(load.ID), outcome))
}

// closeIntervals runs the closer of an interval's segment, and prints what it says.
func (a *app) closeIntervals(ctx context.Context, stack *client.Stack, load ledger.Load) error {
	if load.Status == contract.Published {
		return a.result(map[string]any{"load": load.ID, "outcome": client.AllDone},
			fmt.Sprintf("load %s: %s\n", short(load.ID), client.AllDone))
	}
	s := stack.Outputs.Segments[load.Segment].Stream
	if s == nil {
		return fmt.Errorf("load %s is an interval, and segment %s has no stream in stack %s: %w", short(load.ID), load.Segment,
			stack.Name, client.ErrNotFound)
	}
	r, err := client.Close(ctx, stack.Lambda, s.Closer)
	if err != nil {
		return err
	}
	return a.result(r, closedText(load.Segment, r))
}

func closedText(segment string, r client.Closed) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s certified now\n", segment, plural(len(r.Certified), "interval"))
	if r.Waiting != nil {
		fmt.Fprintf(&b, "  from %s on %s\n", r.Waiting.Start.UTC().Format(time.RFC3339), r.State)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "  %s\n", terminal.Printable(p))
	}
	return b.String()
}

func (a *app) moveChunks(ctx context.Context, stack *client.Stack, segment, load string) error {
	s := stack.Outputs.Segments[segment]
	if s.QueueOutputs == nil {
		return fmt.Errorf("segment %s has no queue: its records arrive by stream, and what was not processed runs again "+
			"from the archive", segment)
	}
	return a.move(ctx, stack, segment, s.DeadLetters, s.Queue, client.ChooseChunks(load))
}

// move prints the counts even if the redrive fails halfway.
func (a *app) move(ctx context.Context, stack *client.Stack, name, from, to string, choose client.Choose) error {
	moved, err := client.Redrive(ctx, stack.SQS, from, to, choose)
	text := fmt.Sprintf("%s: %s sent back, %d kept", name, plural(moved.Sent, "dead letter"), moved.Kept)
	if moved.Unreadable > 0 {
		text += fmt.Sprintf(", %d unreadable", moved.Unreadable)
	}
	if moved.Twice > 0 {
		text += fmt.Sprintf(", %d will be delivered twice, which is harmless", moved.Twice)
	}
	return errors.Join(err, a.result(redriven{name, moved}, text+"\n"))
}
