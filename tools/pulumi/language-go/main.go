// Command pulumi-language-go runs Pulumi programs that are written in Go. The
// Pulumi CLI starts it from the folder that holds the CLI, or from PATH.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
)

// engineTimeout bounds the wait for the engine's first answer.
const engineTimeout = 15 * time.Second

func main() {
	flag.String("tracing", "", "ignored; the engine may pass it")
	flag.String("root", "", "ignored; the engine may pass it")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: pulumi-language-go ENGINE_ADDRESS (the Pulumi CLI starts this program)")
		os.Exit(2)
	}
	if err := serve(newHost(flag.Arg(0))); err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-language-go:", err)
		os.Exit(1)
	}
}

// serve serves until the engine ends or cancels.
func serve(h *host) (err error) {
	defer func() { err = errors.Join(err, h.close()) }()
	if err := rpcutil.Healthcheck(h.stop, h.engine, engineTimeout, h.cancel); err != nil {
		return fmt.Errorf("reach the Pulumi engine at %s: %w", h.engine, err)
	}
	done := make(chan bool)
	go func() {
		<-h.stop.Done()
		close(done)
	}()
	srv, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: done,
		Init: func(s *grpc.Server) error {
			pulumirpc.RegisterLanguageRuntimeServer(s, h)
			return nil
		},
	})
	if err != nil {
		return fmt.Errorf("serve the language host: %w", err)
	}
	fmt.Println(srv.Port) // the engine reads the port from the first line
	return <-srv.Done
}
