// Package codedeploy moves the deployments of the emulator's CodeDeploy along, for functions: hooks, weights of an
// alias, alarms and rollbacks. What happens is decided by a pure function; a driver does it with the rights of the
// deployment group's role.
package codedeploy

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"time"

	"dip/local/emulator"
)

// HookTimeout is how long a hook may take to answer. Source: AppSpec 'hooks' section, CodeDeploy User Guide.
const HookTimeout = time.Hour

// Statuses of deployments and of their lifecycle events.
const (
	created    = "Created"
	pending    = "Pending"
	inProgress = "InProgress"
	succeeded  = "Succeeded"
	failed     = "Failed"
	stopped    = "Stopped"
	skipped    = "Skipped"
)

// Events that roll a deployment back, if its group says so.
const (
	onFailure = "DEPLOYMENT_FAILURE"
	onAlarm   = "DEPLOYMENT_STOP_ON_ALARM"
)

// Lifecycle events, in their order.
const (
	beforeTraffic = "BeforeAllowTraffic"
	allowTraffic  = "AllowTraffic"
	afterTraffic  = "AfterAllowTraffic"
)

// Alias is where an alias points: to a version, and with weights (0 to 1) to others.
type Alias struct {
	Version string
	Weights map[string]float64
}

// Hook is a call of a hook function.
type Hook struct{ Function, Execution string }

// Seen is what a step is decided on, besides the deployment.
type Seen struct {
	Now time.Time
	// Alias is where the alias points before the deployment begins.
	Alias Alias
	// Firing are the deployment's alarms that fire. Unreadable says why their states are unknown; empty: they are known.
	Firing     []string
	Unreadable string
	// Refused is why AWS refused what the step before asked for; empty: it was not.
	Refused string
}

// Do is what a step asks for. The zero value: nothing.
type Do struct {
	Move *Alias // before the progress is recorded: doing it twice does no harm
	Call *Hook  // after the progress is recorded: a hook may answer at once
}

// Step is what happens to a deployment next: its progress, and what to do. A step does one thing; the same progress
// without anything to do means that the deployment waits.
func Step(d emulator.Deployment, s Seen) (emulator.Progress, Do) {
	p := d.Progress
	p.Events = slices.Clone(p.Events)
	now := seconds(s.Now)
	if p.Status == created {
		p.Started = now
		for _, name := range []string{beforeTraffic, allowTraffic, afterTraffic} {
			p.Events = append(p.Events, emulator.LifecycleEvent{Name: name, Status: pending})
		}
	}
	ends := func(status, code, message string, back bool) (emulator.Progress, Do) {
		return end(d, p, now, status, code, message, back), Do{}
	}
	switch {
	case p.Status != created && p.Status != inProgress:
		return p, Do{}
	case s.Refused != "":
		return ends(failed, "INVALID_LAMBDA_FUNCTION", s.Refused, d.Progress.Status != created && rollsBackOn(d, onFailure))
	case d.RollbackOf != "":
		return rollBack(d, p, now)
	case d.Stop != nil:
		return ends(stopped, "MANUAL_STOP", "The deployment was stopped by a request.", d.Stop.Rollback)
	case len(s.Firing) > 0:
		return ends(stopped, "ALARM_ACTIVE", "One or more alarms are active: "+strings.Join(s.Firing, ", "),
			rollsBackOn(d, onAlarm))
	case s.Unreadable != "" && !d.IgnorePollAlarmFailure:
		return ends(stopped, "ALARM_ACTIVE", "The states of alarms are unknown: "+s.Unreadable, rollsBackOn(d, onAlarm))
	case p.Status == created && (s.Alias.Version != d.Current || len(s.Alias.Weights) > 0):
		// No rollback: it would move an alias that this deployment has not moved.
		return ends(failed, "INVALID_LAMBDA_CONFIGURATION", fmt.Sprintf(
			"The alias %s points to version %s with weights %v, not to the current version %s alone.",
			d.Alias, s.Alias.Version, s.Alias.Weights, d.Current), false)
	}
	p.Status = inProgress
	next := slices.IndexFunc(p.Events, func(e emulator.LifecycleEvent) bool { return !over(e.Status) })
	switch {
	case next < 0:
		p.Status, p.Completed = succeeded, now
		return p, Do{}
	case p.Events[next].Name == allowTraffic:
		return shift(d, p, &p.Events[next], now)
	default:
		return ask(d, p, &p.Events[next], now)
	}
}

