package guardrails

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Rule is one that no stack may break.
type Rule struct {
	Name    string
	Types   []string // of the resources that it is about; none: all
	Holds   string   // what has to hold
	Because string
	broken  func(*graph, *resource) (field, mend string) // field "": it holds
}

// Types that rules are about.
const (
	queueType        = "aws:sqs/queue:Queue"
	redriveType      = "aws:sqs/redrivePolicy:RedrivePolicy"
	functionType     = "aws:lambda/function:Function"
	aliasType        = "aws:lambda/alias:Alias"
	mappingType      = "aws:lambda/eventSourceMapping:EventSourceMapping"
	streamType       = "aws:kinesis/stream:Stream"
	consumerType     = "aws:kinesis/streamConsumer:StreamConsumer"
	bucketType       = "aws:s3/bucketV2:BucketV2"
	notificationType = "aws:s3/bucketNotification:BucketNotification"
	encryptionType   = "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2"
	versioningType   = "aws:s3/bucketVersioningV2:BucketVersioningV2"
	accessType       = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
	tableType        = "aws:dynamodb/table:Table"
	topicType        = "aws:sns/topic:Topic"
	logGroupType     = "aws:cloudwatch/logGroup:LogGroup"
	templateType     = "aws:ec2/launchTemplate:LaunchTemplate"
	rolePolicyType   = "aws:iam/rolePolicy:RolePolicy"
	policyType       = "aws:iam/policy:Policy"
	clusterType      = "eks:index:Cluster"
	deploymentType   = "aws:codedeploy/deploymentGroup:DeploymentGroup"
)

// The defaults of SQS and Lambda.
const (
	defaultVisibility = 30
	defaultTimeout    = 3
	defaultRetention  = 4 * 24 * 3600
)

// Rules are all of them. docs/pull-requests.md lists them.
var Rules = []Rule{
	{"visibility", []string{mappingType},
		"a queue's visibility timeout is at least six of its function's timeouts and the batching window",
		"a message comes back while it is still processed", visibility},
	{"partial-batches", []string{mappingType}, "a mapping of a queue reports the messages of a batch that failed",
		"one bad message has its whole batch processed again", partialBatches},
	{"mapping-concurrency", []string{mappingType},
		"a mapping's maximum concurrency is at least 2 and at most what its function reserves",
		"the pollers ignore the reservation: throttled messages end as dead letters", mappingConcurrency},
	{"stream-failures", []string{mappingType},
		"a mapping of a stream keeps what failed, has bounded retries and age, and bisects; a witness beside it, one " +
			"batch a shard at a time, retries for ever on purpose",
		"by default one bad record blocks its shard until it expires, and is lost then", streamFailures},
	{"dead-letters", []string{redriveType}, "dead letters are kept longer than messages of their source",
		"their age counts from the first time that they were sent: they would vanish on arrival", deadLetters},
	{"one-notification", []string{notificationType}, "a bucket has one notification resource",
		"a second one overwrites the first, and its events are lost", oneNotification},
	{"rollbacks", []string{deploymentType}, "a deployment that fails, or whose alarm fires, is rolled back",
		"a bad version would keep its traffic until somebody comes", rollbacks},
	{"bucket-encryption", []string{bucketType}, "a bucket has a key of its own or of the account",
		"reading takes the right to the key, too", bucketEncryption},
	{"bucket-versions", []string{bucketType}, "a bucket keeps versions",
		"a load is an object's version: without it an overwritten input is lost", bucketVersions},
	{"bucket-access", []string{bucketType}, "a bucket blocks public access in all four ways",
		"one policy or ACL makes data public", bucketAccess},
	{"encryption", []string{queueType, topicType, streamType, templateType},
		"queues, topics, streams and volumes are encrypted", "messages name objects, volumes hold chunks", encryption},
	{"wildcards", []string{rolePolicyType, policyType}, "no policy allows an action with a wildcard",
		"a service's new actions would be allowed as well", wildcards},
	{"tags", nil, "what takes tags has those of the stack", "rights and costs are told apart by them", tags},
	{"log-retention", []string{logGroupType}, "logs have a retention", "they would be kept, and paid for, for ever",
		logRetention},
	{"metadata", []string{templateType}, "nodes serve metadata by tokens only (IMDSv2)",
		"a request that a pod is tricked into would return the node's credentials", metadata},
	{"protect", []string{bucketType, tableType, streamType, clusterType},
		"in prod, what holds data and the cluster are protected", "a change of a name would delete it", protect},
	{"table-deletion", []string{tableType}, "in prod, tables refuse to be deleted",
		"a script of somebody else's is faster than a restore", tableDeletion},
}

