package emulator

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// Deployment is a deployment of CodeDeploy that has not ended. Times are in seconds since 1970, as in its API.
type Deployment struct {
	ID       string `json:"id"`
	GroupARN string `json:"groupARN"`
	Role     string `json:"role"` // ARN of the group's service role
	// Function is its name or ARN, Alias what moves from version Current to version Target.
	Function string `json:"function"`
	Alias    string `json:"alias"`
	Current  string `json:"current"`
	Target   string `json:"target"`
	// Hooks are functions by the lifecycle event that asks them.
	Hooks   map[string]string `json:"hooks"`
	Routing Routing           `json:"routing"`
	// Alarms stop the deployment when one fires or, unless IgnorePollAlarmFailure is set, when they cannot be read.
	Alarms                 []string `json:"alarms"`
	IgnorePollAlarmFailure bool     `json:"ignorePollAlarmFailure"`
	// RollbackOn are the events that roll the deployment back, RollbackOf is the deployment that this one rolls back.
	RollbackOn []string `json:"rollbackOn"`
	RollbackOf string   `json:"rollbackOf"`
	// Stop is not nil once somebody asked for it.
	Stop *Stop `json:"stop"`
	// Results of hooks by execution: Succeeded or Failed.
	Results  map[string]string `json:"results"`
	Progress Progress          `json:"progress"`
}

// Stop is a request to stop a deployment.
type Stop struct {
	Rollback bool `json:"rollback"`
}

// Routing says how traffic shifts. Percentages are of invocations, intervals in minutes.
type Routing struct {
	Type   string `json:"type"` // AllAtOnce, TimeBasedCanary or TimeBasedLinear
	Canary struct {
		Percentage int `json:"canaryPercentage"`
		Interval   int `json:"canaryInterval"`
	} `json:"timeBasedCanary"`
	Linear struct {
		Percentage int `json:"linearPercentage"`
		Interval   int `json:"linearInterval"`
	} `json:"timeBasedLinear"`
}

// Progress is how far a deployment is.
type Progress struct {
	Status    string           `json:"status"` // as in DeploymentInfo
	Started   float64          `json:"startTime,omitempty"`
	Completed float64          `json:"completeTime,omitempty"`
	Error     *DeploymentError `json:"errorInformation,omitempty"`
	Rollback  *RollbackInfo    `json:"rollbackInfo,omitempty"`
	// Weight is the share of invocations of the target version, 0 to 1.
	Weight float64          `json:"weight"`
	Events []LifecycleEvent `json:"events,omitempty"`
}

// DeploymentError says why a deployment failed or was stopped.
type DeploymentError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// RollbackInfo names the deployment that rolls one back.
type RollbackInfo struct {
	ID      string `json:"rollbackDeploymentId"`
	Message string `json:"rollbackMessage"`
}

// LifecycleEvent is a part of a deployment. Execution is what its hook answers to, Code and Message say why it failed.
type LifecycleEvent struct {
	Name      string  `json:"name"`
	Status    string  `json:"status"`
	Execution string  `json:"execution,omitempty"`
	Start     float64 `json:"start,omitempty"`
	End       float64 `json:"end,omitempty"`
	Code      string  `json:"code,omitempty"`
	Message   string  `json:"message,omitempty"`
}

// Deployments lists the deployments that have not ended, the oldest first.
func Deployments(ctx context.Context, endpoint string, key Key) ([]Deployment, error) {
	var found []Deployment
	text, err := key.local(ctx, http.MethodGet, endpoint+"/_local/deployments", nil)
	if err == nil {
		err = json.Unmarshal(text, &found)
	}
	if err != nil {
		return nil, fmt.Errorf("list the deployments: %w", err)
	}
	return found, nil
}

// Proceed replaces the progress of a deployment. One that is rolled back makes the emulator create the deployment that
// Rollback names, unless it exists.
func Proceed(ctx context.Context, endpoint string, key Key, id string, p Progress) error {
	body, err := json.Marshal(p)
	if err == nil {
		_, err = key.local(ctx, http.MethodPut, endpoint+"/_local/deployments/"+url.PathEscape(id), body)
	}
	if err != nil {
		return fmt.Errorf("record the progress of deployment %s: %w", id, err)
	}
	return nil
}
