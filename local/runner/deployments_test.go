package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"dip/local/emulator"
)

// handleHook is the function under test as a hook: it reports what its environment says.
func handleHook(ctx context.Context, raw json.RawMessage) error {
	var event struct{ DeploymentID, LifecycleEventHookExecutionID string }
	if err := json.Unmarshal(raw, &event); err != nil {
		return err
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	_, err = codedeploy.NewFromConfig(cfg).PutLifecycleEventHookExecutionStatus(ctx,
		&codedeploy.PutLifecycleEventHookExecutionStatusInput{
			DeploymentId: &event.DeploymentID, LifecycleEventHookExecutionId: &event.LifecycleEventHookExecutionID,
			Status: cdtypes.LifecycleEventStatus(os.Getenv("RESULT")),
		})
	return err
}

// deployable is a function with an alias and two versions, and a deployment group.
type deployable struct {
	*world
	t             *testing.T
	function      string
	client        *codedeploy.Client
	watch         *cloudwatch.Client
	deployerRole  string
	configuration string
}

// deployable creates a function whose hook, itself, reports a result.
func (w *world) deployable(t *testing.T, result, configuration string, alarms ...string) *deployable {
	t.Helper()
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(w.emulator.Endpoint()),
		Credentials: w.emulator.Key().Provider()}
	d := &deployable{world: w, t: t, client: codedeploy.NewFromConfig(cfg), configuration: configuration,
		deployerRole: "arn:aws:iam::123456789012:role/" + t.Name(), watch: cloudwatch.NewFromConfig(cfg,
			func(o *cloudwatch.Options) { o.DisableRequestCompression = true })}
	d.function = w.createFunction(t, func(in *lambda.CreateFunctionInput) {
		in.Publish, in.Environment.Variables = true, map[string]string{"RESULT": result}
	})
	_, err := w.lambda.CreateAlias(t.Context(),
		&lambda.CreateAliasInput{FunctionName: &d.function, Name: aws.String("live"), FunctionVersion: aws.String("1")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.lambda.UpdateFunctionCode(t.Context(),
		&lambda.UpdateFunctionCodeInput{FunctionName: &d.function, ZipFile: functionCode(t, "two"), Publish: true})
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"Action": {"CreateRole"}, "Version": {"2010-05-08"}, "RoleName": {t.Name()},
		"AssumeRolePolicyDocument": {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",` +
			`"Principal":{"Service":"codedeploy.amazonaws.com"}}]}`}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.emulator.Endpoint()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if _, err := w.emulator.Key().Send(req, "iam", "us-east-1", []byte(form.Encode())); err != nil {
		t.Fatal(err)
	}
	_, err = d.client.CreateApplication(t.Context(), &codedeploy.CreateApplicationInput{ApplicationName: &d.function,
		ComputePlatform: cdtypes.ComputePlatformLambda})
	if err != nil {
		t.Fatal(err)
	}
	d.group(alarms)
	return d
}

func (d *deployable) group(alarms []string) {
	d.t.Helper()
	watched := &cdtypes.AlarmConfiguration{Enabled: len(alarms) > 0}
	for _, name := range alarms {
		watched.Alarms = append(watched.Alarms, cdtypes.Alarm{Name: &name})
		_, err := d.watch.PutMetricAlarm(d.t.Context(), &cloudwatch.PutMetricAlarmInput{AlarmName: &name,
			Namespace: aws.String("none"), MetricName: aws.String(name), Statistic: cwtypes.StatisticSum,
			Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1),
			ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanThreshold, TreatMissingData: aws.String("ignore")})
		if err != nil {
			d.t.Fatal(err)
		}
	}
	_, err := d.client.CreateDeploymentGroup(d.t.Context(), &codedeploy.CreateDeploymentGroupInput{
		ApplicationName: &d.function, DeploymentGroupName: aws.String("all"), ServiceRoleArn: &d.deployerRole,
		DeploymentConfigName: &d.configuration, AlarmConfiguration: watched,
		DeploymentStyle: &cdtypes.DeploymentStyle{
			DeploymentType:   cdtypes.DeploymentTypeBlueGreen,
			DeploymentOption: cdtypes.DeploymentOptionWithTrafficControl,
		},
		AutoRollbackConfiguration: &cdtypes.AutoRollbackConfiguration{
			Enabled: true, Events: cdtypes.AutoRollbackEventDeploymentFailure.Values(),
		},
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// start begins a deployment of version 2, and returns its id.
func (d *deployable) start() string {
	d.t.Helper()
	spec := fmt.Sprintf(`{"version":0.0,"Resources":[{"f":{"Type":"AWS::Lambda::Function","Properties":{"Name":%q,`+
		`"Alias":"live","CurrentVersion":"1","TargetVersion":"2"}}}],"Hooks":[{"BeforeAllowTraffic":%q},`+
		`{"AfterAllowTraffic":%q}]}`, d.function, d.function, d.function)
	out, err := d.client.CreateDeployment(d.t.Context(), &codedeploy.CreateDeploymentInput{
		ApplicationName: &d.function, DeploymentGroupName: aws.String("all"),
		Revision: &cdtypes.RevisionLocation{RevisionType: cdtypes.RevisionLocationTypeAppSpecContent,
			AppSpecContent: &cdtypes.AppSpecContent{Content: &spec}},
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return *out.DeploymentId
}

// wait returns a deployment once it has a status.
func (d *deployable) wait(id string, status cdtypes.DeploymentStatus) *cdtypes.DeploymentInfo {
	d.t.Helper()
	var info *cdtypes.DeploymentInfo
	eventually(d.t, "a deployment that is "+string(status), func() bool {
		out, err := d.client.GetDeployment(d.t.Context(), &codedeploy.GetDeploymentInput{DeploymentId: &id})
		if err != nil {
			d.t.Fatal(err)
		}
		info = out.DeploymentInfo
		return info.Status == status
	})
	return info
}

// alias is the version that the alias names, and its weights.
func (d *deployable) alias() (string, map[string]float64) {
	d.t.Helper()
	out, err := d.lambda.GetAlias(d.t.Context(), &lambda.GetAliasInput{FunctionName: &d.function,
		Name: aws.String("live")})
	if err != nil {
		d.t.Fatal(err)
	}
	if out.RoutingConfig == nil {
		return *out.FunctionVersion, nil
	}
	return *out.FunctionVersion, out.RoutingConfig.AdditionalVersionWeights
}

// A version that its hooks accept takes over, by what the role of the group does.
func TestADeploymentThatItsHooksAccept(t *testing.T) {
	t.Parallel()
	d := theWorld(t).deployable(t, "Succeeded", "CodeDeployDefault.LambdaAllAtOnce")
	d.wait(d.start(), cdtypes.DeploymentStatusSucceeded)
	if version, weights := d.alias(); version != "2" || len(weights) > 0 {
		t.Errorf("the alias is at %s with %v", version, weights)
	}
	if env, _ := d.invoke(t, d.function+":live", `{"do":"env"}`); env["CODE"] != "two" {
		t.Errorf("the alias runs code %v", env["CODE"])
	}
	calls, err := emulator.Calls(t.Context(), d.emulator.Endpoint(), d.emulator.Key())
	if err != nil {
		t.Fatal(err)
	}
	for _, action := range []string{"lambda:GetAlias", "lambda:UpdateAlias", "lambda:InvokeFunction"} {
		want := emulator.Call{Principal: d.deployerRole, Action: action,
			Resource: "arn:aws:lambda:us-east-1:123456789012:function:" + d.function}
		if !slices.ContainsFunc(calls, func(c emulator.Call) bool {
			return c.Principal == want.Principal && c.Action == action && c.Resource == want.Resource
		}) {
			t.Errorf("the role of the group made no call %+v", want)
		}
	}
	if !slices.ContainsFunc(calls, func(c emulator.Call) bool {
		return c.Principal == roleARN && c.Action == "codedeploy:PutLifecycleEventHookExecutionStatus" &&
			c.Resource == "*" // this action knows no resource
	}) {
		t.Error("the hook's right to answer is not recorded")
	}
}

func TestADeploymentThatItsHookRejects(t *testing.T) {
	t.Parallel()
	d := theWorld(t).deployable(t, "Failed", "CodeDeployDefault.LambdaAllAtOnce")
	info := d.wait(d.start(), cdtypes.DeploymentStatusFailed)
	if info.ErrorInformation.Code != cdtypes.ErrorCodeHookExecutionFailure {
		t.Errorf("it failed with %+v", info.ErrorInformation)
	}
	d.wait(*info.RollbackInfo.RollbackDeploymentId, cdtypes.DeploymentStatusSucceeded)
	if version, weights := d.alias(); version != "1" || len(weights) > 0 {
		t.Errorf("the alias is at %s with %v", version, weights)
	}
}

// An alarm that fires while traffic shifts takes the alias back.
func TestAnAlarmStopsADeployment(t *testing.T) {
	t.Parallel()
	d := theWorld(t).deployable(t, "Succeeded", "CodeDeployDefault.LambdaCanary10Percent30Minutes", t.Name())
	id := d.start()
	eventually(t, "a tenth of the traffic", func() bool {
		_, weights := d.alias()
		return maps.Equal(weights, map[string]float64{"2": 0.1})
	})
	_, err := d.watch.SetAlarmState(t.Context(), &cloudwatch.SetAlarmStateInput{AlarmName: aws.String(t.Name()),
		StateValue: cwtypes.StateValueAlarm, StateReason: aws.String("a test")})
	if err != nil {
		t.Fatal(err)
	}
	info := d.wait(id, cdtypes.DeploymentStatusStopped)
	if info.ErrorInformation.Code != cdtypes.ErrorCodeAlarmActive {
		t.Errorf("it was stopped by %+v", info.ErrorInformation)
	}
	d.wait(*info.RollbackInfo.RollbackDeploymentId, cdtypes.DeploymentStatusSucceeded)
	if version, weights := d.alias(); version != "1" || len(weights) > 0 {
		t.Errorf("the alias is at %s with %v", version, weights)
	}
}
