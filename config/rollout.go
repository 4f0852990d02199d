package config

import (
	"time"

	"dip/contract"
)

// Rollout is how chunks move to a new version of a segment's function.
type Rollout struct {
	// all-at-once; canary: percent first, and the rest after interval; linear: percent more after each interval
	Strategy contract.Strategy `json:"strategy"`
	Percent  int               `json:"percent" limits:"1..99"`    // canary and linear: share of the chunks in a step
	Interval Duration          `json:"interval" limits:"1m..48h"` // canary and linear: between two steps, whole minutes
	// certified chunks that a new version has to process again before it gets any; 0: none
	Shadow int `json:"shadow" limits:"0..20"`
	// by which the quarantined share of a new version may differ: of records that it is meant to treat otherwise, and of
	// its chunks in loads; 0.05 is five percentage points
	QuarantineDrift float64 `json:"quarantineDrift" limits:"0..1"`
}

// maxRollout is the longest time between the first and the last step of a rollout ("CodeDeploy quotas").
const maxRollout = Duration(2880 * time.Minute)

// Steps is how often a rollout moves chunks.
func (r Rollout) Steps() int {
	switch r.Strategy {
	case contract.Canary:
		return 2
	case contract.Linear:
		return (100 + r.Percent - 1) / r.Percent
	}
	return 1
}

// Minutes are between two steps.
func (r Rollout) Minutes() int { return r.Interval.Seconds() / 60 }

func (s *Stack) validateRollout(found *problems) {
	r := s.Rollout
	if r.Interval%minutes(1) != 0 {
		found.add("rollout.interval", "%s: want whole minutes", r.Interval)
	}
	if r.Percent < 1 { // its limits say so
		return
	}
	if long := Duration(r.Steps()-1) * r.Interval; long > maxRollout {
		found.add("rollout.interval", "%s: the %d steps of a %s rollout take %s, want at most %s", r.Interval, r.Steps(),
			r.Strategy, long, maxRollout)
	}
}

// RollbackAlarms are the names of a segment's alarms that a new version may set off: they roll it back. A deployment
// group has ten at most ("Monitoring deployments with CloudWatch alarms in CodeDeploy").
func (s *Stack) RollbackAlarms(segment string) (names []string) {
	for _, a := range s.segmentAlarms(segment) {
		if a.Rollback {
			names = append(names, a.Name)
		}
	}
	return names
}
