package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/ledger"
)

// Defaults for listings.
const (
	recentLoads = 10
	recentSince = 48 * time.Hour
)

var statuses = []contract.Status{contract.Received, contract.Running, contract.Certified, contract.Published,
	contract.Failed, contract.Duplicate}

func (a *app) loadsCommand() *cobra.Command {
	var segment, status string
	var since time.Duration
	var limit int
	cmd := &cobra.Command{
		Use: "loads", Short: "List loads and intervals of streams, newest first", Args: cobra.NoArgs,
		Long: "Loads lists the loads of files and the intervals of streams, newest first. Intervals without a record that\n" +
			"follow each other share a line; with --json each has its own.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if status != "" && !slices.Contains(statuses, contract.Status(status)) {
				return usagef("--status %s: want one of %v", status, statuses)
			}
			if since <= 0 || limit < 0 {
				return usagef("--since and --limit must be positive")
			}
			now := time.Now()
			filter := client.Filter{Segment: segment, Status: contract.Status(status), Since: now.Add(-since), Limit: limit}
			return a.listLoads(cmd.Context(), filter, now)
		},
	}
	cmd.Flags().StringVarP(&segment, "segment", "s", "", "list only loads of this segment")
	cmd.Flags().StringVar(&status, "status", "",
		"list only this status: received, running, certified, published or failed")
	cmd.Flags().DurationVar(&since, "since", recentSince, "how far back to look")
	cmd.Flags().IntVar(&limit, "limit", 0, "list at most this many loads; 0 lists all")
	return cmd
}

func (a *app) listLoads(ctx context.Context, f client.Filter, now time.Time) error {
	stack, err := a.connect(ctx)
	if err != nil {
		return err
	}
	if f.Segment != "" {
		if err := stack.CheckSegment(f.Segment); err != nil {
			return err
		}
	}
	limit := f.Limit
	if !a.json { // it limits the lines: empty intervals share one
		f.Limit = 0
	}
	loads, err := client.ListLoads(ctx, stack.Ledger, f, now)
	if err != nil {
		return err
	}
	list := make([]client.Progress, len(loads))
	for i, l := range loads {
		list[i] = client.Measure(l, nil, now)
	}
	if a.json {
		for i, p := range list {
			p.Deadline = a.deadline(ctx, stack, loads[i])
			if err := a.result(p, ""); err != nil {
				return err
			}
		}
		return nil
	}
	if len(list) == 0 {
		a.screen.Notef("no loads since %s", f.Since.UTC().Format(time.RFC3339))
		return nil
	}
	rows := loadRows(list)
	if limit > 0 && len(rows) > limit {
		rows = rows[:limit]
	}
	for i, r := range rows {
		rows[i].Deadline = a.deadline(ctx, stack, loads[r.first])
	}
	return a.screen.Printf("%s", loadsTable(a.screen.Width, rows))
}

// deadline is when a load has to be published. Who may not read the catalog still sees the load.
func (a *app) deadline(ctx context.Context, stack *client.Stack, load ledger.Load) time.Time {
	deadline, err := client.Deadline(ctx, stack.Catalogs, load)
	if err != nil {
		a.screen.Notef("deadline of load %s: %v", short(load.ID), err)
	}
	return deadline
}

func (a *app) statusCommand() *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use: "status [LOAD]", Short: "Show a load's progress, chunk by chunk; without LOAD, list the newest loads",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				if watch {
					return usagef("--watch needs a LOAD")
				}
				now := time.Now()
				return a.listLoads(cmd.Context(), client.Filter{Since: now.Add(-recentSince), Limit: recentLoads}, now)
			}
			stack, load, err := a.findLoad(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if watch {
				return a.watch(cmd.Context(), stack, load.ID)
			}
			p, err := client.Read(cmd.Context(), stack.Ledger, load.ID)
			if err != nil {
				return err
			}
			p.Deadline = a.deadline(cmd.Context(), stack, load)
			return a.result(p, statusText(a.screen.Width, p))
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "follow the load until it finishes")
	return cmd
}

// watch follows one load. With --json it prints a line per reading.
func (a *app) watch(ctx context.Context, stack *client.Stack, id string) error {
	if !a.json {
		return a.wait(ctx, stack, []string{id})
	}
	var writeErr error
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p, err := client.Follow(ctx, stack.Ledger, id, func(p client.Progress) {
		if writeErr = a.result(p, ""); writeErr != nil {
			cancel(writeErr)
		}
	})
	if writeErr != nil {
		return writeErr
	}
	if err != nil {
		return err
	}
	return client.Outcome(p)
}

// findLoad connects to the stack and finds a load by its id or a prefix of it.
func (a *app) findLoad(ctx context.Context, id string) (*client.Stack, ledger.Load, error) {
	stack, err := a.connect(ctx)
	if err != nil {
		return nil, ledger.Load{}, err
	}
	load, err := client.FindLoad(ctx, stack.Ledger, id, time.Now())
	if err != nil {
		return nil, load, fmt.Errorf("stack %s: %w", stack.Name, err)
	}
	return stack, load, nil
}
