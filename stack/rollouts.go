package stack

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/policy"
	"dip/components/rollout"
	"dip/config"
	"dip/contract"
)

// NewRollouts declares what moves the segments' functions to new versions: CodeDeploy, and the function that starts and
// judges its deployments. Nil: no segment's records arrive as files.
func NewRollouts(
	ctx *pulumi.Context, s *Setup, st *Storage, segments *Segments, operations *Operations,
) (*rollout.Rollout, error) {
	if len(segments.ByName) == 0 {
		return nil, nil
	}
	rolled := map[string]rollout.Segment{}
	for name, made := range segments.ByName {
		of := rollout.Segment{Function: made.Function, Timeout: s.Segments[name].Timeout}
		for _, alarm := range s.RollbackAlarms(name) {
			of.Alarms = append(of.Alarms, operations.alarms[alarm])
		}
		rolled[name] = of
	}
	code := s.functions[contract.RolloutFunction]
	return rollout.New(ctx, contract.RolloutFunction, &rollout.Args{
		Settings: s.Rollout, Segments: rolled, Function: s.Functions.Rollout, Architecture: s.Architecture, Artifact: code,
		Common: st.common(s, code.Code), Bus: st.Bus.Name, Account: s.Account, Region: s.Region,
		Tracing: s.Tracing, NamePrefix: config.ClusterPrefix(s.NamePrefix, s.Name),
		Allow: policy.All(st.Ledger.Allow("GetItem", "PutItem", "Query"), st.Ledger.ListDays(), st.Bus.Put()),
	})
}
