package nodegroup_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/cluster"
	"dip/components/componenttest"
	"dip/components/nodegroup"
	"dip/config"
)

const minute = config.Duration(time.Minute)

func managed() config.NodeGroup {
	return config.NodeGroup{
		Kind: config.Managed, Capacity: config.Spot, InstanceTypes: []string{"m7g.large", "m6g.large"},
		Min: 1, Max: 4, DiskGB: 50,
		Scaler: config.ClusterAutoscaler, Interruptions: config.ByEKS,
		Escalator: config.Escalator{
			ScaleUpPercent: 70, TaintUpperPercent: 40, TaintLowerPercent: 10, SlowRemoval: 1, FastRemoval: 2,
			CoolDown: minute, SoftDeleteGrace: minute, HardDeleteGrace: 2 * minute,
		},
	}
}

func batch() config.NodeGroup {
	g := managed()
	g.Kind, g.Scaler, g.Interruptions, g.Dedicated, g.Min = config.Batch, config.EscalatorScaler, config.ByIMDS, true, 0
	return g
}

func args(ctx *pulumi.Context, g config.NodeGroup) (*nodegroup.Args, error) {
	role, err := iam.NewRole(ctx, "role", &iam.RoleArgs{AssumeRolePolicy: pulumi.String("{}")})
	text := func(s string) pulumi.StringOutput { return pulumi.String(s).ToStringOutput() }
	a := &nodegroup.Args{
		Settings: g, Architecture: config.ARM64, Version: "1.36", Tags: map[string]string{"team": "data"},
		Cluster: &cluster.Cluster{
			Name: text("dip-test"), Endpoint: text("https://cluster.example"), CertificateAuthority: text("Q0E="),
			SecurityGroup: text("sg"), NodeRole: role,
		},
	}
	for _, id := range []string{"a", "b", "c", "d"} {
		a.Subnets = append(a.Subnets, pulumi.ID(id).ToIDOutput())
	}
	return a, err
}

func run(t *testing.T, g config.NodeGroup) *componenttest.Recorder {
	return runWith(t, g, func(*nodegroup.Args) {})
}

func runWith(t *testing.T, g config.NodeGroup, change func(*nodegroup.Args)) *componenttest.Recorder {
	return componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		a, err := args(ctx, g)
		if err != nil {
			return err
		}
		change(a)
		made, err := nodegroup.New(ctx, "g", a)
		if err == nil && made.SpotCapacityPools != 8 {
			t.Errorf("%d capacity pools, want 4 zones x 2 types", made.SpotCapacityPools)
		}
		return err
	})
}

func TestChildren(t *testing.T) {
	windowed := managed()
	windowed.Windows = []config.Window{{Name: "peak", Start: "0 6 * * *", TimeZone: "UTC", Min: 2}}
	for name, c := range map[string]struct {
		settings config.NodeGroup
		want     []string
	}{
		"managed": {windowed, []string{"aws:autoscaling/schedule:Schedule::g-peak",
			"aws:ec2/launchTemplate:LaunchTemplate::g-template", "aws:eks/nodeGroup:NodeGroup::g-group"}},
		"batch": {batch(), []string{"aws:autoscaling/group:Group::g-group",
			"aws:ec2/launchTemplate:LaunchTemplate::g-template", "aws:iam/instanceProfile:InstanceProfile::g-profile"}},
	} {
		if got := run(t, c.settings).Children(nodegroup.TypeToken, "g"); !slices.Equal(got, c.want) {
			t.Errorf("%s: children are %v", name, got)
		}
	}
}

