package componenttest

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// limit is something that AWS refuses, and that a preview does not show.
type limit struct {
	of     []string // types of the resources that it is one of; none: all of AWS
	source string
	check  func(d *declared, r Resource) string // says what is refused; "" if nothing is
}

const docs = "https://docs.aws.amazon.com/"

// Types that several limits are of.
const (
	role     = "aws:iam/role:Role"
	function = "aws:lambda/function:Function"
	queue    = "aws:sqs/queue:Queue"
	bucket   = "aws:s3/bucketV2:BucketV2"
	alarm    = "aws:cloudwatch/metricAlarm:MetricAlarm"

	kinesisStream = "aws:kinesis/stream:Stream"

	compositeAlarm = "aws:cloudwatch/compositeAlarm:CompositeAlarm"

	application      = "aws:codedeploy/application:Application"
	deploymentGroup  = "aws:codedeploy/deploymentGroup:DeploymentGroup"
	deploymentConfig = "aws:codedeploy/deploymentConfig:DeploymentConfig"
)

// limits lists what AWS refuses of what a stack declares. What it refuses of calls is in local/emulator/limits.py.
var limits = slices.Concat(nameLimits, policyLimits, computeLimits, storageLimits, streamLimits)

// nameLimits are of the names that resources get in AWS.
var nameLimits = []limit{
	named(role, 64, `[\w+=,.@-]+`, "IAM/latest/UserGuide/reference_iam-quotas.html"),
	named("aws:iam/policy:Policy", 128, `[\w+=,.@-]+`, "IAM/latest/UserGuide/reference_iam-quotas.html"),
	named("aws:iam/instanceProfile:InstanceProfile", 128, `[\w+=,.@-]+`,
		"IAM/latest/UserGuide/reference_iam-quotas.html"),
	named(function, 64, `[a-zA-Z0-9_-]+`, "lambda/latest/api/API_CreateFunction.html"),
	named(kinesisStream, 128, `[a-zA-Z0-9_.-]+`, "kinesis/latest/APIReference/API_CreateStream.html"),
	named(queue, 80, `[a-zA-Z0-9_-]+(\.fifo)?`,
		"AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html"),
	named(bucket, 63, `[a-z0-9][a-z0-9.-]+[a-z0-9]`, "AmazonS3/latest/userguide/bucketnamingrules.html"),
	named("aws:cloudwatch/logGroup:LogGroup", 512, `[a-zA-Z0-9_/.#-]+`,
		"AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html"),
	named("aws:sfn/stateMachine:StateMachine", 80, `[a-zA-Z0-9_-]+`,
		"step-functions/latest/apireference/API_CreateStateMachine.html"),
	named("aws:kms/alias:Alias", 256, `alias/[a-zA-Z0-9/_-]+`, "kms/latest/APIReference/API_CreateAlias.html"),
	named("aws:dynamodb/table:Table", 255, `[a-zA-Z0-9_.-]{3,}`,
		"amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html"),
	named(alarm, 255, `.+`, "AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"),
	named(compositeAlarm, 255, `.+`, "AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html"),
	named("aws:sns/topic:Topic", 256, `[a-zA-Z0-9_-]+`, "sns/latest/api/API_CreateTopic.html"),
	named(application, 100, `.+`, "codedeploy/latest/APIReference/API_CreateApplication.html"),
	named(deploymentGroup, 100, `.+`, "codedeploy/latest/APIReference/API_CreateDeploymentGroup.html"),
	named(deploymentConfig, 100, `.+`, "codedeploy/latest/APIReference/API_CreateDeploymentConfig.html"),
	named("aws:cloudwatch/eventBus:EventBus", 256, `[/.\w-]+`, "eventbridge/latest/APIReference/API_CreateEventBus.html"),
	named("aws:cloudwatch/eventRule:EventRule", 64, `[.\w-]+`, "eventbridge/latest/APIReference/API_PutRule.html"),
	named("aws:scheduler/schedule:Schedule", 64, `[\w.-]+`, "scheduler/latest/APIReference/API_CreateSchedule.html"),
	named("aws:ec2/launchTemplate:LaunchTemplate", 128, `[a-zA-Z0-9().\-/_]{3,}`,
		"AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html"),
	named("aws:autoscaling/group:Group", 255, `.+`,
		"autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html"),
	named("aws:eks/nodeGroup:NodeGroup", 63, `[a-zA-Z0-9][\w-]*`, "eks/latest/APIReference/API_CreateNodegroup.html"),
	named("eks:index:Cluster", 100, `[0-9A-Za-z][A-Za-z0-9_-]*`, "eks/latest/APIReference/API_CreateCluster.html"),
	named("aws:ecr/repository:Repository", 256, `[a-z0-9]+([._/-][a-z0-9]+)*`,
		"AmazonECR/latest/APIReference/API_CreateRepository.html"),
	{
		source: docs + "tag-editor/latest/userguide/tagging.html",
		check: func(_ *declared, r Resource) string {
			for key, value := range r.inputs().object("tags") {
				text, _ := value.(string)
				switch {
				case utf8.RuneCountInString(key) > 128, utf8.RuneCountInString(text) > 256:
					return fmt.Sprintf("tag %q: at most 128 characters and 256 of its value", key)
				case strings.HasPrefix(key, "aws:"):
					return fmt.Sprintf("tag %q: the prefix is AWS's own", key)
				}
			}
			return above(len(r.inputs().object("tags")), 50, "tags")
		},
	},
	{
		of:     []string{"aws:s3/bucketObjectv2:BucketObjectv2", "aws:s3/bucketObject:BucketObject"},
		source: docs + "AmazonS3/latest/userguide/object-tagging.html",
		check: func(_ *declared, r Resource) string {
			return above(len(r.inputs().object("tags")), 10, "tags of an object")
		},
	},
}

