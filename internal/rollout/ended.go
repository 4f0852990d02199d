package rollout

import (
	"cmp"
	"context"
	"fmt"

	"dip/contract"
)

// ended tells that a deployment has failed or was stopped, and why. Whoever repeats it tells twice, as EventBridge does.
func (r *Rollouts) ended(ctx context.Context, deployment string) error {
	d, err := r.Deployer.Deployment(ctx, deployment)
	if err != nil {
		return err
	}
	c, _, err := r.Ledger.Rollout(ctx, d.Group)
	if err != nil {
		return err
	}
	if c.Deployment != d.ID { // another one has taken its place, or somebody else began it
		c = contract.Rollout{RolloutStart: contract.RolloutStart{Segment: c.Segment}}
	}
	event := contract.RolloutEvent{
		Version: contract.Version, Stack: r.Stack, Segment: cmp.Or(c.Segment, d.Group), Target: cmp.Or(d.Target, c.Target),
		Deployment: d.ID, Reason: Why(c, d),
	}
	if d.Rollback {
		event.Reason = contract.Cut("the alias could not be put back: " + event.Reason)
	}
	if err := r.Bus.RolloutFailed(ctx, event); err != nil {
		return fmt.Errorf("tell that deployment %s of segment %s failed: %w", d.ID, event.Segment, err)
	}
	r.Log.InfoContext(ctx, "rollout failed", "segment", event.Segment, "target", event.Target, "deployment", d.ID,
		"reason", event.Reason)
	return nil
}

// Why is the reason why a deployment of a rollout failed or was stopped: that of the check that failed, else
// CodeDeploy's.
func Why(c contract.Rollout, d Deployment) string {
	for _, check := range []*contract.Check{c.After, c.Before} {
		if check != nil && !check.Passed {
			return check.Text
		}
	}
	return cmp.Or(d.Reason, "CodeDeploy does not say why")
}
