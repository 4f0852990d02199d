package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dip/contract"
)

// answering is how much of an invocation's time is kept to record and send the answer.
const answering = 20 * time.Second

// hook answers one of CodeDeploy's hooks. A check that cannot be carried out has failed: the alias goes back, and the
// rollout can be started again.
func (r *Rollouts) hook(ctx context.Context, deployment, execution string) error {
	work, cancel := ctx, context.CancelFunc(func() {})
	if deadline, ok := ctx.Deadline(); ok {
		work, cancel = context.WithDeadline(ctx, deadline.Add(-answering))
	}
	defer cancel()
	passed, err := r.judge(work, deployment)
	if err != nil {
		r.Log.ErrorContext(ctx, "check not carried out", "deployment", deployment, "error", err)
	}
	return r.Deployer.Answer(ctx, deployment, execution, passed)
}

// judge carries out the check of the hook that a deployment is at, and records it.
func (r *Rollouts) judge(ctx context.Context, deployment string) (passed bool, err error) {
	d, err := r.Deployer.Deployment(ctx, deployment)
	if err != nil {
		return false, err
	}
	if d.Rollback { // back to a version that had the traffic before
		return true, nil
	}
	c, writes, err := r.Ledger.Rollout(ctx, d.Group)
	switch {
	case err != nil:
		return false, err
	case writes == 0 || d.Target != "" && d.Target != c.Target:
		return false, fmt.Errorf("deployment %s moves the alias to version %q, and the last rollout of %s to %q: it was not "+
			"started by the stack", deployment, d.Target, d.Group, c.Target)
	}
	alias, err := r.Functions.Alias(ctx, c.Function, contract.LiveAlias)
	if err != nil {
		return false, err
	}
	after := atEnd(alias, c.Target)
	carryOut := r.before
	if after {
		carryOut = r.after
	}
	check, failure := carryOut(ctx, c)
	if failure != nil {
		check = contract.Check{Text: contract.Cut("the check could not be carried out: " + failure.Error())}
	}
	check.At = r.now()
	r.Log.InfoContext(ctx, "version checked", "segment", c.Segment, "target", c.Target, "after", after,
		"passed", check.Passed, "text", check.Text)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), answering/2)
	defer cancel()
	return check.Passed, errors.Join(failure, r.update(last, d.Group, func(stands *contract.Rollout) bool {
		meant := stands.Target == c.Target && stands.Began.Equal(c.Began)
		stands.Deployment = deployment
		if after {
			stands.After = &check
		} else {
			stands.Before = &check
		}
		return meant
	}))
}

// atEnd says which of its two hooks a deployment is at: both call the same function with nothing but ids. Before
// traffic moves, the version has none of it; afterwards, all.
func atEnd(alias Alias, target string) bool { return alias.Share(target) > 0.999 }
