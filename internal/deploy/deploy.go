// Package deploy is CodeDeploy and the versions of functions as rollouts see them.
package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"dip/contract"
	"dip/internal/rollout"
)

// Deployments are those of one application in CodeDeploy.
type Deployments struct {
	client      *codedeploy.Client
	application string
}

// NewDeployments connects to an application.
func NewDeployments(cfg aws.Config, application string) *Deployments {
	return &Deployments{client: codedeploy.NewFromConfig(cfg), application: application}
}

// Create begins a deployment of a group by an AppSpec.
func (d *Deployments) Create(ctx context.Context, group, appSpec, description string) (id string, err error) {
	out, err := d.client.CreateDeployment(ctx, &codedeploy.CreateDeploymentInput{
		ApplicationName: &d.application, DeploymentGroupName: &group, Description: &description,
		Revision: &types.RevisionLocation{
			RevisionType: types.RevisionLocationTypeAppSpecContent, AppSpecContent: &types.AppSpecContent{Content: &appSpec},
		},
	})
	if err != nil {
		return "", fmt.Errorf("create a deployment of %s: %w", group, err)
	}
	return aws.ToString(out.DeploymentId), nil
}

// unfinished are the statuses of deployments that have not ended.
var unfinished = []types.DeploymentStatus{
	types.DeploymentStatusCreated, types.DeploymentStatusQueued, types.DeploymentStatusInProgress,
	types.DeploymentStatusBaking, types.DeploymentStatusReady,
}

// Running lists the deployments of a group that have not ended.
func (d *Deployments) Running(ctx context.Context, group string) (ids []string, err error) {
	pages := codedeploy.NewListDeploymentsPaginator(d.client, &codedeploy.ListDeploymentsInput{
		ApplicationName: &d.application, DeploymentGroupName: &group, IncludeOnlyStatuses: unfinished,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the running deployments of %s: %w", group, err)
		}
		ids = append(ids, page.Deployments...)
	}
	return ids, nil
}

// Deployment reads a deployment.
func (d *Deployments) Deployment(ctx context.Context, id string) (rollout.Deployment, error) {
	out, err := d.client.GetDeployment(ctx, &codedeploy.GetDeploymentInput{DeploymentId: &id})
	if err != nil {
		return rollout.Deployment{}, fmt.Errorf("read deployment %s: %w", id, err)
	}
	i := out.DeploymentInfo
	read := rollout.Deployment{
		ID: id, Group: aws.ToString(i.DeploymentGroupName), Status: string(i.Status),
		Rollback: i.Creator == types.DeploymentCreatorCodeDeployRollback,
		Created:  aws.ToTime(i.CreateTime), Ended: aws.ToTime(i.CompleteTime),
	}
	if i.Revision != nil && i.Revision.AppSpecContent != nil {
		read.Target = rollout.Target(aws.ToString(i.Revision.AppSpecContent.Content))
	}
	if e := i.ErrorInformation; e != nil {
		read.Reason = fmt.Sprintf("%s: %s", e.Code, aws.ToString(e.Message))
	}
	return read, nil
}

// Stop ends a deployment and rolls it back. One that has ended is left alone.
func (d *Deployments) Stop(ctx context.Context, id string) error {
	_, err := d.client.StopDeployment(ctx, &codedeploy.StopDeploymentInput{
		DeploymentId: &id, AutoRollbackEnabled: aws.Bool(true),
	})
	var over *types.DeploymentAlreadyCompletedException
	if err != nil && !errors.As(err, &over) {
		return fmt.Errorf("stop deployment %s: %w", id, err)
	}
	return nil
}

// Answer tells a deployment whether one of its hooks passed. One that has ended, or got its answer before, is left
// alone.
func (d *Deployments) Answer(ctx context.Context, id, execution string, passed bool) error {
	status := types.LifecycleEventStatusFailed
	if passed {
		status = types.LifecycleEventStatusSucceeded
	}
	_, err := d.client.PutLifecycleEventHookExecutionStatus(ctx, &codedeploy.PutLifecycleEventHookExecutionStatusInput{
		DeploymentId: &id, LifecycleEventHookExecutionId: &execution, Status: status,
	})
	var answered *types.LifecycleEventAlreadyCompletedException
	if err != nil && !errors.As(err, &answered) {
		return fmt.Errorf("answer deployment %s: %w", id, err)
	}
	return nil
}

// Functions calls versions of functions.
type Functions struct{ client *lambda.Client }

// shadowTime is how long a connection may wait for a version: the longest timeout of a function, and some.
const shadowTime = 16 * time.Minute

// NewFunctions connects to Lambda. Answers may take as long as functions run, and a version is asked once: if it times
// out, it does so again.
func NewFunctions(cfg aws.Config) *Functions {
	return &Functions{client: lambda.NewFromConfig(cfg, func(o *lambda.Options) {
		o.HTTPClient = &http.Client{Timeout: shadowTime}
	})}
}

// Alias reads what an alias names.
func (f *Functions) Alias(ctx context.Context, function, alias string) (rollout.Alias, error) {
	out, err := f.client.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: &function, Name: &alias})
	if err != nil {
		return rollout.Alias{}, fmt.Errorf("read the alias %s of function %s: %w", alias, function, err)
	}
	read := rollout.Alias{Version: aws.ToString(out.FunctionVersion)}
	if out.RoutingConfig != nil {
		read.Weights = out.RoutingConfig.AdditionalVersionWeights
	}
	return read, nil
}

// Shadow has a version of a segment's function process a chunk. A version that crashes or times out has answered with
// an error.
func (f *Functions) Shadow(
	ctx context.Context, function, version string, m contract.ChunkMessage,
) (answer contract.ShadowResponse, err error) {
	payload, err := json.Marshal(contract.ShadowRequest{Shadow: &m})
	if err != nil {
		return answer, fmt.Errorf("ask version %s of function %s: %w", version, function, err)
	}
	out, err := f.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &function, Qualifier: &version, Payload: payload})
	if err != nil {
		return answer, fmt.Errorf("call version %s of function %s: %w", version, function, err)
	}
	if out.FunctionError != nil {
		return contract.ShadowResponse{Error: contract.Cut(crash(out.Payload))}, nil
	}
	if err := json.Unmarshal(out.Payload, &answer); err != nil {
		return answer, fmt.Errorf("read the answer of version %s of function %s: %w", version, function, err)
	}
	if answer.Ack == nil && answer.Error == "" {
		answer.Error = "the version does not know what a shadow is"
	}
	return answer, nil
}

// crash is what Lambda says of a function that ended without an answer.
func crash(payload []byte) string {
	var said struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}
	if err := json.Unmarshal(payload, &said); err != nil || said.Message == "" {
		return "the function ended without an answer: " + string(payload)
	}
	if said.Type == "" {
		return said.Message
	}
	return said.Type + ": " + said.Message
}
