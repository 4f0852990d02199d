package main

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/codedeploy"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/dynamodb"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kinesis"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lambda"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/guardrails"
	"dip/config"
	"dip/stack/stacktest"
)

// breaks changes the arguments of a resource of prod, in place, so that a rule is broken.
type breaks func(ctx *pulumi.Context, name string, args any)

// on is a change of the arguments of one type, of the resource with a name; "": of all.
func on[A any](name string, change func(*A)) breaks {
	return func(_ *pulumi.Context, resource string, args any) {
		if a, ok := args.(*A); ok && (name == "" || name == resource) {
			change(a)
		}
	}
}

// stream has a mapping of a stream beside the program's resources.
func stream(change func(*lambda.EventSourceMappingArgs)) breaks {
	return func(ctx *pulumi.Context, _ string, args any) {
		if _, ok := args.(*cloudwatch.EventBusArgs); !ok {
			return
		}
		own := &kinesis.StreamArgs{EncryptionType: pulumi.String("KMS"),
			StreamModeDetails: &kinesis.StreamStreamModeDetailsArgs{StreamMode: pulumi.String("ON_DEMAND")}}
		s, err := kinesis.NewStream(ctx, "stream", own, pulumi.Protect(true))
		if err != nil {
			panic(err)
		}
		failed := &lambda.EventSourceMappingDestinationConfigOnFailureArgs{DestinationArn: pulumi.String("arn:aws:s3:::b")}
		mapping := &lambda.EventSourceMappingArgs{
			EventSourceArn: s.Arn, FunctionName: pulumi.String("f"), ParallelizationFactor: pulumi.Int(10),
			MaximumRetryAttempts: pulumi.Int(5), MaximumRecordAgeInSeconds: pulumi.Int(3600),
			BisectBatchOnFunctionError: pulumi.Bool(true), StartingPosition: pulumi.String("TRIM_HORIZON"),
			DestinationConfig: &lambda.EventSourceMappingDestinationConfigArgs{OnFailure: failed},
		}
		change(mapping)
		if _, err := lambda.NewEventSourceMapping(ctx, "processor", mapping); err != nil {
			panic(err)
		}
	}
}

