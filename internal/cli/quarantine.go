package cli

import (
	"cmp"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/terminal"
)

func (a *app) quarantineCommand() *cobra.Command {
	limit := 20
	cmd := &cobra.Command{
		Use: "quarantine LOAD", Short: "Show the rejected records of a load, each with its reason", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 {
				return usagef("--limit must not be negative")
			}
			stack, load, err := a.findLoad(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			chunks, err := client.Chunked(cmd.Context(), stack.Ledger, stack.Lake, load)
			if err != nil {
				return err
			}
			shown := 0
			err = client.Quarantine(cmd.Context(), stack.Lake, chunks, func(r contract.Rejected) (bool, error) {
				shown++
				return limit == 0 || shown < limit, a.result(r, rejectedText(a.screen.Width, r))
			})
			if err != nil {
				return err
			}
			total := client.Measure(load, chunks, time.Now()).Quarantined
			if total > int64(shown) {
				a.screen.Notef("%s of %s; --limit 0 shows all", terminal.Count(int64(shown)), terminal.Count(total))
			}
			if total == 0 {
				a.screen.Notef("this load has no records in quarantine")
			}
			return nil
		},
	}
	cmd.Flags().IntVar(&limit, "limit", limit, "show at most this many records; 0 shows all")
	return cmd
}

// rejectedText shows a bad record. On a terminal the middle of a long one is elided.
func rejectedText(width int, r contract.Rejected) string {
	reason := terminal.Printable(r.Reason)
	if r.Field != "" {
		reason = terminal.Printable(r.Field) + ": " + reason
	}
	raw := "  " + terminal.Printable(cmp.Or(r.Text, string(r.Bytes())))
	if width > 0 {
		raw = terminal.Fit(raw, width)
	}
	if r.Sequence != "" {
		return fmt.Sprintf("%s: %s\n  record %s\n%s\n", terminal.Printable(r.Shard), reason,
			terminal.Printable(r.Sequence), raw)
	}
	return fmt.Sprintf("chunk %d, bytes %s to %s: %s\n%s\n", r.Chunk, terminal.Count(r.Start), terminal.Count(r.End),
		reason, raw)
}
