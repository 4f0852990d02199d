package bucket_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/bucket"
	"dip/components/componenttest"
	"dip/components/policy"
	"dip/components/queue"
	"dip/config"
)

func args() *bucket.Args {
	return &bucket.Args{Settings: config.Bucket{NoncurrentDays: 30, AbortUploadDays: 7}}
}

func run(t *testing.T, a *bucket.Args) *componenttest.Recorder {
	return componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		_, err := bucket.New(ctx, "b", a)
		return err
	})
}

var children = []string{
	"aws:kms/alias:Alias::b-key-alias",
	"aws:kms/key:Key::b-key",
	"aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2::b-lifecycle",
	"aws:s3/bucketOwnershipControls:BucketOwnershipControls::b-ownership",
	"aws:s3/bucketPolicy:BucketPolicy::b-policy",
	"aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock::b-public-access",
	"aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2::b-encryption",
	"aws:s3/bucketV2:BucketV2::b-bucket",
	"aws:s3/bucketVersioningV2:BucketVersioningV2::b-versioning",
}

func TestChildren(t *testing.T) {
	if got := run(t, args()).Children(bucket.TypeToken, "b"); !slices.Equal(got, children) {
		t.Errorf("children are %v, want %v", got, children)
	}
}

func TestArchiveTiersOnlyWhenAskedFor(t *testing.T) {
	a := args()
	a.Settings.IntelligentTiering = config.Tiering{ArchiveDays: 90, DeepArchiveDays: 180}
	r := run(t, a)
	const token = "aws:s3/bucketIntelligentTieringConfiguration:BucketIntelligentTieringConfiguration"
	if got := r.Children(bucket.TypeToken, "b"); len(got) != len(children)+1 {
		t.Errorf("children are %v", got)
	}
	tiers := r.Find(t, token, "b-archive").Inputs["tierings"].ArrayValue()
	if len(tiers) != 2 || tiers[0].ObjectValue()["accessTier"].StringValue() != "ARCHIVE_ACCESS" ||
		tiers[1].ObjectValue()["days"].NumberValue() != 180 {
		t.Errorf("tiers are %v", tiers)
	}
}

func TestDataIsProtectedOrDisposable(t *testing.T) {
	for _, c := range []struct{ protect, disposable bool }{{false, true}, {true, false}, {false, false}} {
		a := args()
		a.Settings.Protect, a.Disposable = c.protect, c.disposable
		for _, child := range run(t, a).Resources() {
			data := child.Name == "b-bucket" || child.Name == "b-key"
			if child.Protect != (data && c.protect) || child.Retain != (data && c.protect) {
				t.Errorf("%+v: %s: protect %v, retain %v", c, child.Name, child.Protect, child.Retain)
			}
			if child.Name == "b-bucket" && child.Inputs["forceDestroy"].BoolValue() != c.disposable {
				t.Errorf("%+v: force destroy is %v", c, child.Inputs["forceDestroy"])
			}
		}
	}
}

func TestObjectsBelowAPrefixExpire(t *testing.T) {
	a := args()
	a.Expire = map[string]int{"staging/": 5}
	const token = "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2"
	list := run(t, a).Find(t, token, "b-lifecycle").Inputs["rules"].ArrayValue()
	rule := list[len(list)-1].ObjectValue()
	if len(list) != 3 || rule["filter"].ObjectValue()["prefix"].StringValue() != "staging/" ||
		rule["expiration"].ObjectValue()["days"].NumberValue() != 5 ||
		rule["noncurrentVersionExpiration"].ObjectValue()["noncurrentDays"].NumberValue() != 1 {
		t.Errorf("rules are %v", list)
	}
}

