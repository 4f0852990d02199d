// Package bus is the EventBridge bus that load events go to.
package bus

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

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
	if err := ctx.RegisterComponentResource(TypeToken, name, b, opts...); err != nil {
		return nil, fmt.Errorf("bus %s: %w", name, err)
	}
	var err error
	b.bus, err = cloudwatch.NewEventBus(ctx, name+"-bus", &cloudwatch.EventBusArgs{}, pulumi.Parent(b))
	if err != nil {
		return nil, fmt.Errorf("bus %s: %w", name, err)
	}
	b.Name = b.bus.Name
	return b, ctx.RegisterResourceOutputs(b, pulumi.Map{"name": b.Name})
}

// Put allows to put events.
func (b *Bus) Put() []policy.Statement {
	return []policy.Statement{{Actions: []string{"events:PutEvents"}, Resources: []pulumi.StringInput{b.bus.Arn}}}
}