func visibility(g *graph, r *resource) (field, mend string) {
	q, f := g.from(r, queueType, "eventSourceArn"), g.from(r, functionType, "functionName")
	if q == nil || f == nil {
		return "", ""
	}
	has, known := g.number(q, defaultVisibility, "visibilityTimeoutSeconds")
	timeout, timeoutKnown := g.number(f, defaultTimeout, "timeout")
	window, windowKnown := g.number(r, 0, "maximumBatchingWindowInSeconds")
	if want := 6*timeout + window; known && timeoutKnown && windowKnown && has < want {
		return "eventSourceArn", fmt.Sprintf("set visibilityTimeoutSeconds of %s to %d or more, not %d", q.name, want, has)
	}
	return "", ""
}

func partialBatches(g *graph, r *resource) (field, mend string) {
	const report = "ReportBatchItemFailures"
	if g.from(r, queueType, "eventSourceArn") == nil || g.has(r, report, "functionResponseTypes") {
		return "", ""
	}
	return "functionResponseTypes", "add " + report
}

func mappingConcurrency(g *graph, r *resource) (field, mend string) {
	most, known := g.number(r, 0, "scalingConfig", "maximumConcurrency")
	if !known || most == 0 {
		return "", ""
	}
	if most < 2 || most > 1000 {
		return "scalingConfig.maximumConcurrency", fmt.Sprintf("%d: want 2 to 1000", most)
	}
	if f := g.from(r, functionType, "functionName"); f != nil {
		if reserved, known := g.number(f, -1, "reservedConcurrentExecutions"); known && reserved >= 0 && most > reserved {
			return "scalingConfig.maximumConcurrency",
				fmt.Sprintf("%d: want at most %d, which %s reserves", most, reserved, f.name)
		}
	}
	return "", ""
}

func streamFailures(g *graph, r *resource) (field, mend string) {
	const destination, retries, age = "destinationConfig.onFailure", "maximumRetryAttempts", "maximumRecordAgeInSeconds"
	s := g.from(r, streamType, "eventSourceArn")
	if s == nil {
		return "", ""
	}
	keeps := func(m *resource) bool { return g.at(m, "destinationConfig", "onFailure", "destinationArn").set() }
	endless := func(setting string) bool { n, known := g.number(r, -1, setting); return known && n < 0 }
	factor, known := g.number(r, 1, "parallelizationFactor")
	if witness := known && factor == 1 && endless(retries) && endless(age); witness {
		if !slices.ContainsFunc(g.about(mappingType, "eventSourceArn", s), keeps) {
			return retries, "set it, and an age and a destination: no other mapping of " + s.name + " keeps what failed"
		}
		return "", ""
	}
	switch {
	case !keeps(r):
		return destination, "name an S3 bucket: any other destination gets no records"
	case endless(retries):
		return retries, "set it: the default is for ever"
	case endless(age):
		return age, "set it: the default is for ever"
	case g.no(r, "bisectBatchOnFunctionError"):
		return "bisectBatchOnFunctionError", "set it to true"
	}
	return "", ""
}

func deadLetters(g *graph, r *resource) (field, mend string) {
	source, dead := g.from(r, queueType, "queueUrl"), g.from(r, queueType, "redrivePolicy")
	if source == nil || dead == nil {
		return "", ""
	}
	kept, known := g.number(source, defaultRetention, "messageRetentionSeconds")
	longer, longerKnown := g.number(dead, defaultRetention, "messageRetentionSeconds")
	if known && longerKnown && longer <= kept {
		return "redrivePolicy", fmt.Sprintf("set messageRetentionSeconds of %s to more than %d, which %s has, not %d",
			dead.name, kept, source.name, longer)
	}
	return "", ""
}

func oneNotification(g *graph, r *resource) (field, mend string) {
	b := g.from(r, bucketType, "bucket")
	for _, other := range g.resources {
		if other == r || other.kind != notificationType {
			continue
		}
		name := g.text(r, "bucket")
		if b != nil && g.from(other, bucketType, "bucket") == b || name != "" && g.text(other, "bucket") == name {
			return "bucket", "put all events into one resource: " + other.name + " is of the same bucket"
		}
	}
	return "", ""
}

func bucketEncryption(g *graph, r *resource) (field, mend string) {
	for _, e := range g.about(encryptionType, "bucket", r) {
		rules := g.at(e, "rules")
		if !rules.known || !rules.v.IsValid() || rules.v.Kind() != reflect.Slice || rules.v.Len() == 0 {
			continue
		}
		byKey := &resource{args: rules.v.Index(0).Interface()}
		if g.text(byKey, "applyServerSideEncryptionByDefault", "sseAlgorithm") == "aws:kms" {
			return "", ""
		}
	}
	return "bucket", "declare a BucketServerSideEncryptionConfigurationV2 with aws:kms for it"
}

