// Command reconciler is the Lambda function that takes a load's steps: dispatch, reconcile, certify, publish, fail.
package main

import (
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"dip/contract"
	"dip/internal/reconcile"
	"dip/internal/runtime"
)

func main() {
	env, rt := runtime.Start(func(e contract.ReconcilerEnv[string]) contract.Common[string] { return e.Common })
	r := &reconcile.Reconciler{
		Stack: env.Stack, Catalog: env.Catalog,
		Limits: reconcile.Limits{
			DueAfter:    time.Duration(contract.Int(env.DueAfterSeconds)) * time.Second,
			MaxAttempts: contract.Int(env.MaxAttempts),
		},
		Ledger: rt.Ledger, Queue: rt.Queues(), Bus: rt.Bus(env.EventBus), Lake: rt.Lake, Catalogs: rt.Catalogs,
		Log: rt.Log, Now: time.Now,
	}
	lambda.Start(r.Handle)
}