func TestManagedGroup(t *testing.T) {
	g := managed()
	g.Dedicated = true
	in := run(t, g).Find(t, "aws:eks/nodeGroup:NodeGroup", "g-group").Inputs.Mappable()
	if in["amiType"] != "AL2023_ARM_64_STANDARD" || in["capacityType"] != "SPOT" || len(in["instanceTypes"].([]any)) != 2 {
		t.Errorf("group is %v", in)
	}
	if labels := in["labels"].(map[string]any); labels[config.GroupLabel] != "g" ||
		labels[config.InterruptionsLabel] != "managed" {
		t.Errorf("labels are %v", labels)
	}
	if taint := in["taints"].([]any)[0].(map[string]any); taint["key"] != config.GroupLabel ||
		taint["effect"] != "NO_SCHEDULE" {
		t.Errorf("taint is %v", taint)
	}
	if in["updateConfig"] == nil {
		t.Error("updates take all nodes at once")
	}
}

// What runs on a batch node must end by itself: nothing takes the node away but Escalator, which found it empty.
func TestBatchGroupIsNotTakenAway(t *testing.T) {
	r := run(t, batch())
	in := r.Find(t, "aws:autoscaling/group:Group", "g-group").Inputs.Mappable()
	if in["protectFromScaleIn"] != true || !slices.Contains(in["suspendedProcesses"].([]any), any("AZRebalance")) ||
		in["desiredCapacity"] != nil {
		t.Errorf("group is %v", in)
	}
	if in["initialLifecycleHooks"] != nil {
		t.Error("a termination hook keeps Escalator waiting")
	}
	spread := in["mixedInstancesPolicy"].(map[string]any)["instancesDistribution"].(map[string]any)
	if spread["spotAllocationStrategy"] != "price-capacity-optimized" ||
		spread["onDemandPercentageAboveBaseCapacity"] != 0.0 {
		t.Errorf("instances are %v", spread)
	}
	for _, tag := range in["tags"].([]any) {
		if key := tag.(map[string]any)["key"].(string); strings.HasPrefix(key, "k8s.io/cluster-autoscaler") {
			t.Errorf("the Cluster Autoscaler finds a group of Escalator by %s", key)
		}
	}
	data, err := base64.StdEncoding.DecodeString(r.Find(t, "aws:ec2/launchTemplate:LaunchTemplate",
		"g-template").Inputs["userData"].StringValue())
	if err != nil {
		t.Fatal(err)
	}
	componenttest.Golden(t, "testdata/userdata.txt", data)
}

func TestClusterAutoscalerAndTerminationHandlerFindTheirBatchGroup(t *testing.T) {
	g := batch()
	g.Scaler, g.Interruptions = config.ClusterAutoscaler, config.ByQueue
	tags := map[string]string{}
	for _, tag := range run(t, g).Find(t, "aws:autoscaling/group:Group", "g-group").Inputs.Mappable()["tags"].([]any) {
		m := tag.(map[string]any)
		tags[m["key"].(string)] = m["value"].(string)
	}
	for key, want := range map[string]string{
		"k8s.io/cluster-autoscaler/enabled": "true", "k8s.io/cluster-autoscaler/dip-test": "owned",
		"k8s.io/cluster-autoscaler/node-template/label/dip/group": "g",
		"k8s.io/cluster-autoscaler/node-template/taint/dip/group": "g:NoSchedule",
		"aws-node-termination-handler/managed":                    "true",
	} {
		if tags[key] != want {
			t.Errorf("tag %s is %q, want %q", key, tags[key], want)
		}
	}
}

func TestTemplate(t *testing.T) {
	for _, g := range []config.NodeGroup{managed(), batch()} {
		in := run(t, g).Find(t, "aws:ec2/launchTemplate:LaunchTemplate", "g-template").Inputs.Mappable()
		metadata := in["metadataOptions"].(map[string]any)
		if metadata["httpTokens"] != "required" || metadata["httpPutResponseHopLimit"] != 1.0 {
			t.Errorf("%s: metadata is %v", g.Kind, metadata)
		}
		disk := in["blockDeviceMappings"].([]any)[0].(map[string]any)["ebs"].(map[string]any)
		if disk["encrypted"] != "true" || disk["volumeType"] != "gp3" || disk["volumeSize"] != 50.0 {
			t.Errorf("%s: disk is %v", g.Kind, disk)
		}
		if image, ok := in["imageId"]; ok != (g.Kind == config.Batch) {
			t.Errorf("%s: image is %v", g.Kind, image)
		}
	}
}

