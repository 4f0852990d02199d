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

// SigningDigests is the condition of signatures as certificates have them: ECDSA over a SHA-256 that is sent.
func SigningDigests() map[Test]pulumi.Input {
	return map[Test]pulumi.Input{
		{"StringEquals", "kms:SigningAlgorithm"}: pulumi.String("ECDSA_SHA_256"),
		{"StringEquals", "kms:MessageType"}:      pulumi.String("DIGEST"),
	}
}

// All joins lists of statements.
func All(lists ...[]Statement) []Statement { return slices.Concat(lists...) }
