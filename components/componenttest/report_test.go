package componenttest_test

import (
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
)

// declare declares three queues: the second reads the first, the third waits for the second.
func declare(seconds int) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		first, err := sqs.NewQueue(ctx, "first", &sqs.QueueArgs{DelaySeconds: pulumi.Int(seconds)})
		if err != nil {
			return err
		}
		second, err := sqs.NewQueue(ctx, "second", &sqs.QueueArgs{
			Name: first.Name, Policy: pulumi.Sprintf(`{"Resource":["%s"],"Version":"1"}`, first.Arn),
			Tags: pulumi.StringMap{"dip:stack": pulumi.String("s"), "dip:environment": pulumi.String("e")},
		}, pulumi.DependsOn([]pulumi.Resource{first}))
		if err != nil {
			return err
		}
		_, err = sqs.NewQueue(ctx, "third", &sqs.QueueArgs{
			KmsMasterKeyId: pulumi.ToSecret(pulumi.String("key")).(pulumi.StringOutput),
		}, pulumi.DependsOn([]pulumi.Resource{second}), pulumi.Protect(true), pulumi.RetainOnDelete(true),
			pulumi.IgnoreChanges([]string{"name"}), pulumi.Aliases([]pulumi.Alias{{Name: pulumi.String("former")}}))
		return err
	}
}

func everything(componenttest.Resource) bool { return false }

func TestReport(t *testing.T) {
	const want = `aws:sqs/queue:Queue::first:
  inputs:
    delaySeconds: 5

aws:sqs/queue:Queue::second:
  reads:
    name: [Queue first]
    policy: [Queue first]
  inputs:
    name: first
    policy: !json
      Resource: ['arn:aws:sqs:us-east-1:123456789012:first']
      Version: "1"
    tags: the stack's

aws:sqs/queue:Queue::third:
  protect: true
  retain: true
  aliases: [name former]
  ignoreChanges: [name]
  after: [Queue second]
  inputs:
    kmsMasterKeyId: secret, sha256 2c70e12b7a0646f9

`
	if got := string(componenttest.MustRun(t, declare(5)).Report(t, everything)); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestChanges(t *testing.T) {
	before := componenttest.MustRun(t, declare(5))
	now := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		_, err := sqs.NewQueue(ctx, "first", &sqs.QueueArgs{DelaySeconds: pulumi.Int(6)})
		return err
	})
	const want = `aws:sqs/queue:Queue::first:
  inputs:
    delaySeconds: 6

# gone: aws:sqs/queue:Queue::second

# gone: aws:sqs/queue:Queue::third

`
	if got := string(now.Changes(t, before, everything)); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