// Windows move the minimum; -1 leaves a size alone.
func TestWindows(t *testing.T) {
	g := batch()
	g.Windows = []config.Window{{Name: "peak", Start: "0 6 * * 1-5", TimeZone: "Europe/Berlin", Min: 2}}
	in := window(t, g, "peak")
	if in["minSize"] != 2.0 || in["maxSize"] != -1.0 || in["desiredCapacity"] != -1.0 ||
		in["timeZone"] != "Europe/Berlin" || in["recurrence"] != "0 6 * * 1-5" {
		t.Errorf("window is %v", in)
	}
	// Where one window has a maximum, all have, or it would stay.
	g.Windows = append(g.Windows, config.Window{Name: "night", Start: "0 20 * * *", TimeZone: "UTC", Max: 3})
	if got := []any{window(t, g, "peak")["maxSize"], window(t, g, "night")["maxSize"]}; !slices.Equal(got,
		[]any{4.0, 3.0}) {
		t.Errorf("maxima are %v", got)
	}
}

func window(t *testing.T, g config.NodeGroup, name string) map[string]any {
	t.Helper()
	return run(t, g).Find(t, "aws:autoscaling/schedule:Schedule", "g-"+name).Inputs.Mappable()
}

// AWS refuses an update, whose start time has passed: any change is another action.
func TestChangedWindowIsAnotherAction(t *testing.T) {
	base := config.Window{Name: "peak", Start: "0 6 * * 1-5", TimeZone: "UTC", Min: 2, Max: 3}
	names := map[string]string{}
	for what, change := range map[string]func(*config.Window){
		"nothing": func(*config.Window) {}, "start": func(w *config.Window) { w.Start = "0 7 * * 1-5" },
		"zone": func(w *config.Window) { w.TimeZone = "Europe/Berlin" },
		"min":  func(w *config.Window) { w.Min = 1 }, "max": func(w *config.Window) { w.Max = 4 },
	} {
		g, w := batch(), base
		change(&w)
		g.Windows = []config.Window{w}
		name := window(t, g, "peak")["scheduledActionName"].(string)
		if other, ok := names[name]; ok {
			t.Errorf("another %s has the name of another %s, %s", what, other, name)
		}
		names[name] = what
		if again := window(t, g, "peak")["scheduledActionName"]; again != name || !strings.HasPrefix(name, "peak-") {
			t.Errorf("the action of %s is called %s, then %s", what, name, again)
		}
	}
}

// Two actions of a group must not have the same time, not even while one replaces the other.
func TestOldActionGoesFirst(t *testing.T) {
	g := batch()
	g.Windows = []config.Window{{Name: "peak", Start: "0 6 * * 1-5", TimeZone: "UTC", Min: 2}}
	report := string(run(t, g).Report(t, func(componenttest.Resource) bool { return true }))
	if !strings.Contains(report, "Schedule::g-peak:\n  deleteBeforeReplace: true") {
		t.Errorf("no deleteBeforeReplace in\n%s", report)
	}
}

// A maximum that no window moves follows the settings at once.
func TestIgnoredSizes(t *testing.T) {
	for name, c := range map[string]struct {
		windows []config.Window
		want    string
	}{
		"none": {nil, "ignoreChanges: [scalingConfig.desiredSize]"},
		"minimum alone": {[]config.Window{{Name: "a", Start: "0 6 * * *", TimeZone: "UTC", Min: 2}},
			"ignoreChanges: [scalingConfig.desiredSize, scalingConfig.minSize]"},
		"maximum": {[]config.Window{{Name: "a", Start: "0 6 * * *", TimeZone: "UTC", Min: 2, Max: 3}},
			"ignoreChanges: [scalingConfig.desiredSize, scalingConfig.maxSize, scalingConfig.minSize]"},
	} {
		g := managed()
		g.Windows = c.windows
		report := string(run(t, g).Report(t, func(componenttest.Resource) bool { return true }))
		if !strings.Contains(report, c.want+"\n") {
			t.Errorf("%s: no %q in\n%s", name, c.want, report)
		}
	}
}

