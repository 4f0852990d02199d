package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"dip/internal/client"
	"dip/internal/terminal"
)

// tailSince is how far back a tail begins.
const tailSince = 15 * time.Minute

func (a *app) tailCommand() *cobra.Command {
	var since time.Duration
	var follow bool
	cmd := &cobra.Command{
		Use:   "tail SEGMENT",
		Short: "Show the intervals of a stream as they are certified",
		Long: "Tail shows, for each certified interval of a segment whose records arrive by stream, how many records\n" +
			"arrived, and how many a second; how many are in quarantine, and how many were duplicates; and the lag: the\n" +
			"time from the interval's end until its rows were visible. The end of the newest interval is the watermark:\n" +
			"all that arrived before it is certified.",
		Example: "  dip tail readings --follow\n  dip tail readings --since 24h --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if since <= 0 {
				return usagef("--since must be positive")
			}
			return a.tail(cmd.Context(), args[0], since, follow)
		},
	}
	cmd.Flags().DurationVar(&since, "since", tailSince, "how far back to begin")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until interrupted")
	return cmd
}

func (a *app) tail(ctx context.Context, segment string, since time.Duration, follow bool) error {
	stack, err := a.connect(ctx)
	if err != nil {
		return err
	}
	if err := stack.CheckSegment(segment); err != nil {
		return err
	}
	now := time.Now()
	t := client.Tail{
		Segment: segment, Chains: stack.Ledger, Lake: stack.Lake, Since: now.Add(-since), Follow: follow,
		Failed: func(err error) { a.screen.Notef("%s", printableLines(err.Error())) },
	}
	var newest time.Time
	t.Pause = func(ctx context.Context, d time.Duration) error {
		a.screen.Live(watermarkLine(newest, time.Now()))
		defer a.screen.Live()
		return client.Pause(ctx, d)
	}
	err = t.Run(ctx, func(c client.Certified) error {
		text := certifiedLine(c)
		if newest.IsZero() {
			text = certifiedTitle + text
		}
		newest = c.End
		return a.result(c, text)
	})
	if err == nil && newest.IsZero() && !follow {
		a.screen.Notef("no interval of %s was certified since %s", segment, t.Since.UTC().Format(time.RFC3339))
	}
	return err
}

// certifiedTitle is above the lines of certified intervals.
const certifiedTitle = "INTERVAL                     RECORDS   PER SEC  QUARANTINED  DUPLICATES     LAG\n"

func certifiedLine(c client.Certified) string {
	return fmt.Sprintf("%s to %s %9s %9s %12s %11s %7s\n", c.Start.UTC().Format("01-02 15:04:05"),
		c.End.UTC().Format(time.TimeOnly), terminal.Count(c.Records), perSecond(c.PerSecond), terminal.Count(c.Quarantined),
		terminal.Count(c.Duplicates), terminal.Duration(seconds(c.LagSeconds)))
}

func perSecond(rate float64) string {
	if rate > 0 && rate < 10 {
		return fmt.Sprintf("%.2f", rate)
	}
	return terminal.Count(int64(rate + 0.5))
}

// watermarkLine says up to when all is certified.
func watermarkLine(newest, now time.Time) string {
	if newest.IsZero() {
		return "waiting for the first interval"
	}
	return fmt.Sprintf("certified up to %s, %s ago", newest.UTC().Format(time.RFC3339), terminal.Duration(now.Sub(newest)))
}
