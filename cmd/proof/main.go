// Command proof shows on an AWS account what no emulator can, and writes a report of it.
//
//	go run ./cmd/proof --stack dev --sizes 10GB,1TB --report proof.md
//	go run ./cmd/proof --dry-run
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"dip/internal/terminal"
	"dip/local"
	"dip/local/proof"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "proof:", err)
		stop()
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	stack, report, only, sizes, interrupter string
	dry                                     bool
}

func run(ctx context.Context, args []string) (err error) {
	var o options
	flags := flag.NewFlagSet("proof", flag.ContinueOnError)
	flags.StringVar(&o.stack, "stack", "dev", "`name` of the stack that is deployed, used and destroyed")
	flags.StringVar(&o.sizes, "sizes", "10GB", "inputs to load, separated by commas")
	flags.StringVar(&o.report, "report", "proof.md", "`file` that the report is written to")
	flags.StringVar(&o.only, "only", "", "`steps` to run, separated by commas; default: all")
	flags.StringVar(&o.interrupter, "interrupter", "",
		"`ARN` of a role with which Fault Injection Service may interrupt spot instances")
	flags.BoolVar(&o.dry, "dry-run", false, "run on the emulator what it can do, with a small input")
	if err := flags.Parse(args); err != nil {
		return err
	}
	screen := terminal.Of(os.Stdout, os.Stderr)
	defer screen.Live()
	p := proof.Options{Local: o.dry, Interrupter: o.interrupter, Say: func(step string) { screen.Notef("step %s", step) }}
	if o.only != "" {
		p.Only = strings.Split(o.only, ",")
	}
	root, err := local.FindRoot(".")
	if err != nil {
		return err
	}
	if o.dry {
		close, err := emulate(ctx, root, screen, &p)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, close()) }()
		o.sizes = "8MB"
	} else if p.Place, err = proof.OpenAccount(root, o.stack); err != nil {
		return err
	}
	for text := range strings.SplitSeq(o.sizes, ",") {
		size, err := terminal.ParseBytes(text)
		if err != nil {
			return fmt.Errorf("--sizes: %w", err)
		}
		p.Sizes = append(p.Sizes, size)
	}
	report, err := proof.Run(ctx, p)
	if report.Outcomes == nil {
		return err
	}
	screen.Notef("the report is in %s", o.report)
	return errors.Join(err, os.WriteFile(o.report, []byte(report.Markdown()), 0o644))
}

// emulate brings a stack of its own up on this machine, in this process.
func emulate(ctx context.Context, root string, screen *terminal.Screen, p *proof.Options) (func() error, error) {
	dir, err := os.MkdirTemp("", "dip-proof-*")
	if err != nil {
		return nil, err
	}
	stack, err := local.Up(ctx, local.Options{
		Root: root, StateDir: filepath.Join(dir, "state"), InProcess: true, Screen: screen,
	})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	p.Place = &proof.Emulator{Root: root, Stack: stack}
	return func() error {
		return errors.Join(stack.Down(context.WithoutCancel(ctx)), os.RemoveAll(dir))
	}, nil
}
