// Command pulumi-resource-kubernetes is a Pulumi plugin that serves the tokens
// of the Pulumi kubernetes SDK with the Kubernetes client library. The engine
// starts it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"k8s.io/klog/v2"

	"dip/tools/pulumi/kubernetes/internal/server"
)

// version is that of the Go SDK whose tokens are served.
const version = "4.23.0"

// engineTimeout bounds the wait for the engine's first answer.
const engineTimeout = 15 * time.Second

func main() {
	flag.String("tracing", "", "ignored; the engine may pass it")
	flag.String("logflow", "", "ignored; the engine may pass it")
	flag.Parse()
	// What the client library logs is told again by the errors that it returns.
	klog.SetLogger(klog.Logger{})
	if err := serve(flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve serves until the engine ends or a signal comes.
func serve(engine string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if engine != "" {
		if err := rpcutil.Healthcheck(ctx, engine, engineTimeout, stop); err != nil {
			return fmt.Errorf("reach the Pulumi engine at %s: %w", engine, err)
		}
	}
	s := server.New(version, os.Getenv("DIP_CHARTS"))
	h, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Init: func(g *grpc.Server) error {
			pulumirpc.RegisterResourceProviderServer(g, s)
			return nil
		},
	})
	if err != nil {
		return fmt.Errorf("serve the plugin: %w", err)
	}
	fmt.Println(h.Port) // the engine reads the port from the first line
	select {
	case err := <-h.Done:
		return err
	case <-ctx.Done():
		return nil
	}
}
