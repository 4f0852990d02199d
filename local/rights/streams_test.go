package rights

import (
	"slices"
	"strings"
	"testing"

	"dip/local/emulator"
)

const (
	readings      = "arn:aws:kinesis:us-east-1:123456789012:stream/readings"
	readingsKey   = "arn:aws:kms:us-east-1:123456789012:key/readings"
	byConsumer    = readings + "/consumer/c:1"
	readsFunction = "arn:aws:lambda:us-east-1:123456789012:function:reads"
)

// streams is a stack with a function that takes records from a stream, by the source and the rights that are given.
func streams(source string, rights ...string) []Resource {
	log := allow("logs:CreateLogStream logs:PutLogEvents", "arn:aws:logs:us-east-1:123456789012:log-group:reads:*", "")
	return []Resource{
		res("aws:iam/role:Role", "reads-role", map[string]any{"arn": roleARN + "reads-1",
			"assumeRolePolicy": trust("lambda.amazonaws.com")}),
		res("aws:iam/rolePolicy:RolePolicy", "reads-policy", map[string]any{"role": "reads-1",
			"policy": policy(append(rights, log)...)}),
		res("aws:lambda/function:Function", "reads-function", map[string]any{"arn": readsFunction,
			"role": roleARN + "reads-1", "loggingConfig": map[string]any{"logGroup": "reads"}}),
		res("aws:lambda/eventSourceMapping:EventSourceMapping", "reads-mapping", map[string]any{
			"functionName": readsFunction + ":live", "eventSourceArn": source,
			"destinationConfig": map[string]any{"onFailure": map[string]any{"destinationArn": "arn:aws:s3:::lake"}}}),
		res("aws:kms/key:Key", "readings-key", map[string]any{"arn": readingsKey}),
		res("aws:kinesis/stream:Stream", "readings", map[string]any{"arn": readings, "kmsKeyId": readingsKey}),
		res("aws:kms/key:Key", "lake-key", map[string]any{"arn": lakeKey}),
		res(bucketEncryption, "lake-encryption", map[string]any{"bucket": "lake", "rules": []any{map[string]any{
			"applyServerSideEncryptionByDefault": map[string]any{"kmsMasterKeyId": lakeKey}}}}),
	}
}

// A mapping of a stream needs each of its rights, and nothing else is unused.
func TestMappingsOfStreams(t *testing.T) {
	aside := []string{allow("s3:PutObject", "arn:aws:s3:::lake/aws/lambda/*", ""),
		allow("s3:ListBucket", "arn:aws:s3:::lake", ""), allow("kms:GenerateDataKey", lakeKey, "")}
	shared := allow("kinesis:DescribeStream kinesis:DescribeStreamSummary kinesis:ListShards", readings, "")
	decrypt := allow("kms:Decrypt", readingsKey, "")
	for source, rights := range map[string][]string{
		readings: append([]string{shared, decrypt,
			allow("kinesis:GetRecords kinesis:GetShardIterator", readings, "")}, aside...),
		byConsumer: append([]string{shared, decrypt, allow("kinesis:SubscribeToShard", byConsumer, "")}, aside...),
	} {
		if report := check(t, streams(source, rights...), nil); report.Err() != nil {
			t.Errorf("%s: %v", source, report.Err())
		}
		for i, right := range rights {
			rest := slices.Delete(slices.Clone(rights), i, i+1)
			if report := check(t, streams(source, rest...), nil); len(report.Denied) == 0 {
				t.Errorf("%s: nothing needs %s", source, right)
			}
		}
	}
}

// Whoever puts a record into an encrypted stream makes a data key.
func TestProducersUseTheKeyOfTheStream(t *testing.T) {
	put := emulator.Call{Principal: roleARN + "reads-1", Action: "kinesis:PutRecord", Resource: readings,
		Context: map[string]any{}}
	report := check(t, streams(readings, allow("kinesis:PutRecord", readings, "")), []emulator.Call{put})
	if !slices.ContainsFunc(report.Denied, func(d string) bool {
		return strings.Contains(d, "kms:GenerateDataKey on "+readingsKey) && strings.Contains(d, "kinesis:PutRecord")
	}) {
		t.Errorf("denied are %q", report.Denied)
	}
}
