// Package bucket is an S3 bucket for data that must not be lost or leak: versioned, encrypted with a key of its own,
// closed to the public and to requests without TLS, write-once where asked for, in Intelligent-Tiering from the first
// day.
package bucket

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/components/policy"
	"dip/config"
)

// TypeToken is the component's type.
const TypeToken = "dip:bucket:Bucket"

// Args configure a bucket.
type Args struct {
	// Settings are retention, tiering and protection. The zero value is invalid: days must be given.
	Settings config.Bucket
	// Expire are days by prefix after which the objects below it are thrown away. Empty: they stay.
	Expire map[string]int
	// WriteOnce are prefixes below which no object can be overwritten. Empty: every object can be.
	WriteOnce []string
	// EventBridge sends the bucket's events there, too: AWS Backup learns from them what has changed. Zero: it does not.
	EventBridge bool
	// Disposable lets a destroy delete the objects too. Zero: a bucket that holds objects cannot be destroyed.
	Disposable bool
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var found component.Problems
	found.Add(a.Settings.Validate("Settings"))
	for _, prefix := range slices.Sorted(maps.Keys(a.Expire)) {
		days := a.Expire[prefix]
		found.If(prefix == "" || days < 1, fmt.Sprintf("Expire[%q]", prefix), "%d days, want a prefix and at least 1", days)
	}
	found.If(slices.Contains(a.WriteOnce, ""), "WriteOnce", "want prefixes that are not empty")
	found.If(a.Settings.Protect && a.Disposable, "Disposable", "a protected bucket is not disposable")
	return found.Err()
}

// Bucket is a bucket and its key.
type Bucket struct {
	pulumi.ResourceState

	Name pulumi.StringOutput // physical name
	ARN  pulumi.StringOutput
	// Ready are the resources after which objects have versions and are encrypted with the bucket's key. S3 enables
	// versioning for new objects alone, and encrypts those that are there before with a key of its own.
	Ready []pulumi.Resource

	eventBridge bool
	keyARN      pulumi.StringInput // nil: objects of an existing bucket have a key of S3's own
	bucket      *s3.BucketV2       // nil: the bucket exists, and belongs to somebody else
	versioning  *s3.BucketVersioningV2
}

// New declares a bucket.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Bucket, error) {
	b := &Bucket{eventBridge: args.EventBridge}
	if args.Settings.Name != "" {
		return component.Declare(ctx, TypeToken, name, b, args, opts, b.adopt)
	}
	return component.Declare(ctx, TypeToken, name, b, args, opts,
		b.createKey, b.createBucket, b.encrypt, b.keepVersions, b.closeToPublic, b.ownObjects, b.restrict, b.expire,
		b.archive)
}

// Outputs are the bucket's name and ARN.
func (b *Bucket) Outputs() pulumi.Map { return pulumi.Map{"name": b.Name, "arn": b.ARN} }

// keep has data and its key outlive a destroy where the settings protect them.
func keep(args *Args) pulumi.ResourceOption {
	return pulumi.Composite(pulumi.Protect(args.Settings.Protect), pulumi.RetainOnDelete(args.Settings.Protect))
}

// deletionWindow is for how many days after a destroy the key, and what only it decrypts, can be restored: 7 to 30. A
// key costs a dollar a month until then, and disposable objects are gone with their bucket.
func deletionWindow(args *Args) int {
	if args.Disposable {
		return 7
	}
	return 30
}

// adopt takes an existing bucket as it is: its policy, encryption, lifecycle and versions are its owner's.
func (b *Bucket) adopt(_ *pulumi.Context, args *Args) error {
	b.Name = pulumi.String(args.Settings.Name).ToStringOutput()
	b.ARN = pulumi.String("arn:aws:s3:::" + args.Settings.Name).ToStringOutput()
	if args.Settings.KMSKey != "" {
		b.keyARN = pulumi.String(args.Settings.KMSKey)
	}
	return nil
}

func (b *Bucket) createKey(ctx *pulumi.Context, args *Args) error {
	if args.Settings.KMSKey != "" {
		b.keyARN = pulumi.String(args.Settings.KMSKey)
		return nil
	}
	key, err := component.Child(ctx, b, "key", kms.NewKey, &kms.KeyArgs{
		Description:          pulumi.String("Objects of the " + b.PulumiResourceName() + " bucket"),
		EnableKeyRotation:    pulumi.Bool(true),
		DeletionWindowInDays: pulumi.Int(deletionWindow(args)),
	}, keep(args))
	if err != nil {
		return err
	}
	b.keyARN = key.Arn
	_, err = component.Child(ctx, b, "key-alias", kms.NewAlias, &kms.AliasArgs{
		Name:        pulumi.Sprintf("alias/dip-%s-%s", b.PulumiResourceName(), key.KeyId),
		TargetKeyId: key.KeyId,
	})
	return err
}

