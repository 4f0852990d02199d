// Command splitter is the Lambda function that plans loads.
package main

import (
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"dip/contract"
	"dip/internal/boot"
	"dip/internal/plan"
	"dip/internal/process"
)

func main() {
	_, b := boot.Start(func(e contract.SplitterEnv[string]) contract.Common[string] { return e.Common })
	p := &plan.Planner{
		Ledger: b.Ledger, Source: b.Lake, Versions: b.Lake, Segments: &process.Segments{Catalogs: b.Catalogs},
		Log: b.Log, Now: time.Now,
	}
	lambda.Start(boot.Step(p.Handle))
}
