// Package boot is shared by the mains of all functions: environment, log and AWS clients.
package boot

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"dip/contract"
	"dip/internal/adapters"
	"dip/internal/catalog"
	"dip/internal/emf"
	"dip/internal/lake"
	"dip/internal/ledger"
	"dip/internal/podlog"
	"dip/internal/trace"
)

// Process is the common state of every data plane program.
type Process struct {
	Config   aws.Config
	Log      *slog.Logger
	Lake     *lake.Lake
	Ledger   *ledger.Ledger
	Catalogs *catalog.Reader
	Metrics  *emf.Emitter
	Traces   *trace.Recorder
}

// Start reads the environment E and connects. It exits on failure: a function that cannot start must report that in its
// log and its init error, not in every invocation.
func Start[E any](common func(E) contract.Common[string]) (E, *Process) {
	env, cfg := read[E]()
	return env, connect(cfg, common(env), os.Stdout)
}

// StartPod does the same in a pod. What it writes is kept in a log group besides, unless that is ""; end sends the last
// lines, and is called before the process ends.
func StartPod[E any](
	common func(E) contract.Common[string], group func(E) string,
) (env E, process *Process, end func()) {
	env, cfg := read[E]()
	name := group(env)
	if name == "" {
		return env, connect(cfg, common(env), os.Stdout), func() {}
	}
	out := &podlog.Writer{
		Out: os.Stdout, Client: cloudwatchlogs.NewFromConfig(cfg), Group: name, Stream: os.Getenv("HOSTNAME"),
		Now: time.Now, Tick: time.Tick(podlog.Every),
	}
	ctx, cancel := context.WithCancel(context.Background())
	var writing sync.WaitGroup
	writing.Go(func() { out.Run(ctx) })
	return env, connect(cfg, common(env), out), func() {
		cancel()
		writing.Wait()
	}
}

// read reads the environment and the settings of AWS.
func read[E any]() (E, aws.Config) {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	env, err := contract.Load[E](os.LookupEnv)
	if err != nil {
		exit(log, err)
	}
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		exit(log, fmt.Errorf("load AWS configuration: %w", err))
	}
	return env, cfg
}

func connect(cfg aws.Config, c contract.Common[string], out io.Writer) *Process {
	l := lake.New(adapters.S3(cfg), c.LakeBucket)
	return &Process{
		Config: cfg, Log: slog.New(slog.NewJSONHandler(out, nil)).With("stack", c.Stack, "code", c.Code),
		Lake: l, Ledger: ledger.New(dynamodb.NewFromConfig(cfg), c.LedgerTable),
		Catalogs: &catalog.Reader{Lake: l},
		Metrics:  &emf.Emitter{Stack: c.Stack, Out: out, Now: time.Now},
		Traces:   trace.New(os.Getenv("AWS_XRAY_DAEMON_ADDRESS")),
	}
}

func exit(log *slog.Logger, err error) {
	log.Error("cannot start", "error", err)
	os.Exit(1)
}

// Pod identifies the running pod, for acknowledgements.
func Pod() string { return "worker/" + os.Getenv("HOSTNAME") }

// Version is the version of the running Lambda function.
func Version() string { return os.Getenv("AWS_LAMBDA_FUNCTION_VERSION") }

// Stopped returns a context that ends on SIGTERM, which Kubernetes sends before it kills a pod.
func Stopped() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
}

// Pause waits, or returns the context's error.
func Pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// Seconds is the value of a variable in seconds that contract.Load has validated.
func Seconds(value string) time.Duration { return time.Duration(contract.Int(value)) * time.Second }
