// Command pulumi-resource-aws is a Pulumi plugin that serves the tokens of the
// Pulumi aws SDK by driving Terraform's AWS provider. The engine starts it.
//
//	pulumi-resource-aws -check FILE
//
// checks instead that every token and property that FILE lists is served. FILE is
// a JSON object: {"aws:sqs/queue:Queue": ["name", "tags"]}. Exit status 1 and one
// line for each that is not.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"

	"dip/tools/pulumi/aws/internal/catalog"
	"dip/tools/pulumi/aws/internal/server"
	"dip/tools/pulumi/aws/internal/tfprovider"
)

// version is that of the Go SDK whose tokens the catalog holds.
const version = "6.83.2"

// engineTimeout bounds the wait for the engine's first answer.
const engineTimeout = 15 * time.Second

func main() {
	check := flag.String("check", "", "check the tokens and properties listed in this `file` and exit")
	flag.String("tracing", "", "ignored; the engine may pass it")
	flag.String("logflow", "", "ignored; the engine may pass it")
	flag.Parse()
	err := run(*check, flag.Arg(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(check, engine string) (err error) {
	cat, err := open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cat.Close()) }()
	if check != "" {
		return runCheck(cat, check)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return fmt.Errorf("find the home folder: %w", err)
	}
	path, err := tfprovider.Locate(os.Getenv, home)
	if err != nil {
		return err
	}
	var logs io.Writer
	if os.Getenv("TF_LOG") != "" {
		logs = os.Stderr
	}
	p := tfprovider.New(path, logs)
	defer p.Close()
	return serve(server.New(version, cat, p), engine)
}

// open opens the catalog beside the binary.
func open() (*catalog.Catalog, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the plugin's folder: %w", err)
	}
	if exe, err = filepath.EvalSymlinks(exe); err != nil {
		return nil, fmt.Errorf("find the plugin's folder: %w", err)
	}
	return catalog.Open(filepath.Join(filepath.Dir(exe), catalog.FileName))
}

func runCheck(cat *catalog.Catalog, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close() // only read
	used, err := catalog.ReadUsed(f)
	if err != nil {
		return err
	}
	return cat.Check(used)
}

// serve serves until the engine ends or a signal comes.
func serve(s *server.Server, engine string) error {
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
	fmt.Println(h.Port) // the engine reads the port from the first line
	select {
	case err := <-h.Done:
		return err
	case <-ctx.Done():
		return nil
	}
}
