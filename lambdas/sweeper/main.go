// Command sweeper is the Lambda function that finds objects whose events were lost.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"dip/contract"
	"dip/internal/adapters"
	"dip/internal/boot"
	"dip/internal/sweep"
)

func main() {
	env, b := boot.Start(func(e contract.SweeperEnv[string]) contract.Common[string] { return e.Common })
	s := &sweep.Sweeper{
		Bucket: env.LandingBucket, Intake: env.IntakeQueue,
		Grace:  time.Duration(contract.Int(env.GraceSeconds)) * time.Second,
		Ledger: b.Ledger, Landing: b.Lake, Queue: adapters.NewQueues(b.Config), Log: b.Log, Now: time.Now,
	}
	lambda.Start(func(ctx context.Context) (sweep.Report, error) { return s.Sweep(ctx) })
}
