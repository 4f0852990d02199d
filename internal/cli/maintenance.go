package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/terminal"
)

// maintenanceFlags are what `dip maintenance` changes; at most one of them.
type maintenanceFlags struct {
	hold           time.Duration
	reason         string
	release, force bool
}

func (a *app) maintenanceCommand() *cobra.Command {
	var f maintenanceFlags
	cmd := &cobra.Command{
		Use: "maintenance", Short: "Show what is planned for the nodes, hold it or force it", Args: cobra.NoArgs,
		Long: "Maintenance shows when nodes are updated and when node groups sleep, what waits and for what, and what\n" +
			"was done. --hold has nothing begin for a time, --release ends that, and --force opens a window now,\n" +
			"whatever is held. What begins still waits for loads that are in progress on nodes.",
		Example: "  dip maintenance\n  dip maintenance --hold 48h --reason 'end of the quarter'\n  dip maintenance --force",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.release && f.force || f.hold != 0 && (f.release || f.force) {
				return usagef("one of --hold, --release and --force at a time")
			}
			if cmd.Flags().Changed("hold") != (f.reason != "") || f.hold < 0 || f.hold == 0 && f.reason != "" {
				return usagef("--hold takes a time above zero, and --reason")
			}
			return a.maintenance(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.DurationVar(&f.hold, "hold", 0, "begin nothing for this long")
	flags.StringVar(&f.reason, "reason", "", "why: shown to everybody who looks")
	flags.BoolVar(&f.release, "release", false, "end a hold")
	flags.BoolVar(&f.force, "force", false, "open a window now, for four hours")
	return cmd
}

func (a *app) wakeCommand() *cobra.Command {
	var length time.Duration
	cmd := &cobra.Command{
		Use: "wake", Short: "Wake the node groups until they would fall asleep next", Args: cobra.NoArgs,
		Long: "Wake raises the minima of sleeping node groups at once. They stay awake until the next sleep begins, or\n" +
			"for the time of --for. Nobody needs to wake a stack for a file that lands: what it needs starts by itself.",
		Example: "  dip wake\n  dip wake --for 3h",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if length < 0 {
				return usagef("--for must be positive")
			}
			return a.wake(cmd.Context(), length)
		},
	}
	cmd.Flags().DurationVar(&length, "for", 0, "how long they stay awake")
	return cmd
}

// maintained connects to a stack that has maintenance.
func (a *app) maintained(ctx context.Context) (*client.Stack, error) {
	stack, err := a.connect(ctx)
	if err == nil && stack.Outputs.Maintenance == nil {
		return nil, fmt.Errorf("stack %s: maintenance.enabled is false: %w", stack.Name, client.ErrNotFound)
	}
	return stack, err
}

func (a *app) maintenance(ctx context.Context, f maintenanceFlags) error {
	stack, err := a.maintained(ctx)
	if err != nil {
		return err
	}
	if f != (maintenanceFlags{}) {
		now := time.Now().UTC().Truncate(time.Second)
		if err := client.ChangeSwitch(ctx, stack.SSM, stack.Outputs.Maintenance.Switch, f.change(now)); err != nil {
			return err
		}
	}
	return a.maintain(ctx, stack, contract.MaintenanceRequest{Look: !f.force})
}

// change is what the flags change of the switch.
func (f maintenanceFlags) change(now time.Time) func(*contract.MaintenanceSwitch) {
	return func(s *contract.MaintenanceSwitch) {
		switch {
		case f.hold > 0:
			s.Hold = &contract.Hold{Until: now.Add(f.hold), Reason: f.reason}
		case f.release:
			s.Hold = nil
		case f.force:
			s.Forced = now
		}
	}
}

func (a *app) wake(ctx context.Context, length time.Duration) error {
	stack, err := a.maintained(ctx)
	if err != nil {
		return err
	}
	o := stack.Outputs.Maintenance
	r, err := client.Maintain(ctx, stack.Lambda, o.Function, contract.MaintenanceRequest{Look: true})
	if err != nil {
		return err
	}
	if r.Sleep == nil {
		return fmt.Errorf("stack %s never sleeps: it has no cluster, or maintenance.sleep.enabled is false", stack.Name)
	}
	until := r.Sleep.Next
	if length > 0 {
		until = time.Now().UTC().Truncate(time.Second).Add(length)
	}
	awake := func(s *contract.MaintenanceSwitch) { s.Awake = until }
	if err := client.ChangeSwitch(ctx, stack.SSM, o.Switch, awake); err != nil {
		return err
	}
	return a.maintain(ctx, stack, contract.MaintenanceRequest{})
}

// maintain calls the function, and prints its report.
func (a *app) maintain(ctx context.Context, stack *client.Stack, request contract.MaintenanceRequest) error {
	r, err := client.Maintain(ctx, stack.Lambda, stack.Outputs.Maintenance.Function, request)
	if err != nil {
		return err
	}
	return a.result(r, maintenanceText(a.screen.Width, r, request.Look))
}

// maintenanceText is a report for people; looked says that nothing was done.
func maintenanceText(width int, r contract.MaintenanceReport, looked bool) string {
	var b strings.Builder
	line := func(title, format string, args ...any) {
		fmt.Fprintf(&b, "%-9s%s\n", title, terminal.Printable(fmt.Sprintf(format, args...)))
	}
	switch {
	case r.Window != nil:
		line("window", "%s is open until %s", r.Window.Name, when(r.Window.End))
	case r.Next != nil:
		length := terminal.Duration(r.Next.End.Sub(r.Next.Start))
		line("window", "%s opens at %s, for %s", r.Next.Name, when(r.Next.Start), length)
	default:
		line("window", "none")
	}
	if s := r.Sleep; s != nil && s.Asleep {
		line("sleep", "asleep until %s", when(s.Until))
	} else if s != nil {
		line("sleep", "awake until %s", when(s.Until))
	}
	if h := r.Switch.Hold; h != nil && r.At.Before(h.Until) {
		line("hold", "until %s: %s", when(h.Until), h.Reason)
	}
	done := map[bool]string{true: "next", false: "done"}[looked]
	for _, act := range r.Acts {
		line(done, "%s", actText(act))
		line("", "%s", act.Why)
	}
	for _, d := range r.Delayed {
		line("waiting", "%s", actText(d.MaintenanceAct))
		line("", "for %s", d.For)
	}
	if len(r.Record.Overdue) > 0 {
		line("OVERDUE", "the last window did not update %s", strings.Join(r.Record.Overdue, ", "))
	}
	for _, load := range r.Loads {
		line("load", "%s is in progress on nodes", load)
	}
	if r.SupportEnds != "" {
		line("support", "of the cluster's version ends on %s", r.SupportEnds)
	}
	if len(r.Groups) > 0 {
		b.WriteString("\n" + groupsTable(width, r.Groups))
	}
	for i := len(r.Record.Runs) - 1; i >= 0; i-- {
		run := r.Record.Runs[i]
		fmt.Fprintf(&b, "\n%s  %s", when(run.At), terminal.Printable(actText(run.MaintenanceAct)))
	}
	if len(r.Record.Runs) > 0 {
		b.WriteString("\n")
	}
	return b.String()
}

func groupsTable(width int, groups []contract.GroupState) string {
	columns := []terminal.Column{
		{Title: "GROUP", Flex: true}, {Title: "MIN", Right: true}, {Title: "STATUS"}, {Title: "RELEASE"}, {Title: "NEWEST"},
	}
	var rows [][]string
	for _, g := range groups {
		rows = append(rows, []string{g.Name, terminal.Count(int64(g.Min)), g.Status, g.Release, g.Newest})
	}
	return terminal.Table(width, columns, rows)
}

func actText(act contract.MaintenanceAct) string {
	if act.Kind == contract.Update {
		return fmt.Sprintf("update %s to %s", act.Group, act.Release)
	}
	return fmt.Sprintf("%s %s: minimum %d", act.Kind, act.Group, act.Min)
}

func when(t time.Time) string { return t.UTC().Format("Mon 2006-01-02 15:04 UTC") }
