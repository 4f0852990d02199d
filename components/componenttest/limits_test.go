package componenttest

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// declare is a resource with inputs.
func declare(kind, name string, inputs map[string]any) Resource {
	return Resource{Type: kind, Name: name, Inputs: resource.NewPropertyMapFromMap(inputs)}
}

// many is an object with n members.
func many(n int, value string) map[string]any {
	all := map[string]any{}
	for i := range n {
		all[fmt.Sprintf("key-%03d", i)] = value
	}
	return all
}

func long(n int) string { return strings.Repeat("x", n) }

const (
	keyType   = "aws:kms/key:Key"
	lifecycle = "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2"
	mapping   = "aws:lambda/eventSourceMapping:EventSourceMapping"
	inline    = "aws:iam/rolePolicy:RolePolicy"
)

// refused are resources that AWS refuses, each beyond one limit alone, by what is said about them.
var refused = map[string][]Resource{
	`the name "a b" does not have the form`:   {declare(role, "r", map[string]any{"name": "a b"})},
	`the name "a.b" does not have the form`:   {declare(queue, "q", map[string]any{"name": "a.b"})},
	`the name "Upper" does not have the form`: {declare(bucket, "b", map[string]any{"bucket": "Upper"})},
	`the name "ab" does not have the form`:    {declare(bucket, "b", map[string]any{"bucket": "ab"})},
	`the name "mine" does not have the form alias/`: {
		declare("aws:kms/alias:Alias", "a", map[string]any{"name": "mine"})},
	`the name "ab" does not have the form [a-zA-Z0-9_.-]{3,}`: {
		declare("aws:dynamodb/table:Table", "t", map[string]any{"name": "ab"})},

	"characters of the name " + long(57) + suffix + ": 65, at most 64":  {declare(role, long(57), nil)},
	"65, at most 64 are accepted (https://docs.aws.amazon.com/lambda/":  {declare(function, long(57), nil)},
	"81, at most 80 are accepted (https://docs.aws.amazon.com/AWSSimp":  {declare(queue, long(73), nil)},
	"64, at most 63 are accepted (https://docs.aws.amazon.com/AmazonS3": {declare(bucket, long(56), nil)},
	"513, at most 512 are accepted": {
		declare("aws:cloudwatch/logGroup:LogGroup", long(505), nil)},
	"81, at most 80 are accepted (https://docs.aws.amazon.com/step-fun": {
		declare("aws:sfn/stateMachine:StateMachine", long(73), nil)},
	"257, at most 256 are accepted (https://docs.aws.amazon.com/kms": {
		declare("aws:kms/alias:Alias", long(243), nil)},
	"256, at most 255 are accepted (https://docs.aws.amazon.com/amazondyn": {
		declare("aws:dynamodb/table:Table", long(248), nil)},
	"129, at most 128 are accepted (https://docs.aws.amazon.com/IAM": {declare("aws:iam/policy:Policy", long(121), nil)},
	"name " + long(122) + suffix + ": 130": {
		declare("aws:iam/instanceProfile:InstanceProfile", long(122), nil)},
	"256, at most 255 are accepted (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm": {
		declare(alarm, long(248), nil)},
	"256, at most 255 are accepted (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/" +
		"API_PutCompositeAlarm": {
		declare(compositeAlarm, "c", map[string]any{"alarmName": long(256)})},
	"257, at most 256 are accepted (https://docs.aws.amazon.com/sns": {declare("aws:sns/topic:Topic", long(249), nil)},
	"101, at most 100 are accepted (https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateApplication": {
		declare(application, "a", map[string]any{"name": long(101)})},
	"101, at most 100 are accepted (https://docs.aws.amazon.com/codedeploy/latest/APIReference/" +
		"API_CreateDeploymentGroup": {
		declare(deploymentGroup, "g", map[string]any{"deploymentGroupName": long(101)})},
	"101, at most 100 are accepted (https://docs.aws.amazon.com/codedeploy/latest/APIReference/" +
		"API_CreateDeploymentConfig": {
		declare(deploymentConfig, "c", map[string]any{"deploymentConfigName": long(101)})},
	"characters of a rule: 10241, at most 10240": {
		declare(compositeAlarm, "c", map[string]any{"alarmName": "c", "alarmRule": long(10241)})},
	"alarms of a rule: 101, at most 100": {
		declare(compositeAlarm, "c", map[string]any{"alarmName": "c", "alarmRule": strings.Repeat("(", 101)})},
	"257, at most 256 are accepted (https://docs.aws.amazon.com/eventbridge": {
		declare("aws:cloudwatch/eventBus:EventBus", long(249), nil)},
	"65, at most 64 are accepted (https://docs.aws.amazon.com/eventbridge": {
		declare("aws:cloudwatch/eventRule:EventRule", long(57), nil)},
	"65, at most 64 are accepted (https://docs.aws.amazon.com/scheduler": {
		declare("aws:scheduler/schedule:Schedule", long(57), nil)},
	"129, at most 128 are accepted (https://docs.aws.amazon.com/AWSEC2": {
		declare("aws:ec2/launchTemplate:LaunchTemplate", long(121), nil)},
	"256, at most 255 are accepted (https://docs.aws.amazon.com/autoscaling": {
		declare("aws:autoscaling/group:Group", long(248), nil)},
	"64, at most 63 are accepted (https://docs.aws.amazon.com/eks": {
		declare("aws:eks/nodeGroup:NodeGroup", long(56), nil)},
	"101, at most 100 are accepted (https://docs.aws.amazon.com/eks": {
		declare("eks:index:Cluster", long(93), nil)},
	"257, at most 256 are accepted (https://docs.aws.amazon.com/Amazo": {
		declare("aws:ecr/repository:Repository", long(249), nil)},

	"name " + long(39) + unique + ": 65": {declare(role, "r", map[string]any{"namePrefix": long(39)})},
	"name " + long(38) + unique + ": 64": {declare(bucket, "b", map[string]any{"bucketPrefix": long(38)})},

	"tags: 51, at most 50":             {declare(queue, "q", map[string]any{"tags": many(51, "")})},
	`tag "` + long(129) + `": at most`: {declare(queue, "q", map[string]any{"tags": map[string]any{long(129): ""}})},
	`tag "key-000": at most`:           {declare(queue, "q", map[string]any{"tags": many(1, long(257))})},
	`tag "aws:x": the prefix`:          {declare(queue, "q", map[string]any{"tags": map[string]any{"aws:x": ""}})},
	"tags of an object: 11, at most 10": {
		declare("aws:s3/bucketObjectv2:BucketObjectv2", "o", map[string]any{"tags": many(11, "")})},

	"characters of the trust policy: 2049": {declare(role, "r", map[string]any{"assumeRolePolicy": " " + long(2049)})},
	"characters of inline policies: 10241": {declare(role, "r", nil),
		declare(inline, "a", map[string]any{"role": "r-id", "policy": "arn:" + long(5109)}),
		declare(inline, "b", map[string]any{"role": "r", "policy": long(5120)})},
	"characters of a managed policy: 6145": {declare("aws:iam/policy:Policy", "p", map[string]any{"policy": long(6145)})},
	"bytes of a key policy: 32769":         {declare(keyType, "k", map[string]any{"policy": long(32769)})},
	"bytes of a bucket policy: 20481": {
		declare("aws:s3/bucketPolicy:BucketPolicy", "p", map[string]any{"policy": long(20481)})},
	"bytes of a queue policy: 8193": {declare(queue, "q", map[string]any{"policy": `{"Id":"` + long(8184) + `"}`})},
	"statements of a queue policy: 21": {
		declare(queue, "q", map[string]any{"policy": `{"Statement":[{}` + strings.Repeat(",{}", 20) + `]}`})},
	"bytes of a definition: 1048577": {
		declare("aws:sfn/stateMachine:StateMachine", "m", map[string]any{"definition": long(1<<20 + 1)})},
	"characters of an event pattern": {
		declare("aws:cloudwatch/eventRule:EventRule", "r", map[string]any{"eventPattern": long(2049)})},
	"bytes of user data: 16386": {
		declare("aws:ec2/launchTemplate:LaunchTemplate", "abc", map[string]any{"userData": long(21848)})},
	"characters of a lifecycle policy": {
		declare("aws:ecr/lifecyclePolicy:LifecyclePolicy", "p", map[string]any{"policy": long(30721)})},

	`rule "a": ids are different`: {declare(lifecycle, "l", map[string]any{"rules": []any{
		map[string]any{"id": "a"}, map[string]any{"id": "a"}}})},
	"objects move to GLACIER after 90 days, to DEEP_ARCHIVE after 60": {rules(transition("DEEP_ARCHIVE", 60),
		transition("GLACIER", 90))},
	"objects move to STANDARD_IA after 29 days": {rules(transition("STANDARD_IA", 29))},
	"objects expire after 30 days and move to GLACIER after 30": {declare(lifecycle, "l", map[string]any{"rules": []any{
		map[string]any{"id": "a", "transitions": []any{transition("GLACIER", 30)},
			"expiration": map[string]any{"days": 30.0}}}})},
	"lifecycle rules: 1001":   {declare(lifecycle, "l", map[string]any{"rules": numbered(1001)})},
	"deletionWindowInDays: 6": {declare(keyType, "k", map[string]any{"deletionWindowInDays": 6.0})},
	"global secondary indexes: 21": {declare("aws:dynamodb/table:Table", "tab",
		map[string]any{"globalSecondaryIndexes": numbered(21)})},

	"timeout: 901, accepted are 1 to 900":        {declare(function, "f", map[string]any{"timeout": 901.0})},
	"memorySize: 127, accepted are 128 to 10240": {declare(function, "f", map[string]any{"memorySize": 127.0})},
	"size: 10241, accepted are 512 to 10240": {
		declare(function, "f", map[string]any{"ephemeralStorage": map[string]any{"size": 10241.0}})},
	"bytes of environment variables: 4097": {declare(function, "f", map[string]any{
		"environment": map[string]any{"variables": map[string]any{"ABC": long(4088)}}})},
	"reserved concurrency of all functions: 901": {
		declare(function, "f", map[string]any{"reservedConcurrentExecutions": 500.0}),
		declare(function, "g", map[string]any{"reservedConcurrentExecutions": 401.0})},
	"visibilityTimeoutSeconds: 43201":  {declare(queue, "q", map[string]any{"visibilityTimeoutSeconds": 43201.0})},
	"messageRetentionSeconds: 1209601": {declare(queue, "q", map[string]any{"messageRetentionSeconds": 1209601.0})},
	"delaySeconds: 901":                {declare(queue, "q", map[string]any{"delaySeconds": 901.0})},
	"maxMessageSize: 1048577":          {declare(queue, "q", map[string]any{"maxMessageSize": 1048577.0})},
	"receiveWaitTimeSeconds: 21":       {declare(queue, "q", map[string]any{"receiveWaitTimeSeconds": 21.0})},

	"a visibility timeout of 359 s: recommended are six of the function's timeouts, 360 s": mapped(359, nil),

	"batchSize: 11, accepted are 1 to 10": mapped(360, map[string]any{"batchSize": 11.0}),
	"batchSize: 10001, accepted are 1 to 10000": mapped(360, map[string]any{"batchSize": 10001.0,
		"maximumBatchingWindowInSeconds": 1.0}),
	"maximumBatchingWindowInSeconds: 301": mapped(360, map[string]any{"maximumBatchingWindowInSeconds": 301.0}),
	"maximumConcurrency: 1, accepted": mapped(360, map[string]any{
		"scalingConfig": map[string]any{"maximumConcurrency": 1.0}}),

	"129, at most 128 are accepted (https://docs.aws.amazon.com/kinesis": {
		declare(kinesisStream, long(121), map[string]any{"shardCount": 1.0})},
	"is for provisioned streams, and they need one": {declare(kinesisStream, "s", map[string]any{"shardCount": 1.0,
		"streamModeDetails": map[string]any{"streamMode": "ON_DEMAND"}})},
	"retentionPeriod: 23": {declare(kinesisStream, "s", map[string]any{"shardCount": 1.0, "retentionPeriod": 23.0})},
	"needs its starting position": {
		declare(mapping, "m", map[string]any{"eventSourceArn": "arn:aws:kinesis:us-east-1:1:stream/s"})},
	"parallelizationFactor: 11":     streamed(map[string]any{"parallelizationFactor": 11.0}),
	"maximumRetryAttempts: -2":      streamed(map[string]any{"maximumRetryAttempts": -2.0}),
	"maximumRecordAgeInSeconds: 59": streamed(map[string]any{"maximumRecordAgeInSeconds": 59.0}),
	"batchSize: 10001, accepted are 1 to 10000 (" + docs + "lambda/latest/dg/services-kinesis": streamed(
		map[string]any{"batchSize": 10001.0}),

	"alarmActions: 6, at most 5": {
		declare(alarm, "a", map[string]any{"alarmActions": []any{"1", "2", "3", "4", "5", "6"}})},
	"okActions: 6, at most 5": {
		declare(alarm, "a", map[string]any{"okActions": []any{"1", "2", "3", "4", "5", "6"}})},
	"seconds that are evaluated: 86460": {
		declare(alarm, "a", map[string]any{"period": 60.0, "evaluationPeriods": 1441.0})},
	"2 days of retention": {
		declare("aws:cloudwatch/logGroup:LogGroup", "l", map[string]any{"retentionInDays": 2.0})},
	"a block of 10.0.0.0/15": {declare("aws:ec2/vpc:Vpc", "v", map[string]any{"cidrBlock": "10.0.0.0/15"})},
}

