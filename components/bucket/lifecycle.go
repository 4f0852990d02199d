package bucket

import (
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
)

// expire moves objects to Intelligent-Tiering at once (S3 leaves those under 128 KiB where they are: they cost less
// there) and throws away old versions, unfinished uploads, and what is kept for some days only.
func (b *Bucket) expire(ctx *pulumi.Context, args *Args) error {
	rules := s3.BucketLifecycleConfigurationV2RuleArray{
		&s3.BucketLifecycleConfigurationV2RuleArgs{
			Id:     pulumi.String("tier"),
			Status: pulumi.String("Enabled"),
			Filter: below(""),
			Transitions: s3.BucketLifecycleConfigurationV2RuleTransitionArray{
				&s3.BucketLifecycleConfigurationV2RuleTransitionArgs{
					Days: pulumi.Int(0), StorageClass: pulumi.String("INTELLIGENT_TIERING"),
				},
			},
		},
		&s3.BucketLifecycleConfigurationV2RuleArgs{
			Id:                          pulumi.String("tidy"),
			Status:                      pulumi.String("Enabled"),
			Filter:                      below(""),
			NoncurrentVersionExpiration: noncurrent(args.Settings.NoncurrentDays),
			AbortIncompleteMultipartUpload: &s3.BucketLifecycleConfigurationV2RuleAbortIncompleteMultipartUploadArgs{
				DaysAfterInitiation: pulumi.Int(args.Settings.AbortUploadDays),
			},
		},
	}
	for _, prefix := range slices.Sorted(maps.Keys(args.Expire)) {
		days := pulumi.Int(args.Expire[prefix])
		rules = append(rules, &s3.BucketLifecycleConfigurationV2RuleArgs{
			Id:                          pulumi.String("expire-" + strings.Trim(prefix, "/")),
			Status:                      pulumi.String("Enabled"),
			Filter:                      below(prefix),
			Expiration:                  &s3.BucketLifecycleConfigurationV2RuleExpirationArgs{Days: days},
			NoncurrentVersionExpiration: noncurrent(1), // what expired is gone for good a day later
		})
	}
	_, err := component.Child(ctx, b, "lifecycle", s3.NewBucketLifecycleConfigurationV2,
		&s3.BucketLifecycleConfigurationV2Args{Bucket: b.bucket.ID(), Rules: rules}, component.After(b.versioning))
	return err
}

func below(prefix string) *s3.BucketLifecycleConfigurationV2RuleFilterArgs {
	return &s3.BucketLifecycleConfigurationV2RuleFilterArgs{Prefix: pulumi.String(prefix)}
}

func noncurrent(days int) *s3.BucketLifecycleConfigurationV2RuleNoncurrentVersionExpirationArgs {
	return &s3.BucketLifecycleConfigurationV2RuleNoncurrentVersionExpirationArgs{NoncurrentDays: pulumi.Int(days)}
}

// archive opts in to the archive tiers. The storage class itself comes from expire.
func (b *Bucket) archive(ctx *pulumi.Context, args *Args) error {
	var tiers s3.BucketIntelligentTieringConfigurationTieringArray
	for _, tier := range []struct {
		name string
		days int
	}{{"ARCHIVE_ACCESS", args.Settings.IntelligentTiering.ArchiveDays},
		{"DEEP_ARCHIVE_ACCESS", args.Settings.IntelligentTiering.DeepArchiveDays}} {
		if tier.days > 0 {
			tiers = append(tiers, &s3.BucketIntelligentTieringConfigurationTieringArgs{
				AccessTier: pulumi.String(tier.name), Days: pulumi.Int(tier.days),
			})
		}
	}
	if len(tiers) == 0 {
		return nil
	}
	_, err := component.Child(ctx, b, "archive", s3.NewBucketIntelligentTieringConfiguration,
		&s3.BucketIntelligentTieringConfigurationArgs{Bucket: b.bucket.ID(), Tierings: tiers})
	return err
}
