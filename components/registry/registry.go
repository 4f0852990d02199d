// Package registry is an ECR repository whose images never change.
package registry

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
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
	if a.Keep < 2 {
		return errors.New("registry: Keep: want at least 2")
	}
	return nil
}

// Registry is a repository.
type Registry struct {
	pulumi.ResourceState

	URL pulumi.StringOutput // without a tag
}

// New declares a repository.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Registry, error) {
	if err := args.Validate(); err != nil {
		return nil, err
	}
	r := &Registry{}
	if err := ctx.RegisterComponentResource(TypeToken, name, r, opts...); err != nil {
		return nil, fmt.Errorf("registry %s: %w", name, err)
	}
	repository, err := ecr.NewRepository(ctx, name+"-repository", &ecr.RepositoryArgs{
		ImageTagMutability:         pulumi.String("IMMUTABLE"), // a tag is the hash of what it holds
		ImageScanningConfiguration: ecr.RepositoryImageScanningConfigurationArgs{ScanOnPush: pulumi.Bool(true)},
		EncryptionConfigurations:   ecr.RepositoryEncryptionConfigurationArray{ecr.RepositoryEncryptionConfigurationArgs{EncryptionType: pulumi.String("AES256")}},
		ForceDelete:                pulumi.Bool(args.Disposable),
	}, pulumi.Parent(r))
	if err != nil {
		return nil, fmt.Errorf("registry %s: %w", name, err)
	}
	expire, err := lifecycle(args.Keep)
	if err != nil {
		return nil, fmt.Errorf("registry %s: %w", name, err)
	}
	_, err = ecr.NewLifecyclePolicy(ctx, name+"-lifecycle", &ecr.LifecyclePolicyArgs{
		Repository: repository.Name, Policy: pulumi.String(expire),
	}, pulumi.Parent(r))
	if err != nil {
		return nil, fmt.Errorf("registry %s: %w", name, err)
	}
	r.URL = repository.RepositoryUrl
	return r, ctx.RegisterResourceOutputs(r, pulumi.Map{"url": r.URL})
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
