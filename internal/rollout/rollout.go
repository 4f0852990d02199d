// Package rollout moves the alias of a segment's function to a new version, by CodeDeploy, and judges the version: by
// what it makes of certified chunks before it gets any traffic, and by what it made of loads afterwards.
package rollout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"dip/contract"
	"dip/internal/ledger"
)

// Ledger is the part of the ledger that rollouts need.
type Ledger interface {
	Day(ctx context.Context, day string) ([]ledger.Load, error)
	Head(ctx context.Context, segment string) (ledger.Head, error)
	Load(ctx context.Context, id string) (ledger.Load, error)
	Chunks(ctx context.Context, id string) ([]ledger.Chunk, error)
	Rollout(ctx context.Context, group string) (r contract.Rollout, writes int64, err error)
	PutRollout(ctx context.Context, r contract.Rollout, writes int64) error
}

// Alias is what an alias names.
type Alias struct {
	Version string
	Weights map[string]float64 // share of the traffic, 0 to 1, of versions beside Version
}

// Share is the share of the traffic that a version gets.
func (a Alias) Share(version string) float64 {
	if a.Version != version {
		return a.Weights[version]
	}
	rest := 1.0
	for _, weight := range a.Weights {
		rest -= weight
	}
	return rest
}

// Functions calls versions of functions.
type Functions interface {
	Alias(ctx context.Context, function, alias string) (Alias, error)
	// Shadow has a version process a chunk. A version that crashes or times out has answered with an error.
	Shadow(ctx context.Context, function, version string, m contract.ChunkMessage) (contract.ShadowResponse, error)
}

// Deployment is a deployment in CodeDeploy.
type Deployment struct {
	ID       string    `json:"id"`
	Group    string    `json:"group"`
	Status   string    `json:"status"`             // CodeDeploy's, such as InProgress or Succeeded
	Rollback bool      `json:"rollback,omitempty"` // CodeDeploy created it to undo another one
	Target   string    `json:"target,omitempty"`   // version; "": CodeDeploy does not say
	Reason   string    `json:"reason,omitempty"`   // why it failed, was stopped or undone
	Created  time.Time `json:"created"`
	Ended    time.Time `json:"ended,omitzero"`
}

// Deployer is CodeDeploy.
type Deployer interface {
	// Create begins a deployment by an AppSpec.
	Create(ctx context.Context, group, appSpec, description string) (id string, err error)
	// Running lists the deployments of a group that have not ended.
	Running(ctx context.Context, group string) ([]string, error)
	Deployment(ctx context.Context, id string) (Deployment, error)
	// Stop ends a deployment and rolls it back. One that has ended is left alone.
	Stop(ctx context.Context, id string) error
	// Answer tells a deployment whether one of its hooks passed.
	Answer(ctx context.Context, id, execution string, passed bool) error
}

// Bus announces rollouts that failed.
type Bus interface {
	RolloutFailed(ctx context.Context, e contract.RolloutEvent) error
}

// Rollouts is the function that starts rollouts, judges them, and tells of those that failed.
type Rollouts struct {
	Hook      string // name of this function
	Stack     string
	Ledger    Ledger
	Deployer  Deployer
	Functions Functions
	Bus       Bus
	Log       *slog.Logger
	Now       func() time.Time
	Pause     func(ctx context.Context, d time.Duration) error
}

// Handle starts a rollout, tells of one that failed, or answers one of CodeDeploy's hooks.
func (r *Rollouts) Handle(ctx context.Context, request contract.RolloutRequest) (contract.RolloutAnswer, error) {
	switch {
	case request.Start != nil:
		return r.start(ctx, *request.Start)
	case request.Ended != "":
		return contract.RolloutAnswer{Deployment: request.Ended}, r.ended(ctx, request.Ended)
	}
	return contract.RolloutAnswer{Deployment: request.Deployment}, r.hook(ctx, request.Deployment, request.Execution)
}

// update changes a group's rollout in the ledger, whoever else writes to it meanwhile. The change says whether the
// rollout is still the one that is meant; another one is left alone.
func (r *Rollouts) update(ctx context.Context, group string, change func(*contract.Rollout) bool) error {
	for {
		rollout, writes, err := r.Ledger.Rollout(ctx, group)
		if err != nil {
			return err
		}
		if !change(&rollout) {
			return nil
		}
		if err := r.Ledger.PutRollout(ctx, rollout, writes); !errors.Is(err, ledger.ErrMoved) {
			return err
		}
	}
}

// name is how a rollout is called for people.
func name(s contract.RolloutStart, current string) string {
	return fmt.Sprintf("segment %s from version %s to %s", s.Segment, current, s.Target)
}
