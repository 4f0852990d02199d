package rights

import (
	"fmt"
	"maps"
	"strings"

	"dip/local/emulator"
)

// call is a call of a role or a service, and why it is made if it was not observed.
type call struct {
	emulator.Call
	why string // empty: observed
}

// multipart is what the emulator adds to the condition keys of requests that are part of a multipart upload. It is not
// one of AWS's.
const multipart = "dip:multipart"

// add appends a call of a principal, which is a role's ARN or a service's name.
func (c *calls) add(why, principal, action, resource string, context map[string]any) {
	if context == nil {
		context = map[string]any{}
	}
	*c = append(*c, call{emulator.Call{Principal: principal, Action: action, Resource: resource, Context: context}, why})
}

type calls []call

// all is the observed calls with what they imply, and with what the stack's services do on behalf of its roles.
func (s *Stack) all(observed []emulator.Call) calls {
	var all calls
	for _, o := range observed {
		s.keysFor(&all, o)
		keys := map[string]any{}
		maps.Copy(keys, o.Context)
		delete(keys, multipart)
		o.Context = keys
		all = append(all, call{Call: o})
	}
	for _, rule := range []func(*calls){
		s.functionsRun, s.mappingsPoll, s.workflowsLog, s.schedulesFire, s.bucketsNotify, s.rulesSend, s.alarmsTell,
		s.podsStart, s.flowsAreLogged, s.nodesStart, s.deploymentsRun,
	} {
		rule(&all)
	}
	return all
}

// keysFor adds what a call to something encrypted needs of its key. Sources: "Protecting data using server-side
// encryption with KMS keys" of the S3 user guide, "Multipart upload API and permissions" for the parts;
// "Encryption at rest: usage notes" of the DynamoDB developer guide; "Key management" of the SQS developer guide;
// "Permissions to use user-generated KMS keys" of the Kinesis developer guide.
func (s *Stack) keysFor(all *calls, o emulator.Call) {
	service, operation, _ := strings.Cut(o.Action, ":")
	var resource, key string
	var actions []string
	switch service {
	case "s3":
		resource, _, _ = strings.Cut(o.Resource, "/")
		key = s.keys()[resource]
		switch operation {
		case "GetObject", "GetObjectVersion":
			actions = []string{"kms:Decrypt"}
		case "PutObject":
			actions = []string{"kms:GenerateDataKey"}
			if o.Context[multipart] != nil {
				actions = append(actions, "kms:Decrypt")
			}
		}
	case "dynamodb":
		resource, _, _ = strings.Cut(o.Resource, "/index/")
		key, actions = s.keys()[resource], []string{"kms:Decrypt"}
	case "sqs":
		key = s.keys()[o.Resource]
		switch operation {
		case "SendMessage":
			actions = []string{"kms:GenerateDataKey", "kms:Decrypt"}
		case "ReceiveMessage":
			actions = []string{"kms:Decrypt"}
		}
	case "kinesis":
		key, actions = s.keys()[o.Resource], keysOfStreams[operation]
	}
	if key == "" {
		return
	}
	for _, action := range actions {
		all.add(o.Action+" on what a key encrypts", o.Principal, action, key, map[string]any{
			"kms:ViaService":    service + "." + s.Region + ".amazonaws.com",
			"kms:CallerAccount": s.Account,
		})
	}
}

const bucketEncryption = "aws:s3/bucketServerSideEncryptionConfigurationV2:" +
	"BucketServerSideEncryptionConfigurationV2"

// keys are the keys by the ARNs of what they encrypt.
func (s *Stack) keys() map[string]string {
	keys := map[string]string{}
	for _, r := range s.byType[bucketEncryption] {
		keys[bucketARN(r.text("bucket"))] = r.text("rules", "applyServerSideEncryptionByDefault", "kmsMasterKeyId")
	}
	for _, r := range s.byType["aws:dynamodb/table:Table"] {
		keys[r.text("arn")] = r.text("serverSideEncryption", "kmsKeyArn")
	}
	for _, r := range s.byType["aws:sqs/queue:Queue"] {
		keys[r.text("arn")] = s.keyARN(r.text("kmsMasterKeyId"))
	}
	for _, r := range s.byType["aws:kinesis/stream:Stream"] {
		keys[r.text("arn")] = s.keyARN(r.text("kmsKeyId"))
	}
	return keys
}

// keyARN is the ARN of a key given by ARN or id; empty for none and for AWS's own keys, which need no right.
func (s *Stack) keyARN(key string) string {
	switch {
	case key == "" || strings.HasPrefix(key, "alias/aws/"):
		return ""
	case strings.HasPrefix(key, "arn:"):
		return key
	default:
		return s.arn("kms", "key/"+key)
	}
}

// takes adds that a service takes a role, with the condition keys that it is documented to send. Most name the account
// for which they act: see "Cross-service confused deputy prevention" in the service's guide.
func (s *Stack) takes(all *calls, service, role string, context map[string]any, actions ...string) {
	for _, action := range append([]string{"sts:AssumeRole"}, actions...) {
		all.add(service+" takes its role", service, action, role, context)
	}
}

