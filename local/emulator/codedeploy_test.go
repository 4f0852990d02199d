package emulator_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"

	"dip/local/emulator"
	"dip/local/emulator/emulatortest"
)

// deployer is an application with a group, and a role that CodeDeploy can take.
type deployer struct {
	*codedeploy.Client
	application, role string
}

func newDeployer(t *testing.T) deployer {
	t.Helper()
	cfg := emulatortest.Config(t)
	d := deployer{codedeploy.NewFromConfig(cfg), t.Name(), "arn:aws:iam::123456789012:role/" + t.Name()}
	form := url.Values{"Action": {"CreateRole"}, "Version": {"2010-05-08"}, "RoleName": {t.Name()},
		"AssumeRolePolicyDocument": {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",` +
			`"Principal":{"Service":"codedeploy.amazonaws.com"}}]}`}}
	_, err := send(t, "iam", http.MethodPost, "/", "application/x-www-form-urlencoded", form.Encode())
	ok(t, err)
	must[*codedeploy.CreateApplicationOutput](t)(d.CreateApplication(t.Context(), &codedeploy.CreateApplicationInput{
		ApplicationName: &d.application, ComputePlatform: types.ComputePlatformLambda}))
	must[*codedeploy.CreateDeploymentGroupOutput](t)(d.CreateDeploymentGroup(t.Context(), d.group("trips", nil)))
	return d
}

func (d deployer) group(
	name string, change func(*codedeploy.CreateDeploymentGroupInput),
) *codedeploy.CreateDeploymentGroupInput {
	in := &codedeploy.CreateDeploymentGroupInput{
		ApplicationName: &d.application, DeploymentGroupName: &name, ServiceRoleArn: &d.role,
		DeploymentStyle: &types.DeploymentStyle{
			DeploymentType:   types.DeploymentTypeBlueGreen,
			DeploymentOption: types.DeploymentOptionWithTrafficControl,
		},
		AutoRollbackConfiguration: &types.AutoRollbackConfiguration{
			Enabled: true, Events: []types.AutoRollbackEvent{types.AutoRollbackEventDeploymentFailure},
		},
	}
	if change != nil {
		change(in)
	}
	return in
}

const appSpec = `{"version":0.0,"Resources":[{"f":{"Type":"AWS::Lambda::Function","Properties":{"Name":"trips",` +
	`"Alias":"live","CurrentVersion":"1","TargetVersion":"2"}}}],"Hooks":[{"BeforeAllowTraffic":"judge"}]}`

func revision(content string) *types.RevisionLocation {
	return &types.RevisionLocation{RevisionType: types.RevisionLocationTypeAppSpecContent,
		AppSpecContent: &types.AppSpecContent{Content: &content}}
}

func (d deployer) deploy(t *testing.T, content string) (string, error) {
	t.Helper()
	out, err := d.CreateDeployment(t.Context(), &codedeploy.CreateDeploymentInput{
		ApplicationName: &d.application, DeploymentGroupName: aws.String("trips"), Revision: revision(content)})
	if err != nil {
		return "", err
	}
	return *out.DeploymentId, nil
}

// code checks that an error is one of AWS's by its code without the ending Exception.
func code(t *testing.T, what string, err error, want string) {
	t.Helper()
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != want+"Exception" {
		t.Errorf("%s: %v, want %sException", what, err, want)
	}
}

