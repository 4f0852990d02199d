// Command maintenance is the Lambda function that updates a stack's nodes in its windows, and has node groups sleep.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"dip/contract"
	"dip/internal/boot"
	"dip/internal/maintenance"
	"dip/internal/nodes"
)

func main() {
	env, b := boot.Start(func(e contract.MaintenanceEnv[string]) contract.Common[string] { return e.Common })
	m, err := maintainer(env)
	if err != nil {
		b.Log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	m.Switch, m.Nodes, m.Ledger = nodes.NewSwitch(b.Config, env.Switch), nodes.New(b.Config), b.Ledger
	m.Log, m.Metrics, m.Now = b.Log, b.Metrics, time.Now
	lambda.Start(m.Maintain)
}

// maintainer reads what the environment says.
func maintainer(env contract.MaintenanceEnv[string]) (*maintenance.Maintainer, error) {
	var plan contract.MaintenancePlan
	if err := json.Unmarshal([]byte(env.Plan), &plan); err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	m := &maintenance.Maintainer{Releases: plan.Releases, SupportEnds: plan.SupportEnds}
	if err := json.Unmarshal([]byte(env.NodeGroups), &m.Groups); err != nil {
		return nil, fmt.Errorf("read the node groups: %w", err)
	}
	var err error
	m.Plan, err = maintenance.NewPlan(plan)
	return m, err
}
