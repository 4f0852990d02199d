// Package runtime is what the mains of all functions share: environment, logs and AWS clients.
package runtime

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dip/contract"
	"dip/internal/lake"
	"dip/internal/ledger"
	"dip/internal/segment"
)

// Runtime holds a function's clients.
type Runtime struct {
	Config   aws.Config
	Log      *slog.Logger
	Lake     *lake.Lake
	Ledger   *ledger.Ledger
	Catalogs *segment.Catalogs
	Version  string // of the running function
}

// Start reads the environment E and connects. It ends the process when that fails: a function that cannot start must
// say so in its log and in its init error, not in each invocation.
func Start[E any](common func(E) contract.Common[string]) (E, *Runtime) {
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
	l := lake.New(S3(cfg), c.LakeBucket)
	return env, &Runtime{
		Config: cfg, Log: log.With("stack", c.Stack, "code", c.Code),
		Lake: l, Ledger: ledger.New(dynamodb.NewFromConfig(cfg), c.LedgerTable),
		Catalogs: &segment.Catalogs{Lake: l},
		Version:  os.Getenv("AWS_LAMBDA_FUNCTION_VERSION"),
	}
}

func exit(log *slog.Logger, err error) {
	log.Error("cannot start", "error", err)
	os.Exit(1)
}

// S3 makes an S3 client. Buckets are addressed by path where the endpoint is an IP address or localhost, which has no
// subdomains.
func S3(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		endpoint := aws.ToString(cfg.BaseEndpoint)
		o.UsePathStyle = strings.Contains(endpoint, "127.0.0.1") || strings.Contains(endpoint, "localhost")
	})
}

// Queues sends to SQS.
func (r *Runtime) Queues() *Queues { return &Queues{client: sqs.NewFromConfig(r.Config)} }

// Receiver takes messages from a queue.
func (r *Runtime) Receiver(url string) *Receiver {
	return &Receiver{client: sqs.NewFromConfig(r.Config), url: url}
}

// Pod says which pod runs this, for acknowledgements.
func (r *Runtime) Pod() string { return "worker/" + os.Getenv("HOSTNAME") }

// Workflows starts executions of the workflow with the given ARN.
func (r *Runtime) Workflows(arn string) *Workflows {
	return &Workflows{client: sfn.NewFromConfig(r.Config), arn: arn}
}

// Bus announces events on the given EventBridge bus.
func (r *Runtime) Bus(name string) *Bus {
	return &Bus{client: eventbridge.NewFromConfig(r.Config), bus: name}
}
