package client

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"dip/contract"
	"dip/internal/rollout"
)

// Phase is where a rollout is.
type Phase string

// The phases.
const (
	AtRest     Phase = "at rest"     // nothing was rolled out yet
	Starting   Phase = "starting"    // its deployment is about to be created, or was not
	Shadow     Phase = "shadow"      // the version processes certified chunks again
	Moving     Phase = "moving"      // traffic moves to it, step by step
	Judging    Phase = "judging"     // it has all traffic, and its chunks are looked at
	RolledOut  Phase = "rolled out"  // the alias names it
	RolledBack Phase = "rolled back" // the alias names the version before
)

// Running says whether a rollout is under way.
func (p Phase) Running() bool { return p == Starting || p == Shadow || p == Moving || p == Judging }

// RolloutState is how the last rollout of a segment stands.
type RolloutState struct {
	Segment    string              `json:"segment"`
	Phase      Phase               `json:"phase"`
	Live       string              `json:"live"`             // version that the alias names
	Coming     string              `json:"coming,omitempty"` // version of a rollout under way
	Weight     float64             `json:"weight"`           // share of the traffic that Coming has, 0 to 1
	Step       int                 `json:"step,omitempty"`   // steps of traffic that were taken
	Steps      int                 `json:"steps,omitempty"`
	NextAt     time.Time           `json:"nextAt,omitzero"` // of the next step, about; zero: there is none
	Reason     string              `json:"reason,omitempty"`
	Rollout    *contract.Rollout   `json:"rollout,omitempty"`
	Deployment *rollout.Deployment `json:"deployment,omitempty"`
}

// Deployments is the part of CodeDeploy that shows and stops rollouts.
type Deployments interface {
	Deployment(ctx context.Context, id string) (rollout.Deployment, error)
	Stop(ctx context.Context, id string) error
}

// Aliases reads what aliases name.
type Aliases interface {
	Alias(ctx context.Context, function, alias string) (rollout.Alias, error)
}

// RolloutLedger is the part of the ledger that knows rollouts.
type RolloutLedger interface {
	Rollout(ctx context.Context, group string) (r contract.Rollout, writes int64, err error)
}

// Rollouts shows and stops the rollouts of a stack.
type Rollouts struct {
	Outputs     Outputs
	Ledger      RolloutLedger
	Deployments Deployments
	Aliases     Aliases
}

// Segments lists the segments whose functions are rolled out.
func (r Rollouts) Segments() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(r.Outputs.Segments)) {
		if r.Outputs.Segments[name].Rollouts != nil {
			names = append(names, name)
		}
	}
	return names
}

// State reads how the last rollout of a segment stands.
func (r Rollouts) State(ctx context.Context, segment string) (RolloutState, error) {
	group := r.Outputs.Segments[segment].Rollouts
	if group == nil {
		return RolloutState{}, fmt.Errorf("the function of segment %s is not rolled out: %w", segment, ErrNotFound)
	}
	record, writes, err := r.Ledger.Rollout(ctx, *group)
	if err != nil {
		return RolloutState{}, err
	}
	alias, err := r.Aliases.Alias(ctx, functionName(r.Outputs.Segments[segment].Function), contract.LiveAlias)
	if err != nil {
		return RolloutState{}, err
	}
	if writes == 0 {
		return RolloutState{Segment: segment, Phase: AtRest, Live: alias.Version}, nil
	}
	var d *rollout.Deployment
	if record.Deployment != "" {
		read, err := r.Deployments.Deployment(ctx, record.Deployment)
		if err != nil {
			return RolloutState{}, err
		}
		d = &read
	}
	return stand(segment, alias, record, d), nil
}

// Statuses of a deployment that has ended ("DeploymentInfo", CodeDeploy API reference).
const (
	deploySucceeded = "Succeeded"
	deployFailed    = "Failed"
	deployStopped   = "Stopped"
)

// stand says how a rollout stands, by what its alias names, the ledger has recorded and CodeDeploy says.
func stand(segment string, alias rollout.Alias, c contract.Rollout, d *rollout.Deployment) RolloutState {
	s := RolloutState{Segment: segment, Live: alias.Version, Rollout: &c, Deployment: d}
	share := alias.Share(c.Target)
	switch {
	case d == nil:
		s.Phase = Starting
	case d.Status == deploySucceeded:
		s.Phase = RolledOut
	case d.Status == deployFailed || d.Status == deployStopped:
		s.Phase, s.Reason = RolledBack, rollout.Why(c, *d)
	case c.Before == nil:
		s.Phase = Shadow
	case share < 1:
		s.Phase = Moving
	default:
		s.Phase = Judging
	}
	if !s.Phase.Running() {
		return s
	}
	s.Coming, s.Weight = c.Target, share
	s.Step, s.Steps = taken(c.RolloutStart, share), steps(c.RolloutStart)
	if s.Phase == Moving && c.Before != nil && s.Step > 0 {
		s.NextAt = c.Before.At.Add(time.Duration(s.Step*c.Minutes) * time.Minute)
	}
	return s
}

// steps is how often a rollout moves traffic.
func steps(s contract.RolloutStart) int {
	switch {
	case s.Strategy == contract.Canary:
		return 2
	case s.Strategy == contract.Linear && s.Percent > 0:
		return (100 + s.Percent - 1) / s.Percent
	}
	return 1
}

// taken is how many steps lead to a share of the traffic.
func taken(s contract.RolloutStart, share float64) int {
	switch {
	case share <= 0:
		return 0
	case share >= 1:
		return steps(s)
	case s.Strategy == contract.Linear && s.Percent > 0:
		return int(math.Round(100 * share / float64(s.Percent)))
	}
	return 1
}

// Stop stops the rollout of a segment and rolls it back. It returns false if none is under way.
func (r Rollouts) Stop(ctx context.Context, segment string) (bool, error) {
	s, err := r.State(ctx, segment)
	if err != nil || !s.Phase.Running() || s.Deployment == nil {
		return false, err
	}
	return true, r.Deployments.Stop(ctx, s.Deployment.ID)
}

// RetryRollout starts the last rollout of a segment again, with its version and rules.
func RetryRollout(ctx context.Context, functions Functions, function string, s RolloutState) (
	answer contract.RolloutAnswer, err error,
) {
	if s.Rollout == nil {
		return answer, fmt.Errorf("nothing was rolled out of segment %s yet: %w", s.Segment, ErrNotFound)
	}
	request, err := json.Marshal(contract.RolloutRequest{Start: &s.Rollout.RolloutStart})
	if err != nil {
		return answer, fmt.Errorf("write the start of the rollout of %s: %w", s.Segment, err)
	}
	out, err := functions.Invoke(ctx, &lambda.InvokeInput{FunctionName: &function, Payload: request})
	switch {
	case err != nil:
		return answer, fmt.Errorf("call %s: %w", function, err)
	case out.FunctionError != nil:
		return answer, fmt.Errorf("the function of rollouts failed: %s: %s", aws.ToString(out.FunctionError), out.Payload)
	}
	if err := json.Unmarshal(out.Payload, &answer); err != nil {
		return answer, fmt.Errorf("read the answer of %s: %w", function, err)
	}
	return answer, nil
}
