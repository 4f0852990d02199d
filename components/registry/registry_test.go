package registry_test

import (
	"slices"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/components/registry"
)

func TestRegistry(t *testing.T) {
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		_, err := registry.New(ctx, "r", &registry.Args{Keep: 30})
		return err
	})
	want := []string{"aws:ecr/lifecyclePolicy:LifecyclePolicy::r-lifecycle", "aws:ecr/repository:Repository::r-repository"}
	if got := r.Children(registry.TypeToken, "r"); !slices.Equal(got, want) {
		t.Errorf("children are %v", got)
	}
	in := r.Find(t, "aws:ecr/repository:Repository", "r-repository").Inputs.Mappable()
	if in["imageTagMutability"] != "IMMUTABLE" ||
		in["imageScanningConfiguration"].(map[string]any)["scanOnPush"] != true || in["forceDelete"] != false {
		t.Errorf("repository is %v", in)
	}
	const policy = `{"rules":[{"rulePriority":1,"description":"keep the newest images",` +
		`"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":30},"action":{"type":"expire"}}]}`
	if got := r.Find(t, "aws:ecr/lifecyclePolicy:LifecyclePolicy",
		"r-lifecycle").Inputs["policy"].StringValue(); got != policy {
		t.Errorf("policy is %s", got)
	}
}

// One image leaves nothing to roll back to.
func TestBadArgsRegisterNothing(t *testing.T) {
	componenttest.MustRefuse(t, "registry r", func(ctx *pulumi.Context) error {
		_, err := registry.New(ctx, "r", &registry.Args{Keep: 1})
		return err
	}, "Keep: 1, want at least 2")
}