func TestSettingsReachS3(t *testing.T) {
	r := run(t, args())
	rules := r.Find(t, "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2", "b-lifecycle")
	if !slices.Contains(rules.After, "b-versioning") {
		t.Errorf("the lifecycle of old versions comes after %v", rules.After)
	}
	list := rules.Inputs["rules"].ArrayValue()
	tier := list[0].ObjectValue()["transitions"].ArrayValue()[0].ObjectValue()
	if tier["days"].NumberValue() != 0 || tier["storageClass"].StringValue() != "INTELLIGENT_TIERING" {
		t.Errorf("objects move by %v", tier)
	}
	tidy := list[1].ObjectValue()
	if tidy["noncurrentVersionExpiration"].ObjectValue()["noncurrentDays"].NumberValue() != 30 ||
		tidy["abortIncompleteMultipartUpload"].ObjectValue()["daysAfterInitiation"].NumberValue() != 7 {
		t.Errorf("tidying is %v", tidy)
	}
	encryption := r.Find(t, "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
		"b-encryption")
	rule := encryption.Inputs["rules"].ArrayValue()[0].ObjectValue()
	key := rule["applyServerSideEncryptionByDefault"].ObjectValue()["kmsMasterKeyId"].StringValue()
	if !rule["bucketKeyEnabled"].BoolValue() || key != "arn:aws:kms:us-east-1:123456789012:key/b-key" {
		t.Errorf("encryption is %v", rule)
	}
	if !r.Find(t, "aws:kms/key:Key", "b-key").Inputs["enableKeyRotation"].BoolValue() {
		t.Error("the key is not rotated")
	}
	access := r.Find(t, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "b-public-access").Inputs
	for _, key := range []string{"blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"} {
		if v := access.Mappable()[key]; v != true {
			t.Errorf("%s is %v", key, v)
		}
	}
	owner := r.Find(t, "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
		"b-ownership").Inputs["rule"].ObjectValue()
	if owner["objectOwnership"].StringValue() != "BucketOwnerEnforced" {
		t.Errorf("ownership is %v", owner)
	}
	versions := r.Find(t, "aws:s3/bucketVersioningV2:BucketVersioningV2",
		"b-versioning").Inputs["versioningConfiguration"].ObjectValue()
	if versions["status"].StringValue() != "Enabled" {
		t.Errorf("versioning is %v", versions)
	}
	tls := r.Find(t, "aws:s3/bucketPolicy:BucketPolicy", "b-policy").Inputs["policy"].StringValue()
	want := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":["s3:*"],` +
		`"Resource":["arn:aws:s3:::b-bucket","arn:aws:s3:::b-bucket/*"],` +
		`"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`
	if tls != want {
		t.Errorf("policy is %s, want %s", tls, want)
	}
}

// Nobody overwrites evidence, whatever his rights.
func TestWriteOnce(t *testing.T) {
	a := args()
	a.WriteOnce = []string{"data/", "certificates/"}
	got := run(t, a).Find(t, "aws:s3/bucketPolicy:BucketPolicy", "b-policy").Inputs["policy"].StringValue()
	want := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":["s3:*"],` +
		`"Resource":["arn:aws:s3:::b-bucket","arn:aws:s3:::b-bucket/*"],` +
		`"Condition":{"Bool":{"aws:SecureTransport":"false"}}},` +
		`{"Effect":"Deny","Principal":"*","Action":["s3:PutObject"],` +
		`"Resource":["arn:aws:s3:::b-bucket/data/*","arn:aws:s3:::b-bucket/certificates/*"],` +
		`"Condition":{"Bool":{"s3:ObjectCreationOperation":"true"},"Null":{"s3:if-none-match":"true"}}}]}`
	if got != want {
		t.Errorf("policy is %s, want %s", got, want)
	}
	a.WriteOnce = []string{"data/", ""}
	if err := a.Validate(); err == nil || !strings.Contains(err.Error(), "WriteOnce") {
		t.Errorf("an empty prefix: %v", err)
	}
}

