package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"dip/internal/client"
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
		Short: "Send dead letters back to work, and give a failed load another try",
		Long: "Redrive moves dead letters back to the queue that they came from: those of one load, of one segment, or the\n" +
			"events that intake could not take. A letter is deleted only after it was sent.\n\n" +
			"With --load, a load that failed starts again. Chunks that are done stay done.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.redrive(cmd.Context(), f) },
	}
	cmd.Flags().StringVar(&f.load, "load", "", "the chunks of this load; when it failed, the load itself")
	cmd.Flags().StringVarP(&f.segment, "segment", "s", "", "the chunks of every load of this segment")
	cmd.Flags().BoolVar(&f.intake, "intake", false, "the events that intake could not take")
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
	if slices.Contains(slices.Collect(maps.Keys(stack.Outputs.Segments)), load.Segment) {
		if err := a.moveChunks(ctx, stack, load.Segment, load.ID); err != nil {
			return err
		}
	}
	outcome, err := client.Retry(ctx, stack.Ledger, stack.SFN, stack.Outputs.Workflow, load.ID, time.Now())
	if err != nil {
		return err
	}
	return a.result(map[string]any{"load": load.ID, "outcome": outcome}, fmt.Sprintf("load %s: %s\n", short(load.ID), outcome))
}

func (a *app) moveChunks(ctx context.Context, stack *client.Stack, segment, load string) error {
	s := stack.Outputs.Segments[segment]
	return a.move(ctx, stack, segment, s.DeadLetters, s.Queue, client.ChooseChunks(load))
}

// move shows the counts also of a redrive that broke off.
func (a *app) move(ctx context.Context, stack *client.Stack, name, from, to string, choose client.Choose) error {
	moved, err := client.Redrive(ctx, stack.SQS, from, to, choose)
	text := fmt.Sprintf("%s: %s sent back, %d left alone", name, plural(moved.Sent, "dead letter"), moved.Kept)
	if moved.Unreadable > 0 {
		text += fmt.Sprintf(", %d unreadable", moved.Unreadable)
	}
	if moved.Twice > 0 {
		text += fmt.Sprintf(", %d will come twice, which does no harm", moved.Twice)
	}
	return errors.Join(err, a.result(redriven{name, moved}, text+"\n"))
}
