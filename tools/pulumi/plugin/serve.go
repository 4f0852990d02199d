package plugin

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
)

// engineTimeout bounds the wait for the engine's first answer.
const engineTimeout = 15 * time.Second

// Flags declares the flags that the engine may pass, which mean nothing here. The one argument after them is the
// engine's address.
func Flags(set *flag.FlagSet) {
	for _, name := range []string{"tracing", "logflow"} {
		set.String(name, "", "ignored; the engine may pass it")
	}
}

// Serve serves until the engine at an address ends or a signal comes; without an address, only until a signal. It
// writes the port to out, on the first line, where the engine reads it.
func Serve(engine string, s *Server, out io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if engine != "" {
		if err := rpcutil.Healthcheck(ctx, engine, engineTimeout, stop); err != nil {
			return fmt.Errorf("reach the Pulumi engine at %s: %w", engine, err)
		}
	}
	h, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Init: func(g *grpc.Server) error {
			pulumirpc.RegisterResourceProviderServer(g, s)
			return nil
		},
	})
	if err != nil {
		return fmt.Errorf("serve the plugin: %w", err)
	}
	if _, err := fmt.Fprintln(out, h.Port); err != nil {
		return fmt.Errorf("tell the engine the port: %w", err)
	}
	select {
	case err := <-h.Done:
		return err
	case <-ctx.Done():
		return nil
	}
}
