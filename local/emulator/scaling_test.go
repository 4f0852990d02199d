package emulator_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"dip/local/emulator"
)

// versions are those that services are asked in which have several.
var versions = map[string]string{"ec2": "2016-11-15", "elasticloadbalancing": "2015-12-01"}

// call sends an operation of a query service (autoscaling, ec2, iam) and decodes the response; into may be nil. The
// error has the text of an error response.
func call(t *testing.T, service, action string, params map[string]string, into any) error {
	t.Helper()
	form := url.Values{"Action": {action}}
	if version, ok := versions[service]; ok {
		form.Set("Version", version)
	}
	for key, value := range params {
		form.Set(key, value)
	}
	text, err := send(t, service, http.MethodPost, "/", "application/x-www-form-urlencoded", form.Encode())
	if err != nil || into == nil {
		return err
	}
	return xml.Unmarshal([]byte(text), into)
}

// send sends a request to a service.
func send(t *testing.T, service, method, path, contentType, body string) (string, error) {
	t.Helper()
	endpoint, key := owner(t)
	req, err := http.NewRequestWithContext(t.Context(), method, endpoint+path, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", contentType)
	text, err := key.Send(req, service, "us-east-1", []byte(body))
	var status *emulator.StatusError
	if errors.As(err, &status) {
		err = fmt.Errorf("%d: %s", status.Code, status.Text)
	}
	return string(text), err
}

// refused fails the test unless err is an error response of the emulator with a text.
func refused(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.HasPrefix(err.Error(), "4") || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want an error response with %q", err, want)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fourZones creates a VPC with a subnet in each of four zones.
func fourZones(t *testing.T) (subnets []string) {
	t.Helper()
	var vpc struct {
		ID string `xml:"vpc>vpcId"`
	}
	ok(t, call(t, "ec2", "CreateVpc", map[string]string{"CidrBlock": "10.20.0.0/16"}, &vpc))
	for i, zone := range []string{"a", "b", "c", "d"} {
		var subnet struct {
			ID string `xml:"subnet>subnetId"`
		}
		ok(t, call(t, "ec2", "CreateSubnet", map[string]string{
			"VpcId": vpc.ID, "CidrBlock": fmt.Sprintf("10.20.%d.0/24", i), "AvailabilityZone": "us-east-1" + zone,
		}, &subnet))
		subnets = append(subnets, subnet.ID)
	}
	return subnets
}

var instanceTypes = []string{"c7i.xlarge", "c6i.xlarge", "c5.xlarge"}

// template creates a launch template that names its instances.
func template(t *testing.T) (id string) {
	t.Helper()
	var made struct {
		ID string `xml:"launchTemplate>launchTemplateId"`
	}
	ok(t, call(t, "ec2", "CreateLaunchTemplate", map[string]string{
		"LaunchTemplateName": t.Name(),
		"LaunchTemplateData.ImageId": "resolve:ssm:/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/x86_64/" +
			"standard/recommended/image_id",
		"LaunchTemplateData.UserData":                        "", // none, in the provider's form
		"LaunchTemplateData.TagSpecification.1.ResourceType": "instance",
		"LaunchTemplateData.TagSpecification.1.Tag.1.Key":    "Name",
		"LaunchTemplateData.TagSpecification.1.Tag.1.Value":  "a node",
	}, &made))
	return made.ID
}

// newGroup creates an empty Auto Scaling group of up to eight spot instances, protected from scale-in.
func newGroup(t *testing.T) (name string) {
	t.Helper()
	name = t.Name()
	params := map[string]string{
		"AutoScalingGroupName": name, "MinSize": "0", "MaxSize": "8", "NewInstancesProtectedFromScaleIn": "true",
		"VPCZoneIdentifier": strings.Join(fourZones(t), ","),
		"MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification.LaunchTemplateId": template(t),
		"MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification.Version":          "1",
		"MixedInstancesPolicy.InstancesDistribution.OnDemandPercentageAboveBaseCapacity":   "0",
		"Tags.member.1.Key": "kubernetes.io/cluster/dip", "Tags.member.1.Value": "owned",
		"Tags.member.1.PropagateAtLaunch": "true",
	}
	for i, instanceType := range instanceTypes {
		params[fmt.Sprintf("MixedInstancesPolicy.LaunchTemplate.Overrides.member.%d.InstanceType", i+1)] = instanceType
	}
	ok(t, call(t, "autoscaling", "CreateAutoScalingGroup", params, nil))
	return name
}

// scalingGroup is a group as Auto Scaling describes it.
type scalingGroup struct {
	Desired   int `xml:"DesiredCapacity"`
	Instances []struct {
		ID        string `xml:"InstanceId"`
		Zone      string `xml:"AvailabilityZone"`
		Type      string `xml:"InstanceType"`
		Protected bool   `xml:"ProtectedFromScaleIn"`
	} `xml:"Instances>member"`
}

func (g scalingGroup) ids() (all []string) {
	for _, i := range g.Instances {
		all = append(all, i.ID)
	}
	return all
}

func describeGroup(t *testing.T, name string) scalingGroup {
	t.Helper()
	var found struct {
		Groups []scalingGroup `xml:"DescribeAutoScalingGroupsResult>AutoScalingGroups>member"`
	}
	ok(t, call(t, "autoscaling", "DescribeAutoScalingGroups", map[string]string{"AutoScalingGroupNames.member.1": name},
		&found))
	if len(found.Groups) != 1 {
		t.Fatalf("%d groups of the name %s", len(found.Groups), name)
	}
	return found.Groups[0]
}

func setDesired(t *testing.T, group string, n int) error {
	t.Helper()
	return call(t, "autoscaling", "SetDesiredCapacity",
		map[string]string{"AutoScalingGroupName": group, "DesiredCapacity": fmt.Sprint(n)}, nil)
}

func terminate(t *testing.T, instance string, decrement bool) error {
	t.Helper()
	return call(t, "autoscaling", "TerminateInstanceInAutoScalingGroup", map[string]string{
		"InstanceId": instance, "ShouldDecrementDesiredCapacity": fmt.Sprint(decrement),
	}, nil)
}

// instance is an instance as EC2 describes it.
type instance struct {
	ID        string `xml:"instanceId"`
	State     string `xml:"instanceState>name"`
	DNS       string `xml:"privateDnsName"`
	Zone      string `xml:"placement>availabilityZone"`
	Type      string `xml:"instanceType"`
	Lifecycle string `xml:"instanceLifecycle"`
	Tags      []struct {
		Key   string `xml:"key"`
		Value string `xml:"value"`
	} `xml:"tagSet>item"`
}

func (i instance) tag(key string) string {
	for _, tag := range i.Tags {
		if tag.Key == key {
			return tag.Value
		}
	}
	return ""
}

func describeInstance(t *testing.T, id string) instance {
	t.Helper()
	var found struct {
		Instances []instance `xml:"reservationSet>item>instancesSet>item"`
	}
	ok(t, call(t, "ec2", "DescribeInstances", map[string]string{"InstanceId.1": id}, &found))
	if len(found.Instances) != 1 {
		t.Fatalf("%d instances of the id %s", len(found.Instances), id)
	}
	return found.Instances[0]
}
