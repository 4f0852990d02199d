package contract

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// OutputRevision is the revision of what processing makes of the same records under the same settings. A change that
// is meant to give other bytes, or to quarantine other records, raises it, and a rollout compares what two revisions
// make by their counts alone (docs/rollouts.md). It began at 0, as in acknowledgements of before there were revisions.
const OutputRevision = 0

// Strategy is how traffic moves to a new version of a segment's function.
type Strategy string

// The strategies.
const (
	AllAtOnce Strategy = "all-at-once" // in one step
	Canary    Strategy = "canary"      // a share, and after an interval the rest
	Linear    Strategy = "linear"      // the same share after each interval
)

// Strategies lists them.
var Strategies = []Strategy{AllAtOnce, Canary, Linear}

// UnmarshalText accepts the names of the strategies.
func (s *Strategy) UnmarshalText(text []byte) error {
	if !slices.Contains(Strategies, Strategy(text)) {
		return fmt.Errorf("%q: want one of %q", text, Strategies)
	}
	*s = Strategy(text)
	return nil
}

// ShadowRequest asks a version of a segment's function to process a chunk as it would, and to store nothing: no output,
// no acknowledgement.
type ShadowRequest struct {
	Shadow *ChunkMessage `json:"shadow"`
}

// ShadowResponse is what a version made of a chunk.
type ShadowResponse struct {
	Ack    *Ack   `json:"ack,omitempty"`    // without what depends on when and where it ran; nil after a failure
	Error  string `json:"error,omitempty"`  // why the chunk failed
	Absent bool   `json:"absent,omitempty"` // the input cannot be read any more: that says nothing about the version
}

// RolloutRequest is what the rollout function is called with: by a deployment of the stack to start a rollout, by a
// rule once a deployment has failed or was stopped, or by CodeDeploy at one of its hooks ("AppSpec 'hooks' section for
// an AWS Lambda deployment", CodeDeploy user guide).
type RolloutRequest struct {
	Start *RolloutStart `json:"start,omitempty"`
	Ended string        `json:"ended,omitempty"` // id of the deployment

	Deployment string `json:"DeploymentId,omitempty"`
	Execution  string `json:"LifecycleEventHookExecutionId,omitempty"`
}

// RolloutStart asks to move a segment's alias to a version. The rules are those that the rollout keeps to its end.
type RolloutStart struct {
	Version  int    `json:"v"`
	Segment  string `json:"segment"`
	Function string `json:"function"` // name of the segment's function
	Target   string `json:"target"`   // version that the alias is to name
	Group    string `json:"group"`    // name of the segment's deployment group

	Strategy Strategy `json:"strategy,omitempty"`
	Percent  int      `json:"percent,omitempty"` // of the traffic, in each step; 0 with AllAtOnce
	Minutes  int      `json:"minutes,omitempty"` // between two steps; 0 with AllAtOnce

	Shadow          int     `json:"shadow"`          // certified chunks that are processed again, at most
	QuarantineDrift float64 `json:"quarantineDrift"` // by which the quarantined share may differ
	TimeoutSeconds  int     `json:"timeoutSeconds"`  // of the segment's function
}

// RolloutAnswer is what the rollout function answers a start with.
type RolloutAnswer struct {
	Deployment string `json:"deployment,omitempty"` // id in CodeDeploy; "": none was needed
	Text       string `json:"text"`                 // what was done, for people
}

// EventRolloutFailed is the detail type of RolloutEvent on the event bus.
const EventRolloutFailed = "Rollout Failed"

// RolloutEvent is the detail of the event of a deployment that failed or was stopped.
type RolloutEvent struct {
	Version    int    `json:"v"`
	Stack      string `json:"stack"`
	Segment    string `json:"segment"`
	Target     string `json:"target"`     // version that the alias was to name
	Deployment string `json:"deployment"` // id in CodeDeploy
	Reason     string `json:"reason"`
}

// Check is the result of one of a rollout's hooks.
type Check struct {
	At      time.Time `json:"at"`
	Passed  bool      `json:"passed"`
	Chunks  int       `json:"chunks"`            // that were compared
	Rows    int64     `json:"rows"`              // records of these chunks
	Skipped int       `json:"skipped,omitempty"` // chunks that could not be compared
	Text    string    `json:"text"`              // what was found, or why it failed, for people
}

// Rollout is the last rollout of a segment, as the ledger keeps it.
type Rollout struct {
	RolloutStart
	Current    string    `json:"current"`              // version that the alias named before
	Deployment string    `json:"deployment,omitempty"` // id in CodeDeploy; "": it is about to be created
	Began      time.Time `json:"began"`
	Before     *Check    `json:"before,omitempty"` // before any traffic: the shadow; nil: not yet
	After      *Check    `json:"after,omitempty"`  // after all traffic has moved; nil: not yet
}

// ParseRolloutRequest reads a request and refuses one that this version cannot understand.
func ParseRolloutRequest(data []byte) (RolloutRequest, error) {
	var r RolloutRequest
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("rollout request: %w", err)
	}
	s := r.Start
	switch {
	case s == nil && r.Ended == "" && (r.Deployment == "" || r.Execution == ""):
		return r, fmt.Errorf("rollout request: want start, ended, or DeploymentId and LifecycleEventHookExecutionId: %s", data)
	case s != nil && (s.Version < 1 || s.Version > Version):
		return r, fmt.Errorf("rollout request: version %d, this code reads 1 to %d", s.Version, Version)
	case s != nil && (s.Segment == "" || s.Function == "" || s.Target == "" || s.Group == ""):
		return r, fmt.Errorf("rollout request: segment, function, target and group are required: %s", data)
	}
	return r, nil
}