// forAccount is the condition key of services that say for which account they act.
func (s *Stack) forAccount() map[string]any { return map[string]any{"aws:SourceAccount": s.Account} }

// functionsRun: Lambda takes a function's role, with it writes its log, and buries events that failed.
// Source: "Defining Lambda function permissions with an execution role" of the Lambda developer guide.
func (s *Stack) functionsRun(all *calls) {
	for _, r := range s.byType["aws:lambda/function:Function"] {
		role, group := r.text("role"), r.text("loggingConfig", "logGroup")
		s.takes(all, "lambda.amazonaws.com", role, nil) // no documentation says that Lambda names the account
		s.writesLog(all, "Lambda writes the log of "+r.name(), role, group)
		if r.text("tracingConfig", "mode") == "Active" {
			all.traces("Lambda traces "+r.name(), role)
		}
		if queue := r.text("deadLetterConfig", "targetArn"); queue != "" {
			all.add("Lambda buries events of "+r.name(), role, "sqs:SendMessage", queue, nil)
		}
	}
}

// traces adds what is sent to X-Ray. Sources: "Visualize Lambda function invocations using AWS X-Ray", and "IAM policies
// for state machines with X-Ray tracing" for the actions besides.
func (all *calls) traces(why, role string, besides ...string) {
	for _, action := range append([]string{"PutTraceSegments", "PutTelemetryRecords"}, besides...) {
		all.add(why, role, "xray:"+action, "*", nil)
	}
}

// writesLog adds a stream in a log group and what is put there.
func (s *Stack) writesLog(all *calls, why, role, group string) {
	stream := s.arn("logs", "log-group:"+group+":log-stream:example")
	all.add(why, role, "logs:CreateLogStream", stream, nil)
	all.add(why, role, "logs:PutLogEvents", stream, nil)
}

// mappingsPoll: Lambda takes messages from queues with the function's role. Source: "Using Lambda with Amazon SQS",
// execution role permissions.
func (s *Stack) mappingsPoll(all *calls) {
	roles := map[string]string{} // by the function's ARN
	for _, r := range s.byType["aws:lambda/function:Function"] {
		roles[r.text("arn")] = r.text("role")
	}
	for _, r := range s.byType["aws:lambda/eventSourceMapping:EventSourceMapping"] {
		parts := strings.Split(r.text("functionName"), ":")
		function := strings.Join(parts[:min(7, len(parts))], ":")
		if strings.Contains(r.text("eventSourceArn"), ":kinesis:") {
			s.mappingReads(all, r, roles[function])
			continue
		}
		for _, action := range []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"} {
			all.add("Lambda polls for "+r.name(), roles[function], action, r.text("eventSourceArn"), nil)
		}
	}
}

// workflowsLog: Step Functions takes a workflow's role and delivers its log. Source: "Using CloudWatch Logs to log
// execution history" of the Step Functions developer guide, IAM policies.
func (s *Stack) workflowsLog(all *calls) {
	for _, r := range s.byType["aws:sfn/stateMachine:StateMachine"] {
		role := r.text("roleArn")
		s.takes(all, "states.amazonaws.com", role, s.forAccount())
		if r.on("tracingConfiguration", "enabled") {
			all.traces("Step Functions traces "+r.name(), role, "GetSamplingRules", "GetSamplingTargets")
		}
		if level := r.text("loggingConfiguration", "level"); level == "" || level == "OFF" {
			continue
		}
		for _, action := range []string{"CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery",
			"ListLogDeliveries", "PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups"} {
			all.add("Step Functions delivers the log of "+r.name(), role, "logs:"+action, "*", nil)
		}
	}
}

// schedulesFire: EventBridge Scheduler takes a schedule's role and calls its function.
func (s *Stack) schedulesFire(all *calls) {
	for _, r := range s.byType["aws:scheduler/schedule:Schedule"] {
		role := r.text("target", "roleArn")
		s.takes(all, "scheduler.amazonaws.com", role, s.forAccount())
		all.add("the schedule "+r.name()+" fires", role, "lambda:InvokeFunction", r.text("target", "arn"), nil)
	}
}

// bucketsNotify: S3 sends events to queues, by the queues' policies.
func (s *Stack) bucketsNotify(all *calls) {
	for _, r := range s.byType["aws:s3/bucketNotification:BucketNotification"] {
		all.add(r.name()+" announces objects", "s3.amazonaws.com", "sqs:SendMessage", r.text("queues", "queueArn"),
			map[string]any{"aws:SourceArn": bucketARN(r.text("bucket")), "aws:SourceAccount": s.Account})
	}
}

// sends are the actions of EventBridge on targets that are not topics, by service.
var sends = map[string]string{"sqs": "sqs:SendMessage", "lambda": "lambda:InvokeFunction"}