func transition(class string, days float64) map[string]any {
	return map[string]any{"storageClass": class, "days": days}
}

func rules(transitions ...any) Resource {
	return declare(lifecycle, "l", map[string]any{"rules": []any{map[string]any{"id": "a", "transitions": transitions}}})
}

func numbered(n int) (list []any) {
	for i := range n {
		list = append(list, map[string]any{"id": fmt.Sprint(i)})
	}
	return list
}

// mapped are a function with a timeout of a minute and the queue that it takes messages from.
func mapped(visible float64, more map[string]any) []Resource {
	inputs := map[string]any{"eventSourceArn": "arn:aws:sqs:us-east-1:123456789012:q",
		"functionName": "arn:aws:lambda:us-east-1:123456789012:function:f:live"}
	maps.Copy(inputs, more)
	return []Resource{declare(queue, "q", map[string]any{"visibilityTimeoutSeconds": visible}),
		declare(function, "f", map[string]any{"timeout": 60.0}), declare(mapping, "m", inputs)}
}

// streamed is a mapping of a stream.
func streamed(more map[string]any) []Resource {
	inputs := map[string]any{"eventSourceArn": "arn:aws:kinesis:us-east-1:1:stream/s", "startingPosition": "LATEST"}
	maps.Copy(inputs, more)
	return []Resource{declare(mapping, "m", inputs)}
}

