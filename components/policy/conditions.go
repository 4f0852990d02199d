package policy

import (
	"cmp"
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// tests lists conditions in a fixed order.
func tests(conditions map[Test]pulumi.Input) []Test {
	return slices.SortedFunc(maps.Keys(conditions), func(a, b Test) int {
		return cmp.Or(cmp.Compare(a.Operator, b.Operator), cmp.Compare(a.Key, b.Key))
	})
}

// InsecureTransport is the condition of requests without TLS.
func InsecureTransport() map[Test]pulumi.Input {
	return map[Test]pulumi.Input{{"Bool", "aws:SecureTransport"}: pulumi.String("false")}
}

// Overwriting is the condition of requests that would create an object even where there is one already.
func Overwriting() map[Test]pulumi.Input {
	return map[Test]pulumi.Input{
		{"Null", "s3:if-none-match"}:           pulumi.String("true"),
		{"Bool", "s3:ObjectCreationOperation"}: pulumi.String("true"),
	}
}

// FromSource is the condition that a service acts for one resource of an account, given by its ARN.
func FromSource(arn pulumi.StringInput, account string) map[Test]pulumi.Input {
	return map[Test]pulumi.Input{
		{"ArnEquals", "aws:SourceArn"}:        arn,
		{"StringEquals", "aws:SourceAccount"}: pulumi.String(account),
	}
}

// ForAccount is the condition that a service acts for an account (12 digits): without it, anybody who can make the
// service take a role by its ARN has a deputy here ("The confused deputy problem", IAM User Guide). Step Functions,
// EventBridge Scheduler, EKS and VPC flow logs document that they send it. Lambda and EC2 do not: their roles cannot be
// passed from another account.
func ForAccount(account string) map[Test]pulumi.Input {
	return map[Test]pulumi.Input{{"StringEquals", "aws:SourceAccount"}: pulumi.String(account)}
}

// Below is the condition that a listing, if it is one, is of a prefix. S3 asks for s3:ListBucket, without s3:prefix,
// before it says that an object that is read is missing ("GetObject", S3 API Reference): hence IfExists.
func Below(prefixes ...string) map[Test]pulumi.Input {
	var like pulumi.StringArray
	for _, prefix := range prefixes {
		like = append(like, pulumi.String(prefix+"*"))
	}
	return map[Test]pulumi.Input{{"StringLikeIfExists", "s3:prefix"}: like}
}

// Touching is the condition that a request on a DynamoDB table names no other attributes than these, in whichever of
// its expressions ("Using IAM policy conditions for fine-grained access control").
func Touching(attributes ...string) map[Test]pulumi.Input {
	return map[Test]pulumi.Input{{"ForAllValues:StringEquals", "dynamodb:Attributes"}: pulumi.ToStringArray(attributes)}
}

// Qualified is the condition that a request names a state machine by one of its aliases.
func Qualified(alias string) map[Test]pulumi.Input {
	return map[Test]pulumi.Input{
		{"ForAnyValue:StringEquals", "states:StateMachineQualifier"}: pulumi.StringArray{pulumi.String(alias)},
	}
}

// SigningDigests is the condition of signatures as certificates have them: ECDSA over a SHA-256 that is sent.
func SigningDigests() map[Test]pulumi.Input {
	return map[Test]pulumi.Input{
		{"StringEquals", "kms:SigningAlgorithm"}: pulumi.String("ECDSA_SHA_256"),
		{"StringEquals", "kms:MessageType"}:      pulumi.String("DIGEST"),
	}
}

// Trace allows to record traces. X-Ray knows no resources for these actions ("Actions, resources, and condition keys for
// AWS X-Ray").
func Trace(besides ...string) Statement {
	return Statement{
		Actions:   append([]string{"xray:PutTraceSegments", "xray:PutTelemetryRecords"}, besides...),
		Resources: []pulumi.StringInput{pulumi.String("*")},
	}
}

// All joins lists of statements.
func All(lists ...[]Statement) []Statement { return slices.Concat(lists...) }
