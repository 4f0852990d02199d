// Command intake is the Lambda function that turns S3 events into loads.
package main

import (
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"dip/contract"
	"dip/internal/intake"
	"dip/internal/runtime"
)

func main() {
	env, rt := runtime.Start(func(e contract.IntakeEnv[string]) contract.Common[string] { return e.Common })
	h := &intake.Handler{
		Catalog: env.Catalog, Ledger: rt.Ledger, Workflows: rt.Workflows(env.Workflow), Log: rt.Log, Now: time.Now,
	}
	lambda.Start(h.Handle)
}
