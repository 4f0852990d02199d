package emulator_test

import (
	"slices"
	"strings"
	"testing"
)

func TestGroupGrowsOverZonesAndTypes(t *testing.T) {
	t.Parallel()
	group := newGroup(t)
	ok(t, setDesired(t, group, 6))
	g := describeGroup(t, group)
	zones, types := map[string]int{}, map[string]int{}
	for _, i := range g.Instances {
		zones[i.Zone]++
		types[i.Type]++
		got := describeInstance(t, i.ID)
		if got.State != "running" || got.Zone != i.Zone || got.Type != i.Type || got.Lifecycle != "spot" {
			t.Errorf("EC2 returns %+v, Auto Scaling %+v", got, i)
		}
		if !strings.HasPrefix(got.DNS, "ip-10-20-") || !strings.HasSuffix(got.DNS, ".ec2.internal") {
			t.Errorf("private name %q", got.DNS)
		}
		for key, want := range map[string]string{"kubernetes.io/cluster/dip": "owned", "aws:autoscaling:groupName": group,
			"Name": "a node"} {
			if got.tag(key) != want {
				t.Errorf("tag %s is %q, want %q", key, got.tag(key), want)
			}
		}
		if !i.Protected {
			t.Errorf("%s is not protected", i.ID)
		}
	}
	if g.Desired != 6 || len(g.Instances) != 6 || len(zones) != 4 || len(types) < 2 {
		t.Errorf("%d desired, instances by zone %v, by type %v", g.Desired, zones, types)
	}
	for zone, n := range zones {
		if n > 2 {
			t.Errorf("%d of 6 instances in %s, there are four zones", n, zone)
		}
	}
}

func TestSizesStayInTheirBounds(t *testing.T) {
	t.Parallel()
	group := newGroup(t)
	refused(t, setDesired(t, group, 9), "above max value 8")
	ok(t, call(t, "autoscaling", "UpdateAutoScalingGroup",
		map[string]string{"AutoScalingGroupName": group, "MinSize": "2"}, nil))
	g := describeGroup(t, group)
	if g.Desired != 2 || len(g.Instances) != 2 || !slices.Contains(instanceTypes, g.Instances[0].Type) {
		t.Errorf("a higher minimum gives %+v", g)
	}
	refused(t, setDesired(t, group, 1), "below min value 2")
	refused(t, terminate(t, g.Instances[0].ID, true), "violate group's min size")
	refused(t, call(t, "autoscaling", "DeleteAutoScalingGroup", map[string]string{"AutoScalingGroupName": group}, nil),
		"ResourceInUse")
	ok(t, call(t, "autoscaling", "DeleteAutoScalingGroup",
		map[string]string{"AutoScalingGroupName": group, "ForceDelete": "true"}, nil))
	for _, id := range g.ids() {
		if state := describeInstance(t, id).State; state != "terminated" {
			t.Errorf("%s is %s after its group was deleted", id, state)
		}
	}
}

func TestTerminationsDecrementOrReplace(t *testing.T) {
	t.Parallel()
	group := newGroup(t)
	ok(t, setDesired(t, group, 3))
	first := describeGroup(t, group).ids()
	ok(t, terminate(t, first[0], true))
	g := describeGroup(t, group)
	if g.Desired != 2 || !slices.Equal(g.ids(), first[1:]) {
		t.Errorf("a decrement gives %+v", g)
	}
	if state := describeInstance(t, first[0]).State; state != "terminated" {
		t.Errorf("it is %s", state)
	}
	ok(t, terminate(t, first[1], false))
	g = describeGroup(t, group)
	if g.Desired != 2 || len(g.Instances) != 2 || slices.Contains(g.ids(), first[1]) ||
		!slices.Contains(g.ids(), first[2]) {
		t.Errorf("a replacement gives %+v", g)
	}
	refused(t, terminate(t, "i-00000000000000000", true), "Instance Id not found")
}

