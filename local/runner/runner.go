// Package runner is the Lambda of local mode. It reads functions, versions, aliases, event source mappings, rules and
// schedules back from the emulator's API, and runs the real `bootstrap` binaries the way Lambda does: one invocation
// at a time per instance, reuse, cold starts, timeouts that kill, crashes, weights, batches, partial failures.
package runner

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dip/local/alarms"
	"dip/local/codedeploy"
	"dip/local/emulator"
	"dip/local/metrics"
)

// Options of New.
type Options struct {
	// Endpoint of the emulator. Required.
	Endpoint string
	// Key of the emulator's owner. Required. Functions get one of their role.
	Key emulator.Key
	// Region and AccountID of the functions; empty: us-east-1 and 123456789012.
	Region, AccountID string
	// Addr is the listen address of the invoke API; empty: a free port on loopback.
	Addr string
	// Dir keeps the code of the functions and the instances' scratch space. Required; it may be reused.
	Dir string
	// LogDir holds one file of JSON lines per function: FUNCTION.jsonl. Required.
	LogDir string
	// Now is the clock of schedules and record ages; nil: time.Now.
	Now func() time.Time
	// AsyncRetryDelay is the wait before the first retry of an asynchronous invocation, the second waits twice as
	// long; zero: one minute, as on AWS.
	AsyncRetryDelay time.Duration
	// Seed decides which version an invocation through an alias with weights runs: the same seed, the same order.
	Seed uint64
	// OnInvoke, if not nil, observes the start and the end of every invocation. It must not block.
	OnInvoke func(Invocation)
	// Log receives the runner's own messages; nil: slog.Default().
	Log *slog.Logger
}

// Invocation is what Options.OnInvoke observes.
type Invocation struct {
	Function, Version, RequestID string
	PID                          int
	// Ended is false at the start. Error is the error type at the end of a failed invocation ("Unhandled",
	// "Sandbox.Timedout", "Runtime.ExitError", ...), Duration its time without initialization.
	Ended    bool
	Error    string
	Duration time.Duration
}

// Runner runs the functions of one emulator.
type Runner struct {
	opts     Options
	log      *slog.Logger
	listener net.Listener
	token    string // demanded of whoever invokes a function

	lambda    *lambda.Client
	sqs       *sqs.Client
	s3        *s3.Client
	kinesis   *kinesis.Client
	sfn       *sfn.Client
	scheduler *scheduler.Client
	events    *eventbridge.Client

	registry *registry
	code     *codeCache
	keys     *roleKeys
	logs     *logFiles
	metrics  *metrics.Publisher
	alarms   *alarms.Evaluator
	pool     *pool
	// deployments is CodeDeploy.
	deployments *codedeploy.Driver
	// background counts asynchronous invocations, so that Run waits for all of them.
	background sync.WaitGroup
}

// New prepares a runner and listens on its address; Run serves.
func New(o Options) (*Runner, error) {
	o.Region = cmp.Or(o.Region, "us-east-1")
	o.AccountID = cmp.Or(o.AccountID, "123456789012")
	o.Addr = cmp.Or(o.Addr, "127.0.0.1:0")
	o.AsyncRetryDelay = cmp.Or(o.AsyncRetryDelay, time.Minute)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	var missing []error
	required := map[string]string{"Endpoint": o.Endpoint, "Key.ID": o.Key.ID, "Dir": o.Dir, "LogDir": o.LogDir}
	for name, value := range required {
		if value == "" {
			missing = append(missing, fmt.Errorf("runner.Options.%s is empty", name))
		}
	}
	if err := errors.Join(missing...); err != nil {
		return nil, err
	}
	// Instances run in their own folder, where a relative path would name another place.
	for _, dir := range []*string{&o.Dir, &o.LogDir} {
		abs, err := filepath.Abs(*dir)
		if err != nil {
			return nil, fmt.Errorf("resolve %s: %w", *dir, err)
		}
		if err := os.MkdirAll(abs, 0o755); err != nil {
			return nil, fmt.Errorf("create the runner's folder: %w", err)
		}
		*dir = abs
	}
	listener, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen for invocations: %w", err)
	}
	r := &Runner{opts: o, log: o.Log, listener: listener, token: rand.Text()}
	r.connect()
	r.registry = newRegistry(r.lambda, o.Seed)
	r.code = &codeCache{dir: filepath.Join(o.Dir, "code"), key: o.Key, region: o.Region, lambda: r.lambda}
	r.keys = &roleKeys{endpoint: o.Endpoint, owner: o.Key, byRole: map[string]emulator.Key{}}
	r.logs = &logFiles{dir: o.LogDir, files: map[string]*logFile{}}
	r.pool = newPool(r)
	return r, nil
}

