package cli

import (
	"context"
	"crypto/ecdsa"
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
	var dir, keyFile string
	cmd := &cobra.Command{
		Use: "certificate LOAD | FOLDER", Short: "Show the proof that every record is accounted for",
		Args: cobra.ExactArgs(1),
		Long: "Certificate shows a load's certificate. --verify proves it again from scratch: it reads the whole input\n" +
			"and every output, with independent code, and compares all counts, ranges and hashes, the manifest, and the\n" +
			"ledger's record of the load. --public-key checks its signature too; see dip public-key.\n\n" +
			"--download copies the certificate and its evidence into a folder. Given that folder instead of a load, the\n" +
			"certificate is shown and proven from the files alone, without the stack or the network; dip-verify does the\n" +
			"same.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if keyFile != "" && !prove {
				return usagef("--public-key needs --verify")
			}
			key, err := publicKey(keyFile)
			if err != nil {
				return err
			}
			if evidence.Holds(args[0]) {
				if dir != "" {
					return usagef("%s is a download already", args[0])
				}
				return a.offline(cmd.Context(), args[0], prove, key)
			}
			stack, load, err := a.findLoad(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			c, sum, err := client.Certificate(cmd.Context(), stack.Lake, load)
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
				return a.verify(cmd.Context(), stack, load, c, sum, key)
			}
			return a.result(c, certificateText(a.screen.Width, c))
		},
	}
	cmd.Flags().BoolVar(&prove, "verify", false, "prove the certificate again")
	cmd.Flags().StringVar(&keyFile, "public-key", "", "PEM `FILE` with the key that the certificate must be signed with")
	cmd.Flags().StringVar(&dir, "download", "",
		"`FOLDER` to copy the evidence to: input, outputs, quarantine, manifest, catalog, certificate")
	return cmd
}

// unprovenError lists where the data contradict a certificate or a chain.
type unprovenError struct {
	what     string
	problems []string
}

func (e *unprovenError) Error() string { return e.what + ":\n  " + strings.Join(e.problems, "\n  ") }

// offline shows or proves the certificate in a folder.
func (a *app) offline(ctx context.Context, dir string, prove bool, key *ecdsa.PublicKey) error {
	folder, c, sum, err := evidence.Open(dir)
	if err != nil {
		return err
	}
	if !prove {
		return a.result(c, certificateText(a.screen.Width, c))
	}
	return a.report(ctx, verify.Options{Lake: folder, Certificate: c, SHA256: sum, PublicKey: key})
}

// verify proves a load's certificate again.
func (a *app) verify(ctx context.Context, stack *client.Stack, load ledger.Load, c contract.Certificate, sum string,
	key *ecdsa.PublicKey) error {
	o, err := client.Evidence(ctx, stack, load, c, sum)
	if err != nil {
		return err
	}
	if a.outputs != "" && stack.Name == local.StackName {
		o.Ledger.Stack = c.Stack // a stack known only by its outputs has no name here
	}
	o.PublicKey = key
	return a.report(ctx, o)
}

// report prints what a verification finds, whether or not the proof succeeds.
func (a *app) report(ctx context.Context, o verify.Options) error {
	var done, total atomic.Int64
	stop := a.animate(func(took time.Duration) []string {
		return []string{uploadLine("verifying", done.Load(), total.Load(), took)}
	})
	o.Progress = func(d, t int64) { done.Store(d); total.Store(t) }
	report, err := verify.Certificate(ctx, o)
	stop()
	if err != nil {
		return fmt.Errorf("verify load %s: %w", o.Certificate.Load, err)
	}
	return errors.Join(a.result(report, reportText(report)), unproven(report))
}

func unproven(r verify.Report) error {
	if r.Verified {
		return nil
	}
	return &unprovenError{fmt.Sprintf("the certificate of load %s does not match the data", r.Load), r.Problems}
}

func verdict(verified bool) string {
	if verified {
		return "VERIFIED"
	}
	return "NOT VERIFIED"
}

func reportText(r verify.Report) string {
	text := fmt.Sprintf("%s  %s\n  rows in %s, out %s, quarantined %s; %s\n  %s\n", short(r.Load), verdict(r.Verified),
		terminal.Count(r.RowsIn), terminal.Count(r.RowsOut), terminal.Count(r.Quarantined), plural(r.Checks, "check"),
		r.SignatureText())
	if stream := r.StreamText(); stream != "" {
		text += "  " + printableLines(stream) + "\n"
	}
	return text
}

func certificateText(width int, c contract.Certificate) string {
	if c.Stream != nil {
		return intervalText(width, c)
	}
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
	b.WriteString(linkText(c.Link))
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

// linkText is a certificate's place in the chain of its segment.
func linkText(l *contract.Link) string {
	switch {
	case l == nil:
		return ""
	case l.Number > 1:
		return fmt.Sprintf("number     %s of its segment, after load %s\n", terminal.Count(l.Number), short(l.Load))
	default:
		return "number     1 of its segment\n"
	}
}
