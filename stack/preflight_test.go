package stack_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/config"
	"dip/stack"
	"dip/stack/stacktest"
)

type properties = resource.PropertyMap

// answers is an account that answers one function in its own way.
func answers(token string, answer func(properties) (properties, error)) componenttest.Functions {
	return componenttest.Functions{token: answer}
}

func texts(all ...string) resource.PropertyValue {
	values := []resource.PropertyValue{}
	for _, s := range all {
		values = append(values, resource.NewProperty(s))
	}
	return resource.NewProperty(values)
}

// What the account lacks fails the preview; what may not be looked up does not.
func TestPreflight(t *testing.T) {
	t.Chdir("..")
	const quota, offered = "aws:servicequotas/getServiceQuota:getServiceQuota",
		"aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings"
	for name, c := range map[string]struct {
		account componenttest.Functions
		want    string
	}{
		"quota": {answers(quota, func(properties) (properties, error) {
			return properties{"value": resource.NewProperty(5.0)}, nil
		}), "nodeGroups: the stack needs 8 vCPUs of spot instances; the account's quota is 5"},
		"addresses in use": {componenttest.Functions{
			quota: func(properties) (properties, error) { return properties{"value": resource.NewProperty(50.0)}, nil },
			"aws:ec2/getEips:getEips": func(properties) (properties, error) {
				return properties{"allocationIds": texts(strings.Split(strings.Repeat("e", 50), "")...)}, nil
			},
		}, "network.nat: the stack needs 1 elastic IP addresses; the account's quota is 50 and 50 in use"},
		"quota that may not be read": {answers(quota, func(properties) (properties, error) {
			return nil, errors.New("AccessDenied")
		}), ""},
		"instance types": {answers(offered, func(properties) (properties, error) {
			return properties{"instanceTypes": texts("m7g.large"), "locations": texts("use1-az1")}, nil
		}), "nodeGroups.services.instanceTypes: 1 spot capacity pools, below nodeGroups.services.minCapacityPools, 12"},
		"key of volumes": {answers("aws:ebs/getDefaultKmsKey:getDefaultKmsKey", func(properties) (properties, error) {
			return properties{"keyArn": resource.NewProperty("arn:aws:kms:us-east-1:123456789012:key/mine")}, nil
		}), ""},
	} {
		_, err := stacktest.RunWith(t, config.Dev, nil, c.account, open)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// An existing network gives the cluster its subnets and their zones, and nothing of it is declared.
func TestExistingNetwork(t *testing.T) {
	t.Chdir("..")
	zones := map[string]string{
		"subnet-00000001": "use1-az1", "subnet-00000002": "use1-az2", "subnet-00000004": "use1-az4",
		"subnet-00000005": "use1-az5", "subnet-00000003": "use1-az3",
	}
	account := answers("aws:ec2/getSubnet:getSubnet", func(args properties) (properties, error) {
		return properties{
			"availabilityZoneId": resource.NewProperty(zones[args["id"].StringValue()]),
			"vpcId":              resource.NewProperty("vpc-01234567"),
		}, nil
	})
	with := func(last string) func(map[string]any) {
		return func(settings map[string]any) {
			settings["network"] = map[string]any{"vpc": "vpc-01234567", "privateSubnets": []string{
				"subnet-00000001", "subnet-00000002", "subnet-00000004", last,
			}}
		}
	}
	declare := func(ctx *pulumi.Context) error {
		s, err := stack.Open(ctx, stacktest.Today)
		if err != nil {
			return err
		}
		storage, err := stack.NewStorage(ctx, s)
		if err != nil {
			return err
		}
		segments, err := stack.NewSegments(ctx, s, storage)
		if err != nil {
			return err
		}
		_, err = stack.NewCluster(ctx, s, segments.Heavy)
		return err
	}
	r, err := stacktest.RunWith(t, config.Dev, with("subnet-00000005"), account, declare)
	if err != nil {
		t.Fatal(err)
	}
	in := r.Find(t, "eks:index:Cluster", "cluster").Inputs
	if in["vpcId"].StringValue() != "vpc-01234567" || len(in["privateSubnetIds"].ArrayValue()) != 4 {
		t.Errorf("the cluster is in %v", in)
	}
	if got := r.Children("dip:network:Network", "network"); len(got) != 0 {
		t.Errorf("declared %v", got)
	}
	_, err = stacktest.RunWith(t, config.Dev, with("subnet-00000003"), account, open)
	if err == nil || !strings.Contains(err.Error(), "network.privateSubnets: EKS cannot use zone use1-az3") {
		t.Errorf("a zone that EKS refuses: %v", err)
	}
}
