// Package cli is the command line: what each command takes, and how its result is shown. The work is done by package
// client and, for the local stack, by package local.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/spf13/cobra"

	"dip/internal/client"
	"dip/internal/terminal"
	"dip/local"
)

// app is the state that the commands share.
type app struct {
	screen  *terminal.Screen
	json    bool
	stack   string
	outputs string
	connect func(ctx context.Context) (*client.Stack, error)
}

// stackVariable names the stack when --stack does not.
const stackVariable = "DIP_STACK"

// Main runs the command line and returns its exit code.
func Main(ctx context.Context, args []string) int {
	a := &app{screen: terminal.Of(os.Stdout, os.Stderr)}
	a.connect = a.open
	return a.run(ctx, args)
}

func (a *app) run(ctx context.Context, args []string) int {
	root := a.command()
	root.SetArgs(args)
	root.SetOut(a.screen.Out)
	root.SetErr(a.screen.Err)
	err := root.ExecuteContext(ctx)
	a.screen.Live()
	if err != nil {
		a.screen.Notef("dip: %s", printableLines(err.Error()))
	}
	if err != nil && ctx.Err() != nil {
		return ExitInterrupted
	}
	return exitCode(err)
}

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "dip",
		Short: "Land a file, get a certificate",
		Long: "dip lands files in a stack of the data ingestion pipeline, follows them until they are certified, and " +
			"accounts\n" +
			"for every record.\n\nThe stack is the local one unless --stack or DIP_STACK names another.",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w\n\n%s", err, cmd.UsageString())
	})
	flags := root.PersistentFlags()
	stack := os.Getenv(stackVariable)
	if stack == "" {
		stack = local.StackName
	}
	flags.StringVar(&a.stack, "stack", stack, "name of the stack; also read from "+stackVariable)
	flags.StringVar(&a.outputs, "outputs", "",
		"`FILE` with the stack's outputs, as pulumi stack output --json prints them (default: ask pulumi)")
	flags.BoolVar(&a.json, "json", false, "print results as JSON, one object per line")
	root.AddCommand(a.putCommand(), a.sendCommand(), a.tokenCommand(), a.statusCommand(), a.loadsCommand(),
		a.tailCommand(), a.certificateCommand(), a.quarantineCommand(), a.verifyChainCommand(), a.publicKeyCommand(),
		a.restoreDrillCommand(), a.redriveCommand(), a.rolloutCommand(), a.pruneCommand(), a.filesCommand(), a.reportCommand(),
		a.graphCommand(), a.maintenanceCommand(), a.wakeCommand(), a.planCommand(), a.previewCommand(),
		a.generateCommand(), a.schemaCommand(), a.localCommand(), a.versionCommand(),
		&cobra.Command{Use: "exit-codes", Short: "Explain the exit codes", Long: exitHelp})
	asUsage(root)
	return root
}

// asUsage makes every command exit with ExitUsage when its arguments are invalid.
func asUsage(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usagef("%w\n\n%s", err, cmd.UsageString())
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		asUsage(sub)
	}
}

// open connects to the stack that the flags name: to the local one through its daemon, to any other with this
// machine's AWS credentials.
func (a *app) open(ctx context.Context) (*client.Stack, error) {
	if a.stack == local.StackName && a.outputs == "" {
		s, err := local.Open(ctx, local.Options{})
		if errors.Is(err, local.ErrNotUp) {
			return nil, fmt.Errorf("stack local: %w: %w", client.ErrNotFound, err)
		}
		if err != nil {
			return nil, err
		}
		return s.Client(), nil
	}
	o, err := a.readOutputs(ctx)
	if err != nil {
		return nil, err
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithDefaultRegion(o.Region))
	if err != nil {
		return nil, fmt.Errorf("load the AWS configuration: %w", err)
	}
	cfg.Region = o.Region // the stack's, whatever this machine's default is
	return client.Connect(a.stack, cfg, o), nil
}

func (a *app) readOutputs(ctx context.Context) (client.Outputs, error) {
	if a.outputs != "" {
		return client.ReadOutputs(a.outputs)
	}
	root, err := local.FindRoot(".")
	if err != nil {
		return client.Outputs{}, fmt.Errorf("find the project of stack %s: %w: pass its outputs with --outputs", a.stack, err)
	}
	return client.PulumiOutputs(ctx, root, a.stack)
}

// result prints one result: as a line of JSON, or as text.
func (a *app) result(v any, text string) error {
	if !a.json {
		return a.screen.Printf("%s", text)
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return a.screen.Printf("%s\n", data)
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version of this command", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := buildVersion()
			return a.result(map[string]string{"version": v}, "dip "+v+"\n")
		},
	}
}

// buildVersion is the module's version, or the commit it was built from.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision, changed := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "+changed"
		}
	}
	if revision != "" {
		return revision + changed
	}
	return info.Main.Version
}
