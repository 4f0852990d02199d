// Command sweeper is the Lambda function that finds objects whose events were lost, and loads whose workflow died.
package main

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"dip/contract"
	"dip/internal/adapters"
	"dip/internal/boot"
	"dip/internal/load"
	"dip/internal/sweep"
)

func main() {
	env, b := boot.Start(func(e contract.SweeperEnv[string]) contract.Common[string] { return e.Common })
	outcomes := load.Announcer{Stack: env.Stack, Ledger: b.Ledger, Bus: adapters.NewBus(b.Config, env.EventBus)}
	lambda.Start(func(ctx context.Context) (sweep.Report, error) {
		s := &sweep.Sweeper{
			Bucket: env.LandingBucket, Intake: env.IntakeQueue, Grace: boot.Seconds(env.GraceSeconds),
			Horizon: boot.Seconds(env.HorizonSeconds), Full: boot.Seconds(env.FullSeconds), Owner: rand.Text(),
			Ledger: b.Ledger, Landing: b.Lake, Queue: adapters.NewQueues(b.Config),
			Workflows: adapters.NewWorkflows(b.Config, env.Workflow), Announce: outcomes.Announce, Log: b.Log,
			Metrics: b.Metrics, Now: time.Now,
		}
		return s.Sweep(ctx)
	})
}
