// Package segment is the program of a segment: as its Lambda function, or as its worker on the cluster.
package segment

import (
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"dip/contract"
	"dip/internal/adapters"
	"dip/internal/boot"
	"dip/internal/process"
	"dip/internal/worker"
)

// Main is the entire main function of a package under lambdas/. On Lambda it is the segment's function, anywhere else a
// worker.
func Main() {
	if _, ok := os.LookupEnv("AWS_LAMBDA_RUNTIME_API"); ok {
		env, b := boot.Start(func(e contract.SegmentEnv[string]) contract.Common[string] { return e.Common })
		lambda.Start(handler(env, b).Handle)
		return
	}
	env, b := boot.Start(func(e contract.WorkerEnv[string]) contract.Common[string] { return e.Common })
	ctx, stop := boot.Stopped()
	defer stop()
	pod(env, b).Run(ctx)
}

func handler(env contract.SegmentEnv[string], b *boot.Process) *process.Handler {
	return &process.Handler{
		Name: env.Segment, Code: env.Code, Runtime: boot.Version(), Ledger: b.Ledger, Source: b.Lake, Sink: b.Lake,
		Segments: &process.Segments{Catalogs: b.Catalogs}, Log: b.Log, Metrics: b.Metrics,
		Now: time.Now,
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
