package bucket_test

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/bucket"
	"dip/components/componenttest"
	"dip/components/policy"
)

// Versions are read by a right of their own, below the prefix alone; and whoever reads may hear that an object is gone.
func TestRights(t *testing.T) {
	const (
		arn     = `"arn:aws:s3:::b-bucket`
		decrypt = `{"Effect":"Allow","Action":["kms:Decrypt"],"Resource":["arn:aws:kms:us-east-1:123456789012:key/b-key"]}`
	)
	allow := func(actions, resources string) string {
		return `{"Effect":"Allow","Action":[` + actions + `],"Resource":[` + resources + `]}`
	}
	find := func(prefixes string) string {
		return `{"Effect":"Allow","Action":["s3:ListBucket"],"Resource":[` + arn + `"],` +
			`"Condition":{"StringLikeIfExists":{"s3:prefix":[` + prefixes + `]}}}`
	}
	for want, rights := range map[string]func(b *bucket.Bucket) []policy.Statement{
		allow(`"s3:GetObjectVersion"`, arn+`/trips/*"`) + "," + find(`"trips/*"`) + "," + decrypt: func(
			b *bucket.Bucket) []policy.Statement {
			return b.ReadVersions("trips/")
		},
		allow(`"s3:GetObject"`, arn+`/a/*",`+arn+`/b/*"`) + "," + find(`"a/*","b/*"`) + "," + decrypt: func(
			b *bucket.Bucket) []policy.Statement {
			return b.Read("a/", "b/")
		},
		allow(`"s3:PutObject","s3:GetObject"`, arn+`/a/*"`) + "," + allow(`"kms:GenerateDataKey"`,
			`"arn:aws:kms:us-east-1:123456789012:key/b-key"`) + "," + find(`"a/*"`) + "," + decrypt: func(
			b *bucket.Bucket) []policy.Statement {
			return b.Write("a/")
		},
		allow(`"s3:PutObject"`, arn+`/a/*"`) + "," + find(`"a/*"`) + "," + allow(`"kms:GenerateDataKey"`,
			`"arn:aws:kms:us-east-1:123456789012:key/b-key"`): func(b *bucket.Bucket) []policy.Statement {
			return b.Receive("a/")
		},
	} {
		r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
			b, err := bucket.New(ctx, "b", args())
			if err != nil {
				return err
			}
			_, err = policy.Attach(ctx, b, "rights", pulumi.String("r"), rights(b)...)
			return err
		})
		got := r.Find(t, "aws:iam/rolePolicy:RolePolicy", "b-rights").Inputs["policy"].StringValue()
		got = strings.TrimSuffix(strings.TrimPrefix(got, `{"Version":"2012-10-17","Statement":[`), "]}")
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
