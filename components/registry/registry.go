// Package registry is an ECR repository whose images never change.
package registry

import (
	"encoding/json"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
)

// TypeToken is the component's type.
const TypeToken = "dip:registry:Registry"

// Args configure a repository.
type Args struct {
	// Keep is how many images are kept: the older ones expire. At least 2, so that a roll-back finds its image.
	Keep int
	// Disposable deletes the images with the stack. False: a repository that holds images is not destroyed.
	Disposable bool
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var found component.Problems
	found.If(a.Keep < 2, "Keep", "%d, want at least 2", a.Keep)
	return found.Err()
}

// Registry is a repository.
type Registry struct {
	pulumi.ResourceState

	URL pulumi.StringOutput // without a tag

	repository *ecr.Repository
}

// New declares a repository.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Registry, error) {
	r := &Registry{}
	return component.Declare(ctx, TypeToken, name, r, args, opts, r.createRepository, r.expire)
}

// Outputs are the repository's URL.
func (r *Registry) Outputs() pulumi.Map { return pulumi.Map{"url": r.URL} }

func (r *Registry) createRepository(ctx *pulumi.Context, args *Args) (err error) {
	encryption := ecr.RepositoryEncryptionConfigurationArgs{EncryptionType: pulumi.String("AES256")}
	r.repository, err = component.Child(ctx, r, "repository", ecr.NewRepository, &ecr.RepositoryArgs{
		ImageTagMutability:         pulumi.String("IMMUTABLE"), // a tag is the hash of what it holds
		ImageScanningConfiguration: ecr.RepositoryImageScanningConfigurationArgs{ScanOnPush: pulumi.Bool(true)},
		EncryptionConfigurations:   ecr.RepositoryEncryptionConfigurationArray{encryption},
		ForceDelete:                pulumi.Bool(args.Disposable),
	})
	if err != nil {
		return err
	}
	r.URL = r.repository.RepositoryUrl
	return nil
}

func (r *Registry) expire(ctx *pulumi.Context, args *Args) error {
	rules, err := lifecycle(args.Keep)
	if err != nil {
		return err
	}
	_, err = component.Child(ctx, r, "lifecycle", ecr.NewLifecyclePolicy, &ecr.LifecyclePolicyArgs{
		Repository: r.repository.Name, Policy: pulumi.String(rules),
	})
	return err
}

// lifecycle is the policy that keeps the newest images.
func lifecycle(keep int) (string, error) {
	type selection struct {
		TagStatus   string `json:"tagStatus"`
		CountType   string `json:"countType"`
		CountNumber int    `json:"countNumber"`
	}
	type rule struct {
		Priority    int               `json:"rulePriority"`
		Description string            `json:"description"`
		Selection   selection         `json:"selection"`
		Action      map[string]string `json:"action"`
	}
	data, err := json.Marshal(map[string][]rule{"rules": {{
		Priority: 1, Description: "keep the newest images",
		Selection: selection{TagStatus: "any", CountType: "imageCountMoreThan", CountNumber: keep},
		Action:    map[string]string{"type": "expire"},
	}}})
	return string(data), err
}

// Image is the image with a tag, whether it is pushed or not.
func (r *Registry) Image(tag string) pulumi.StringOutput { return pulumi.Sprintf("%s:%s", r.URL, tag) }

// Pushed is the image with a tag once it is in the repository. Pods of an image that is not there would wait without a
// word, and a Deployment's would hold up the update until it times out: an update fails at once instead, a preview
// warns. It is looked up when ready is known: what needs the image has something to run on then.
func (r *Registry) Pushed(ctx *pulumi.Context, tag string, ready pulumi.StringInput) pulumi.StringOutput {
	return pulumi.All(r.Image(tag), r.repository.Name, ready).ApplyT(func(v []any) (string, error) {
		image := v[0].(string)
		_, err := ecr.GetImage(ctx, &ecr.GetImageArgs{RepositoryName: v[1].(string), ImageTag: &tag}, pulumi.Parent(r))
		if err == nil {
			return image, nil
		}
		missing := fmt.Errorf("image %s is not in the repository: push it with `make image STACK=%s`, then deploy again, or "+
			"do both with `make deploy STACK=%s`: %w", image, ctx.Stack(), ctx.Stack(), err)
		if ctx.DryRun() {
			return image, ctx.Log.Warn(missing.Error(), &pulumi.LogArgs{Resource: r})
		}
		return "", missing
	}).(pulumi.StringOutput)
}
