package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"dip/internal/client"
	"dip/internal/graph"
)

// graphSince is how far back graphs look.
const graphSince = 24 * time.Hour

func (a *app) graphCommand() *cobra.Command {
	var since time.Duration
	var file string
	var dashboard bool
	cmd := &cobra.Command{
		Use: "graph", Short: "Show what the stack read, and how long that took, over a time", Args: cobra.NoArgs,
		Long: "Graph shows the input and the time of loads, the times of chunks and the age of queues, for each segment,\n" +
			"in the terminal, or as a page that needs nothing but its file.",
		Example: "  dip graph\n  dip graph --since 168h --html week.html\n  dip graph --dashboard --html dashboard.html",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if since <= 0 {
				return usagef("--since must be positive")
			}
			if dashboard && file == "" {
				return usagef("--dashboard is a page: it needs --html FILE")
			}
			if dashboard {
				return a.dashboard(cmd.Context(), since, file)
			}
			return a.graph(cmd.Context(), since, file)
		},
	}
	cmd.Flags().DurationVar(&since, "since", graphSince, "how far back to look")
	cmd.Flags().BoolVar(&dashboard, "dashboard", false, "draw the stack's CloudWatch dashboard, with the states of its alarms")
	cmd.Flags().StringVar(&file, "html", "", "write a page to this `FILE` instead")
	return cmd
}

func (a *app) graph(ctx context.Context, since time.Duration, file string) error {
	stack, err := a.connect(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	h, err := client.ReadHistory(ctx, stack.Name, stack.Outputs, stack.Ledger, stack.Metrics, now.Add(-since), now)
	if err != nil {
		return fmt.Errorf("read the history of stack %s: %w", stack.Name, err)
	}
	if file == "" {
		return a.result(h, graph.Text(h, a.screen.Width))
	}
	if err := writeFile(file, func(w io.Writer) error { return graph.HTML(w, h) }); err != nil {
		return err
	}
	a.screen.Notef("wrote %s", file)
	return nil
}

// dashboard draws the dashboard that CloudWatch has.
func (a *app) dashboard(ctx context.Context, since time.Duration, file string) error {
	stack, err := a.connect(ctx)
	if err != nil {
		return err
	}
	if stack.Outputs.Dashboard == nil {
		return fmt.Errorf("stack %s has no dashboard: set dashboard: true in its settings", stack.Name)
	}
	now := time.Now()
	b, err := client.ReadDashboard(ctx, stack.Metrics, stack.Name, *stack.Outputs.Dashboard, now.Add(-since), now)
	if err != nil {
		return err
	}
	if err := writeFile(file, b.HTML); err != nil {
		return err
	}
	a.screen.Notef("wrote %s", file)
	return nil
}

// writeFile creates a file with what write writes.
func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
