// Command deploy deploys a stack to AWS in the order that a cluster needs: it builds, pushes the workers' image to the
// stack's repository, and only then runs `pulumi up`, so that no pod waits for an image that is not there.
//
//	go run ./cmd/deploy --stack dev [--image-only | --digests]
//
// It runs pulumi and, for a stack with a cluster, docker (with buildx) and aws, which must be installed.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		stop()
		os.Exit(1)
	}
}

func command() *cobra.Command {
	d := deployment{root: ".", shell: console{}, out: os.Stdout}
	var imageOnly, digests bool
	cmd := &cobra.Command{
		Use: "deploy", Short: "Build, push the workers' image, and run pulumi up", Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case digests:
				return d.printDigests(cmd.Context())
			case imageOnly:
				return d.push(cmd.Context())
			default:
				return d.deploy(cmd.Context())
			}
		},
	}
	cmd.Flags().StringVar(&d.stack, "stack", "dev", "one of the stacks of this folder, by the name in Pulumi.<name>.yaml")
	cmd.Flags().BoolVar(&imageOnly, "image-only", false, "build and push the image, and do not deploy")
	cmd.Flags().BoolVar(&digests, "digests", false, "print the digests of images that are named by tag alone")
	cmd.MarkFlagsMutuallyExclusive("image-only", "digests")
	return cmd
}

// shell runs other programs.
type shell interface {
	// run shows what a program prints. input is its standard input; nil: the terminal's.
	run(ctx context.Context, input io.Reader, program string, args ...string) error
	// read returns what it prints, without spaces around.
	read(ctx context.Context, program string, args ...string) (string, error)
}

// console runs programs in this folder.
type console struct{}

func (console) run(ctx context.Context, input io.Reader, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if input != nil {
		cmd.Stdin = input
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", program, strings.Join(args, " "), err)
	}
	return nil
}

func (console) read(ctx context.Context, program string, args ...string) (string, error) {
	var problems strings.Builder
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, strings.TrimSpace(problems.String()))
	}
	return strings.TrimSpace(string(out)), nil
}
