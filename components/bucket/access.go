package bucket

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/components/policy"
	"dip/components/queue"
)

// NotifyQueue sends an event to the queue for every object that is created. A bucket has one notification resource:
// a second would overwrite the first, so NotifyQueue is called once. The queue must admit the bucket (queue.Args).
func (b *Bucket) NotifyQueue(ctx *pulumi.Context, q *queue.Queue) error {
	_, err := component.Child(ctx, b, "notification", s3.NewBucketNotification, &s3.BucketNotificationArgs{
		Bucket: b.bucket.ID(),
		Queues: s3.BucketNotificationQueueArray{&s3.BucketNotificationQueueArgs{
			Id: pulumi.String("created"), QueueArn: q.ARN, Events: pulumi.StringArray{pulumi.String("s3:ObjectCreated:*")},
		}},
	}, component.After(b.Ready...)) // an event without a version makes no load
	return component.In(b, err)
}

// ListVersions allows to list the bucket's versions.
func (b *Bucket) ListVersions() []policy.Statement {
	return []policy.Statement{{Actions: []string{"s3:ListBucketVersions"}, Resources: []pulumi.StringInput{b.ARN}}}
}

// ReadVersions allows to read versions of the objects below a prefix, "" being all: requests name the version, and S3
// authorizes those by s3:GetObjectVersion alone ("GetObject", S3 API Reference).
func (b *Bucket) ReadVersions(prefix string) []policy.Statement {
	return []policy.Statement{
		{Actions: []string{"s3:GetObjectVersion"}, Resources: b.objects(prefix)}, b.find(prefix), b.decrypt(),
	}
}

// Read allows to read objects below the prefixes.
func (b *Bucket) Read(prefixes ...string) []policy.Statement {
	return []policy.Statement{
		{Actions: []string{"s3:GetObject"}, Resources: b.objects(prefixes...)}, b.find(prefixes...), b.decrypt(),
	}
}

// Write allows to write objects below the prefixes and to compare them with what is there.
func (b *Bucket) Write(prefixes ...string) []policy.Statement {
	return []policy.Statement{
		{Actions: []string{"s3:PutObject", "s3:GetObject"}, Resources: b.objects(prefixes...)},
		{Actions: []string{"kms:GenerateDataKey"}, Resources: []pulumi.StringInput{b.key.Arn}},
		b.find(prefixes...), b.decrypt(),
	}
}

// find makes S3 answer "not found", not "denied", when an object below the prefixes is gone: a denial is retried.
func (b *Bucket) find(prefixes ...string) policy.Statement {
	return policy.Statement{
		Actions: []string{"s3:ListBucket"}, Resources: []pulumi.StringInput{b.ARN}, Conditions: policy.Below(prefixes...),
	}
}

func (b *Bucket) decrypt() policy.Statement {
	return policy.Statement{Actions: []string{"kms:Decrypt"}, Resources: []pulumi.StringInput{b.key.Arn}}
}

func (b *Bucket) objects(prefixes ...string) []pulumi.StringInput {
	var arns []pulumi.StringInput
	for _, prefix := range prefixes {
		arns = append(arns, pulumi.Sprintf("%s/%s*", b.ARN, prefix))
	}
	return arns
}
