package registry_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
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

// pushed declares a registry in an account that may have the image, and reads what pods would run.
func pushed(functions componenttest.Functions) (image string, err error) {
	_, err = componenttest.RunWith("dev", nil, functions, func(ctx *pulumi.Context) error {
		r, err := registry.New(ctx, "r", &registry.Args{Keep: 30})
		if err != nil {
			return err
		}
		ctx.Export("image", r.Pushed(ctx, "0123", pulumi.String("there")).ApplyT(func(s string) string {
			image = s
			return s
		}))
		return nil
	})
	return image, err
}

func TestPodsRunWhatIsPushed(t *testing.T) {
	image, err := pushed(nil)
	if want := "123456789012.dkr.ecr.us-east-1.amazonaws.com/r-repository:0123"; err != nil || image != want {
		t.Errorf("%s %v, want %s", image, err, want)
	}
	none := func(resource.PropertyMap) (resource.PropertyMap, error) {
		return nil, errors.New("couldn't find resource")
	}
	image, err = pushed(componenttest.Functions{"aws:ecr/getImage:getImage": none})
	if err == nil || image != "" || !strings.Contains(err.Error(), "is not in the repository: push it with "+
		"`make image STACK=dev`") {
		t.Errorf("an image that is not there: %q, %v", image, err)
	}
}
