package guardrails_test

import (
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/components/guardrails"
)

func TestRoles(t *testing.T) {
	const boundary = "arn:aws:iam::123456789012:policy/boundary"
	for name, c := range map[string]struct {
		demanded       guardrails.Roles
		boundary, path any
	}{
		"nothing":  {guardrails.Roles{}, nil, nil},
		"boundary": {guardrails.Roles{PermissionsBoundary: boundary}, boundary, nil},
		"path":     {guardrails.Roles{Path: "/pipelines/"}, nil, "/pipelines/"},
	} {
		r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
			if err := c.demanded.Apply(ctx); err != nil {
				return err
			}
			if _, err := sqs.NewQueue(ctx, "q", nil); err != nil {
				return err
			}
			_, err := iam.NewRole(ctx, "role", &iam.RoleArgs{AssumeRolePolicy: pulumi.String("{}")})
			return err
		})
		in := r.Find(t, "aws:iam/role:Role", "role").Inputs.Mappable()
		if in["permissionsBoundary"] != c.boundary || in["path"] != c.path {
			t.Errorf("%s: the role is %v", name, in)
		}
	}
}
