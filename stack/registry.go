package stack

import (
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/registry"
	"dip/config"
)

// imagesKept is how many of the workers' images the registry keeps.
const imagesKept = 30

// RegistryOnly reports whether this update is the one before the first image is pushed.
func (s *Setup) RegistryOnly() bool { return s.heavy != nil && os.Getenv(config.RegistryOnly) != "" }

// NewRegistryOnly declares the registry, and returns the one output that tells what to push.
func NewRegistryOnly(ctx *pulumi.Context, s *Setup) (pulumi.Map, error) {
	images, err := s.newRegistry(ctx)
	if err != nil {
		return nil, err
	}
	return pulumi.Map{"cluster": pulumi.Map{"image": images.Image(s.heavy.image.Tag)}}, nil
}

// newRegistry declares the repository of the image that workers and restage jobs share.
func (s *Setup) newRegistry(ctx *pulumi.Context) (*registry.Registry, error) {
	return registry.New(ctx, "images", &registry.Args{Keep: imagesKept, Disposable: s.Environment.Disposable()})
}
