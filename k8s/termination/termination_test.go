package termination_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/config"
	"dip/k8s"
	"dip/k8s/k8stest"
	"dip/k8s/termination"
)

var modes = map[config.Interruptions]struct {
	args     termination.Args
	children []string
}{
	config.ByIMDS: {termination.Args{}, []string{
		"kubernetes:apps/v1:DaemonSet::termination-daemonset",
		"kubernetes:core/v1:ServiceAccount::termination-account",
		"kubernetes:rbac.authorization.k8s.io/v1:ClusterRole::termination-cluster-role",
		"kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding::termination-cluster-role-binding",
	}},
	config.ByQueue: {termination.Args{Queue: pulumi.String("https://queue"), Place: k8s.Place{Group: "services"}}, []string{
		"kubernetes:apps/v1:Deployment::termination-deployment",
		"kubernetes:core/v1:ServiceAccount::termination-account",
		"kubernetes:policy/v1:PodDisruptionBudget::termination-budget",
		"kubernetes:rbac.authorization.k8s.io/v1:ClusterRole::termination-cluster-role",
		"kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding::termination-cluster-role-binding",
	}},
}

func TestTermination(t *testing.T) {
	for mode, c := range modes {
		t.Run(string(mode), func(t *testing.T) {
			r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
				args := c.args
				args.Mode, args.Region = mode, componenttest.Region
				_, err := termination.New(ctx, "termination", &args)
				return err
			})
			if got := r.Children(termination.TypeToken, "termination"); !slices.Equal(got, c.children) {
				t.Errorf("children are %v, want %v", got, c.children)
			}
			componenttest.Golden(t, "testdata/"+string(mode)+".yaml", k8stest.Manifest(t, r))
		})
	}
}

func TestAllowsToCompleteHooksOfItsGroupsAlone(t *testing.T) {
	got := k8stest.Rights(t, termination.Allow(componenttest.Region, componenttest.Account, pulumi.String("arn:queue"), pulumi.String("plain-1")))
	for _, want := range []string{
		`"Action":["autoscaling:CompleteLifecycleAction"],"Resource":["arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:*:autoScalingGroupName/plain-1"]`,
		`"Action":["sqs:DeleteMessage","sqs:ReceiveMessage"],"Resource":["arn:queue"]`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
}

func TestBadArgsRegisterNothing(t *testing.T) {
	for name, c := range map[string]struct {
		args termination.Args
		want string
	}{
		"neither mode":              {termination.Args{Mode: config.ByEKS, Region: "r"}, `termination: Mode: "managed", want imds or queue`},
		"both modes":                {termination.Args{Mode: config.ByIMDS, Queue: pulumi.String("q"), Region: "r"}, "termination: Queue: mode queue has one, and no other mode"},
		"a queue that is not there": {termination.Args{Mode: config.ByQueue, Region: "r"}, "termination: Queue: mode queue has one, and no other mode"},
		"no region":                 {termination.Args{Mode: config.ByIMDS}, "termination: Region: missing"},
	} {
		r, err := componenttest.Run("test", nil, func(ctx *pulumi.Context) error {
			_, err := termination.New(ctx, "termination", &c.args)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
		if got := r.Resources(); len(got) != 0 {
			t.Errorf("%s: registered %v", name, got)
		}
	}
}
