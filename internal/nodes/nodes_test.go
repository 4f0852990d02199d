package nodes_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"dip/contract"
	"dip/internal/nodes"
)

const groupsAnswer = `<DescribeAutoScalingGroupsResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/">
<DescribeAutoScalingGroupsResult><AutoScalingGroups><member><AutoScalingGroupName>asg-a</AutoScalingGroupName>
<MinSize>2</MinSize></member><member><AutoScalingGroupName>asg-b</AutoScalingGroupName><MinSize>0</MinSize></member>
</AutoScalingGroups></DescribeAutoScalingGroupsResult></DescribeAutoScalingGroupsResponse>`

// service answers as Auto Scaling, EKS and SSM do, and records what it was asked.
func service(t *testing.T) (aws.Config, *[]string) {
	t.Helper()
	var calls []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		form, _ := url.ParseQuery(string(body))
		var call map[string]any
		_ = json.Unmarshal(body, &call) // Auto Scaling's is a form
		switch target := r.Header.Get("X-Amz-Target"); {
		case form.Get("Action") == "DescribeAutoScalingGroups":
			calls = append(calls, "describe "+form.Get("AutoScalingGroupNames.member.1"))
			fmt.Fprint(w, groupsAnswer)
		case form.Get("Action") == "UpdateAutoScalingGroup":
			calls = append(calls, fmt.Sprint("size ", form.Get("AutoScalingGroupName"), " ", form.Get("MinSize"), " ",
				form.Has("MaxSize"), form.Has("DesiredCapacity")))
			fmt.Fprint(w, `<UpdateAutoScalingGroupResponse/>`)
		case strings.HasSuffix(target, "GetParameter"):
			calls = append(calls, fmt.Sprint("parameter ", call["Name"]))
			value := map[any]string{"/releases": "1.36.0-20261118", "switch": `{"forced":"2026-11-27T12:00:00Z"}`,
				"broken": "hold"}[call["Name"]]
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			fmt.Fprintf(w, `{"Parameter": {"Value": %q}}`, value)
		case r.Method == http.MethodGet:
			calls = append(calls, r.URL.Path)
			fmt.Fprint(w, `{"nodegroup": {"status": "ACTIVE", "releaseVersion": "1.36.0-20261101"}}`)
		default:
			calls = append(calls, fmt.Sprint(r.URL.Path, " ", call["releaseVersion"], " ", call["clientRequestToken"], " ",
				call["force"]))
			fmt.Fprint(w, `{"update": {}}`)
		}
	}))
	t.Cleanup(server.Close)
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	}, &calls
}

var groups = []contract.MaintainedGroup{
	{Name: "services", AutoScalingGroup: "asg-a", Cluster: "dip", Managed: "services-1"},
	{Name: "batch", AutoScalingGroup: "asg-b", Cluster: "dip"},
}

func TestStates(t *testing.T) {
	cfg, calls := service(t)
	got, err := nodes.New(cfg).States(t.Context(), groups, "/releases")
	if err != nil {
		t.Fatal(err)
	}
	want := []contract.GroupState{
		{Name: "services", Min: 2, Status: "ACTIVE", Release: "1.36.0-20261101", Newest: "1.36.0-20261118"}, {Name: "batch"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("states are %+v", got)
	}
	if got := strings.Join(*calls, "; "); got != "describe asg-a; parameter /releases; "+
		"/clusters/dip/node-groups/services-1" {
		t.Errorf("called %s", got)
	}
	gone := []contract.MaintainedGroup{{Name: "gone", AutoScalingGroup: "asg-c"}}
	if _, err := nodes.New(cfg).States(t.Context(), gone, ""); err == nil || !strings.Contains(err.Error(), "asg-c") {
		t.Errorf("a group that is gone: %v", err)
	}
}

// Neither the desired size nor the maximum is touched, and no update is forced.
func TestChanges(t *testing.T) {
	cfg, calls := service(t)
	n := nodes.New(cfg)
	if err := n.SetMin(t.Context(), groups[0], 0); err != nil {
		t.Error(err)
	}
	if err := n.Update(t.Context(), groups[0], "1.36.0-20261118", "once"); err != nil {
		t.Error(err)
	}
	if got := strings.Join(*calls, "; "); got != "size asg-a 0 false false; "+
		"/clusters/dip/node-groups/services-1/update-version 1.36.0-20261118 once <nil>" {
		t.Errorf("called %s", got)
	}
}

func TestSwitch(t *testing.T) {
	cfg, _ := service(t)
	s, err := nodes.NewSwitch(cfg, "switch").Read(t.Context())
	if err != nil || s.Forced.IsZero() || s.Hold != nil {
		t.Errorf("%+v, %v", s, err)
	}
	for name, want := range map[string]string{"broken": `"hold"`, "none": "it is empty"} {
		if _, err := nodes.NewSwitch(cfg, name).Read(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