// connect makes the AWS clients. Long polls hold connections, so there is no limit per host. A failed call to the
// emulator fails permanently, so retries would only delay the error.
func (r *Runner) connect() {
	cfg := aws.Config{
		Region:       r.opts.Region,
		BaseEndpoint: aws.String(r.opts.Endpoint),
		Credentials:  r.opts.Key.Provider(),
		HTTPClient:   &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}},
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = 2 })
		},
	}
	r.lambda = lambda.NewFromConfig(cfg)
	r.sqs = sqs.NewFromConfig(cfg)
	r.s3 = s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	r.kinesis = kinesis.NewFromConfig(cfg)
	r.sfn = sfn.NewFromConfig(cfg)
	r.scheduler = scheduler.NewFromConfig(cfg)
	r.events = eventbridge.NewFromConfig(cfg)
	watch := cloudwatch.NewFromConfig(cfg, func(o *cloudwatch.Options) {
		o.DisableRequestCompression = true // the emulator does not decompress requests
	})
	r.metrics = &metrics.Publisher{Client: watch, Every: time.Second, Log: r.log}
	r.alarms = &alarms.Evaluator{Client: watch, Now: r.opts.Now, Every: alarmsEvery, Log: r.log}
	r.deployments = &codedeploy.Driver{
		Store: codedeploy.Emulator{Endpoint: r.opts.Endpoint, Key: r.opts.Key}, Now: r.opts.Now, Every: deploymentsEvery,
		Log: r.log,
		As: func(ctx context.Context, role string) (codedeploy.Account, error) {
			key, err := r.keys.of(ctx, role, "codedeploy")
			if err != nil {
				return nil, err
			}
			as := cfg.Copy()
			as.Credentials = key.Provider()
			return codedeploy.Connect(as), nil
		},
	}
}

// alarmsEvery is the pause between two evaluations of all alarms; on AWS it is a minute.
const alarmsEvery = 10 * time.Second

// deploymentsEvery is the pause between two looks at deployments. Without any, a look costs a request.
const deploymentsEvery = time.Second

// InvokeURL is the base URL of the Lambda Invoke API, for the emulator alone: it demands a token that only that knows.
func (r *Runner) InvokeURL() string { return "http://" + r.listener.Addr().String() }

// Run serves until ctx ends or the emulator is gone. When it returns, no instance is running. Messages in flight are
// redelivered after their visibility timeout; asynchronous invocations waiting for a retry are lost, as is everything
// in the emulator.
func (r *Runner) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	server := &http.Server{Handler: r.invokeAPI(ctx), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(r.listener) }()

	measuring, stop := context.WithCancel(context.WithoutCancel(ctx)) // until the last instance has ended
	measured := make(chan struct{})
	go func() { r.metrics.Run(measuring); close(measured) }()
	r.background.Go(func() { r.alarms.Run(ctx) })
	r.background.Go(func() { r.deployments.Run(ctx) })

	sources, clock := newSources(r), newClock(r)
	err := r.register(ctx, r.InvokeURL())
	if err == nil {
		err = r.follow(ctx, sources, clock)
	}
	cancel(err)
	// The pollers wait for their batches, and the batches for their instances.
	r.pool.close()
	sources.wait()
	clock.wait()
	closeErr := server.Close()
	if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
		closeErr = errors.Join(closeErr, serveErr)
	}
	r.background.Wait()
	stop()
	<-measured
	// The emulator may be gone already; then there is nothing to unregister from.
	if unregisterErr := r.register(context.WithoutCancel(ctx), ""); unregisterErr != nil {
		r.log.Debug("unregistering the runner failed", "error", unregisterErr)
	}
	return errors.Join(err, closeErr, r.logs.close())
}

// register tells the emulator where to send invocations from now on.
func (r *Runner) register(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return emulator.Register(ctx, r.opts.Endpoint, r.opts.Key, url, r.token)
}

// follow mirrors the control plane: it reads everything once, then whenever the emulator reports a change.
func (r *Runner) follow(ctx context.Context, sources *sources, clock *clock) error {
	var revision int64 = -1
	for ctx.Err() == nil {
		next, err := emulator.Revision(ctx, r.opts.Endpoint, r.opts.Key, revision)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return fmt.Errorf("the emulator at %s is gone: %w", r.opts.Endpoint, err)
		}
		if next == revision {
			continue
		}
		if err := r.mirror(ctx, next, sources, clock); err != nil && ctx.Err() == nil {
			return fmt.Errorf("read the control plane: %w", err)
		}
		revision = next
	}
	return nil
}

// mirror reads the control plane. Mappings are read before functions, so that every function a mapping names exists.
func (r *Runner) mirror(ctx context.Context, revision int64, sources *sources, clock *clock) error {
	mappings, err := r.enabledMappings(ctx)
	if err != nil {
		return err
	}
	if err := r.registry.sync(ctx, revision); err != nil {
		return err
	}
	r.pool.retireOutdated()
	sources.sync(ctx, mappings)
	return clock.sync(ctx)
}
