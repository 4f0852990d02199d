package stack_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/config"
	"dip/stack"
	"dip/stack/stacktest"
)

// running is an account with a cluster of the stack dev, in four zones.
func running(version string) componenttest.Functions {
	text := func(s string) resource.PropertyValue { return resource.NewProperty(s) }
	list := func(all ...string) resource.PropertyValue {
		var values []resource.PropertyValue
		for _, s := range all {
			values = append(values, text(s))
		}
		return resource.NewProperty(values)
	}
	zones := map[string]string{
		"a": "use1-az2", "b": "use1-az4", "c": "use1-az5", "d": "use1-az6", "e": "use1-az2", // public beside private
	}
	return componenttest.Functions{
		"aws:eks/getClusters:getClusters": func(resource.PropertyMap) (resource.PropertyMap, error) {
			return resource.PropertyMap{"names": list("dip-prod-0a1b2c3d", "dip-dev-0a1b2c3d", "other")}, nil
		},
		"aws:eks/getCluster:getCluster": func(args resource.PropertyMap) (resource.PropertyMap, error) {
			return resource.PropertyMap{
				"name": args["name"], "version": text(version), "status": text("ACTIVE"),
				"endpoint": text("https://cluster.example"), "certificateAuthorities": resource.NewProperty(
					[]resource.PropertyValue{resource.NewProperty(resource.PropertyMap{"data": text("Q0E=")})}),
				"tags":      resource.NewProperty(resource.PropertyMap{"dip:stack": text("dev")}),
				"vpcConfig": resource.NewProperty(resource.PropertyMap{"subnetIds": list("a", "b", "c", "d", "e")}),
			}, nil
		},
		"aws:ec2/getSubnet:getSubnet": func(args resource.PropertyMap) (resource.PropertyMap, error) {
			return resource.PropertyMap{"availabilityZoneId": text(zones[args["id"].StringValue()])}, nil
		},
	}
}

// What EKS would refuse halfway through an update fails before anything registers.
func TestChangesThatEKSRefuses(t *testing.T) {
	t.Chdir("..")
	set := func(part, key string, value any) func(map[string]any) {
		return func(settings map[string]any) {
			below, _ := settings[part].(map[string]any)
			if below == nil {
				below = map[string]any{}
			}
			below[key] = value
			settings[part] = below
		}
	}
	access := map[string]any{"me": map[string]any{
		"principal": "arn:aws:iam::123456789012:role/deployer", "policy": "view",
	}}
	for name, c := range map[string]struct {
		change func(map[string]any)
		live   componenttest.Functions
		today  time.Time
		want   string
	}{
		"zones": {set("network", "availabilityZones", 5), running("1.36"), stacktest.Today,
			"network.availabilityZones: 5: the cluster dip-dev-0a1b2c3d has the zones use1-az2, use1-az4, use1-az5, use1-az6"},
		"two minors at once": {nil, running("1.34"), stacktest.Today, "cluster.version: 1.36: the cluster runs 1.34"},
		"support": {set("cluster", "version", "1.34"), nil, stacktest.Today.AddDate(0, 0, 7),
			"cluster.version: 1.34: standard support ended on 2026-12-02"},
		"creator's entry": {set("cluster", "access", access), nil, stacktest.Today,
			"cluster.access.me.principal: arn:aws:iam::123456789012:role/deployer creates the cluster"},
	} {
		r, err := stacktest.RunWith(t, config.Dev, c.change, c.live, func(ctx *pulumi.Context) error {
			_, err := stack.Open(ctx, c.today)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
		if got := r.Resources(); len(got) != 0 {
			t.Errorf("%s: registered %v", name, got)
		}
	}
	// Once the cluster exists, others deploy too, and have entries.
	if _, err := stacktest.RunWith(t, config.Dev, set("cluster", "access", access), running("1.36"), open); err != nil {
		t.Errorf("another deployer: %v", err)
	}
}

// The cluster that exists keeps its name and its zones.
func TestExistingClusterIsKept(t *testing.T) {
	t.Chdir("..")
	r, err := stacktest.RunWith(t, config.Dev, nil, running("1.36"), func(ctx *pulumi.Context) error {
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
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Find(t, "eks:index:Cluster", "cluster").Inputs["name"].StringValue(); got != "dip-dev-0a1b2c3d" {
		t.Errorf("it is called %s", got)
	}
	r.Find(t, "aws:ec2/subnet:Subnet", "network-private-use1-az6")
	if got := r.Find(t, "aws:eks/addon:Addon", "cluster-coredns").Inputs["addonVersion"].StringValue(); got !=
		"v1.2.3-eksbuild.4" {
		t.Errorf("coredns has version %s, want what EKS names", got)
	}
}
