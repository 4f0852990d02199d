// Command lab brings the stack dev up on this machine, with a real Kubernetes control plane, proves things on it and
// takes everything down again. It runs in the foreground, and nothing outlives it.
//
//	go run -C tools/lab . [-keep] [-only SCENARIO,...]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"dip/internal/terminal"
	"dip/tools/lab/scenarios"
)

func main() {
	keep := flag.Bool("keep", false, "leave everything up after the scenarios until Ctrl-C")
	only := flag.String("only", "",
		"`scenarios` to run, with commas: "+strings.Join(scenarios.Scenarios(), ", ")+" (default: all)")
	dir := flag.String("dir", "", "`folder` for state and logs (default: under the user's cache)")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "usage: lab [-keep] [-only SCENARIO,...] [-dir FOLDER]")
		os.Exit(2)
	}
	o := scenarios.Options{Dir: *dir, Keep: *keep, Screen: terminal.Of(os.Stdout, os.Stderr)}
	if *only != "" {
		o.Only = strings.Split(*only, ",")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := scenarios.Run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}
