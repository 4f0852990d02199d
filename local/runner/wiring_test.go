package runner

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// liveAlias publishes version 1 of a new function behind the alias `live` and returns the function and the alias's ARN.
func (w *world) liveAlias(t *testing.T) (function, arn string) {
	t.Helper()
	function = w.createFunction(t, func(in *lambda.CreateFunctionInput) { in.Publish = true })
	out, err := w.lambda.CreateAlias(t.Context(),
		&lambda.CreateAliasInput{FunctionName: &function, Name: aws.String("live"), FunctionVersion: aws.String("1")})
	if err != nil {
		t.Fatal(err)
	}
	return function, *out.AliasArn
}

func TestMappingToAnAlias(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	function, alias := w.liveAlias(t)
	url, arn := w.queue(t, "work", "30", "", 0)
	id := w.mapping(t, alias, arn, nil)
	out, err := w.lambda.GetEventSourceMapping(t.Context(), &lambda.GetEventSourceMappingInput{UUID: &id})
	if err != nil {
		t.Fatal(err)
	}
	if *out.FunctionArn != alias {
		t.Errorf("the mapping reads back as %s, not %s", *out.FunctionArn, alias)
	}
	w.send(t, url, "ok")
	w.waitDepth(t, url, "0")
	if runs := w.waitInvocations(t, function, "the batch",
		func(list []Invocation) bool { return ended(list) > 0 }); runs[0].Version != "1" {
		t.Errorf("%+v", runs)
	}
}

func TestWorkflowCallsTheAlias(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	_, alias := w.liveAlias(t)
	task := func(do string) string {
		return fmt.Sprintf(`{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke",
			"Parameters":{"FunctionName":%q,"Payload":{"do":%q}},"ResultSelector":{"version.$":"$.Payload.version"},
			"Next":"Broken","Catch":[{"ErrorEquals":["errorString"],"Next":"Caught"}]}`, alias, do)
	}
	definition := fmt.Sprintf(`{"StartAt":"Works","States":{"Works":%s,"Broken":%s,"Caught":{"Type":"Pass","End":true}}}`,
		task("ok"), task("fail"))
	machine, err := w.sfn.CreateStateMachine(t.Context(),
		&sfn.CreateStateMachineInput{Name: aws.String(t.Name()), Definition: &definition, RoleArn: aws.String(roleARN)})
	if err != nil {
		t.Fatal(err)
	}
	execution, err := w.sfn.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: machine.StateMachineArn})
	if err != nil {
		t.Fatal(err)
	}
	var out *sfn.DescribeExecutionOutput
	eventually(t, "the end of the execution", func() bool {
		if out, err = w.sfn.DescribeExecution(t.Context(),
			&sfn.DescribeExecutionInput{ExecutionArn: execution.ExecutionArn}); err != nil {
			t.Fatal(err)
		}
		return out.Status != sfntypes.ExecutionStatusRunning
	})
	if out.Status != sfntypes.ExecutionStatusSucceeded || !strings.Contains(aws.ToString(out.Output), "it failed") {
		t.Errorf("%s %s %s %s", out.Status, aws.ToString(out.Output), aws.ToString(out.Error), aws.ToString(out.Cause))
	}
	history, err := w.sfn.GetExecutionHistory(t.Context(),
		&sfn.GetExecutionHistoryInput{ExecutionArn: execution.ExecutionArn})
	if err != nil {
		t.Fatal(err)
	}
	ran := false
	for _, e := range history.Events {
		if e.StateExitedEventDetails != nil && *e.StateExitedEventDetails.Name == "Works" {
			ran = strings.Contains(*e.StateExitedEventDetails.Output, `"1"`)
		}
	}
	if !ran {
		t.Error("the first task did not run version 1")
	}
}

func TestObjectEventsReachFunctions(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	function, alias := w.liveAlias(t)
	bucket := aws.String("object-events")
	if _, err := w.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket}); err != nil {
		t.Fatal(err)
	}
	_, err := w.s3.PutBucketNotificationConfiguration(t.Context(),
		&s3.PutBucketNotificationConfigurationInput{Bucket: bucket,
			NotificationConfiguration: &s3types.NotificationConfiguration{
				EventBridgeConfiguration: &s3types.EventBridgeConfiguration{}}})
	if err != nil {
		t.Fatal(err)
	}
	rule := aws.String(t.Name())
	_, err = w.events.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: rule,
		EventPattern: aws.String(`{"source":["aws.s3"],"detail-type":["Object Created"],
			"detail":{"bucket":{"name":["object-events"]}}}`)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.events.PutTargets(t.Context(),
		&eventbridge.PutTargetsInput{Rule: rule, Targets: []ebtypes.Target{{Id: aws.String("f"), Arn: &alias}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.s3.PutObject(t.Context(),
		&s3.PutObjectInput{Bucket: bucket, Key: aws.String("k"), Body: strings.NewReader("x")}); err != nil {
		t.Fatal(err)
	}
	runs := w.waitInvocations(t, function, "an invocation", func(list []Invocation) bool { return ended(list) == 1 })
	if runs[0].Version != "1" || runs[1].Error != "" {
		t.Errorf("%+v", runs)
	}
}
