// Package bus is the EventBridge bus that load events go to.
package bus

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/components/policy"
)

// TypeToken is the component's type.
const TypeToken = "dip:bus:Bus"

// Bus is an event bus.
type Bus struct {
	pulumi.ResourceState

	Name pulumi.StringOutput // physical name

	bus *cloudwatch.EventBus
}

// New declares a bus. It has no settings.
func New(ctx *pulumi.Context, name string, opts ...pulumi.ResourceOption) (*Bus, error) {
	b := &Bus{}
	return component.Declare(ctx, TypeToken, name, b, none{}, opts, b.createBus)
}

// Outputs are the bus's name.
func (b *Bus) Outputs() pulumi.Map { return pulumi.Map{"name": b.Name} }

// none are the arguments of a component without settings.
type none struct{}

func (none) Validate() error { return nil }

func (b *Bus) createBus(ctx *pulumi.Context, _ none) (err error) {
	b.bus, err = component.Child(ctx, b, "bus", cloudwatch.NewEventBus, &cloudwatch.EventBusArgs{})
	if err != nil {
		return err
	}
	b.Name = b.bus.Name
	return nil
}

// Put allows to put events.
func (b *Bus) Put() []policy.Statement {
	return []policy.Statement{{Actions: []string{"events:PutEvents"}, Resources: []pulumi.StringInput{b.bus.Arn}}}
}
