// Command restage is the job that turns one input that cannot be split into pieces: it takes one message from the
// restage queue, if there is one, and is done.
package main

import (
	"os"
	"time"

	"dip/contract"
	"dip/internal/restage"
	"dip/internal/runtime"
	"dip/internal/worker"
)

func main() {
	env, rt := runtime.Start(func(e contract.RestageEnv[string]) contract.Common[string] { return e.Common })
	ctx, stop := runtime.Stopped()
	defer stop()
	job := &restage.Job{
		Code: env.Code, Runtime: rt.Pod(), Catalog: env.Catalog, ChunkBytes: int64(contract.Int(env.ChunkMB)) << 20,
		Lease: runtime.Seconds(env.LeaseSeconds), Ledger: rt.Ledger, Lake: rt.Lake, Queue: rt.Queues(), Catalogs: rt.Catalogs,
		Log: rt.Log, Now: time.Now,
	}
	w := &worker.Worker{Queue: rt.Receiver(env.Queue), Handle: job.Message, Slots: 1, Lease: job.Lease, Log: rt.Log}
	if err := w.Once(ctx); err != nil {
		rt.Log.Error("restage failed", "error", err)
		stop()
		os.Exit(1)
	}
}
