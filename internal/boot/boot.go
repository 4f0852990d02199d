// Package boot is what the mains of all functions share: environment, log and AWS clients.
package boot

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"dip/contract"
	"dip/internal/adapters"
	"dip/internal/catalog"
	"dip/internal/lake"
	"dip/internal/ledger"
)

// Process is what every program of the data plane has.
type Process struct {
	Config   aws.Config
	Log      *slog.Logger
	Lake     *lake.Lake
	Ledger   *ledger.Ledger
	Catalogs *catalog.Reader
}

// Start reads the environment E and connects. It ends the process when that fails: a function that cannot start must
// say so in its log and in its init error, not in each invocation.
func Start[E any](common func(E) contract.Common[string]) (E, *Process) {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	env, err := contract.Load[E](os.LookupEnv)
	if err != nil {
		exit(log, err)
	}
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		exit(log, fmt.Errorf("load AWS configuration: %w", err))
	}
	c := common(env)
	l := lake.New(adapters.S3(cfg), c.LakeBucket)
	return env, &Process{
		Config: cfg, Log: log.With("stack", c.Stack, "code", c.Code),
		Lake: l, Ledger: ledger.New(dynamodb.NewFromConfig(cfg), c.LedgerTable),
		Catalogs: &catalog.Reader{Lake: l},
	}
}

func exit(log *slog.Logger, err error) {
	log.Error("cannot start", "error", err)
	os.Exit(1)
}

// Pod says which pod runs this, for acknowledgements.
func Pod() string { return "worker/" + os.Getenv("HOSTNAME") }

// Version is the version of the running Lambda function.
func Version() string { return os.Getenv("AWS_LAMBDA_FUNCTION_VERSION") }

// Stopped is a context that ends when the process is told to stop, as Kubernetes does before it ends a pod.
func Stopped() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
}

// Seconds is the value of a variable that counts seconds and that contract.Load has checked.
func Seconds(value string) time.Duration { return time.Duration(contract.Int(value)) * time.Second }