func over(status string) bool { return status != pending && status != inProgress }

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func rollsBackOn(d emulator.Deployment, event string) bool {
	return slices.Contains(d.RollbackOn, event)
}

// shift moves as much traffic as is due.
func shift(
	d emulator.Deployment, p emulator.Progress, e *emulator.LifecycleEvent, now float64,
) (emulator.Progress, Do) {
	if e.Status == pending {
		e.Status, e.Start = inProgress, now
	}
	weight := Weight(d.Routing, now-e.Start)
	if weight <= p.Weight {
		return p, Do{}
	}
	p.Weight = weight
	if weight == 1 {
		e.Status, e.End = succeeded, now
		return p, Do{Move: &Alias{Version: d.Target}}
	}
	return p, Do{Move: &Alias{Version: d.Current, Weights: map[string]float64{d.Target: weight}}}
}

// Weight is the share of invocations, 0 to 1, that the target version should have a number of seconds after the first
// shift.
func Weight(r emulator.Routing, elapsed float64) float64 {
	minutes := elapsed / 60
	percent := 100
	switch r.Type {
	case "TimeBasedCanary":
		if minutes < float64(r.Canary.Interval) {
			percent = r.Canary.Percentage
		}
	case "TimeBasedLinear":
		percent = r.Linear.Percentage * (1 + int(minutes/float64(r.Linear.Interval)))
	}
	return float64(min(percent, 100)) / 100
}

// ask calls the hook of an event, or looks whether it has answered.
func ask(
	d emulator.Deployment, p emulator.Progress, e *emulator.LifecycleEvent, now float64,
) (emulator.Progress, Do) {
	hook := d.Hooks[e.Name]
	fails := func(code, message string) (emulator.Progress, Do) {
		e.Code, e.Message = code, message
		return end(d, p, now, failed, "HOOK_EXECUTION_FAILURE", message, rollsBackOn(d, onFailure)), Do{}
	}
	switch {
	case hook == "":
		e.Status = skipped
		return p, Do{}
	case e.Status == pending:
		e.Status, e.Start, e.Execution = inProgress, now, derive("hook", d.ID, e.Name)
		return p, Do{Call: &Hook{Function: hook, Execution: e.Execution}}
	case d.Results[e.Execution] == succeeded:
		e.Status, e.End = succeeded, now
		return p, Do{}
	case d.Results[e.Execution] == failed:
		return fails("ScriptFailed", fmt.Sprintf("The hook of %s, %s, reported that it failed.", e.Name, hook))
	case now-e.Start >= HookTimeout.Seconds():
		return fails("ScriptTimedOut",
			fmt.Sprintf("The hook of %s, %s, did not answer within %s.", e.Name, hook, HookTimeout))
	default:
		return p, Do{}
	}
}

// end ends a deployment that did not succeed. back: another deployment takes the alias back to the current version.
func end(
	d emulator.Deployment, p emulator.Progress, now float64, status, code, message string, back bool,
) emulator.Progress {
	p.Status, p.Completed = status, now
	p.Error = &emulator.DeploymentError{Code: code, Message: message}
	for i := range p.Events {
		switch e := &p.Events[i]; e.Status {
		case inProgress:
			e.Status, e.End = failed, now
		case pending:
			e.Status = skipped
		}
	}
	if back {
		id := "d-" + derive("rollback", d.ID)[:9]
		p.Rollback = &emulator.RollbackInfo{ID: id,
			Message: fmt.Sprintf("Deployment %s rolls %s back to version %s.", id, d.Alias, d.Current)}
	}
	return p
}

// rollBack is the only step of a deployment that rolls another one back: it moves the alias, wherever it points.
func rollBack(d emulator.Deployment, p emulator.Progress, now float64) (emulator.Progress, Do) {
	for i := range p.Events {
		p.Events[i].Status = skipped
		if e := &p.Events[i]; e.Name == allowTraffic {
			e.Status, e.Start, e.End = succeeded, now, now
		}
	}
	p.Status, p.Completed, p.Weight = succeeded, now, 1
	return p, Do{Move: &Alias{Version: d.Target}}
}

// derive is an id that depends on its parts alone, so that a step that is taken twice gives the same.
func derive(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return base32.StdEncoding.EncodeToString(sum[:])[:40]
}