func TestNotification(t *testing.T) {
	minute := config.Duration(time.Minute)
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		b, err := bucket.New(ctx, "b", args())
		if err != nil {
			return err
		}
		q, err := queue.New(ctx, "q", &queue.Args{
			Settings: config.Queues{MaxReceives: 5, Retention: minute, DeadLettersRetention: 2 * minute, MaxAge: minute},
			Timeout:  minute,
		})
		if err != nil {
			return err
		}
		return b.NotifyQueue(ctx, q)
	})
	n := r.Find(t, "aws:s3/bucketNotification:BucketNotification", "b-notification")
	if n.Inputs.HasValue("eventbridge") {
		t.Error("EventBridge gets events that nobody asked for")
	}
	to := n.Inputs["queues"].ArrayValue()[0].ObjectValue()
	if n.Parent != bucket.TypeToken+"::b" ||
		to["queueArn"].StringValue() != "arn:aws:sqs:us-east-1:123456789012:q-queue" ||
		to["events"].ArrayValue()[0].StringValue() != "s3:ObjectCreated:*" {
		t.Errorf("%+v", n)
	}
}

// AWS Backup learns from EventBridge what has changed. A bucket has one notification resource.
func TestEventBridge(t *testing.T) {
	minute := config.Duration(time.Minute)
	for name, notify := range map[string]func(*pulumi.Context, *bucket.Bucket) error{
		"alone": func(ctx *pulumi.Context, b *bucket.Bucket) error { return b.NotifyEventBridge(ctx) },
		"beside a queue": func(ctx *pulumi.Context, b *bucket.Bucket) error {
			q, err := queue.New(ctx, "q", &queue.Args{
				Settings: config.Queues{MaxReceives: 5, Retention: minute, DeadLettersRetention: 2 * minute, MaxAge: minute},
				Timeout:  minute,
			})
			if err != nil {
				return err
			}
			return b.NotifyQueue(ctx, q)
		},
	} {
		r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
			a := args()
			a.EventBridge = true
			b, err := bucket.New(ctx, "b", a)
			if err != nil {
				return err
			}
			return notify(ctx, b)
		})
		n := r.Find(t, "aws:s3/bucketNotification:BucketNotification", "b-notification")
		if !n.Inputs["eventbridge"].BoolValue() {
			t.Errorf("%s: %v", name, n.Inputs)
		}
	}
}

func TestBadArgsRegisterNothing(t *testing.T) {
	componenttest.MustRefuse(t, "bucket b", func(ctx *pulumi.Context) error {
		_, err := bucket.New(ctx, "b", &bucket.Args{
			Settings: config.Bucket{Protect: true}, Disposable: true, Expire: map[string]int{"": 5, "staging/": 0},
		})
		return err
	},
		"Settings.abortUploadDays: 0: want 1 to", "Settings.noncurrentDays: 0: want 1 to",
		`Expire[""]: 5 days, want a prefix and at least 1`, `Expire["staging/"]: 0 days, want a prefix and at least 1`,
		"Disposable: a protected bucket is not disposable")
}

// Of an existing bucket nothing is declared but its notifications, and rights on its objects.
func TestExistingBucket(t *testing.T) {
	for key, want := range map[string]int{"": 2, "arn:aws:kms:us-east-1:123456789012:key/mine": 3} {
		var rights []policy.Statement
		r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
			b, err := bucket.New(ctx, "b", &bucket.Args{
				Settings: config.Bucket{Name: "mine", KMSKey: key, NoncurrentDays: 1, AbortUploadDays: 1},
			})
			if err == nil {
				rights = b.ReadVersions("")
			}
			return err
		})
		if got := r.Children(bucket.TypeToken, "b"); len(got) != 0 || len(rights) != want {
			t.Errorf("key %q: children are %v, rights %v", key, got, rights)
		}
	}
}

// An existing key encrypts a bucket of the stack's own, which then has no key.
func TestExistingKey(t *testing.T) {
	const key = "arn:aws:kms:us-east-1:123456789012:key/mine"
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		_, err := bucket.New(ctx, "b", &bucket.Args{
			Settings: config.Bucket{KMSKey: key, NoncurrentDays: 1, AbortUploadDays: 1},
		})
		return err
	})
	for _, child := range r.Children(bucket.TypeToken, "b") {
		if strings.Contains(child, "kms") {
			t.Errorf("it has %s", child)
		}
	}
	const token = "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2"
	text := fmt.Sprint(r.Find(t, token, "b-encryption").Inputs.Mappable())
	if !strings.Contains(text, key) {
		t.Errorf("it is encrypted by %s", text)
	}
}
