// Package component is what all components of the program share: their arguments are checked before anything registers,
// their children get their parent and their names, and an error says where it comes from.
//
// A component embeds pulumi.ResourceState, and its New declares it in short steps:
//
//	b := &Bucket{}
//	return component.Declare(ctx, TypeToken, name, b, args, opts, b.createKey, b.createBucket)
//
// A step declares children, which are named after the component and their role:
//
//	b.key, err = component.Child(ctx, b, "key", kms.NewKey, &kms.KeyArgs{...})
package component

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Component is a component of the program.
type Component interface {
	pulumi.ComponentResource
	// Outputs are what the engine keeps and shows of a component that is declared.
	Outputs() pulumi.Map
}

// NoOutputs is embedded in components that have none.
type NoOutputs struct{}

// Outputs are none.
func (NoOutputs) Outputs() pulumi.Map { return pulumi.Map{} }

// Args configure a component.
type Args interface {
	// Validate reports every problem, a line each that begins with the field: see Problems.
	Validate() error
}

// Declare declares a component: it validates the arguments, registers the component, takes the steps in order up to the
// first that fails, and registers the outputs. Every line of an error begins with the component's kind and name.
func Declare[C Component, A Args](ctx *pulumi.Context, token, name string, c C, args A, opts []pulumi.ResourceOption,
	steps ...func(*pulumi.Context, A) error,
) (C, error) {
	if err := declare(ctx, token, name, c, args, opts, steps); err != nil {
		var none C
		return none, under(title(token, name), err)
	}
	return c, nil
}

func declare[A Args](ctx *pulumi.Context, token, name string, c Component, args A, opts []pulumi.ResourceOption,
	steps []func(*pulumi.Context, A) error,
) error {
	if err := args.Validate(); err != nil {
		return err
	}
	if err := ctx.RegisterComponentResource(token, name, c, opts...); err != nil {
		return err
	}
	for _, step := range steps {
		if err := step(ctx, args); err != nil {
			return err
		}
	}
	return ctx.RegisterResourceOutputs(c, c.Outputs())
}

// Child declares a child of a component. It is named after the component and its role there, "<component>-<role>"; like
// the component when the role is "". The error names the child.
func Child[A, R any](ctx *pulumi.Context, c pulumi.ComponentResource, role string,
	declare func(*pulumi.Context, string, *A, ...pulumi.ResourceOption) (R, error), args *A,
	opts ...pulumi.ResourceOption,
) (R, error) {
	name := c.PulumiResourceName()
	if role != "" {
		name += "-" + role
	}
	made, err := declare(ctx, name, args, slices.Concat(opts, []pulumi.ResourceOption{pulumi.Parent(c)})...)
	if err != nil {
		return made, fmt.Errorf("declare %s: %w", name, err)
	}
	return made, nil
}

// After has a child depend on resources.
func After(resources ...pulumi.Resource) pulumi.ResourceOption { return pulumi.DependsOn(resources) }

// In puts the kind and the name of a component before each line of an error of what is added to it later. No error
// stays none.
func In(c pulumi.ComponentResource, err error) error {
	return under(title(c.PulumiResourceType(), c.PulumiResourceName()), err)
}

// title is "node group batch" for a batch of the type "dip:nodegroup:NodeGroup".
func title(token, name string) string {
	var kind strings.Builder
	for i, r := range token[strings.LastIndex(token, ":")+1:] {
		if i > 0 && unicode.IsUpper(r) {
			kind.WriteByte(' ')
		}
		kind.WriteRune(unicode.ToLower(r))
	}
	return kind.String() + " " + name
}
