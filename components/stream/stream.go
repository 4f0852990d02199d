// Package stream is a Kinesis stream: records that arrive one by one, encrypted with a key of its own, and kept until
// whoever takes them has long done so.
package stream

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kinesis"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/components/policy"
	"dip/config"
)

// TypeToken is the component's type.
const TypeToken = "dip:stream:Stream"

// Args configure a stream.
type Args struct {
	// Settings are mode, retention, key and so on. The zero value is invalid.
	Settings config.Stream
	// Environment decides which settings are too short. The zero value is taken for AWS.
	Environment config.Environment
	// Disposable lets a destroy delete the stream while others are registered to read it. Zero: it fails.
	Disposable bool
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var found component.Problems
	found.Add(a.Settings.Validate("Settings", a.Environment))
	found.If(a.Settings.Protect && a.Disposable, "Disposable", "a protected stream is not disposable")
	return found.Err()
}

// Stream is a stream and its key.
type Stream struct {
	pulumi.ResourceState

	Name pulumi.StringOutput // physical name
	ARN  pulumi.StringOutput
	// Consumer is the ARN of the consumer with enhanced fan-out. Nil: there is none.
	Consumer pulumi.StringInput

	keyARN pulumi.StringInput
	stream *kinesis.Stream
}

// New declares a stream.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Stream, error) {
	s := &Stream{}
	return component.Declare(ctx, TypeToken, name, s, args, opts, s.createKey, s.createStream, s.createConsumer)
}

// Outputs are the stream's name and ARN.
func (s *Stream) Outputs() pulumi.Map { return pulumi.Map{"name": s.Name, "arn": s.ARN} }

// keep has records and their key outlive a destroy where the settings protect them.
func keep(args *Args) pulumi.ResourceOption {
	return pulumi.Composite(pulumi.Protect(args.Settings.Protect), pulumi.RetainOnDelete(args.Settings.Protect))
}

// deletionWindow is for how many days after a destroy the key can be restored: 7 to 30. Disposable records are gone
// with their stream.
func deletionWindow(args *Args) int {
	if args.Disposable {
		return 7
	}
	return 30
}

func (s *Stream) createKey(ctx *pulumi.Context, args *Args) error {
	if args.Settings.KMSKey != "" {
		s.keyARN = pulumi.String(args.Settings.KMSKey)
		return nil
	}
	key, err := component.Child(ctx, s, "key", kms.NewKey, &kms.KeyArgs{
		Description:          pulumi.String("Records of the stream " + s.PulumiResourceName()),
		EnableKeyRotation:    pulumi.Bool(true),
		DeletionWindowInDays: pulumi.Int(deletionWindow(args)),
	}, keep(args))
	if err != nil {
		return err
	}
	s.keyARN = key.Arn
	_, err = component.Child(ctx, s, "key-alias", kms.NewAlias, &kms.AliasArgs{
		Name:        pulumi.Sprintf("alias/dip-%s-%s", s.PulumiResourceName(), key.KeyId),
		TargetKeyId: key.KeyId,
	})
	return err
}

// createStream leaves the number of shards of an on-demand stream to Kinesis, which refuses to be told one.
func (s *Stream) createStream(ctx *pulumi.Context, args *Args) (err error) {
	g := args.Settings
	settings := &kinesis.StreamArgs{
		StreamModeDetails:       &kinesis.StreamStreamModeDetailsArgs{StreamMode: pulumi.String(g.Mode.API())},
		RetentionPeriod:         pulumi.Int(g.Retention.Seconds() / 3600),
		EncryptionType:          pulumi.String("KMS"),
		KmsKeyId:                s.keyARN.ToStringOutput(),
		EnforceConsumerDeletion: pulumi.Bool(args.Disposable),
	}
	if g.Mode == config.StreamProvisioned {
		settings.ShardCount = pulumi.Int(g.Shards)
	}
	s.stream, err = component.Child(ctx, s, "stream", kinesis.NewStream, settings, keep(args))
	if err != nil {
		return err
	}
	s.Name, s.ARN = s.stream.Name, s.stream.Arn
	return nil
}

// createConsumer registers the segment's function to read 2 MB/s of each shard for itself.
func (s *Stream) createConsumer(ctx *pulumi.Context, args *Args) error {
	if !args.Settings.FanOut {
		return nil
	}
	consumer, err := component.Child(ctx, s, "consumer", kinesis.NewStreamConsumer, &kinesis.StreamConsumerArgs{
		StreamArn: s.ARN,
	})
	if err != nil {
		return err
	}
	s.Consumer = consumer.Arn
	return nil
}

// Poll allows a function's mapping to read the stream ("Process Amazon Kinesis Data Streams records with Lambda").
func (s *Stream) Poll() []policy.Statement {
	return policy.All(s.allow("kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords",
		"kinesis:GetShardIterator", "kinesis:ListShards"), s.useKey("kms:Decrypt"))
}

// Subscribe allows a function's mapping to read the stream by its consumer with enhanced fan-out.
func (s *Stream) Subscribe() []policy.Statement {
	return policy.All(s.allow("kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:ListShards"),
		[]policy.Statement{{Actions: []string{"kinesis:SubscribeToShard"}, Resources: []pulumi.StringInput{s.Consumer}}},
		s.useKey("kms:Decrypt"))
}

// Mark allows to list the shards, to ask how old the stream is, and to put single records.
func (s *Stream) Mark() []policy.Statement {
	return policy.All(s.allow("kinesis:ListShards", "kinesis:DescribeStreamSummary", "kinesis:PutRecord"),
		s.useKey("kms:GenerateDataKey"))
}

// Produce allows to put records ("What are the permissions to use user-generated AWS KMS keys?" of Kinesis).
func (s *Stream) Produce() []policy.Statement {
	return policy.All(s.allow("kinesis:PutRecords"), s.useKey("kms:GenerateDataKey"))
}

func (s *Stream) allow(actions ...string) []policy.Statement {
	return []policy.Statement{{Actions: actions, Resources: []pulumi.StringInput{s.ARN}}}
}

func (s *Stream) useKey(action string) []policy.Statement {
	return []policy.Statement{{Actions: []string{action}, Resources: []pulumi.StringInput{s.keyARN}}}
}
