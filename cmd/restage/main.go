// Command restage is the job that cuts one unsplittable input into pieces: it processes one message from the restage
// queue, if there is one, and exits.
package main

import (
	"os"
	"time"

	"dip/contract"
	"dip/internal/adapters"
	"dip/internal/boot"
	"dip/internal/process"
	"dip/internal/restage"
	"dip/internal/worker"
)

func main() {
	env, b, end := boot.StartPod(
		func(e contract.RestageEnv[string]) contract.Common[string] { return e.Common },
		func(e contract.RestageEnv[string]) string { return e.LogGroup })
	ctx, stop := boot.Stopped()
	job := &restage.Job{
		Code: env.Code, Runtime: boot.Pod(), Catalog: env.Catalog,
		Lease: boot.Seconds(env.LeaseSeconds), Ledger: b.Ledger, Lake: b.Lake, Queue: adapters.NewQueues(b.Config),
		Segments: &process.Segments{Catalogs: b.Catalogs},
		Log:      b.Log, Now: time.Now,
	}
	w := &worker.Worker{Queue: adapters.NewReceiver(b.Config, env.Queue), Handle: job.Message, Slots: 1, Lease: job.Lease,
		Log: b.Log}
	err := w.Once(ctx)
	stop()
	if err != nil {
		b.Log.Error("restage failed", "error", err)
	}
	end()
	if err != nil {
		os.Exit(1)
	}
}
