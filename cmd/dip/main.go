// Command dip lands files in a stack of the data ingestion pipeline and accounts for every record.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"dip/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