// Managed nodes follow the cluster's version, and are patched when there is a newer release.
func TestManagedNodesFollow(t *testing.T) {
	in := run(t, managed()).Find(t, "aws:eks/nodeGroup:NodeGroup", "g-group").Inputs.Mappable()
	if in["version"] != "1.36" || in["releaseVersion"] != "1.36.0-20261118" {
		t.Errorf("version %v, release %v", in["version"], in["releaseVersion"])
	}
}

// A group that is updated in windows, and sleeps, is left alone by an `up`.
func TestMaintainedGroup(t *testing.T) {
	for _, g := range []config.NodeGroup{managed(), batch()} {
		r := runWith(t, g, func(a *nodegroup.Args) { a.Sleeps, a.Updated = true, true })
		if report := string(r.Report(t, func(componenttest.Resource) bool { return true })); !strings.Contains(report,
			"inSize]\n") {
			t.Errorf("%s: the minimum is not ignored:\n%s", g.Kind, report)
		}
		if g.Kind == config.Batch {
			continue
		}
		if in := r.Find(t, "aws:eks/nodeGroup:NodeGroup", "g-group").Inputs.Mappable(); in["releaseVersion"] != nil ||
			in["version"] != "1.36" {
			t.Errorf("version %v, release %v", in["version"], in["releaseVersion"])
		}
	}
}

// What costs money carries the stack's tags: instances, their volumes, and the Auto Scaling group.
func TestTags(t *testing.T) {
	r := run(t, batch())
	kinds := map[string]any{}
	for _, s := range r.Find(t, "aws:ec2/launchTemplate:LaunchTemplate",
		"g-template").Inputs.Mappable()["tagSpecifications"].([]any) {
		one := s.(map[string]any)
		kinds[one["resourceType"].(string)] = one["tags"].(map[string]any)["team"]
	}
	if len(kinds) != 2 || kinds["instance"] != "data" || kinds["volume"] != "data" {
		t.Errorf("launched with tags %v", kinds)
	}
	found := false
	for _, tag := range r.Find(t, "aws:autoscaling/group:Group", "g-group").Inputs.Mappable()["tags"].([]any) {
		m := tag.(map[string]any)
		found = found || m["key"] == "team" && m["value"] == "data" && m["propagateAtLaunch"] == true
	}
	if !found {
		t.Error("the group lacks the stack's tags")
	}
}

// The rules of a group are config's.
func TestBadArgsRegisterNothing(t *testing.T) {
	g := managed()
	g.InstanceTypes, g.Min = []string{"m7g.large", "m7g.xlarge", "t2.nano"}, 9
	g.Scaler, g.Interruptions = config.EscalatorScaler, config.ByIMDS
	componenttest.MustRefuse(t, "node group g", func(ctx *pulumi.Context) error {
		_, err := nodegroup.New(ctx, "g", &nodegroup.Args{Settings: g, Architecture: config.ARM64})
		return err
	},
		"Settings.instanceTypes[1]: m7g.xlarge (4 vCPU, 16 GiB, arm64) differs in size from m7g.large",
		`Settings.instanceTypes[2]: "t2.nano": want a c, m or r type`,
		"Settings.interruptions: imds: EKS drains managed groups itself", "Settings.min: 9: want 0 to 4",
		"Settings.scaler: escalator needs a self-managed group",
		"Version: missing", "Cluster: missing", "Subnets: 0, want at least 4")
}
