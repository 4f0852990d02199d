package local

import (
	"context"
	"errors"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dip/internal/testenv"
	"dip/local/emulator"
)

// account is an empty emulator.
type account struct {
	t *testing.T
	Daemon
}

func newAccount(t *testing.T) account {
	t.Helper()
	e, err := emulator.Start(context.WithoutCancel(t.Context()),
		emulator.Options{AccountID: Account, Region: Region, Log: os.Stderr})
	if errors.Is(err, emulator.ErrUnavailable) {
		testenv.Missing(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			t.Error(err)
		}
	})
	return account{t, Daemon{Endpoint: e.Endpoint(), Key: e.Key()}}
}

// post sends a request to a service and returns the first match of a pattern in the response.
func (a account) post(service, path, target, contentType, body, pattern string) string {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), http.MethodPost, a.Endpoint+path, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	if target != "" {
		req.Header.Set("X-Amz-Target", target)
	}
	req.Header.Set("Content-Type", contentType)
	text, err := a.Key.Send(req, service, Region, []byte(body))
	m := regexp.MustCompile(pattern).FindSubmatch(text)
	if err != nil || m == nil {
		a.t.Fatalf("%s: no %q: %s, %v", body, pattern, text, err)
	}
	return string(m[len(m)-1])
}

func (a account) query(service, action, pattern string) string {
	a.t.Helper()
	return a.post(service, "/", "", "application/x-www-form-urlencoded", "Action="+action, pattern)
}

func (a account) json(service, target, body, pattern string) string {
	a.t.Helper()
	return a.post(service, "/", target, "application/x-amz-json-1.1", body, pattern)
}

// Every kind of resource that a stack with a cluster creates is found if it is left, and an empty account has none.
func TestLeftoversOfAStackWithACluster(t *testing.T) {
	a := newAccount(t)
	kinds := slices.Concat(inventories, clusterInventories)
	if left, err := leftovers(t.Context(), a.Daemon, kinds); err != nil || len(left) > 0 {
		t.Fatalf("an empty account has %q, %v", left, err)
	}
	vpc := a.query("ec2", "CreateVpc&CidrBlock=10.0.0.0/16", "vpc-[0-9a-f]{17}")
	subnet := a.query("ec2", "CreateSubnet&CidrBlock=10.0.0.0/24&VpcId="+vpc, "subnet-[0-9a-f]{17}")
	a.query("ec2", "CreateSecurityGroup&GroupName=nodes&GroupDescription=x&VpcId="+vpc, "sg-[0-9a-f]{17}")
	a.query("ec2", "CreateRouteTable&VpcId="+vpc, "rtb-[0-9a-f]{17}")
	a.query("ec2", "CreateInternetGateway", "igw-[0-9a-f]{17}")
	address := a.query("ec2", "AllocateAddress&Domain=vpc", "eipalloc-[0-9a-f]{17}")
	a.query("ec2", "CreateNatGateway&SubnetId="+subnet+"&AllocationId="+address, "nat-[0-9a-f]{17}")
	a.query("ec2", "CreateVpcEndpoint&ServiceName=com.amazonaws.us-east-1.s3&VpcId="+vpc, "vpce-[0-9a-f]{17}")
	a.json("logs", "Logs_20140328.CreateLogGroup", `{"logGroupName": "flows"}`, "")
	a.query("ec2", "CreateFlowLogs&ResourceType=VPC&ResourceId.1="+vpc+"&TrafficType=ALL&LogGroupName=flows"+
		"&DeliverLogsPermissionArn=arn:aws:iam::123456789012:role/r", "fl-[0-9a-f]{17}")
	a.query("ec2", "CreateVolume&AvailabilityZone=us-east-1a&Size=1", "vol-[0-9a-f]{17}")
	template := a.query("ec2",
		"CreateLaunchTemplate&LaunchTemplateName=nodes&LaunchTemplateData.ImageId=ami-12c6146b"+
			"&LaunchTemplateData.InstanceType=c5.large", "lt-[0-9a-f]{17}")
	a.query("autoscaling",
		"CreateAutoScalingGroup&AutoScalingGroupName=nodes&MinSize=1&MaxSize=1&VPCZoneIdentifier="+subnet+
			"&LaunchTemplate.LaunchTemplateId="+template, "")
	a.query("elasticloadbalancing", "CreateLoadBalancer&Name=gateway&Type=network&Subnets.member.1="+subnet+loadBalancing,
		"")
	a.query("elasticloadbalancing", "CreateTargetGroup&Name=gateway&Protocol=TCP&Port=30443&VpcId="+vpc+loadBalancing, "")
	a.json("ecr", "AmazonEC2ContainerRegistry_V20150921.CreateRepository", `{"repositoryName": "images"}`, "images")
	a.query("iam", "CreateInstanceProfile&InstanceProfileName=nodes", "nodes")
	a.query("iam", "CreateOpenIDConnectProvider&Url=https://oidc.example/x&ThumbprintList.member.1="+
		strings.Repeat("0", 40), "")
	key := a.json("kms", "TrentService.CreateKey", "{}", `"KeyId": ?"([^"]+)"`)
	a.json("kms", "TrentService.CreateAlias", `{"AliasName": "alias/secrets", "TargetKeyId": "`+key+`"}`, "")
	a.post("eks", "/clusters", "", "application/json",
		`{"name": "c", "roleArn": "arn:aws:iam::123456789012:role/r", "resourcesVpcConfig": {"subnetIds": ["`+subnet+`"]}}`,
		"")

	left, err := leftovers(t.Context(), a.Daemon, clusterInventories)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range clusterInventories {
		if !slices.ContainsFunc(left, func(one string) bool { return strings.HasPrefix(one, kind.kind+" ") }) {
			t.Errorf("a leftover %s is not found", kind.kind)
		}
	}
}
