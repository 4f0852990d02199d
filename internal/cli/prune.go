package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"dip/internal/client"
	"dip/internal/terminal"
)

// keptVersions is how many versions of each function stay by default: enough to go back by some deployments.
const keptVersions = 10

func (a *app) pruneCommand() *cobra.Command {
	var keep int
	var dry bool
	cmd := &cobra.Command{
		Use: "prune", Short: "Delete versions of functions and workflow that nothing calls any more", Args: cobra.NoArgs,
		Long: "Prune deletes published versions of the stack's functions and of its workflow: each deployment of new code\n" +
			"makes one, AWS stores 75 GB of code in a region, and a workflow has 1,000 versions at most. What stays: the\n" +
			"newest of each, what an alias leads to, and what was succeeded less than an hour ago. Loads in progress go on.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if keep < 1 {
				return usagef("--keep is %d, want 1 or more", keep)
			}
			return a.prune(cmd.Context(), keep, dry)
		},
	}
	cmd.Flags().IntVar(&keep, "keep", keptVersions, "how many of the newest versions to keep of each")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only list what would be deleted")
	return cmd
}

func (a *app) prune(ctx context.Context, keep int, dry bool) error {
	stack, err := a.connect(ctx)
	if err != nil {
		return err
	}
	all, err := stack.Versions(ctx)
	if err != nil {
		return err
	}
	old := client.Superseded(all, keep, time.Now())
	var size int64
	for _, v := range old {
		size += v.Bytes
		text := fmt.Sprintf("%s %d, published %s\n", v.Of, v.Number, v.Published.UTC().Format(time.DateTime))
		if err := a.result(v, text); err != nil {
			return err
		}
	}
	if dry {
		a.screen.Notef("%s of %d would be deleted, %s of code", plural(len(old), "version"), len(all), terminal.Bytes(size))
		return nil
	}
	if err := stack.Prune(ctx, old); err != nil {
		return err
	}
	a.screen.Notef("%s of %d deleted, %s of code", plural(len(old), "version"), len(all), terminal.Bytes(size))
	return nil
}
