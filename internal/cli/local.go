package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"dip/internal/client"
	"dip/internal/terminal"
	"dip/local"
)

// defaultInput is how much `local up` ingests by default.
const defaultInput = "300MB"

func (a *app) localCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "local", Short: "Manage the stack on this machine", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.upCommand(), a.downCommand(), a.logsCommand(), a.envCommand(), a.serveCommand())
	return cmd
}

func (a *app) upCommand() *cobra.Command {
	size, none := defaultInput, false
	cmd := &cobra.Command{
		Use: "up", Short: "Bring up the local stack, ingest sample data and print the outcome", Args: cobra.NoArgs,
		Long: "Up builds the tools once, starts the emulator and the function runner in the background, deploys the " +
			"stack with\n" +
			"the real engine and provider, and ingests sample data. Run again, it deploys and ingests only what is missing.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			bytes, err := terminal.ParseBytes(size)
			if err != nil || bytes < local.MinInputSize {
				return usagef("--input-size %s: want a size of at least %s", size, terminal.Bytes(local.MinInputSize))
			}
			if none {
				bytes = 0
			}
			return a.up(cmd.Context(), bytes)
		},
	}
	cmd.Flags().StringVar(&size, "input-size", size, "approximate size of the generated data, as stored")
	cmd.Flags().BoolVar(&none, "no-input", false, "do not ingest sample data")
	return cmd
}

// up generates the samples while the stack comes up.
func (a *app) up(ctx context.Context, input int64) error {
	o := local.Options{Screen: a.screen}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	type made struct {
		samples []local.Sample
		err     error
	}
	making := make(chan made, 1)
	go func() {
		if input == 0 {
			making <- made{}
			return
		}
		samples, err := local.Samples(ctx, o, input)
		if err != nil {
			cancel(err) // without samples the stack is of no use
		}
		making <- made{samples, err}
	}()
	stack, err := local.Up(ctx, o)
	if err != nil {
		cancel(err)
		m := <-making
		return errors.Join(err, m.err)
	}
	m := <-making
	if m.err != nil {
		return m.err
	}
	if len(m.samples) == 0 {
		a.screen.Notef("the local stack is up at %s", stack.Daemon.Endpoint)
		return nil
	}
	loads, err := stack.Ingest(ctx, m.samples)
	if err != nil {
		return err
	}
	return a.outcomes(loads)
}

// outcomes prints finished loads. Its error joins those of the failed ones.
func (a *app) outcomes(loads []client.Progress) error {
	var failed []error
	for i := range loads {
		loads[i].States = nil
		failed = append(failed, client.Outcome(loads[i]))
		if a.json {
			if err := a.result(loads[i], ""); err != nil {
				return err
			}
		}
	}
	if !a.json {
		if err := a.screen.Printf("\n%s", summaryTable(a.screen.Width, loads)); err != nil {
			return err
		}
	}
	return errors.Join(failed...)
}

func (a *app) downCommand() *cobra.Command {
	return &cobra.Command{
		Use: "down", Short: "Take down the local stack, leaving no resource, process or file", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return local.Down(cmd.Context(), local.Options{Screen: a.screen})
		},
	}
}

func (a *app) logsCommand() *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use: "logs [FUNCTION]", Short: "Print the logs of the local stack's functions; --json prints the records unchanged",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			stack, err := local.Open(cmd.Context(), local.Options{})
			if err != nil {
				return err
			}
			return stack.Logs(cmd.Context(), strings.Join(args, ""), follow, func(r local.LogRecord) error {
				return a.screen.Printf("%s", logLine(r, a.json))
			})
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "keep printing new records")
	return cmd
}

func logLine(r local.LogRecord, raw bool) string {
	if raw {
		return string(r.Raw) + "\n"
	}
	return fmt.Sprintf("%s %s %s\n", r.Time.Format("15:04:05.000"), r.Function, terminal.Printable(r.Text()))
}

func (a *app) envCommand() *cobra.Command {
	return &cobra.Command{
		Use: "env", Short: "Print shell commands that point AWS tools at the local stack: eval \"$(dip local env)\"",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			stack, err := local.Open(cmd.Context(), local.Options{})
			if err != nil {
				return err
			}
			variables := map[string]string{}
			var text strings.Builder
			all := append(stack.Daemon.Environment(), stackVariable+"="+local.StackName)
			if g := stack.Outputs.Gateway; g != nil {
				all = append(all, gatewayVariable+"="+g.URL, tokenVariable+"="+stack.Daemon.GatewayToken())
			}
			for _, v := range all {
				name, value, _ := strings.Cut(v, "=")
				variables[name] = value
				fmt.Fprintf(&text, "export %s='%s'\n", name, value)
			}
			return a.result(variables, text.String())
		},
	}
}

// serveCommand is the background process.
func (a *app) serveCommand() *cobra.Command {
	var state string
	cmd := &cobra.Command{
		Use: "serve", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return local.Serve(cmd.Context(), state) },
	}
	cmd.Flags().StringVar(&state, "state", "", "state folder")
	return cmd
}
