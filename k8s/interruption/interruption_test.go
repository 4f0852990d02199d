package interruption_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/config"
	"dip/k8s"
	"dip/k8s/interruption"
	"dip/k8s/k8stest"
)

var image = (config.Cluster{}).Image(config.TerminationImage)

var modes = map[config.Interruptions]struct {
	args     interruption.Args
	children []string
}{
	config.ByIMDS: {interruption.Args{}, []string{
		"kubernetes:apps/v1:DaemonSet::termination-daemonset",
		"kubernetes:core/v1:ServiceAccount::termination-account",
		"kubernetes:rbac.authorization.k8s.io/v1:ClusterRole::termination-cluster-role",
		"kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding::termination-cluster-role-binding",
	}},
	config.ByQueue: {interruption.Args{Queue: pulumi.String("https://queue"), Place: k8s.Place{Group: "services"}},
		[]string{
			"kubernetes:apps/v1:Deployment::termination-deployment",
			"kubernetes:core/v1:ServiceAccount::termination-account",
			"kubernetes:policy/v1:PodDisruptionBudget::termination-budget",
			"kubernetes:rbac.authorization.k8s.io/v1:ClusterRole::termination-cluster-role",
			"kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding::termination-cluster-role-binding",
		}},
}

func TestInterruption(t *testing.T) {
	for mode, c := range modes {
		t.Run(string(mode), func(t *testing.T) {
			r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
				args := c.args
				args.Mode, args.Region, args.Image = mode, componenttest.Region, image
				_, err := interruption.New(ctx, "termination", &args)
				return err
			})
			if got := r.Children(interruption.TypeToken, "termination"); !slices.Equal(got, c.children) {
				t.Errorf("children are %v, want %v", got, c.children)
			}
			componenttest.Golden(t, "testdata/"+string(mode)+".yaml", k8stest.Manifest(t, r))
		})
	}
}

func TestAllowsToCompleteHooksOfItsGroupsAlone(t *testing.T) {
	got := k8stest.Rights(t, interruption.Allow(componenttest.Region, componenttest.Account, pulumi.String("arn:queue"),
		pulumi.String("plain-1")))
	for _, want := range []string{
		`"Action":["autoscaling:CompleteLifecycleAction"],` +
			`"Resource":["arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:*:autoScalingGroupName/plain-1"]`,
		`"Action":["sqs:DeleteMessage","sqs:ReceiveMessage"],"Resource":["arn:queue"]`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
}

func TestBadArgsRegisterNothing(t *testing.T) {
	const queue, noImage = "Queue: mode queue has one, and no other mode", `Image: "", want an exact tag or a digest`
	for name, c := range map[string]struct {
		args interruption.Args
		want string
	}{
		"neither mode": {
			interruption.Args{Mode: config.ByEKS, Region: "r"}, `Mode: "managed", want imds or queue`,
		},
		"both modes":                {interruption.Args{Mode: config.ByIMDS, Queue: pulumi.String("q"), Region: "r"}, queue},
		"a queue that is not there": {interruption.Args{Mode: config.ByQueue, Region: "r"}, queue},
		"no region":                 {interruption.Args{Mode: config.ByIMDS}, "Region: missing"},
		"no image":                  {interruption.Args{Mode: config.ByIMDS, Region: "r"}, noImage},
	} {
		t.Run(name, func(t *testing.T) {
			componenttest.MustRefuse(t, "interruption t", func(ctx *pulumi.Context) error {
				if c.want != noImage {
					c.args.Image = image
				}
				_, err := interruption.New(ctx, "t", &c.args)
				return err
			}, c.want)
		})
	}
}
