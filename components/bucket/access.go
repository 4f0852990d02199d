package bucket

import (
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/components/policy"
	"dip/components/queue"
)

// NotifyQueue sends an event to the queue for every object that is created. A bucket has one notification resource:
// a second would overwrite the first, so NotifyQueue is called once. The queue must admit the bucket (queue.Args).
func (b *Bucket) NotifyQueue(ctx *pulumi.Context, q *queue.Queue) error {
	args := &s3.BucketNotificationArgs{
		Bucket: b.Name,
		Queues: s3.BucketNotificationQueueArray{&s3.BucketNotificationQueueArgs{
			Id: pulumi.String("created"), QueueArn: q.ARN, Events: pulumi.StringArray{pulumi.String("s3:ObjectCreated:*")},
		}},
	}
	if b.eventBridge {
		args.Eventbridge = pulumi.Bool(true)
	}
	_, err := component.Child(ctx, b, "notification", s3.NewBucketNotification, args,
		component.After(b.Ready...)) // an event without a version makes no load
	return component.In(b, err)
}

// NotifyEventBridge sends events to EventBridge alone. It is called once, and instead of NotifyQueue.
func (b *Bucket) NotifyEventBridge(ctx *pulumi.Context) error {
	_, err := component.Child(ctx, b, "notification", s3.NewBucketNotification, &s3.BucketNotificationArgs{
		Bucket: b.Name, Eventbridge: pulumi.Bool(true),
	}, component.After(b.Ready...))
	return component.In(b, err)
}

// ListVersions allows to list the bucket's versions.
func (b *Bucket) ListVersions() []policy.Statement {
	return []policy.Statement{{Actions: []string{"s3:ListBucketVersions"}, Resources: []pulumi.StringInput{b.ARN}}}
}

// ReadVersions allows to read versions of the objects below a prefix, "" being all: requests name the version, and S3
// authorizes those by s3:GetObjectVersion alone ("GetObject", S3 API Reference).
func (b *Bucket) ReadVersions(prefix string) []policy.Statement {
	return append([]policy.Statement{
		{Actions: []string{"s3:GetObjectVersion"}, Resources: b.objects(prefix)}, b.find(prefix),
	}, b.useKey("kms:Decrypt")...)
}

// Read allows to read objects below the prefixes.
func (b *Bucket) Read(prefixes ...string) []policy.Statement {
	return append([]policy.Statement{
		{Actions: []string{"s3:GetObject"}, Resources: b.objects(prefixes...)}, b.find(prefixes...),
	}, b.useKey("kms:Decrypt")...)
}

// Write allows to write objects below the prefixes and to compare them with what is there.
func (b *Bucket) Write(prefixes ...string) []policy.Statement {
	return slices.Concat(
		[]policy.Statement{{Actions: []string{"s3:PutObject", "s3:GetObject"}, Resources: b.objects(prefixes...)}},
		b.useKey("kms:GenerateDataKey"), []policy.Statement{b.find(prefixes...)}, b.useKey("kms:Decrypt"),
	)
}

// Receive allows a service to put objects below a prefix that it chooses: what an on-failure destination of a stream's
// mapping demands ("Retain discarded batch records for a Kinesis Data Streams event source in Lambda").
func (b *Bucket) Receive(prefix string) []policy.Statement {
	return slices.Concat(
		[]policy.Statement{{Actions: []string{"s3:PutObject"}, Resources: b.objects(prefix)}, b.find(prefix)},
		b.useKey("kms:GenerateDataKey"),
	)
}

// find makes S3 answer "not found", not "denied", when an object below the prefixes is gone: a denial is retried.
func (b *Bucket) find(prefixes ...string) policy.Statement {
	return policy.Statement{
		Actions: []string{"s3:ListBucket"}, Resources: []pulumi.StringInput{b.ARN}, Conditions: policy.Below(prefixes...),
	}
}

// useKey allows actions with the objects' key, one statement each; none where S3 encrypts with a key of its own.
func (b *Bucket) useKey(actions ...string) (list []policy.Statement) {
	for _, action := range actions {
		if b.keyARN != nil {
			list = append(list, policy.Statement{Actions: []string{action}, Resources: []pulumi.StringInput{b.keyARN}})
		}
	}
	return list
}

func (b *Bucket) objects(prefixes ...string) []pulumi.StringInput {
	var arns []pulumi.StringInput
	for _, prefix := range prefixes {
		arns = append(arns, pulumi.Sprintf("%s/%s*", b.ARN, prefix))
	}
	return arns
}
