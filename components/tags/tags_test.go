package tags_test

import (
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/components/tags"
)

func TestApply(t *testing.T) {
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		if err := tags.Apply(ctx, map[string]string{"team": "data", "stack": "test"}); err != nil {
			return err
		}
		if _, err := sqs.NewQueue(ctx, "plain", nil); err != nil {
			return err
		}
		if _, err := sqs.NewQueue(ctx, "own",
			&sqs.QueueArgs{Tags: pulumi.StringMap{"team": pulumi.String("ops")}}); err != nil {
			return err
		}
		_, err := kms.NewAlias(ctx, "untaggable", &kms.AliasArgs{TargetKeyId: pulumi.String("k")})
		return err
	})
	for name, team := range map[string]string{"plain": "data", "own": "ops"} {
		got := r.Find(t, "aws:sqs/queue:Queue", name).Inputs["tags"].ObjectValue()
		if len(got) != 2 || got["team"].StringValue() != team || got["stack"].StringValue() != "test" {
			t.Errorf("%s is tagged %v", name, got)
		}
	}
	if _, ok := r.Find(t, "aws:kms/alias:Alias", "untaggable").Inputs["tags"]; ok {
		t.Error("a resource without tags is tagged")
	}
}
