package stack

import (
	"encoding/json"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/function"
	"dip/components/maintenance"
	"dip/components/nodegroup"
	"dip/components/policy"
	"dip/components/schedule"
	"dip/contract"
)

// Maintenance is what looks after the nodes.
type Maintenance struct {
	Function *function.Function
	Switch   pulumi.StringOutput // name of the parameter by which people hold, force and wake
}

// NewMaintenance declares the function that updates the cluster's nodes in windows and has node groups sleep, its
// schedule, and the parameter that it obeys. A stack without a cluster, whose cluster is nil, has no nodes: there it
// only says when its windows are. Nil: the stack has no maintenance.
func NewMaintenance(ctx *pulumi.Context, s *Setup, st *Storage, c *Cluster) (*Maintenance, error) {
	if !s.Stack.Maintenance.Enabled {
		return nil, nil
	}
	plan, args := s.MaintenancePlan(), &maintenance.Args{Region: s.Region, Account: s.Account}
	if c != nil {
		args.Cluster = c.Control.Name
		for _, name := range s.NodeGroupNames() {
			settings := s.NodeGroups[name]
			args.Groups = append(args.Groups, maintenance.Group{
				NodeGroup: c.Groups[name], Name: name, Settings: settings, Sleeps: s.Sleeps(settings),
			})
		}
		if s.UpdatesNodes() {
			plan.Releases = nodegroup.ReleaseParameter(s.Cluster.Version, s.Architecture)
			args.Releases = plan.Releases
		}
	}
	nodes, err := maintenance.New(ctx, "nodes", args)
	if err != nil {
		return nil, err
	}
	settings, err := json.Marshal(plan)
	if err != nil {
		return nil, fmt.Errorf("render the maintenance plan: %w", err)
	}
	made, err := s.newFunction(ctx, contract.Maintenance, s.Functions.Maintenance, &function.Args{
		Env: contract.MaintenanceEnv[pulumi.StringInput]{
			Common: st.common(s, s.functions[contract.Maintenance].Code),
			Plan:   pulumi.String(settings), NodeGroups: nodes.Groups, Switch: nodes.Switch,
		},
		Allow: policy.All(nodes.Allow(), look(st, c)),
	})
	if err != nil {
		return nil, err
	}
	_, err = schedule.New(ctx, "maintain", &schedule.Args{
		Rate: s.MaintainEvery(), Function: made, Account: s.Account,
	})
	return &Maintenance{Function: made, Switch: nodes.Switch}, err
}

// look allows to look for loads in progress and to remember what was done, where there are nodes.
func look(st *Storage, c *Cluster) []policy.Statement {
	if c == nil {
		return nil
	}
	return policy.All(st.Ledger.Allow("GetItem", "UpdateItem"), st.Ledger.ListOpen())
}