func TestRefused(t *testing.T) {
	hit := make([]bool, len(limits))
	for want, resources := range refused {
		r := &Recorder{resources: resources}
		err := r.Refused()
		if err == nil || strings.Count(err.Error(), "\n") > 0 && !strings.Contains(want, "reserved concurrency") ||
			!strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), docs) {
			t.Errorf("want %q, got %v", want, err)
		}
		d := &declared{r.Resources()}
		for i, l := range limits {
			for _, one := range resources {
				if len(l.of) == 0 || l.of[0] == one.Type {
					hit[i] = hit[i] || l.check(d, one) != ""
				}
			}
		}
	}
	for i, l := range limits {
		if !hit[i] {
			t.Errorf("no test is beyond the limit of %s (%s)", l.of, l.source)
		}
	}
}

// What is at its limit is accepted.
func TestAccepted(t *testing.T) {
	r := &Recorder{resources: append(mapped(360, map[string]any{"batchSize": 10.0}),
		declare(role, long(56), nil), declare(bucket, "b", map[string]any{"bucket": long(63)}),
		declare("aws:kms/alias:Alias", "a", map[string]any{"name": "alias/dip-lake"}),
		declare("aws:s3/bucketObjectv2:BucketObjectv2", "o", map[string]any{"tags": many(10, "")}),
		declare(alarm, "a", map[string]any{"period": 3600.0, "evaluationPeriods": 168.0,
			"alarmActions": []any{"1", "2", "3", "4", "5"}}),
		declare(keyType, "k", map[string]any{"deletionWindowInDays": 7.0}),
		rules(transition("STANDARD_IA", 30), transition("GLACIER", 90), transition("DEEP_ARCHIVE", 180)),
		rules(transition("INTELLIGENT_TIERING", 0)),
		streamed(map[string]any{"maximumRetryAttempts": -1.0, "maximumRecordAgeInSeconds": -1.0})[0],
		declare("kubernetes:core/v1:ConfigMap", "c", map[string]any{"tags": many(60, "")}),
	)}
	if err := r.Refused(); err != nil {
		t.Error(err)
	}
}
