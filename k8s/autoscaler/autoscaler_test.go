package autoscaler_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/config"
	"dip/k8s"
	"dip/k8s/autoscaler"
	"dip/k8s/k8stest"
)

func args() *autoscaler.Args {
	return &autoscaler.Args{
		Image:   config.Cluster{Autoscaler: "v1.36.1"}.Image(config.AutoscalerImage),
		Cluster: pulumi.String("dip-test"), Region: componenttest.Region, Place: k8s.Place{Group: "services"},
		Groups: map[string]autoscaler.Group{
			"services": {AutoScalingGroup: pulumi.String("eks-services.1"), Spot: true},
			"steady":   {AutoScalingGroup: pulumi.String("eks-steady-2")},
		},
	}
}

func TestAutoscaler(t *testing.T) {
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		_, err := autoscaler.New(ctx, "autoscaler", args())
		return err
	})
	want := []string{
		"kubernetes:apps/v1:Deployment::autoscaler-deployment",
		"kubernetes:core/v1:ConfigMap::autoscaler-priorities",
		"kubernetes:core/v1:ServiceAccount::autoscaler-account",
		"kubernetes:policy/v1:PodDisruptionBudget::autoscaler-budget",
		"kubernetes:rbac.authorization.k8s.io/v1:ClusterRole::autoscaler-cluster-role",
		"kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding::autoscaler-cluster-role-binding",
		"kubernetes:rbac.authorization.k8s.io/v1:Role::autoscaler-role",
		"kubernetes:rbac.authorization.k8s.io/v1:RoleBinding::autoscaler-role-binding",
	}
	if got := r.Children(autoscaler.TypeToken, "autoscaler"); !slices.Equal(got, want) {
		t.Errorf("children are %v, want %v", got, want)
	}
	componenttest.Golden(t, "testdata/autoscaler.yaml", k8stest.Manifest(t, r))
}

// flags are the command line of a cluster's autoscaler.
func flags(t *testing.T) (list []string) {
	componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		all := autoscaler.Flags(pulumi.String("dip-test")).ToStringArrayOutput()
		ctx.Export("flags", all.ApplyT(func(v []string) int { list = v; return len(v) }))
		return nil
	})
	return list
}

// The list was taken from the documentation by hand; the program refuses to start with a flag that it does not know.
func TestFlagsAreDocumented(t *testing.T) {
	data, err := os.ReadFile("testdata/flags.txt")
	if err != nil {
		t.Fatal(err)
	}
	var known []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			known = append(known, line)
		}
	}
	seen, flags := map[string]bool{}, flags(t)
	for _, flag := range flags {
		name, value, ok := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
		if !strings.HasPrefix(flag, "--") || !ok || value == "" {
			t.Errorf("%q: want --name=value", flag)
		}
		if !slices.Contains(known, name) {
			t.Errorf("--%s is no flag of the Cluster Autoscaler", name)
		}
		if seen[name] {
			t.Errorf("--%s is there twice", name)
		}
		seen[name] = true
	}
	for _, flag := range []string{
		"--expander=priority,least-waste", "--balance-similar-node-groups=true", "--skip-nodes-with-local-storage=false",
		"--node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/dip-test",
	} {
		if !slices.Contains(flags, flag) {
			t.Errorf("%s is missing", flag)
		}
	}
}

func TestAllow(t *testing.T) {
	text := k8stest.Rights(t, autoscaler.Allow(componenttest.Region, componenttest.Account,
		pulumi.String("dip-test"), pulumi.String("eks-services.1")))
	for _, want := range []string{
		`"Action":["autoscaling:SetDesiredCapacity","autoscaling:TerminateInstanceInAutoScalingGroup"],` +
			`"Resource":["arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:*:autoScalingGroupName/eks-services.1"]}`,
		`"Resource":["arn:aws:eks:us-east-1:123456789012:nodegroup/dip-test/*"]`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

func TestBadArgsRegisterNothing(t *testing.T) {
	for _, tag := range []string{"", "latest"} {
		image := config.Image{Repository: "registry.example/a", Tag: tag}
		componenttest.MustRefuse(t, "autoscaler a", func(ctx *pulumi.Context) error {
			_, err := autoscaler.New(ctx, "a", &autoscaler.Args{Image: image})
			return err
		},
			`Image: "`+image.Reference()+`", want an exact tag or a digest`, "Cluster: missing", "Region: missing",
			"Groups: missing")
	}
}