func TestWhatCodeDeployRefuses(t *testing.T) {
	t.Parallel()
	d := newDeployer(t)
	alarms := func(n int) *types.AlarmConfiguration {
		c := &types.AlarmConfiguration{Enabled: true}
		for i := range n {
			c.Alarms = append(c.Alarms, types.Alarm{Name: aws.String(fmt.Sprint(i))})
		}
		return c
	}
	for name, c := range map[string]struct {
		change func(*codedeploy.CreateDeploymentGroupInput)
		want   string
	}{
		"the same name": {func(in *codedeploy.CreateDeploymentGroupInput) { in.DeploymentGroupName = aws.String("trips") },
			"DeploymentGroupAlreadyExists"},
		"no application": {func(in *codedeploy.CreateDeploymentGroupInput) { in.ApplicationName = aws.String("none") },
			"ApplicationDoesNotExist"},
		"no configuration": {func(in *codedeploy.CreateDeploymentGroupInput) { in.DeploymentConfigName = aws.String("none") },
			"DeploymentConfigDoesNotExist"},
		"in place": {func(in *codedeploy.CreateDeploymentGroupInput) { in.DeploymentStyle = nil }, "InvalidDeploymentStyle"},
		"a role of others": {func(in *codedeploy.CreateDeploymentGroupInput) {
			in.ServiceRoleArn = aws.String(emulatortest.Role(t, "not-codedeploys"))
		}, "InvalidRole"},
		"11 alarms": {func(in *codedeploy.CreateDeploymentGroupInput) { in.AlarmConfiguration = alarms(11) },
			"AlarmsLimitExceeded"},
		"alarms without any": {func(in *codedeploy.CreateDeploymentGroupInput) { in.AlarmConfiguration = alarms(0) },
			"InvalidAlarmConfig"},
		"a rollback without events": {func(in *codedeploy.CreateDeploymentGroupInput) {
			in.AutoRollbackConfiguration = &types.AutoRollbackConfiguration{Enabled: true}
		}, "InvalidAutoRollbackConfig"},
		"a slash": {func(in *codedeploy.CreateDeploymentGroupInput) { in.DeploymentGroupName = aws.String("a/b") },
			"InvalidDeploymentGroupName"},
	} {
		_, err := d.CreateDeploymentGroup(t.Context(), d.group("other", c.change))
		code(t, name, err, c.want)
	}
	for name, c := range map[string]struct {
		percent, minutes int32
		refused          bool
	}{
		"48 hours": {50, 2880, false}, "more than 48 hours": {50, 2881, true}, "three shifts in 48 hours": {34, 1440, false},
		"three shifts in more": {34, 1441, true}, "nothing": {0, 1, true}, "everything": {100, 1, true},
		"without waiting": {50, 0, true},
	} {
		_, err := d.CreateDeploymentConfig(t.Context(), &codedeploy.CreateDeploymentConfigInput{
			DeploymentConfigName: aws.String(strings.ReplaceAll(name, " ", "-")), ComputePlatform: types.ComputePlatformLambda,
			TrafficRoutingConfig: &types.TrafficRoutingConfig{Type: types.TrafficRoutingTypeTimeBasedLinear,
				TimeBasedLinear: &types.TimeBasedLinear{LinearPercentage: c.percent, LinearInterval: c.minutes}},
		})
		if c.refused {
			code(t, name, err, "InvalidTrafficRoutingConfiguration")
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, spec := range map[string]string{
		"no AppSpec": "x", "no target": strings.ReplaceAll(appSpec, "TargetVersion", "Target"),
		"unknown hook": strings.ReplaceAll(appSpec, "BeforeAllowTraffic", "BeforeInstall"),
	} {
		_, err := d.deploy(t, spec)
		code(t, name, err, "InvalidRevision")
	}
}

// The runner moves deployments along through the emulator's own paths; what clients see and do follows from that.
func TestLifeOfADeployment(t *testing.T) {
	t.Parallel()
	d := newDeployer(t)
	endpoint, key := owner(t)
	told := d.listen(t)
	id := must[string](t)(d.deploy(t, appSpec))
	_, err := d.deploy(t, appSpec)
	code(t, "a second deployment", err, "DeploymentLimitExceeded")

	var found emulator.Deployment
	for _, one := range must[[]emulator.Deployment](t)(emulator.Deployments(t.Context(), endpoint, key)) {
		if one.ID == id {
			found = one
		}
	}
	if found.Function != "trips" || found.Alias != "live" || found.Current != "1" || found.Target != "2" ||
		found.Hooks["BeforeAllowTraffic"] != "judge" || found.Role != d.role || found.Routing.Type != "AllAtOnce" ||
		found.RollbackOn[0] != "DEPLOYMENT_FAILURE" || found.Progress.Status != "Created" {
		text, _ := json.Marshal(found)
		t.Fatalf("the runner gets %s", text)
	}
	report := func(execution string, status types.LifecycleEventStatus) error {
		_, err := d.PutLifecycleEventHookExecutionStatus(t.Context(),
			&codedeploy.PutLifecycleEventHookExecutionStatusInput{DeploymentId: &id,
				LifecycleEventHookExecutionId: &execution, Status: status})
		return err
	}
	code(t, "a result of no hook", report("one", types.LifecycleEventStatusSucceeded),
		"InvalidLifecycleEventHookExecutionId")
	p := emulator.Progress{Status: "InProgress", Started: 1, Weight: 0.25, Events: []emulator.LifecycleEvent{
		{Name: "BeforeAllowTraffic", Status: "InProgress", Execution: "one", Start: 1}}}
	ok(t, emulator.Proceed(t.Context(), endpoint, key, id, p))
	code(t, "a pending result", report("one", types.LifecycleEventStatusPending),
		"InvalidLifecycleEventHookExecutionStatus")
	ok(t, report("one", types.LifecycleEventStatusSucceeded))
	code(t, "a second result", report("one", types.LifecycleEventStatusFailed), "LifecycleEventAlreadyCompleted")
	target := must[*codedeploy.GetDeploymentTargetOutput](t)(d.GetDeploymentTarget(t.Context(),
		&codedeploy.GetDeploymentTargetInput{DeploymentId: &id, TargetId: aws.String("trips:live")})).DeploymentTarget
	if l := target.LambdaTarget; l.LambdaFunctionInfo.TargetVersionWeight != 0.25 || len(l.LifecycleEvents) != 1 {
		t.Errorf("the target is %+v", l)
	}

	stopped := must[*codedeploy.StopDeploymentOutput](t)(d.StopDeployment(t.Context(),
		&codedeploy.StopDeploymentInput{DeploymentId: &id, AutoRollbackEnabled: aws.Bool(true)}))
	if stopped.Status != types.StopStatusPending {
		t.Errorf("the stop is %s", stopped.Status)
	}
	p.Status, p.Completed, p.Error = "Stopped", 2, &emulator.DeploymentError{Code: "MANUAL_STOP", Message: "stopped"}
	p.Rollback = &emulator.RollbackInfo{ID: "d-" + strings.ToUpper(t.Name()[:9]), Message: "back"}
	ok(t, emulator.Proceed(t.Context(), endpoint, key, id, p))
	ok(t, emulator.Proceed(t.Context(), endpoint, key, id, p)) // creates no second rollback
	info := must[*codedeploy.GetDeploymentOutput](t)(d.GetDeployment(t.Context(),
		&codedeploy.GetDeploymentInput{DeploymentId: &id})).DeploymentInfo
	if info.Status != types.DeploymentStatusStopped || info.ErrorInformation.Code != types.ErrorCodeManualStop ||
		*info.RollbackInfo.RollbackDeploymentId != p.Rollback.ID || info.CompleteTime.Unix() != 2 {
		t.Errorf("the deployment is %+v", info)
	}
	back := must[*codedeploy.GetDeploymentOutput](t)(d.GetDeployment(t.Context(),
		&codedeploy.GetDeploymentInput{DeploymentId: &p.Rollback.ID})).DeploymentInfo
	if back.Creator != types.DeploymentCreatorCodeDeployRollback ||
		*back.RollbackInfo.RollbackTriggeringDeploymentId != id ||
		!strings.Contains(*back.Revision.AppSpecContent.Content, `"TargetVersion": "1"`) {
		t.Errorf("the rollback is %+v", back)
	}
	listed := must[*codedeploy.ListDeploymentsOutput](t)(d.ListDeployments(t.Context(),
		&codedeploy.ListDeploymentsInput{ApplicationName: &d.application, DeploymentGroupName: aws.String("trips")}))
	if len(listed.Deployments) != 2 || listed.Deployments[0] != p.Rollback.ID {
		t.Errorf("the deployments are %q, want the newest first", listed.Deployments)
	}
	_, err = d.deploy(t, appSpec)
	code(t, "a deployment before the end of the rollback", err, "DeploymentLimitExceeded")
	ok(t, emulator.Proceed(t.Context(), endpoint, key, p.Rollback.ID, emulator.Progress{Status: "Succeeded"}))
	_, err = d.StopDeployment(t.Context(), &codedeploy.StopDeploymentInput{DeploymentId: &p.Rollback.ID})
	code(t, "a stop after the end", err, "DeploymentAlreadyCompleted")
	must[string](t)(d.deploy(t, appSpec))
	told(id+" START trips", id+" STOP trips", p.Rollback.ID+" SUCCESS trips")
}

// listen has the events of the application's deployments go to a queue. What it returns checks which there were.
func (d deployer) listen(t *testing.T) (told func(want ...string)) {
	t.Helper()
	q, rules := newQueue(t, "events", nil), eventbridge.NewFromConfig(emulatortest.Config(t))
	must[*eventbridge.PutRuleOutput](t)(rules.PutRule(t.Context(), &eventbridge.PutRuleInput{
		Name: &d.application, EventPattern: aws.String(`{"source":["aws.codedeploy"],` +
			`"detail-type":["CodeDeploy Deployment State-change Notification"],"detail":{"application":["` +
			d.application + `"]}}`)}))
	must[*eventbridge.PutTargetsOutput](t)(rules.PutTargets(t.Context(), &eventbridge.PutTargetsInput{
		Rule: &d.application, Targets: []ebtypes.Target{{Id: aws.String("q"), Arn: &q.arn}}}))
	return func(want ...string) {
		t.Helper()
		var got []string
		for _, m := range q.receive(t, 10) {
			var e struct {
				Resources []string
				Detail    struct{ DeploymentID, State, DeploymentGroup string }
			}
			ok(t, json.Unmarshal([]byte(*m.Body), &e))
			got = append(got, e.Detail.DeploymentID+" "+e.Detail.State+" "+e.Detail.DeploymentGroup)
			if arn := "arn:aws:codedeploy:us-east-1:123456789012:"; !slices.Equal(e.Resources, []string{
				arn + "application:" + d.application, arn + "deploymentgroup:" + d.application + "/trips"}) {
				t.Errorf("the event is about %q", e.Resources)
			}
		}
		slices.Sort(got)
		if slices.Sort(want); !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	}
}

func TestNamesAndTagsOfGroups(t *testing.T) {
	t.Parallel()
	d := newDeployer(t)
	arn := "arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:" + d.application + "/"
	must[*codedeploy.TagResourceOutput](t)(d.TagResource(t.Context(), &codedeploy.TagResourceInput{
		ResourceArn: aws.String(arn + "trips"), Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}))
	must[*codedeploy.UpdateDeploymentGroupOutput](t)(d.UpdateDeploymentGroup(t.Context(),
		&codedeploy.UpdateDeploymentGroupInput{ApplicationName: &d.application,
			CurrentDeploymentGroupName: aws.String("trips"), NewDeploymentGroupName: aws.String("journeys")}))
	tags := must[*codedeploy.ListTagsForResourceOutput](t)(d.ListTagsForResource(t.Context(),
		&codedeploy.ListTagsForResourceInput{ResourceArn: aws.String(arn + "journeys")}))
	if len(tags.Tags) != 1 || *tags.Tags[0].Value != "b" {
		t.Errorf("the renamed group has the tags %+v", tags.Tags)
	}
	must[*codedeploy.DeleteApplicationOutput](t)(d.DeleteApplication(t.Context(),
		&codedeploy.DeleteApplicationInput{ApplicationName: &d.application}))
	_, err := d.GetDeploymentGroup(t.Context(), &codedeploy.GetDeploymentGroupInput{
		ApplicationName: &d.application, DeploymentGroupName: aws.String("journeys")})
	code(t, "a group of a deleted application", err, "ApplicationDoesNotExist")
}