// suffix is what the engine appends to a name that a resource does not set: a hyphen and seven hexadecimal digits.
const suffix = "-0123456"

// unique is what the provider appends to a name prefix: the time and a counter.
const unique = "20060102150405000000000001"

// nameProperties and prefixProperties are the properties that hold a resource's name or its beginning, of types where
// these are not "name" and "namePrefix".
var (
	nameProperties = map[string]string{
		bucket: "bucket", "aws:eks/nodeGroup:NodeGroup": "nodeGroupName", compositeAlarm: "alarmName",
		deploymentGroup: "deploymentGroupName", deploymentConfig: "deploymentConfigName",
	}
	prefixProperties = map[string]string{bucket: "bucketPrefix", "aws:eks/nodeGroup:NodeGroup": "nodeGroupNamePrefix"}
)

// named is the limit of a type's names: their length and their form.
func named(kind string, length int, form, page string) limit {
	whole := regexp.MustCompile(`^` + form + `$`)
	return limit{of: []string{kind}, source: docs + page, check: func(_ *declared, r Resource) string {
		name := r.inputs().text(cmp.Or(nameProperties[kind], "name"))
		if prefix := r.inputs().text(cmp.Or(prefixProperties[kind], "namePrefix")); name == "" && prefix != "" {
			name = prefix + unique
		}
		if name == "" {
			name = r.Name + suffix
			if kind == "aws:kms/alias:Alias" {
				name = "alias/" + name
			}
		}
		if !whole.MatchString(name) {
			return fmt.Sprintf("the name %q does not have the form %s", name, form)
		}
		return above(len(name), length, "characters of the name "+name)
	}}
}

// above says that there is more of something than accepted.
func above(found, accepted int, what string) string {
	if found <= accepted {
		return ""
	}
	return fmt.Sprintf("%s: %d, at most %d are accepted", what, found, accepted)
}

// outside says that a setting that is given is not within its limits.
func outside(v values, name string, least, most float64) string {
	given, ok := v[name].(float64)
	if !ok || least <= given && given <= most {
		return ""
	}
	return fmt.Sprintf("%s: %.0f, accepted are %.0f to %.0f", name, given, least, most)
}

// values are inputs as plain Go values.
type values map[string]any

func (r Resource) inputs() values { return r.Inputs.Mappable() }

func (v values) text(name string) string {
	text, _ := v[name].(string)
	return text
}

func (v values) number(name string) float64 {
	number, _ := v[name].(float64)
	return number
}

func (v values) object(name string) values {
	object, _ := v[name].(map[string]any)
	return object
}

func (v values) list(name string) []values {
	var all []values
	list, _ := v[name].([]any)
	for _, one := range list {
		if object, ok := one.(map[string]any); ok {
			all = append(all, object)
		}
	}
	return all
}

// declared is everything that a program registered.
type declared struct{ resources []Resource }

// find is the resource of a type whose ARN is that of its logical name, as computed makes it.
func (d *declared) find(kind, name string) (Resource, bool) {
	i := slices.IndexFunc(d.resources, func(r Resource) bool { return r.Type == kind && r.Name == name })
	if i < 0 {
		return Resource{}, false
	}
	return d.resources[i], true
}

// Refused lists everything that AWS would refuse of what was registered, each with its source.
func (r *Recorder) Refused() error {
	d := &declared{r.Resources()}
	var errs []error
	for _, one := range d.resources {
		if !strings.HasPrefix(one.Type, "aws:") && !strings.HasPrefix(one.Type, "eks:") {
			continue
		}
		for _, l := range limits {
			if len(l.of) > 0 && !slices.Contains(l.of, one.Type) {
				continue
			}
			if text := l.check(d, one); text != "" {
				errs = append(errs, fmt.Errorf("AWS refuses %s %s: %s (%s)", one.Type, one.Name, text, l.source))
			}
		}
	}
	return errors.Join(errs...)
}
