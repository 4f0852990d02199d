package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/evidence"
	"dip/internal/ledger"
	"dip/internal/terminal"
	"dip/internal/verify"
	"dip/local"
)

func (a *app) certificateCommand() *cobra.Command {
	var prove bool
	var dir string
	cmd := &cobra.Command{
		Use: "certificate LOAD", Short: "Show the proof that every record is accounted for", Args: cobra.ExactArgs(1),
		Long: "Certificate shows a load's certificate. --verify proves it again from scratch: it reads the whole input\n" +
			"and every output, with independent code, and compares all counts, ranges and hashes, the manifest, and the\n" +
			"ledger's record of the load. --download copies the certificate and its evidence into a folder, for\n" +
			"dip-verify, which needs neither the stack nor the network.",
		RunE: func(cmd *cobra.Command, args []string) error {
			stack, load, err := a.findLoad(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			c, err := client.Certificate(cmd.Context(), stack.Lake, load)
			if err != nil {
				return err
			}
			if dir != "" {
				if err := evidence.Write(cmd.Context(), stack.Lake, c, dir); err != nil {
					return err
				}
				a.screen.Notef("the evidence is in %s; dip-verify proves it without the stack", dir)
			}
			if prove {
				return a.verify(cmd.Context(), stack, load, c)
			}
			return a.result(c, certificateText(a.screen.Width, c))
		},
	}
	cmd.Flags().BoolVar(&prove, "verify", false, "prove the certificate again")
	cmd.Flags().StringVar(&dir, "download", "",
		"`FOLDER` to copy the evidence to: input, outputs, quarantine, manifest, catalog, certificate")
	return cmd
}

// unprovenError lists where the data contradict a certificate.
type unprovenError struct{ report verify.Report }

func (e *unprovenError) Error() string {
	return fmt.Sprintf("the certificate of load %s does not match the data:\n  %s",
		e.report.Load, strings.Join(e.report.Problems, "\n  "))
}

// verify proves a certificate again and prints the report, whether or not the proof succeeds.
func (a *app) verify(ctx context.Context, stack *client.Stack, load ledger.Load, c contract.Certificate) error {
	recorded, err := client.Recorded(ctx, stack.Name, stack.Ledger, load)
	if err != nil {
		return err
	}
	if a.outputs != "" && stack.Name == local.StackName {
		recorded.Stack = c.Stack // a stack known only by its outputs has no name here
	}
	var done, total atomic.Int64
	stop := a.animate(func(took time.Duration) []string {
		return []string{uploadLine("verifying", done.Load(), total.Load(), took)}
	})
	report, err := verify.Certificate(ctx, verify.Options{
		Lake: stack.Lake, Certificate: c, Ledger: &recorded, Unpublished: load.Status != contract.Published,
		Progress: func(d, t int64) { done.Store(d); total.Store(t) },
	})
	stop()
	if err != nil {
		return fmt.Errorf("verify load %s: %w", load.ID, err)
	}
	return errors.Join(a.result(report, reportText(report)), unproven(report))
}

func unproven(r verify.Report) error {
	if r.Verified {
		return nil
	}
	return &unprovenError{r}
}

func reportText(r verify.Report) string {
	verdict := "VERIFIED"
	if !r.Verified {
		verdict = "NOT VERIFIED"
	}
	return fmt.Sprintf("%s  %s\n  rows in %s, out %s, quarantined %s; %s\n", short(r.Load), verdict,
		terminal.Count(r.RowsIn), terminal.Count(r.RowsOut), terminal.Count(r.Quarantined), plural(r.Checks, "check"))
}

func certificateText(width int, c contract.Certificate) string {
	var b strings.Builder
	chain := "open"
	if c.Chain.Closed {
		chain = "closed"
	}
	fmt.Fprintf(&b, "load       %s\ninput      s3://%s/%s\nversion    %s\n", c.Load, c.Input.Bucket,
		terminal.Printable(c.Input.Key), c.Input.VersionID)
	fmt.Fprintf(&b, "size       %s stored (%s), %s read\n", terminal.Bytes(c.Input.Size), c.Compression,
		terminal.Bytes(c.Length))
	fmt.Fprintf(&b, "rows       in %s = out %s + quarantined %s\n",
		terminal.Count(c.Totals.RowsIn), terminal.Count(c.Totals.RowsOut), terminal.Count(c.Totals.Quarantined))
	if s := c.Totals.Skipped; s.Lines > 0 {
		fmt.Fprintf(&b, "skipped    %s, %s\n", plural(int(s.Lines), "line"), terminal.Bytes(s.Bytes))
	}
	fmt.Fprintf(&b, "chain      %s: %s from byte %s to %s, %d ran again\n", chain, plural(c.Totals.Chunks, "chunk"),
		terminal.Count(c.Body), terminal.Count(c.Chain.Position), c.Chain.Reruns)
	fmt.Fprintf(&b, "hashes     out %s\n           quarantined %s\n", c.Totals.HashOut, c.Totals.HashBad)
	fmt.Fprintf(&b, "code       %s\n", strings.Join(c.Totals.Codes, ", "))
	fmt.Fprintf(&b, "received   %s\ncertified  %s\n\n", c.Received.UTC().Format(time.RFC3339),
		c.Certified.UTC().Format(time.RFC3339))
	columns := []terminal.Column{
		{Title: "CHUNK", Right: true}, {Title: "START", Right: true}, {Title: "END", Right: true},
		{Title: "ROWS IN", Right: true},
		{Title: "ROWS OUT", Right: true}, {Title: "QUARANTINED", Short: "QUAR", Right: true},
		{Title: "ATTEMPT", Short: "TRY", Right: true},
		{Title: "CODE", Flex: true},
	}
	var rows [][]string
	for _, p := range c.Chunks {
		rows = append(rows, []string{
			fmt.Sprint(p.Chunk), terminal.Count(p.Start), terminal.Count(p.End), terminal.Count(p.RowsIn),
			terminal.Count(p.RowsOut),
			terminal.Count(p.Quarantined), fmt.Sprint(p.Attempt), p.Code,
		})
	}
	b.WriteString(terminal.Table(width, columns, rows))
	return b.String()
}

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
			chunks, err := stack.Ledger.Chunks(cmd.Context(), load.ID)
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
	return fmt.Sprintf("chunk %d, bytes %s to %s: %s\n%s\n", r.Chunk, terminal.Count(r.Start), terminal.Count(r.End),
		reason, raw)
}