func (b *Bucket) createBucket(ctx *pulumi.Context, args *Args) (err error) {
	b.bucket, err = component.Child(ctx, b, "bucket", s3.NewBucketV2, &s3.BucketV2Args{
		ForceDestroy: pulumi.Bool(args.Disposable),
	}, keep(args))
	if err != nil {
		return err
	}
	b.Name, b.ARN = b.bucket.Bucket, b.bucket.Arn
	return nil
}

// encrypt uses a bucket key: one request to KMS serves many objects.
func (b *Bucket) encrypt(ctx *pulumi.Context, _ *Args) error {
	byKey := s3.BucketServerSideEncryptionConfigurationV2RuleApplyServerSideEncryptionByDefaultArgs{
		SseAlgorithm: pulumi.String("aws:kms"), KmsMasterKeyId: b.keyARN.ToStringOutput(),
	}
	encryption, err := component.Child(ctx, b, "encryption", s3.NewBucketServerSideEncryptionConfigurationV2,
		&s3.BucketServerSideEncryptionConfigurationV2Args{
			Bucket: b.bucket.ID(),
			Rules: s3.BucketServerSideEncryptionConfigurationV2RuleArray{
				&s3.BucketServerSideEncryptionConfigurationV2RuleArgs{
					BucketKeyEnabled: pulumi.Bool(true), ApplyServerSideEncryptionByDefault: byKey,
				},
			},
		})
	b.Ready = append(b.Ready, encryption)
	return err
}

func (b *Bucket) keepVersions(ctx *pulumi.Context, _ *Args) (err error) {
	b.versioning, err = component.Child(ctx, b, "versioning", s3.NewBucketVersioningV2, &s3.BucketVersioningV2Args{
		Bucket:                  b.bucket.ID(),
		VersioningConfiguration: &s3.BucketVersioningV2VersioningConfigurationArgs{Status: pulumi.String("Enabled")},
	})
	b.Ready = append(b.Ready, b.versioning)
	return err
}

func (b *Bucket) closeToPublic(ctx *pulumi.Context, _ *Args) error {
	_, err := component.Child(ctx, b, "public-access", s3.NewBucketPublicAccessBlock, &s3.BucketPublicAccessBlockArgs{
		Bucket:                b.bucket.ID(),
		BlockPublicAcls:       pulumi.Bool(true),
		BlockPublicPolicy:     pulumi.Bool(true),
		IgnorePublicAcls:      pulumi.Bool(true),
		RestrictPublicBuckets: pulumi.Bool(true),
	})
	return err
}

func (b *Bucket) ownObjects(ctx *pulumi.Context, _ *Args) error {
	_, err := component.Child(ctx, b, "ownership", s3.NewBucketOwnershipControls, &s3.BucketOwnershipControlsArgs{
		Bucket: b.bucket.ID(),
		Rule:   &s3.BucketOwnershipControlsRuleArgs{ObjectOwnership: pulumi.String("BucketOwnerEnforced")},
	})
	return err
}

// restrict refuses requests without TLS, and writes below the write-once prefixes that would replace an object:
// those without "If-None-Match: *". The steps of a multipart upload before its last one create no object and cannot
// have that header ("Enforce conditional writes on Amazon S3 buckets").
func (b *Bucket) restrict(ctx *pulumi.Context, args *Args) error {
	statements := []policy.Statement{{
		Effect:     policy.Deny,
		Principals: []string{"*"},
		Actions:    []string{"s3:*"},
		Resources:  []pulumi.StringInput{b.bucket.Arn, pulumi.Sprintf("%s/*", b.bucket.Arn)},
		Conditions: policy.InsecureTransport(),
	}}
	if len(args.WriteOnce) > 0 {
		var below []pulumi.StringInput
		for _, prefix := range args.WriteOnce {
			below = append(below, pulumi.Sprintf("%s/%s*", b.bucket.Arn, prefix))
		}
		statements = append(statements, policy.Statement{
			Effect:     policy.Deny,
			Principals: []string{"*"},
			Actions:    []string{"s3:PutObject"},
			Resources:  below,
			Conditions: policy.Overwriting(),
		})
	}
	document, err := policy.Document(statements...)
	if err != nil {
		return err
	}
	_, err = component.Child(ctx, b, "policy", s3.NewBucketPolicy, &s3.BucketPolicyArgs{
		Bucket: b.bucket.ID(), Policy: document,
	})
	return err
}
