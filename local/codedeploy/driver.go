package codedeploy

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	"dip/local/emulator"
)

// Store keeps the deployments, as the emulator does.
type Store interface {
	// Deployments lists those that have not ended.
	Deployments(ctx context.Context) ([]emulator.Deployment, error)
	// Proceed records the progress of one.
	Proceed(ctx context.Context, id string, p emulator.Progress) error
}

// Account is what CodeDeploy does with the role of a deployment group. An error that is a Refused is AWS's answer; any
// other one says that there was none, and the call is made again.
type Account interface {
	Alias(ctx context.Context, function, alias string) (Alias, error)
	Move(ctx context.Context, function, alias string, to Alias) error
	// Call calls a function, and does not wait for it.
	Call(ctx context.Context, function string, payload []byte) error
	// Firing are those of some alarms that fire. It is an error if one does not exist.
	Firing(ctx context.Context, alarms []string) ([]string, error)
}

// Refused is an answer of AWS that says no.
type Refused struct{ Reason string }

func (r *Refused) Error() string { return r.Reason }

// Driver moves deployments along.
type Driver struct {
	Store Store
	// As is the account as a role, given by ARN, sees it.
	As    func(ctx context.Context, role string) (Account, error)
	Now   func() time.Time
	Every time.Duration // pause between rounds
	Log   *slog.Logger
}

// Run drives until ctx ends.
func (v *Driver) Run(ctx context.Context) {
	tick := time.NewTicker(v.Every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := v.Round(ctx); err != nil && ctx.Err() == nil {
				v.Log.Warn("deployments not moved along", "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// Round moves every deployment along until each waits or has ended, those included that roll others back. The failure
// of one does not keep the others from it.
func (v *Driver) Round(ctx context.Context) error {
	for {
		all, err := v.Store.Deployments(ctx)
		if err != nil {
			return err
		}
		var errs []error
		rolledBack := false
		for _, d := range all {
			p, err := v.advance(ctx, d)
			if err != nil {
				errs = append(errs, fmt.Errorf("deployment %s: %w", d.ID, err))
				continue
			}
			rolledBack = rolledBack || p.Rollback != nil
		}
		if !rolledBack || errs != nil {
			return errors.Join(errs...)
		}
	}
}

// advance takes steps until there is nothing to do, and returns how far the deployment is then.
func (v *Driver) advance(ctx context.Context, d emulator.Deployment) (emulator.Progress, error) {
	account, err := v.As(ctx, d.Role)
	if err != nil {
		return d.Progress, err
	}
	seen, err := v.look(ctx, account, d)
	for err == nil {
		p, do := Step(d, seen)
		if reflect.DeepEqual(p, d.Progress) && do == (Do{}) {
			return p, nil
		}
		seen.Refused = ""
		if do.Move != nil {
			switch refusal, err := refused(account.Move(ctx, d.Function, d.Alias, *do.Move)); {
			case err != nil:
				return d.Progress, err
			case refusal != "":
				seen.Refused = refusal
				continue // the same step again, which now ends the deployment
			}
		}
		if err = v.Store.Proceed(ctx, d.ID, p); err != nil {
			break
		}
		if p.Status != d.Progress.Status {
			v.Log.Info("deployment changed", "deployment", d.ID, "function", d.Function, "version", d.Target,
				"status", p.Status, "reason", reason(p))
		}
		d.Progress = p
		if do.Call != nil {
			if seen.Refused, err = v.call(ctx, account, d.ID, *do.Call); err != nil {
				// The hook is recorded as called, and is not called again: rather than wait for its hour, the deployment ends.
				seen.Refused, err = err.Error(), nil
			}
		}
	}
	return d.Progress, err
}

func reason(p emulator.Progress) string {
	if p.Error == nil {
		return ""
	}
	return p.Error.Message
}

// look reads what the first step is decided on; the others of a round are decided on the same.
func (v *Driver) look(ctx context.Context, account Account, d emulator.Deployment) (Seen, error) {
	seen := Seen{Now: v.Now()}
	if d.RollbackOf != "" {
		return seen, nil
	}
	if d.Progress.Status == created {
		alias, err := account.Alias(ctx, d.Function, d.Alias)
		if seen.Refused, err = refused(err); err != nil {
			return seen, err
		}
		seen.Alias = alias
	}
	if len(d.Alarms) > 0 {
		firing, err := account.Firing(ctx, d.Alarms)
		if seen.Unreadable, err = refused(err); err != nil {
			return seen, err
		}
		seen.Firing = firing
	}
	return seen, nil
}

// call calls a hook with the payload that CodeDeploy sends.
func (v *Driver) call(ctx context.Context, account Account, id string, h Hook) (string, error) {
	payload, err := json.Marshal(map[string]string{"DeploymentId": id, "LifecycleEventHookExecutionId": h.Execution})
	if err != nil {
		return "", err
	}
	return refused(account.Call(ctx, h.Function, payload))
}

// refused splits an error into AWS's refusal and what kept AWS from answering.
func refused(err error) (string, error) {
	var answer *Refused
	if errors.As(err, &answer) {
		return cmp.Or(answer.Reason, "refused"), nil
	}
	return "", err
}
