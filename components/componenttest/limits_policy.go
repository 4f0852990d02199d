package componenttest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// policyLimits are of documents: of policies and of everything else that is written as one text.
var policyLimits = []limit{
	{
		of: []string{role}, source: docs + "IAM/latest/UserGuide/reference_iam-quotas.html",
		check: func(_ *declared, r Resource) string {
			return above(dense(r.inputs().text("assumeRolePolicy")), 2048, "characters of the trust policy")
		},
	},
	{
		// All inline policies of a role share the limit.
		of: []string{role}, source: docs + "IAM/latest/UserGuide/reference_iam-quotas.html",
		check: func(d *declared, r Resource) string {
			total := 0
			for _, p := range d.resources {
				if to := p.inputs().text("role"); p.Type == "aws:iam/rolePolicy:RolePolicy" &&
					(to == r.Name || to == r.Name+"-id") {
					total += dense(p.inputs().text("policy"))
				}
			}
			return above(total, 10240, "characters of inline policies")
		},
	},
	{
		of: []string{"aws:iam/policy:Policy"}, source: docs + "IAM/latest/UserGuide/reference_iam-quotas.html",
		check: func(_ *declared, r Resource) string {
			return above(dense(r.inputs().text("policy")), 6144, "characters of a managed policy")
		},
	},
	{
		of: []string{"aws:kms/key:Key"}, source: docs + "kms/latest/developerguide/resource-limits.html",
		check: func(_ *declared, r Resource) string {
			return above(len(r.inputs().text("policy")), 32<<10, "bytes of a key policy")
		},
	},
	{
		of:     []string{"aws:s3/bucketPolicy:BucketPolicy"},
		source: docs + "AmazonS3/latest/userguide/bucket-policies.html",
		check: func(_ *declared, r Resource) string {
			return above(len(r.inputs().text("policy")), 20<<10, "bytes of a bucket policy")
		},
	},
	{
		of:     []string{queue, "aws:sqs/queuePolicy:QueuePolicy"},
		source: docs + "AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html",
		check: func(_ *declared, r Resource) string {
			text := r.inputs().text("policy")
			var document struct{ Statement []json.RawMessage }
			if text != "" && json.Unmarshal([]byte(text), &document) != nil {
				return "the policy is not JSON"
			}
			return cmp.Or(above(len(text), 8192, "bytes of a queue policy"),
				above(len(document.Statement), 20, "statements of a queue policy"))
		},
	},
	{
		of:     []string{"aws:sfn/stateMachine:StateMachine"},
		source: docs + "step-functions/latest/dg/service-quotas.html",
		check: func(_ *declared, r Resource) string {
			return above(len(r.inputs().text("definition")), 1<<20, "bytes of a definition")
		},
	},
	{
		of:     []string{"aws:cloudwatch/eventRule:EventRule"},
		source: docs + "eventbridge/latest/userguide/eb-quota.html",
		check: func(_ *declared, r Resource) string {
			return above(len(r.inputs().text("eventPattern")), 2048, "characters of an event pattern")
		},
	},
	{
		of:     []string{"aws:ec2/launchTemplate:LaunchTemplate"},
		source: docs + "AWSEC2/latest/UserGuide/instancedata-add-user-data.html",
		check: func(_ *declared, r Resource) string {
			// Base64: four characters for three bytes.
			return above(len(r.inputs().text("userData"))/4*3, 16<<10, "bytes of user data")
		},
	},
	{
		of:     []string{"aws:ecr/lifecyclePolicy:LifecyclePolicy"},
		source: docs + "AmazonECR/latest/APIReference/API_PutLifecyclePolicy.html",
		check: func(_ *declared, r Resource) string {
			return above(len(r.inputs().text("policy")), 30720, "characters of a lifecycle policy")
		},
	},
}

// dense is the length of a policy as IAM counts it: without white space. Names that the engine makes are longer than
// those that are recorded here: by suffix, once for each ARN.
func dense(text string) int {
	n := strings.Count(text, "arn:") * len(suffix)
	for _, r := range text {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// storageLimits are of buckets' rules and of keys.
var storageLimits = []limit{
	{
		of:     []string{"aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2"},
		source: docs + "AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html",
		check: func(_ *declared, r Resource) string {
			rules, ids := r.inputs().list("rules"), map[string]bool{}
			for _, rule := range rules {
				id := rule.text("id")
				if ids[id] || len(id) > 255 {
					return fmt.Sprintf("rule %q: ids are different and have at most 255 characters", id)
				}
				ids[id] = true
				if text := waterfall(rule); text != "" {
					return fmt.Sprintf("rule %q: %s", id, text)
				}
			}
			return above(len(rules), 1000, "lifecycle rules")
		},
	},
	{
		of: []string{"aws:kms/key:Key"}, source: docs + "kms/latest/APIReference/API_ScheduleKeyDeletion.html",
		check: func(_ *declared, r Resource) string { return outside(r.inputs(), "deletionWindowInDays", 7, 30) },
	},
	{
		of:     []string{"aws:dynamodb/table:Table"},
		source: docs + "amazondynamodb/latest/developerguide/ServiceQuotas.html",
		check: func(_ *declared, r Resource) string {
			return above(len(r.inputs().list("globalSecondaryIndexes")), 20, "global secondary indexes")
		},
	},
}

// classes are S3's storage classes in the only order in which objects move through them.
var classes = []string{"STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"}

// waterfall says what is wrong with the order of a rule's transitions and its expiration.
func waterfall(rule values) string {
	days := map[string]float64{}
	for _, t := range rule.list("transitions") {
		days[t.text("storageClass")] = t.number("days")
	}
	last, before := -1.0, ""
	for _, class := range classes {
		at, ok := days[class]
		if !ok {
			continue
		}
		if at <= last {
			return fmt.Sprintf("objects move to %s after %v days, to %s after %v", before, last, class, at)
		}
		if strings.HasSuffix(class, "_IA") && at < 30 {
			return fmt.Sprintf("objects move to %s after %v days, accepted are 30 and more", class, at)
		}
		last, before = at, class
	}
	expiration, ok := rule.object("expiration")["days"].(float64)
	if !ok {
		if list := rule.list("expirations"); len(list) > 0 {
			expiration, ok = list[0]["days"].(float64)
		}
	}
	if ok && expiration <= last {
		return fmt.Sprintf("objects expire after %v days and move to %s after %v", expiration, before, last)
	}
	return ""
}
