// Command build builds everything that a deployment needs: every function's archive and the Pulumi program.
//
//	go run ./cmd/build [--out DIR] [--program FILE] [--arch amd64|arm64] [--only NAME]...
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"dip/internal/build"
	"dip/internal/compile"
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
	options := build.Options{Project: ".", Log: os.Stdout}
	options.Say = compile.Every(20*time.Second, time.Now, func(text string) { fmt.Fprintln(os.Stderr, text) })
	cmd := &cobra.Command{
		Use:          "build",
		Short:        "Build every function's archive and the Pulumi program",
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return build.Run(cmd.Context(), options)
		},
	}
	cmd.Flags().StringVar(&options.Out, "out", "", "folder of the archives (default build/<arch>)")
	cmd.Flags().StringVar(&options.Program, "program", "", "path of the program (default build/program)")
	cmd.Flags().StringVar(&options.Arch, "arch", "", "amd64 or arm64 (default: for this machine alone)")
	cmd.Flags().StringArrayVar(&options.Only, "only", nil, "build only this function; may be repeated")
	return cmd
}
