// Command rollout is the Lambda function that has CodeDeploy move the aliases of the segments' functions, that judges the
// new versions when CodeDeploy asks, and that tells of those that were not rolled out.
package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"dip/contract"
	"dip/internal/adapters"
	"dip/internal/boot"
	"dip/internal/deploy"
	"dip/internal/rollout"
)

func main() {
	env, b := boot.Start(func(e contract.RolloutEnv[string]) contract.Common[string] { return e.Common })
	r := &rollout.Rollouts{
		Hook: lambdacontext.FunctionName, Stack: env.Stack, Ledger: b.Ledger,
		Deployer: deploy.NewDeployments(b.Config, env.Application), Functions: deploy.NewFunctions(b.Config),
		Bus: adapters.NewBus(b.Config, env.EventBus), Log: b.Log, Now: time.Now, Pause: boot.Pause,
	}
	lambda.Start(func(ctx context.Context, payload json.RawMessage) (contract.RolloutAnswer, error) {
		request, err := contract.ParseRolloutRequest(payload)
		if err != nil {
			return contract.RolloutAnswer{}, err
		}
		return r.Handle(ctx, request)
	})
}
