package componenttest

import (
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// computed are a resource's inputs with the outputs that others read: what AWS would make of them, with names that
// are the logical ones.
func computed(args pulumi.MockResourceArgs) resource.PropertyMap {
	out := args.Inputs.Copy()
	set := func(key resource.PropertyKey, value string) {
		if _, given := out[key]; !given {
			out[key] = resource.NewProperty(value)
		}
	}
	text := func(key resource.PropertyKey) string {
		if v := out[key]; v.IsString() {
			return v.StringValue()
		}
		return ""
	}
	arn := func(service, path string) string {
		return strings.Join([]string{"arn:aws", service, Region, Account, path}, ":")
	}
	switch args.TypeToken {
	case "aws:s3/bucketV2:BucketV2":
		set("bucket", args.Name)
		set("arn", "arn:aws:s3:::"+args.Name)
	case "aws:kms/key:Key":
		set("keyId", args.Name)
		set("arn", arn("kms", "key/"+args.Name))
	case "aws:sqs/queue:Queue":
		set("name", args.Name)
		set("url", "https://sqs."+Region+".amazonaws.com/"+Account+"/"+args.Name)
		set("arn", arn("sqs", args.Name))
	case "aws:kinesis/stream:Stream":
		set("name", args.Name)
		set("arn", arn("kinesis", "stream/"+args.Name))
	case "aws:kinesis/streamConsumer:StreamConsumer":
		set("arn", text("streamArn")+"/consumer/"+args.Name+":1")
	case "aws:dynamodb/table:Table":
		set("name", args.Name)
		set("arn", arn("dynamodb", "table/"+args.Name))
	case "aws:backup/vault:Vault":
		set("name", args.Name)
		set("arn", arn("backup", "backup-vault:"+args.Name))
	case "aws:cloudwatch/logGroup:LogGroup":
		set("name", args.Name)
		set("arn", arn("logs", "log-group:"+args.Name))
	case "aws:cloudwatch/eventBus:EventBus":
		set("name", args.Name)
		set("arn", arn("events", "event-bus/"+args.Name))
	case "aws:secretsmanager/secret:Secret":
		set("arn", arn("secretsmanager", "secret:"+args.Name))
	case "aws:ssm/parameter:Parameter":
		set("name", args.Name)
		set("arn", arn("ssm", "parameter/"+args.Name))
	case "aws:lb/loadBalancer:LoadBalancer":
		set("arn", arn("elasticloadbalancing", "loadbalancer/net/"+args.Name))
		set("dnsName", args.Name+".elb.us-east-1.amazonaws.com")
	case "aws:lb/targetGroup:TargetGroup":
		set("arn", arn("elasticloadbalancing", "targetgroup/"+args.Name))
	case "aws:cloudwatch/metricAlarm:MetricAlarm":
		set("name", args.Name)
		set("arn", arn("cloudwatch", "alarm:"+args.Name))
	case "aws:sns/topic:Topic":
		set("arn", arn("sns", args.Name))
	case "aws:cloudwatch/eventRule:EventRule":
		set("name", args.Name)
		set("arn", arn("events", "rule/"+args.Name))
	case "aws:iam/role:Role":
		set("name", args.Name)
		set("arn", "arn:aws:iam::"+Account+":role/"+args.Name)
		set("uniqueId", "AROAUNIQUE00000000001")
	case "aws:iam/openIdConnectProvider:OpenIdConnectProvider":
		set("arn", "arn:aws:iam::"+Account+":oidc-provider/"+strings.TrimPrefix(text("url"), "https://"))
	case "aws:iam/policy:Policy":
		set("arn", "arn:aws:iam::"+Account+":policy/"+args.Name)
	case "aws:lambda/function:Function":
		set("name", args.Name)
		set("version", "1")
		set("arn", arn("lambda", "function:"+args.Name))
	case "aws:codedeploy/application:Application":
		set("name", args.Name)
	case "aws:lambda/alias:Alias":
		set("arn", arn("lambda", "function:"+text("functionName")+":"+text("name")))
	case "aws:sfn/stateMachine:StateMachine":
		set("arn", arn("states", "stateMachine:"+args.Name))
		set("stateMachineVersionArn", arn("states", "stateMachine:"+args.Name+":1"))
	case "aws:ec2/launchTemplate:LaunchTemplate":
		out["latestVersion"] = resource.NewProperty(1.0)
	case "aws:iam/instanceProfile:InstanceProfile":
		set("arn", "arn:aws:iam::"+Account+":instance-profile/"+args.Name)
	case "aws:autoscaling/group:Group":
		set("name", args.Name)
	case "aws:ecr/repository:Repository":
		set("name", args.Name)
		set("repositoryUrl", Account+".dkr.ecr."+Region+".amazonaws.com/"+args.Name)
	case "aws:eks/nodeGroup:NodeGroup":
		set("nodeGroupName", args.Name)
		set("arn", arn("eks", "nodegroup/"+text("clusterName")+"/"+args.Name+"/1"))
		out["resources"] = list(object("autoscalingGroups", list(object("name", resource.NewProperty("eks-"+args.Name)))))
	case "eks:index:Cluster":
		set("kubeconfigJson", `{"kind":"Config"}`)
	case "aws:sfn/alias:Alias":
		set("arn", arn("states", "stateMachine:"+strings.TrimSuffix(args.Name, "-"+text("name"))+"-machine:"+text("name")))
	}
	return out
}

func object(key resource.PropertyKey, v resource.PropertyValue) resource.PropertyValue {
	return resource.NewProperty(resource.PropertyMap{key: v})
}

func list(v resource.PropertyValue) resource.PropertyValue {
	return resource.NewProperty([]resource.PropertyValue{v})
}