// rulesSend: EventBridge sends events to queues, topics and functions, by their policies. Source: "Using resource-based
// policies for Amazon EventBridge" of the EventBridge user guide.
func (s *Stack) rulesSend(all *calls) {
	rules := map[string]string{} // ARNs by name
	for _, r := range s.byType["aws:cloudwatch/eventRule:EventRule"] {
		rules[r.text("name")] = r.text("arn")
	}
	for _, r := range s.byType["aws:cloudwatch/eventTarget:EventTarget"] {
		for service, action := range sends {
			if strings.HasPrefix(r.text("arn"), "arn:aws:"+service+":") {
				all.add("the rule of "+r.name()+" fires", "events.amazonaws.com", action, r.text("arn"),
					map[string]any{"aws:SourceArn": rules[r.text("rule")], "aws:SourceAccount": s.Account})
			}
		}
		// To the topic's key, EventBridge does not say for whom it publishes ("Key management" of the SNS developer guide).
		s.publishes(all, "the rule of "+r.name()+" fires", "events.amazonaws.com", r.text("arn"),
			map[string]any{"aws:SourceArn": rules[r.text("rule")], "aws:SourceAccount": s.Account}, nil)
	}
}

// alarmsTell: CloudWatch publishes to topics, by the policies of topics and of their keys.
func (s *Stack) alarmsTell(all *calls) {
	for _, r := range s.byType["aws:cloudwatch/compositeAlarm:CompositeAlarm"] {
		from := map[string]any{"aws:SourceArn": r.text("arn"), "aws:SourceAccount": s.Account}
		topics, _ := r.Outputs["alarmActions"].([]any)
		for _, topic := range topics {
			s.publishes(all, "the alarm "+r.name()+" fires", "cloudwatch.amazonaws.com", fmt.Sprint(topic), from, from)
		}
	}
}

// publishes is what a service needs to publish to one of the stack's topics, and to its key.
func (s *Stack) publishes(all *calls, why, service, topic string, toTopic, toKey map[string]any) {
	for _, r := range s.byType["aws:sns/topic:Topic"] {
		if r.text("arn") != topic {
			continue
		}
		all.add(why, service, "sns:Publish", topic, toTopic)
		if key := r.text("kmsMasterKeyId"); key != "" {
			all.add(why, service, "kms:GenerateDataKey", s.keyARN(key), toKey)
			all.add(why, service, "kms:Decrypt", s.keyARN(key), toKey)
		}
	}
}

// podsStart: EKS Pod Identity takes the role of a service account, and tags its session. Source: "Grant Pods access to
// AWS resources based on tags" of the EKS user guide.
func (s *Stack) podsStart(all *calls) {
	for _, r := range s.byType["aws:eks/podIdentityAssociation:PodIdentityAssociation"] {
		cluster := r.text("clusterName")
		s.takes(all, "pods.eks.amazonaws.com", r.text("roleArn"), map[string]any{
			"aws:SourceAccount":                         s.Account,
			"aws:SourceArn":                             s.arn("eks", "cluster/"+cluster),
			"aws:RequestTag/eks-cluster-arn":            s.arn("eks", "cluster/"+cluster),
			"aws:RequestTag/eks-cluster-name":           cluster,
			"aws:RequestTag/kubernetes-namespace":       r.text("namespace"),
			"aws:RequestTag/kubernetes-service-account": r.text("serviceAccount"),
			"aws:RequestTag/kubernetes-pod-name":        "example",
			"aws:RequestTag/kubernetes-pod-uid":         "example",
		}, "sts:TagSession")
	}
}

// flowsAreLogged: VPC takes a flow log's role and writes the log. Source: "IAM role for publishing flow logs to
// CloudWatch Logs" of the VPC user guide; a group that exists is not created.
func (s *Stack) flowsAreLogged(all *calls) {
	for _, r := range s.byType["aws:ec2/flowLog:FlowLog"] {
		role := r.text("iamRoleArn")
		if role == "" {
			continue
		}
		why := "VPC writes " + r.name()
		group := strings.TrimSuffix(r.text("logDestination"), ":*")
		s.takes(all, "vpc-flow-logs.amazonaws.com", role, s.forAccount())
		s.writesLog(all, why, role, group[strings.LastIndexByte(group, ':')+1:])
		all.add(why, role, "logs:DescribeLogGroups", "*", nil)
		all.add(why, role, "logs:DescribeLogStreams", group+":*", nil)
	}
}

// nodesStart: EC2 takes the role of a cluster's nodes, EKS that of the cluster.
func (s *Stack) nodesStart(all *calls) {
	for _, r := range s.byType["aws:iam/instanceProfile:InstanceProfile"] {
		if role := s.roleNamed(r.text("role")); role != nil {
			all.add("EC2 starts instances of "+r.name(), "ec2.amazonaws.com", "sts:AssumeRole", role.ARN, nil)
		}
	}
	for _, r := range s.byType["aws:eks/nodeGroup:NodeGroup"] {
		all.add("EC2 starts nodes of "+r.name(), "ec2.amazonaws.com", "sts:AssumeRole", r.text("nodeRoleArn"), nil)
	}
	for _, r := range s.byType["aws:eks/cluster:Cluster"] {
		s.takes(all, "eks.amazonaws.com", r.text("roleArn"), s.forAccount())
	}
}
