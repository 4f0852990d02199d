package escalator_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/config"
	"dip/k8s"
	"dip/k8s/escalator"
	"dip/k8s/k8stest"
)

func span(d time.Duration) config.Duration { return config.Duration(d) }

func settings() config.Escalator {
	return config.Escalator{
		ScaleUpPercent: 70, TaintUpperPercent: 40, TaintLowerPercent: 10, SlowRemoval: 1, FastRemoval: 2,
		CoolDown: span(2 * time.Minute), SoftDeleteGrace: span(5 * time.Minute), HardDeleteGrace: span(24 * time.Hour),
	}
}

func args() *escalator.Args {
	return &escalator.Args{
		Image:  (config.Cluster{}).Image(config.EscalatorImage),
		Region: componenttest.Region, Place: k8s.Place{Group: "services"},
		Groups: map[string]escalator.Group{"batch": {AutoScalingGroup: pulumi.String("batch-1a2b"), Settings: settings()}},
	}
}

func declare(t *testing.T, args *escalator.Args) *componenttest.Recorder {
	t.Helper()
	return componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		_, err := escalator.New(ctx, "escalator", args)
		return err
	})
}

func TestEscalator(t *testing.T) {
	r := declare(t, args())
	want := []string{
		"kubernetes:apps/v1:Deployment::escalator-deployment",
		"kubernetes:core/v1:ConfigMap::escalator-config",
		"kubernetes:core/v1:ServiceAccount::escalator-account",
		"kubernetes:policy/v1:PodDisruptionBudget::escalator-budget",
		"kubernetes:rbac.authorization.k8s.io/v1:ClusterRole::escalator-cluster-role",
		"kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding::escalator-cluster-role-binding",
		"kubernetes:rbac.authorization.k8s.io/v1:Role::escalator-role",
		"kubernetes:rbac.authorization.k8s.io/v1:RoleBinding::escalator-role-binding",
	}
	if got := r.Children(escalator.TypeToken, "escalator"); !slices.Equal(got, want) {
		t.Errorf("children are %v, want %v", got, want)
	}
	componenttest.Golden(t, "testdata/escalator.yaml", k8stest.Manifest(t, r))
}

// It reads its file once: pods with the old settings must not live on.
func TestChangedSettingsStartNewPods(t *testing.T) {
	template := func(a *escalator.Args) string {
		in := declare(t, a).Find(t, "kubernetes:apps/v1:Deployment", "escalator-deployment").Inputs.Mappable()
		meta := in["spec"].(map[string]any)["template"].(map[string]any)["metadata"].(map[string]any)
		return meta["annotations"].(map[string]any)["dip/config"].(string)
	}
	changed := args()
	g := changed.Groups["batch"]
	g.Settings.ScaleUpPercent = 80
	changed.Groups["batch"] = g
	if template(args()) == template(changed) {
		t.Error("the pods are the same")
	}
}

func TestRenderIsOrdered(t *testing.T) {
	text, err := escalator.Render(map[string]config.Escalator{"b": settings(), "a": settings()},
		map[string]string{"a": "asg-a", "b": "asg-b"})
	if err != nil {
		t.Fatal(err)
	}
	componenttest.Golden(t, "testdata/nodegroups.yaml", []byte(text))
}

func TestTheShortestScanIntervalHolds(t *testing.T) {
	for _, c := range []struct {
		intervals []time.Duration
		want      string
	}{
		{[]time.Duration{0}, "--scaninterval=1m"},
		{[]time.Duration{0, 30 * time.Second, 10 * time.Second}, "--scaninterval=10s"},
	} {
		a := args()
		for i, interval := range c.intervals {
			s := settings()
			s.ScanInterval = span(interval)
			a.Groups["batch"+strings.Repeat("x", i)] = escalator.Group{AutoScalingGroup: pulumi.String("asg"), Settings: s}
		}
		in := declare(t, a).Find(t, "kubernetes:apps/v1:Deployment", "escalator-deployment").Inputs.Mappable()
		pod := in["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
		if flags := pod["containers"].([]any)[0].(map[string]any)["args"].([]any); !slices.Contains(flags, any(c.want)) {
			t.Errorf("no %s in %v", c.want, flags)
		}
	}
}

func TestAllowsToChangeItsGroupsAlone(t *testing.T) {
	text := k8stest.Rights(t, escalator.Allow(componenttest.Region, componenttest.Account, pulumi.String("batch-1a2b")))
	want := `"autoscaling:TerminateInstanceInAutoScalingGroup"],` +
		`"Resource":["arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:*:autoScalingGroupName/batch-1a2b"]`
	if !strings.Contains(text, want) {
		t.Errorf("no %s in %s", want, text)
	}
}

// The rules of the thresholds are config's.
func TestBadArgsRegisterNothing(t *testing.T) {
	wrong := settings()
	wrong.TaintLowerPercent, wrong.FastRemoval = wrong.TaintUpperPercent, 0
	wrong.CoolDown, wrong.HardDeleteGrace = 0, wrong.SoftDeleteGrace
	componenttest.MustRefuse(t, "escalator e", func(ctx *pulumi.Context) error {
		_, err := escalator.New(ctx, "e", &escalator.Args{
			Place: k8s.Place{Group: "batch"}, Groups: map[string]escalator.Group{"batch": {Settings: wrong}},
		})
		return err
	},
		`Image: "", want an exact tag or a digest`, "Region: missing", "Groups[batch].AutoScalingGroup: missing",
		"Groups[batch].Settings.coolDown: 0s: want", "Groups[batch].Settings.fastRemoval: 0: want",
		"Groups[batch].Settings.hardDeleteGrace: 5m: want more", "Groups[batch].Settings: want taintLowerPercent <",
		"Place: batch is a group that it scales")
	componenttest.MustRefuse(t, "escalator e", func(ctx *pulumi.Context) error {
		_, err := escalator.New(ctx, "e", &escalator.Args{Image: args().Image, Region: componenttest.Region})
		return err
	}, "Groups: missing")
}
