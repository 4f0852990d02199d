// Command intake is the Lambda function that turns S3 events into loads.
package main

import (
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"dip/contract"
	"dip/internal/adapters"
	"dip/internal/boot"
	"dip/internal/intake"
)

func main() {
	env, b := boot.Start(func(e contract.IntakeEnv[string]) contract.Common[string] { return e.Common })
	h := &intake.Handler{
		Catalog: env.Catalog, Ledger: b.Ledger, Workflows: adapters.NewWorkflows(b.Config, env.Workflow), Log: b.Log,
		Traces: b.Traces, Now: time.Now,
	}
	lambda.Start(h.Handle)
}
