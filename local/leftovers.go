package local

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
)

// inventory is one call that lists resources of one kind. A call in a JSON protocol has a target, one in the query
// protocol an action.
type inventory struct {
	kind, service  string
	target, action string
	body           string // JSON
	name           *regexp.Regexp
	ignore         *regexp.Regexp // what an empty account contains
}

func jsonField(name string) *regexp.Regexp {
	return regexp.MustCompile(`"` + name + `": ?"([^"]+)"`)
}

func xmlField(name string) *regexp.Regexp {
	return regexp.MustCompile(`<` + name + `>([^<]+)</` + name + `>`)
}

// inventories lists everything that every stack's components create and that could outlive the stack. Keys are
// excluded: AWS only schedules their deletion.
var inventories = []inventory{
	{kind: "bucket", service: "s3", name: xmlField("Name")},
	{kind: "queue", service: "sqs", target: "AmazonSQS.ListQueues", body: "{}",
		name: regexp.MustCompile(`"(https?://[^"]+)"`)},
	{kind: "table", service: "dynamodb", target: "DynamoDB_20120810.ListTables", body: "{}",
		name: regexp.MustCompile(`"([\w.-]+)"[,\]]`)},
	{kind: "state machine", service: "states", target: "AWSStepFunctions.ListStateMachines", body: "{}",
		name: jsonField("name")},
	{kind: "event bus", service: "events", target: "AWSEvents.ListEventBuses", body: "{}", name: jsonField("Name"),
		ignore: regexp.MustCompile(`^default$`)},
	{kind: "event rule", service: "events", target: "AWSEvents.ListRules", body: "{}", name: jsonField("Name")},
	{kind: "log group", service: "logs", target: "Logs_20140328.DescribeLogGroups", body: "{}",
		name: jsonField("logGroupName")},
	{kind: "role", service: "iam", action: "ListRoles", name: xmlField("RoleName"),
		ignore: regexp.MustCompile(`^AWSServiceRole`)},
	{kind: "policy", service: "iam", action: "ListPolicies&Scope=Local", name: xmlField("PolicyName")},
	{kind: "alarm", service: "monitoring", name: xmlField("AlarmName"),
		action: "DescribeAlarms&AlarmTypes.member.1=MetricAlarm&AlarmTypes.member.2=CompositeAlarm"},
	{kind: "topic", service: "sns", action: "ListTopics", name: xmlField("TopicArn")},
	{kind: "function", service: "lambda", name: jsonField("FunctionName")},
	{kind: "schedule", service: "scheduler", name: jsonField("Name")},
	{kind: "parameter", service: "ssm", target: "AmazonSSM.DescribeParameters", body: `{"MaxResults": 50}`,
		name: jsonField("Name"), ignore: regexp.MustCompile(`^/aws/`)},
}