var broken = map[string]map[string]breaks{
	"visibility": {"set visibilityTimeoutSeconds of trips-queue": on("trips-queue", func(a *sqs.QueueArgs) {
		a.VisibilityTimeoutSeconds = pulumi.Int(59)
	})},
	"partial-batches": {"trips-mapping": on("trips-mapping", func(a *lambda.EventSourceMappingArgs) {
		a.FunctionResponseTypes = nil
	})},
	"mapping-concurrency": {
		"1: want 2 to 1000": on("trips-mapping", func(a *lambda.EventSourceMappingArgs) {
			a.ScalingConfig = &lambda.EventSourceMappingScalingConfigArgs{MaximumConcurrency: pulumi.Int(1)}
		}),
		"which trips-function reserves": on("trips-function", func(a *lambda.FunctionArgs) {
			a.ReservedConcurrentExecutions = pulumi.Int(3)
		}),
	},
	"stream-failures": {
		"destinationConfig.onFailure": stream(func(a *lambda.EventSourceMappingArgs) { a.DestinationConfig = nil }),
		"maximumRetryAttempts":        stream(func(a *lambda.EventSourceMappingArgs) { a.MaximumRetryAttempts = nil }),
		"maximumRecordAgeInSeconds": stream(func(a *lambda.EventSourceMappingArgs) {
			a.MaximumRecordAgeInSeconds = pulumi.Int(-1)
		}),
		"bisectBatchOnFunctionError": stream(func(a *lambda.EventSourceMappingArgs) { a.BisectBatchOnFunctionError = nil }),
	},
	"dead-letters": {"set messageRetentionSeconds of trips-dead-letters": on("trips-dead-letters", func(a *sqs.QueueArgs) {
		a.MessageRetentionSeconds = pulumi.Int(60)
	})},
	"one-notification": {"landing-notification": func(ctx *pulumi.Context, name string, args any) {
		if a, ok := args.(*s3.BucketNotificationArgs); ok && name == "landing-notification" {
			if _, err := s3.NewBucketNotification(ctx, "second", &s3.BucketNotificationArgs{Bucket: a.Bucket}); err != nil {
				panic(err)
			}
		}
	}},
	"rollbacks": {
		"autoRollbackConfiguration.enabled": on("rollout-trips", func(a *codedeploy.DeploymentGroupArgs) {
			a.AutoRollbackConfiguration = nil
		}),
		"alarmConfiguration.enabled": on("rollout-trips", func(a *codedeploy.DeploymentGroupArgs) {
			a.AlarmConfiguration = &codedeploy.DeploymentGroupAlarmConfigurationArgs{Enabled: pulumi.Bool(false)}
		}),
	},
	"bucket-encryption": {"lake-bucket": on("lake-encryption", func(a *s3.BucketServerSideEncryptionConfigurationV2Args) {
		a.Rules = nil
	})},
	"bucket-versions": {"lake-bucket": on("lake-versioning", func(a *s3.BucketVersioningV2Args) {
		a.VersioningConfiguration = &s3.BucketVersioningV2VersioningConfigurationArgs{Status: pulumi.String("Suspended")}
	})},
	"bucket-access": {"restrictPublicBuckets: set it to true in lake": on("lake-public-access",
		func(a *s3.BucketPublicAccessBlockArgs) { a.RestrictPublicBuckets = pulumi.Bool(false) })},
	"encryption": {
		"trips-queue: sqsManagedSseEnabled": on("trips-queue", func(a *sqs.QueueArgs) { a.SqsManagedSseEnabled = nil }),
		"kmsMasterKeyId":                    on("", func(a *sns.TopicArgs) { a.KmsMasterKeyId = nil }),
		"ebs.encrypted": on("batch-template", func(a *ec2.LaunchTemplateArgs) {
			a.BlockDeviceMappings = ec2.LaunchTemplateBlockDeviceMappingArray{ec2.LaunchTemplateBlockDeviceMappingArgs{
				Ebs: ec2.LaunchTemplateBlockDeviceMappingEbsArgs{VolumeSize: pulumi.Int(8)},
			}}
		}),
	},
	"wildcards": {"intake-policy": on("intake-policy", func(a *iam.RolePolicyArgs) {
		a.Policy = pulumi.String(`{"Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": "*"}]}`)
	})},
	"log-retention": {"trips-logs": on("trips-logs", func(a *cloudwatch.LogGroupArgs) { a.RetentionInDays = nil })},
	"metadata": {"batch-template": on("batch-template", func(a *ec2.LaunchTemplateArgs) {
		a.MetadataOptions = nil
	})},
	"table-deletion": {"ledger-table": on("", func(a *dynamodb.TableArgs) { a.DeletionProtectionEnabled = nil })},
}

// unprotected are the settings of a stack that breaks the rule protect: options are not seen as transformations leave
// them.
func unprotected(settings map[string]any) {
	onARM(settings)
	settings["lake"] = map[string]any{"protect": false}
}

// Each rule fails a preview of prod in which one thing is changed, and names the resource and the field.
func TestGuardRails(t *testing.T) {
	for _, rule := range guardrails.Rules {
		if rule.Name == "tags" { // what every transformation sees is tagged before: see the package's own tests
			continue
		}
		cases, settings := broken[rule.Name], onARM
		if rule.Name == "protect" {
			cases, settings = map[string]breaks{"lake-bucket: protect": func(*pulumi.Context, string, any) {}}, unprotected
		}
		if len(cases) == 0 {
			t.Errorf("nothing breaks the rule %s", rule.Name)
		}
		for want, change := range cases {
			_, err := stacktest.Run(t, config.Prod, settings, func(ctx *pulumi.Context) error {
				type (
					declared = pulumi.ResourceTransformationArgs
					changed  = pulumi.ResourceTransformationResult
				)
				if err := ctx.RegisterStackTransformation(func(a *declared) *changed {
					change(ctx, a.Name, a.Props)
					return nil
				}); err != nil {
					return err
				}
				return run(ctx)
			})
			if err == nil || !strings.Contains(err.Error(), "guard rail "+rule.Name+": ") ||
				!strings.Contains(err.Error(), want) {
				t.Errorf("%s is broken, and the preview says %v, want %q", rule.Name, err, want)
			}
			if err != nil && strings.Count(err.Error(), "guard rail ") != strings.Count(err.Error(), "guard rail "+rule.Name) {
				t.Errorf("%s: other rules, too: %v", rule.Name, err)
			}
		}
	}
}
