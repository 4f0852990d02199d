// Command compile compiles packages into the build cache and shows its progress, before `go run`, `go vet` and `go
// test` would do it silently. It links nothing, and prints nothing when there is nothing to do.
//
//	go run ./tools/compile [-C DIR] [-what NAME] PACKAGE...
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"dip/internal/compile"
)

func main() {
	dir := flag.String("C", ".", "`folder` of the module")
	what := flag.String("what", "packages", "`name` of what is compiled")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: compile [-C DIR] [-what NAME] PACKAGE...")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	say, done := teller(os.Stderr)
	err := compile.Build{Dir: *dir, What: *what, Packages: flag.Args(), Say: say}.Run(ctx)
	done()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// teller writes progress: on a terminal into one line, which done clears, elsewhere a line every 20 seconds.
func teller(out *os.File) (say func(string), done func()) {
	const row = "  compile    "
	if st, err := out.Stat(); err == nil && st.Mode()&os.ModeCharDevice != 0 {
		const clear = "\r\x1b[K"
		return func(text string) { fmt.Fprint(out, clear+row+text) }, func() { fmt.Fprint(out, clear) }
	}
	return compile.Every(20*time.Second, time.Now, func(text string) { fmt.Fprintln(out, row+text) }), func() {}
}
