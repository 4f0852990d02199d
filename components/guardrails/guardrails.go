// Package guardrails gives every role and every name what an organization demands of them, so that no component has to.
package guardrails

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Roles is what is demanded of roles.
type Roles struct {
	// PermissionsBoundary is the ARN of a policy beyond which no role goes. The zero value: none.
	PermissionsBoundary string
	// Path of the roles, such as "/pipelines/". The zero value: "/".
	Path string
}

// Apply gives each role that is declared from now on its boundary and its path. It does not reach roles that a remote
// component, such as pulumi-eks, declares by itself.
func (r Roles) Apply(ctx *pulumi.Context) error {
	if r == (Roles{}) {
		return nil
	}
	type (
		declared = pulumi.ResourceTransformationArgs
		guarded  = pulumi.ResourceTransformationResult
	)
	return ctx.RegisterStackTransformation(func(a *declared) *guarded {
		role, ok := a.Props.(*iam.RoleArgs)
		if !ok {
			return nil
		}
		if r.PermissionsBoundary != "" {
			role.PermissionsBoundary = pulumi.String(r.PermissionsBoundary)
		}
		if r.Path != "" {
			role.Path = pulumi.String(r.Path)
		}
		return &guarded{Props: role, Opts: a.Opts}
	})
}