// clusterInventories are those of stacks with a cluster, without what is deleted with its cluster, network or group.
var clusterInventories = []inventory{
	{kind: "cluster", service: "eks", name: regexp.MustCompile(`"([\w.-]+)"[,\]]`)},
	{kind: "Auto Scaling group", service: "autoscaling", action: "DescribeAutoScalingGroups",
		name: xmlField("AutoScalingGroupName")},
	{kind: "load balancer", service: "elasticloadbalancing", action: "DescribeLoadBalancers" + loadBalancing,
		name: xmlField("LoadBalancerName")},
	{kind: "target group", service: "elasticloadbalancing", action: "DescribeTargetGroups" + loadBalancing,
		name: xmlField("TargetGroupName")},
	{kind: "launch template", service: "ec2", action: "DescribeLaunchTemplates", name: xmlField("launchTemplateName")},
	{kind: "instance", service: "ec2", action: "DescribeInstances" + filter("instance-state-name", "pending", "running",
		"stopping", "stopped"), name: xmlField("instanceId")},
	{kind: "volume", service: "ec2", action: "DescribeVolumes", name: xmlField("volumeId")},
	{kind: "network interface", service: "ec2", action: "DescribeNetworkInterfaces", name: xmlField("networkInterfaceId")},
	{kind: "VPC", service: "ec2", action: "DescribeVpcs" + filter("is-default", "false"), name: xmlField("vpcId")},
	{kind: "subnet", service: "ec2", action: "DescribeSubnets" + filter("default-for-az", "false"),
		name: xmlField("subnetId")},
	{kind: "security group", service: "ec2", action: "DescribeSecurityGroups", name: xmlField("groupName"),
		ignore: regexp.MustCompile(`^default$`)},
	// The default VPC has a route table, which is associated.
	{kind: "route table", service: "ec2", action: "DescribeRouteTables",
		name: regexp.MustCompile(`<associationSet/>\s*<routeTableId>([^<]+)<`)},
	{kind: "internet gateway", service: "ec2", action: "DescribeInternetGateways", name: xmlField("internetGatewayId")},
	{kind: "NAT gateway", service: "ec2",
		action: "DescribeNatGateways" + filter("state", "pending", "available", "failed"), name: xmlField("natGatewayId")},
	{kind: "address", service: "ec2", action: "DescribeAddresses", name: xmlField("publicIp")},
	{kind: "VPC endpoint", service: "ec2", action: "DescribeVpcEndpoints", name: xmlField("vpcEndpointId")},
	{kind: "flow log", service: "ec2", action: "DescribeFlowLogs", name: xmlField("flowLogId")},
	{kind: "repository", service: "ecr", target: "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories", body: "{}",
		name: jsonField("repositoryName")},
	{kind: "instance profile", service: "iam", action: "ListInstanceProfiles", name: xmlField("InstanceProfileName")},
	{kind: "OIDC provider", service: "iam", action: "ListOpenIDConnectProviders", name: xmlField("Arn")},
	{kind: "key alias", service: "kms", target: "TrentService.ListAliases", body: "{}", name: jsonField("AliasName"),
		ignore: regexp.MustCompile(`^alias/aws/`)},
}

// loadBalancing is the version of the API that has Network Load Balancers.
const loadBalancing = "&Version=2015-12-01"

// filter limits an EC2 list to resources with one of the values.
func filter(name string, values ...string) string {
	text := "&Filter.1.Name=" + name
	for i, value := range values {
		text += fmt.Sprintf("&Filter.1.Value.%d=%s", i+1, value)
	}
	return text
}

// paths of the services whose lists are plain GET requests.
var paths = map[string]string{"s3": "/", "lambda": "/2015-03-31/functions/", "scheduler": "/schedules",
	"eks": "/clusters"}

// leftovers names the resources of those kinds that are still in the emulator.
func leftovers(ctx context.Context, d Daemon, kinds []inventory) ([]string, error) {
	var found []string
	for _, i := range kinds {
		text, err := i.ask(ctx, d)
		if err != nil {
			return nil, fmt.Errorf("list leftovers of kind %s: %w", i.kind, err)
		}
		for _, m := range i.name.FindAllStringSubmatch(text, -1) {
			if i.ignore == nil || !i.ignore.MatchString(m[1]) {
				found = append(found, i.kind+" "+m[1])
			}
		}
	}
	return found, nil
}

func (i inventory) ask(ctx context.Context, d Daemon) (string, error) {
	method, path, headers, body, err := i.request()
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, method, d.Endpoint+path, nil)
	if err != nil {
		return "", err
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	text, err := d.Key.Send(req, i.service, Region, []byte(body))
	if err == nil && i.target != "" && !json.Valid(text) {
		err = fmt.Errorf("the emulator did not return JSON: %s", text)
	}
	return string(text), err
}

// request is the request that lists the resources, in the protocol of their service.
func (i inventory) request() (method, path string, headers map[string]string, body string, err error) {
	switch {
	case i.target != "":
		headers = map[string]string{"X-Amz-Target": i.target, "Content-Type": "application/x-amz-json-1.0"}
		return http.MethodPost, "/", headers, i.body, nil
	case i.action != "":
		form, err := url.ParseQuery("Action=" + i.action)
		headers = map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
		return http.MethodPost, "/", headers, form.Encode(), err
	default:
		return http.MethodGet, paths[i.service], nil, "", nil
	}
}
