package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"dip/contract"
)

// action is what a start has to do next.
type action int

const (
	keep   action = iota // the alias names the version, or a deployment to it is running
	create               // begin a deployment
	stop                 // stop what is running first; what rolls back ends by itself
)

// moving is where a deployment that has not ended moves an alias.
type moving struct {
	target   string // version; "": nobody knows
	rollback bool
}

// begin decides what a start has to do: an alias moves to one version at a time, and the last start wins. running are
// the deployments that have not ended, by id.
func begin(alias Alias, target string, running map[string]moving) action {
	for _, m := range running {
		if m.rollback || m.target != target {
			return stop
		}
	}
	if len(running) > 0 || alias.Version == target {
		return keep
	}
	return create
}

// stopPause is between two looks at a deployment that is stopping.
const stopPause = 2 * time.Second

// start moves a segment's alias to a version, unless that has been done. It may be repeated.
func (r *Rollouts) start(ctx context.Context, s contract.RolloutStart) (contract.RolloutAnswer, error) {
	for {
		last, writes, err := r.Ledger.Rollout(ctx, s.Group)
		if err != nil {
			return contract.RolloutAnswer{}, err
		}
		alias, err := r.Functions.Alias(ctx, s.Function, contract.LiveAlias)
		if err != nil {
			return contract.RolloutAnswer{}, err
		}
		running, err := r.running(ctx, s.Group, last)
		if err != nil {
			return contract.RolloutAnswer{}, err
		}
		switch begin(alias, s.Target, running) {
		case keep:
			return r.kept(ctx, s, running), nil
		case create:
			return r.create(ctx, contract.Rollout{RolloutStart: s, Current: alias.Version, Began: r.now()}, writes)
		}
		for id, m := range running {
			if m.rollback {
				continue
			}
			r.Log.InfoContext(ctx, "deployment superseded", "segment", s.Segment, "deployment", id, "target", s.Target)
			if err := r.Deployer.Stop(ctx, id); err != nil {
				return contract.RolloutAnswer{}, err
			}
		}
		if err := r.Pause(ctx, stopPause); err != nil {
			return contract.RolloutAnswer{}, fmt.Errorf("wait until the deployment before has stopped: %w", err)
		}
	}
}

func (r *Rollouts) now() time.Time { return r.Now().UTC().Truncate(time.Millisecond) }

// running are the targets of the deployments of a group that have not ended. What CodeDeploy does not say of the last
// one is in the ledger.
func (r *Rollouts) running(ctx context.Context, group string, last contract.Rollout) (map[string]moving, error) {
	ids, err := r.Deployer.Running(ctx, group)
	if err != nil {
		return nil, err
	}
	found := map[string]moving{}
	for _, id := range ids {
		d, err := r.Deployer.Deployment(ctx, id)
		if err != nil {
			return nil, err
		}
		m := moving{d.Target, d.Rollback}
		if m.target == "" && (last.Deployment == "" || last.Deployment == id) {
			m.target = last.Target
		}
		found[id] = m
	}
	return found, nil
}

func (r *Rollouts) kept(
	ctx context.Context, s contract.RolloutStart, running map[string]moving,
) contract.RolloutAnswer {
	answer := contract.RolloutAnswer{Text: fmt.Sprintf("segment %s is at version %s", s.Segment, s.Target)}
	for id := range running {
		answer.Deployment, answer.Text = id, fmt.Sprintf("segment %s is on its way to version %s", s.Segment, s.Target)
	}
	r.Log.InfoContext(ctx, "rollout not needed", "segment", s.Segment, "target", s.Target)
	return answer
}

// create records a rollout, and begins its deployment: the hooks find the record, however soon they are called.
func (r *Rollouts) create(ctx context.Context, c contract.Rollout, writes int64) (contract.RolloutAnswer, error) {
	if err := r.Ledger.PutRollout(ctx, c, writes); err != nil {
		return contract.RolloutAnswer{}, fmt.Errorf("start the rollout of %s: %w", name(c.RolloutStart, c.Current), err)
	}
	spec, err := appSpec(c.RolloutStart, c.Current, r.Hook)
	if err != nil {
		return contract.RolloutAnswer{}, err
	}
	text := name(c.RolloutStart, c.Current)
	id, err := r.Deployer.Create(ctx, c.Group, spec, text)
	if err != nil {
		return contract.RolloutAnswer{}, err
	}
	r.Log.InfoContext(ctx, "rollout started", "segment", c.Segment, "current", c.Current, "target", c.Target,
		"deployment", id)
	err = r.update(ctx, c.Group, func(stands *contract.Rollout) bool {
		same := stands.Target == c.Target && stands.Began.Equal(c.Began)
		stands.Deployment = id
		return same
	})
	return contract.RolloutAnswer{Deployment: id, Text: text}, err
}

// appSpec is the specification of a deployment ("AppSpec file structure for AWS Lambda deployments", CodeDeploy user
// guide). It is JSON, which is YAML too.
func appSpec(s contract.RolloutStart, current, hook string) (string, error) {
	type object = map[string]any
	data, err := json.Marshal(object{
		"version": json.Number("0.0"),
		"Resources": []object{{"segment": object{
			"Type": "AWS::Lambda::Function",
			"Properties": object{
				"Name": s.Function, "Alias": contract.LiveAlias, "CurrentVersion": current, "TargetVersion": s.Target,
			},
		}}},
		"Hooks": []object{{"BeforeAllowTraffic": hook}, {"AfterAllowTraffic": hook}},
	})
	if err != nil {
		return "", fmt.Errorf("write the AppSpec of segment %s: %w", s.Segment, err)
	}
	return string(data), nil
}

// Target reads the target version from an AppSpec that appSpec wrote; "": it is another's.
func Target(appSpec string) string {
	var spec struct {
		Resources []map[string]struct {
			Properties struct{ TargetVersion string }
		}
	}
	if err := json.Unmarshal([]byte(appSpec), &spec); err != nil {
		return ""
	}
	for _, resources := range spec.Resources {
		for _, r := range resources {
			return r.Properties.TargetVersion
		}
	}
	return ""
}
