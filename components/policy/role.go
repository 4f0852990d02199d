package policy

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
)

// Role declares a component's role that a service takes on the given conditions: ForAccount where the service says for
// whom it acts. actions are how; none: sts:AssumeRole.
func Role(ctx *pulumi.Context, c pulumi.ComponentResource, role, service string, conditions map[Test]pulumi.Input,
	actions ...string) (*iam.Role, error) {
	trust, err := Trust(service, conditions, actions...)
	if err != nil {
		return nil, err
	}
	return component.Child(ctx, c, role, iam.NewRole, &iam.RoleArgs{AssumeRolePolicy: trust})
}

// Attach declares the policy of a component's role, given by its id or name.
func Attach(ctx *pulumi.Context, c pulumi.ComponentResource, role string, to pulumi.Input, statements ...Statement) (
	*iam.RolePolicy, error,
) {
	document, err := Document(statements...)
	if err != nil {
		return nil, err
	}
	return component.Child(ctx, c, role, iam.NewRolePolicy, &iam.RolePolicyArgs{Role: to, Policy: document})
}
