// Package segment is the program of a segment: as its Lambda function, which takes chunks of files or batches of a
// stream, or as its worker on the cluster.
package segment

import (
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"dip/contract"
	"dip/internal/adapters"
	"dip/internal/boot"
	"dip/internal/process"
	"dip/internal/stream"
	"dip/internal/worker"
)

// Main is the entire main function of a package under lambdas/. On Lambda it is the segment's function, anywhere else a
// worker.
func Main() {
	_, function := os.LookupEnv("AWS_LAMBDA_RUNTIME_API")
	switch {
	case function && streams():
		env, b := boot.Start(func(e contract.ProcessorEnv[string]) contract.Common[string] { return e.Common })
		lambda.Start(processor(env, b).Handle)
	case function:
		env, b := boot.Start(func(e contract.SegmentEnv[string]) contract.Common[string] { return e.Common })
		lambda.Start(handler(env, b).Invoke)
	default:
		work()
	}
}

// streams says whether the segment's records arrive by stream: the environment is then that of a processor.
func streams() bool {
	_, err := contract.Load[contract.ProcessorEnv[string]](os.LookupEnv)
	return err == nil
}

func processor(env contract.ProcessorEnv[string], b *boot.Process) *stream.Processor {
	return &stream.Processor{
		Segment: env.Segment, Catalog: env.Catalog, Code: env.Code, Runtime: boot.Version(), Ledger: b.Ledger,
		Sink: b.Lake, Segments: &process.Segments{Catalogs: b.Catalogs}, Log: b.Log, Metrics: b.Metrics, Now: time.Now,
	}
}

// work runs the segment's worker until it is told to stop.
func work() {
	env, b, end := boot.StartPod(
		func(e contract.WorkerEnv[string]) contract.Common[string] { return e.Common },
		func(e contract.WorkerEnv[string]) string { return e.LogGroup })
	defer end()
	ctx, stop := boot.Stopped()
	defer stop()
	pod(env, b).Run(ctx)
}

func handler(env contract.SegmentEnv[string], b *boot.Process) *process.Handler {
	return &process.Handler{
		Name: env.Segment, Code: env.Code, Runtime: boot.Version(), Ledger: b.Ledger, Source: b.Lake, Sink: b.Lake,
		Segments: &process.Segments{Catalogs: b.Catalogs}, Log: b.Log, Metrics: b.Metrics,
		Traces: b.Traces, Now: time.Now,
	}
}

func pod(env contract.WorkerEnv[string], b *boot.Process) *worker.Worker {
	h := handler(env.SegmentEnv, b)
	h.Runtime, h.Lease = boot.Pod(), boot.Seconds(env.LeaseSeconds)
	return &worker.Worker{
		Queue: adapters.NewReceiver(b.Config, env.Queue), Handle: h.Message, Slots: contract.Int(env.Slots),
		Lease: h.Lease, Grace: boot.Seconds(env.GraceSeconds), Log: b.Log,
	}
}
