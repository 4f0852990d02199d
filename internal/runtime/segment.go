package runtime

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"dip/contract"
	"dip/internal/segment"
	"dip/internal/worker"
)

// Segment runs a segment: the whole main of a package under lambdas/. Where Lambda runs it, it is the segment's function,
// anywhere else a worker.
func Segment() {
	if _, function := os.LookupEnv("AWS_LAMBDA_RUNTIME_API"); function {
		env, rt := Start(func(e contract.SegmentEnv[string]) contract.Common[string] { return e.Common })
		lambda.Start(rt.segment(env).Handle)
		return
	}
	env, rt := Start(func(e contract.WorkerEnv[string]) contract.Common[string] { return e.Common })
	ctx, stop := Stopped()
	defer stop()
	rt.worker(env).Run(ctx)
}

func (r *Runtime) segment(env contract.SegmentEnv[string]) *segment.Handler {
	return &segment.Handler{
		Name: env.Segment, Code: env.Code, Runtime: r.Version,
		Ledger: r.Ledger, Source: r.Lake, Sink: r.Lake, Catalogs: r.Catalogs, Log: r.Log, Now: time.Now,
	}
}

func (r *Runtime) worker(env contract.WorkerEnv[string]) *worker.Worker {
	h := r.segment(env.SegmentEnv)
	h.Runtime, h.Lease = r.Pod(), Seconds(env.LeaseSeconds)
	return &worker.Worker{
		Queue: r.Receiver(env.Queue), Handle: h.Message, Slots: contract.Int(env.Slots),
		Lease: h.Lease, Grace: Seconds(env.GraceSeconds), Log: r.Log,
	}
}

// Stopped is a context that ends when the process is told to stop, as Kubernetes does before it ends a pod.
func Stopped() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
}

// Seconds is the value of a variable that counts seconds and that contract.Load has checked.
func Seconds(value string) time.Duration { return time.Duration(contract.Int(value)) * time.Second }
