// Command gateway serves the HTTP API that takes records for the streams of segments.
package main

import (
	"context"
	"fmt"
	"net"
	"os"

	"dip/contract"
	"dip/internal/boot"
	"dip/internal/gateway"
)

func main() {
	env, b := boot.Start(func(e contract.GatewayEnv[string]) contract.Common[string] { return e.Common })
	ctx, stop := boot.Stopped()
	defer stop()
	if err := run(ctx, env, b); err != nil {
		b.Log.Error("gateway failed", "error", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, env contract.GatewayEnv[string], b *boot.Process) error {
	catalog, err := b.Catalogs.Catalog(ctx, env.Catalog)
	if err != nil {
		return err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", env.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	tokens := &gateway.Tokens{Document: gateway.NewSecret(b.Config, env.Tokens), Log: b.Log}
	go tokens.Watch(ctx)
	g := gateway.New(catalog, gateway.NewKinesis(b.Config), tokens, int64(contract.Int(env.BufferMB))<<20, b.Log)
	return gateway.Serve(ctx, listener, g, boot.Seconds(env.GraceSeconds))
}
