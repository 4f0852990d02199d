// Command gateway takes records over HTTP for the streams of segments: as a function with a URL where Lambda runs it, as
// a server anywhere else.
package main

import (
	"context"
	"fmt"
	"net"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"dip/contract"
	"dip/internal/adapters"
	"dip/internal/boot"
	"dip/internal/gateway"
)

func main() {
	if _, function := os.LookupEnv("AWS_LAMBDA_RUNTIME_API"); function {
		answer()
		return
	}
	if !run() {
		os.Exit(1)
	}
}

// run serves until it is told to stop, and says whether all went well.
func run() bool {
	env, b, end := boot.StartPod(
		func(e contract.GatewayEnv[string]) contract.Common[string] { return e.Common },
		func(e contract.GatewayEnv[string]) string { return e.LogGroup })
	defer end()
	ctx, stop := boot.Stopped()
	defer stop()
	err := serve(ctx, env, b)
	if err != nil {
		b.Log.Error("gateway failed", "error", err)
	}
	return err == nil
}

func serve(ctx context.Context, env contract.GatewayEnv[string], b *boot.Process) error {
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
	g := gateway.New(catalog, gateway.NewKinesis(b.Config),
		gateway.NewBucket(adapters.S3(b.Config), env.LandingBucket), tokens, int64(contract.Int(env.BufferMB))<<20, b.Log)
	return gateway.Serve(ctx, listener, g, boot.Seconds(env.GraceSeconds))
}

// functionBuffer is the memory of bodies and records, bytes: a function has one request at a time, of 6 MB, which may
// hold 16 MiB.
const functionBuffer = 128 << 20

func answer() {
	env, b := boot.Start(func(e contract.GatewayFunctionEnv[string]) contract.Common[string] { return e.Common })
	catalog, err := b.Catalogs.Catalog(context.Background(), env.Catalog)
	if err != nil {
		b.Log.Error("gateway failed", "error", err)
		os.Exit(1)
	}
	g := gateway.New(catalog, gateway.NewKinesis(b.Config),
		gateway.NewBucket(adapters.S3(b.Config), env.LandingBucket), gateway.Signed{}, functionBuffer, b.Log)
	lambda.Start(g.Function())
}
