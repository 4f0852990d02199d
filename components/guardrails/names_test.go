package guardrails_test

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/dynamodb"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/components/guardrails"
)

// What has a name gets the prefix, within what AWS allows; what has chosen one keeps it.
func TestNames(t *testing.T) {
	long := strings.Repeat("long-", 20) + "role"
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		if err := (guardrails.Names{Prefix: "acme", Stack: "dev"}).Apply(ctx); err != nil {
			return err
		}
		for _, name := range []string{"role", long} {
			if _, err := iam.NewRole(ctx, name, &iam.RoleArgs{AssumeRolePolicy: pulumi.String("{}")}); err != nil {
				return err
			}
		}
		if _, err := sqs.NewQueue(ctx, "q", nil); err != nil {
			return err
		}
		if _, err := sqs.NewQueue(ctx, "named", &sqs.QueueArgs{Name: pulumi.String("mine")}); err != nil {
			return err
		}
		if _, err := s3.NewBucketV2(ctx, "bucket", &s3.BucketV2Args{}); err != nil {
			return err
		}
		if _, err := kms.NewKey(ctx, "key", &kms.KeyArgs{}); err != nil {
			return err
		}
		if _, err := kms.NewAlias(ctx, "alias", &kms.AliasArgs{TargetKeyId: pulumi.String("key")}); err != nil {
			return err
		}
		_, err := dynamodb.NewTable(ctx, "table", &dynamodb.TableArgs{})
		return err
	})
	for _, c := range []struct{ token, resource, property, want string }{
		{"aws:iam/role:Role", "role", "namePrefix", "acme-role-"},
		{"aws:sqs/queue:Queue", "named", "name", "mine"},
		{"aws:s3/bucketV2:BucketV2", "bucket", "bucketPrefix", "acme-bucket-"},
		{"aws:dynamodb/table:Table", "table", "name", "acme-dev-table"},
		{"aws:kms/alias:Alias", "alias", "namePrefix", "alias/acme-alias-"},
	} {
		if got := r.Find(t, c.token, c.resource).Inputs.Mappable()[c.property]; got != c.want {
			t.Errorf("%s has %s %v, want %s", c.resource, c.property, got, c.want)
		}
	}
	if got := r.Find(t, "aws:iam/role:Role", long).Inputs["namePrefix"].StringValue(); len(got) != 38 ||
		!strings.HasPrefix(got, "acme-long-") {
		t.Errorf("a long name is cut to %q", got)
	}
	if in := r.Find(t, "aws:kms/key:Key", "key").Inputs; in.HasValue("name") || in.HasValue("namePrefix") {
		t.Errorf("a key has no name: %v", in)
	}
	if in := r.Find(t, "aws:sqs/queue:Queue", "named").Inputs; in.HasValue("namePrefix") {
		t.Errorf("a chosen name and a prefix: %v", in)
	}
}