// An interrupted spot instance ends in EC2; its group notices and starts another one.
func TestEndedInstanceIsReplaced(t *testing.T) {
	t.Parallel()
	group := newGroup(t)
	ok(t, setDesired(t, group, 2))
	ok(t, call(t, "autoscaling", "CreateOrUpdateTags", map[string]string{
		"Tags.member.1.ResourceId": group, "Tags.member.1.ResourceType": "auto-scaling-group",
		"Tags.member.1.Key": "k8s.io/atlassian-escalator/enabled", "Tags.member.1.Value": "true",
		"Tags.member.1.PropagateAtLaunch": "true",
	}, nil))
	first := describeGroup(t, group).ids()
	ok(t, call(t, "ec2", "TerminateInstances", map[string]string{"InstanceId.1": first[0]}, nil))
	g := describeGroup(t, group)
	if g.Desired != 2 || len(g.Instances) != 2 || slices.Contains(g.ids(), first[0]) {
		t.Fatalf("after an instance ended: %+v", g)
	}
	if got := describeInstance(t, g.Instances[1].ID).tag("k8s.io/atlassian-escalator/enabled"); got != "true" {
		t.Errorf("the new one's tag of its group is %q", got)
	}
}

func TestProtectedInstancesStay(t *testing.T) {
	t.Parallel()
	group := newGroup(t)
	ok(t, setDesired(t, group, 5))
	first := describeGroup(t, group).ids()
	ok(t, setDesired(t, group, 1))
	if g := describeGroup(t, group); g.Desired != 1 || !slices.Equal(g.ids(), first) {
		t.Errorf("all are protected: %+v", g)
	}
	ok(t, call(t, "autoscaling", "SetInstanceProtection", map[string]string{
		"AutoScalingGroupName": group, "InstanceIds.member.1": first[1], "InstanceIds.member.2": first[3],
		"ProtectedFromScaleIn": "false",
	}, nil))
	ok(t, setDesired(t, group, 1))
	if g := describeGroup(t, group); !slices.Equal(g.ids(), []string{first[0], first[2], first[4]}) {
		t.Errorf("two are not protected: %+v", g)
	}
}

func TestSchedulesBelongToTheirGroup(t *testing.T) {
	t.Parallel()
	group := newGroup(t)
	other := group + "-other"
	ok(t, call(t, "autoscaling", "CreateAutoScalingGroup", map[string]string{
		"AutoScalingGroupName": other, "MinSize": "0", "MaxSize": "1", "VPCZoneIdentifier": fourZones(t)[0],
		"LaunchTemplate.LaunchTemplateName": group, "LaunchTemplate.Version": "1",
	}, nil))
	for name, least := range map[string]string{group: "2", other: "1"} {
		ok(t, call(t, "autoscaling", "PutScheduledUpdateGroupAction", map[string]string{
			"AutoScalingGroupName": name, "ScheduledActionName": "peak", "Recurrence": "0 6 * * 1-5",
			"TimeZone": "Europe/Berlin", "MinSize": least,
		}, nil))
	}
	var found struct {
		Actions []struct {
			Recurrence, TimeZone, MinSize, DesiredCapacity string
		} `xml:"DescribeScheduledActionsResult>ScheduledUpdateGroupActions>member"`
	}
	ok(t, call(t, "autoscaling", "DescribeScheduledActions", map[string]string{"AutoScalingGroupName": group}, &found))
	if len(found.Actions) != 1 || found.Actions[0].MinSize != "2" || found.Actions[0].TimeZone != "Europe/Berlin" ||
		found.Actions[0].DesiredCapacity != "" {
		t.Errorf("the group's actions are %+v", found.Actions)
	}
	ok(t, call(t, "autoscaling", "DeleteScheduledAction",
		map[string]string{"AutoScalingGroupName": group, "ScheduledActionName": "peak"}, nil))
	refused(t, call(t, "autoscaling", "DeleteScheduledAction",
		map[string]string{"AutoScalingGroupName": group, "ScheduledActionName": "peak"}, nil), "not found")
}

func TestLifecycleHooksReadBack(t *testing.T) {
	t.Parallel()
	group := newGroup(t)
	ok(t, call(t, "autoscaling", "PutLifecycleHook", map[string]string{
		"AutoScalingGroupName": group, "LifecycleHookName": "drain",
		"LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
		"HeartbeatTimeout":    "300", "DefaultResult": "CONTINUE",
	}, nil))
	var found struct {
		Hooks []struct {
			LifecycleHookName, NotificationTargetARN, RoleARN, HeartbeatTimeout string
		} `xml:"DescribeLifecycleHooksResult>LifecycleHooks>member"`
	}
	ok(t, call(t, "autoscaling", "DescribeLifecycleHooks", map[string]string{"AutoScalingGroupName": group}, &found))
	if len(found.Hooks) != 1 || found.Hooks[0].NotificationTargetARN != "" || found.Hooks[0].RoleARN != "" ||
		found.Hooks[0].HeartbeatTimeout != "300" {
		t.Errorf("the group's hooks are %+v", found.Hooks)
	}
}
