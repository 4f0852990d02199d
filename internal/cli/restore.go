package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"dip/internal/lake"
	"dip/internal/ledger"
	"dip/internal/restore"
	"dip/internal/terminal"
)

func (a *app) restoreDrillCommand() *cobra.Command {
	var lakeBucket, landing, table, keyFile string
	var dry bool
	cmd := &cobra.Command{
		Use: "restore-drill", Short: "Rebuild the ledger from copies of the buckets, and prove every certificate",
		Long: "Restore-drill reads copies of the lake bucket and of the landing bucket, and nothing else: it rebuilds the\n" +
			"ledger in a table of its own, proves each certificate from its input to its outputs, and each chain, and\n" +
			"reports what does not fit. Copies may have other names, and versions other ids than the originals.\n\n" +
			"The table is made if it does not exist; one that has items is refused. Loads that were not certified are not\n" +
			"rebuilt: their inputs are listed, and the sweeper of a stack with that ledger has them loaded.",
		Example: "  dip restore-drill --lake lake-copy --landing landing-copy --dry-run\n" +
			"  dip restore-drill --lake lake-copy --landing landing-copy --table ledger-drill --public-key key.pem",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case lakeBucket == "" || landing == "":
				return usagef("--lake and --landing are required")
			case (table == "") != dry:
				return usagef("give either --table or --dry-run")
			}
			key, err := publicKey(keyFile)
			if err != nil {
				return err
			}
			stack, err := a.connect(cmd.Context())
			if err != nil {
				return err
			}
			objects := lake.New(stack.S3, lakeBucket)
			d := restore.Drill{Lake: objects, Landing: objects, Bucket: landing, PublicKey: key}
			if table != "" {
				books := stack.Ledger.Of(table)
				if err := makeTable(cmd.Context(), books); err != nil {
					return err
				}
				d.Table = books
			}
			return a.drill(cmd.Context(), d)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&lakeBucket, "lake", "", "`BUCKET` that is a copy of the lake")
	flags.StringVar(&landing, "landing", "", "`BUCKET` that is a copy of the landing bucket")
	flags.StringVar(&table, "table", "", "DynamoDB table `NAME` to write the ledger to: a new one, or one without items")
	flags.BoolVar(&dry, "dry-run", false, "write nothing")
	flags.StringVar(&keyFile, "public-key", "", "PEM `FILE` with the key that the certificates must be signed with")
	return cmd
}

// makeTable makes the table unless there is one.
func makeTable(ctx context.Context, books *ledger.Ledger) error {
	err := books.Empty(ctx)
	if errors.Is(err, ledger.ErrNoTable) {
		err = books.Create(ctx)
	}
	return err
}

// drill runs the drill, and prints what it finds whether or not all is well.
func (a *app) drill(ctx context.Context, d restore.Drill) error {
	var done, total atomic.Int64
	stop := a.animate(func(took time.Duration) []string {
		return []string{uploadLine("proving", done.Load(), total.Load(), took)}
	})
	d.Progress = func(d, t int64) { done.Store(d); total.Store(t) }
	report, err := d.Run(ctx)
	stop()
	if err != nil {
		return fmt.Errorf("restore drill: %w", err)
	}
	err = a.result(report, drillText(a.screen.Width, report))
	if !report.Complete {
		problems := report.Problems
		if report.More > 0 {
			problems = append(problems, fmt.Sprintf("and %s more", terminal.Count(int64(report.More))))
		}
		err = errors.Join(err, &unprovenError{"the copies do not prove what they hold", problems})
	}
	return err
}

func drillText(width int, r restore.Report) string {
	columns := []terminal.Column{
		{Title: "SEGMENT", Flex: true}, {Title: "CERTIFICATES", Short: "CERTS", Right: true},
		{Title: "PROVEN", Right: true}, {Title: "INPUT GONE", Short: "GONE", Right: true},
		{Title: "UNPUBLISHED", Short: "UNPUB", Right: true}, {Title: "ROWS OUT", Right: true},
		{Title: "QUARANTINED", Short: "QUAR", Right: true}, {Title: "ARCHIVED", Right: true}, {Title: "CHAIN"},
	}
	var rows [][]string
	for _, s := range r.Segments {
		chain := "none"
		switch {
		case s.Chain:
			chain = fmt.Sprintf("%s, signatures %s", terminal.Count(s.Head), s.Signature)
		case s.Head > 0:
			chain = "BROKEN"
		}
		rows = append(rows, []string{s.Segment, terminal.Count(int64(s.Certificates)), terminal.Count(int64(s.Proven)),
			terminal.Count(int64(s.InputGone)), terminal.Count(int64(s.Unpublished)), terminal.Count(s.RowsOut),
			terminal.Count(s.Quarantined), terminal.Count(int64(s.Archived)), chain})
	}
	var b strings.Builder
	b.WriteString(terminal.Table(width, columns, rows))
	fmt.Fprintf(&b, "\n%s; %s of a certified load, %s that had failed before\n",
		map[bool]string{true: "COMPLETE", false: "NOT COMPLETE"}[r.Complete], plural(r.Duplicates, "duplicate"),
		plural(r.Retried, "input"))
	if r.AgainCount > 0 {
		fmt.Fprintf(&b, "to be loaded again: %s\n", plural(r.AgainCount, "input"))
		for _, o := range r.Again {
			fmt.Fprintf(&b, "  %s\n", terminal.Printable(o))
		}
	}
	return b.String()
}
