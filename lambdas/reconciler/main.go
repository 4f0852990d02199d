// Command reconciler is the Lambda function that runs a load's steps: dispatch, reconcile, certify, publish, fail.
package main

import (
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"dip/contract"
	"dip/internal/adapters"
	"dip/internal/boot"
	"dip/internal/reconcile"
)

func main() {
	env, b := boot.Start(func(e contract.ReconcilerEnv[string]) contract.Common[string] { return e.Common })
	r := &reconcile.Reconciler{
		Stack: env.Stack, Catalog: env.Catalog,
		Ledger: b.Ledger, Queue: adapters.NewQueues(b.Config), Bus: adapters.NewBus(b.Config, env.EventBus), Lake: b.Lake,
		Catalogs: b.Catalogs, Signer: adapters.NewSigner(b.Config, env.SigningKey),
		Log: b.Log, Metrics: b.Metrics, Now: time.Now, Pause: boot.Pause,
	}
	lambda.Start(boot.Step(r.Handle))
}