func rollbacks(g *graph, r *resource) (field, mend string) {
	for _, field := range []string{"autoRollbackConfiguration", "alarmConfiguration"} {
		if g.no(r, field, "enabled") {
			return field + ".enabled", "set it to true"
		}
	}
	return "", ""
}

func bucketVersions(g *graph, r *resource) (field, mend string) {
	for _, v := range g.about(versioningType, "bucket", r) {
		if g.text(v, "versioningConfiguration", "status") == "Enabled" {
			return "", ""
		}
	}
	return "bucket", "declare a BucketVersioningV2 with the status Enabled for it"
}

func bucketAccess(g *graph, r *resource) (field, mend string) {
	blocks := g.about(accessType, "bucket", r)
	if len(blocks) == 0 {
		return "bucket", "declare a BucketPublicAccessBlock for it"
	}
	for _, way := range []string{"blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"} {
		if g.no(blocks[0], way) {
			return way, "set it to true in " + blocks[0].name
		}
	}
	return "", ""
}

func encryption(g *graph, r *resource) (field, mend string) {
	switch r.kind {
	case queueType:
		if g.no(r, "sqsManagedSseEnabled") && !g.at(r, "kmsMasterKeyId").set() {
			return "sqsManagedSseEnabled", "set it to true, or kmsMasterKeyId"
		}
	case topicType:
		if !g.at(r, "kmsMasterKeyId").set() {
			return "kmsMasterKeyId", "name a key"
		}
	case streamType:
		if v := g.at(r, "encryptionType"); v.known && g.text(r, "encryptionType") != "KMS" {
			return "encryptionType", "set it to KMS, and kmsKeyId"
		}
	case templateType:
		disks := g.at(r, "blockDeviceMappings")
		if !disks.known || !disks.v.IsValid() || disks.v.Kind() != reflect.Slice {
			return "", ""
		}
		for i := range disks.v.Len() {
			disk := &resource{args: disks.v.Index(i).Interface()}
			if g.text(disk, "ebs", "encrypted") != "true" {
				return fmt.Sprintf("blockDeviceMappings[%d].ebs.encrypted", i), "set it to true"
			}
		}
	}
	return "", ""
}

// wildcards reads policies whose text is known: those of package policy refuse a wildcard before.
func wildcards(g *graph, r *resource) (field, mend string) {
	var document struct {
		Statement []struct {
			Effect string
			Action any
		}
	}
	if json.Unmarshal([]byte(g.text(r, "policy")), &document) != nil {
		return "", ""
	}
	for i, s := range document.Statement {
		if actions := fmt.Sprint(s.Action); s.Effect == "Allow" && strings.Contains(actions, "*") {
			return fmt.Sprintf("policy.Statement[%d].Action", i), "name the actions that are needed instead of " + actions
		}
	}
	return "", ""
}

func tags(g *graph, r *resource) (field, mend string) {
	args := reflect.ValueOf(r.args)
	if args.Kind() != reflect.Pointer || args.IsNil() || args.Elem().Kind() != reflect.Struct {
		return "", ""
	}
	at := args.Elem().FieldByName("Tags")
	if !at.IsValid() || at.Type() != reflect.TypeFor[pulumi.StringMapInput]() {
		return "", ""
	}
	given, _ := at.Interface().(pulumi.StringMap)
	for _, key := range g.demands.Tags {
		if given[key] == nil {
			return "tags", "add " + key
		}
	}
	return "", ""
}

func logRetention(g *graph, r *resource) (field, mend string) {
	if days, known := g.number(r, 0, "retentionInDays"); known && days == 0 {
		return "retentionInDays", "set it"
	}
	return "", ""
}

func metadata(g *graph, r *resource) (field, mend string) {
	if g.at(r, "metadataOptions", "httpTokens").known && g.text(r, "metadataOptions", "httpTokens") != "required" {
		return "metadataOptions.httpTokens", "set it to required"
	}
	return "", ""
}

func protect(g *graph, r *resource) (field, mend string) {
	if !g.demands.Protect {
		return "", ""
	}
	options, err := pulumi.NewResourceOptions(slices.Clone(r.opts)...)
	if err == nil && options.Protect {
		return "", ""
	}
	return "protect", "declare it with pulumi.Protect(true): landing.protect, lake.protect, cluster.protect, " +
		"ledger.deletionProtection"
}

func tableDeletion(g *graph, r *resource) (field, mend string) {
	if g.demands.Protect && g.no(r, "deletionProtectionEnabled") {
		return "deletionProtectionEnabled", "set it to true"
	}
	return "", ""
}
