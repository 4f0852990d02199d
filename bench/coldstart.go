package main

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"dip/contract"
	"dip/internal/build"
)

// coldStart is the cost of a new instance of a function.
type coldStart struct {
	Function string `json:"function"`
	Arch     string `json:"arch"`
	Zip      int64  `json:"zipBytes"`
	Binary   int64  `json:"binaryBytes"`
	Millis   spread `json:"initMillis"` // from the start of the process to its first request for an invocation
}

const (
	startFunction = "trips"
	starts        = 11
	startLimit    = 10 * time.Second // of Lambda's init phase
)

func coldStartCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "coldstart",
		Short: "Measure a function's start-up and size",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.coldStart(cmd.Context())
			if err != nil {
				return err
			}
			return report{Go: runtime.Version(), ColdStart: c}.print(o.screen, o.json)
		},
	}
}

func (o *options) coldStart(ctx context.Context) (*coldStart, error) {
	dir, err := o.place("functions")
	if err != nil {
		return nil, err
	}
	o.screen.Notef("building the function %s ...", startFunction)
	if err := build.Run(ctx,
		build.Options{Project: ".", Out: dir, Only: []string{startFunction}, Log: io.Discard}); err != nil {
		return nil, fmt.Errorf("build the function %s: %w", startFunction, err)
	}
	c := &coldStart{Function: startFunction, Arch: runtime.GOARCH}
	bootstrap := filepath.Join(dir, "bootstrap")
	if err := c.unpack(filepath.Join(dir, startFunction+".zip"), bootstrap); err != nil {
		return nil, err
	}
	o.screen.Notef("starting it %d times ...", starts)
	var millis []float64
	for range starts {
		took, err := start(ctx, bootstrap)
		if err != nil {
			return nil, err
		}
		millis = append(millis, float64(took.Microseconds())/1000)
	}
	c.Millis = spreadOf(millis)
	return c, nil
}

func (c *coldStart) unpack(archive, to string) (err error) {
	info, err := os.Stat(archive)
	if err != nil {
		return err
	}
	c.Zip = info.Size()
	z, err := zip.OpenReader(archive)
	if err != nil {
		return fmt.Errorf("open %s: %w", archive, err)
	}
	defer func() { err = errors.Join(err, z.Close()) }()
	in, err := z.Open("bootstrap")
	if err != nil {
		return fmt.Errorf("open %s: %w", archive, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return fmt.Errorf("unpack %s: %w", archive, err)
	}
	c.Binary, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// start runs a function against a Runtime API without invocations, and returns the time until its first request.
func start(ctx context.Context, bootstrap string) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	asked := make(chan time.Time, 1)
	var first atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/invocation/next") && first.CompareAndSwap(false, true) {
			asked <- time.Now()
		}
		<-r.Context().Done()
	}))
	defer server.Close()
	var stdout strings.Builder
	cmd := exec.CommandContext(ctx, bootstrap)
	cmd.Stdout, cmd.Stderr = &stdout, &stdout
	cmd.Env = []string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(server.URL, "http://"), "AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=bench", "AWS_SECRET_ACCESS_KEY=bench", "AWS_SESSION_TOKEN=bench",
	}
	for _, name := range contract.Names(contract.SegmentEnv[string]{}) {
		cmd.Env = append(cmd.Env, name+"=1")
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("start the function: %w", err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	select {
	case at := <-asked:
		cancel() // kills it
		<-exited
		return at.Sub(began), nil
	case err := <-exited:
		return 0, fmt.Errorf("the function exited before it requested an invocation: %w: %s", err, stdout.String())
	}
}
