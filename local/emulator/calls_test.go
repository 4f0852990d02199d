package emulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"dip/local/emulator"
	"dip/local/emulator/emulatortest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// assume gives a key of a role of a name, and the role's ARN.
func assume(t *testing.T, name string) (emulator.Key, string) {
	t.Helper()
	endpoint, key := owner(t)
	role := "arn:aws:iam::123456789012:role/" + name
	own, err := emulator.AssumeRole(t.Context(), endpoint, key, role, "test")
	if err != nil {
		t.Fatal(err)
	}
	return own, role
}

// as is a configuration that signs as a role of a name, and what its calls have needed so far.
func as(t *testing.T, name string) (aws.Config, func() []string) {
	t.Helper()
	endpoint, key := owner(t)
	own, role := assume(t, name)
	cfg := emulatortest.Config(t)
	cfg.Credentials = own.Provider()
	return cfg, func() []string {
		calls, err := emulator.Calls(t.Context(), endpoint, key)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, c := range calls {
			if c.Principal != role {
				continue
			}
			context, err := json.Marshal(c.Context)
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, strings.TrimSuffix(fmt.Sprintf("%s %s %s", c.Action, c.Resource, context), " {}"))
		}
		slices.Sort(lines)
		return lines
	}
}

// What the calls of a role need, in IAM's terms. Errors are of no interest: a call that fails needs the same rights.
func TestCallsOfRoles(t *testing.T) {
	t.Parallel()
	cfg, needed := as(t, "caller")
	ctx, name := t.Context(), aws.String
	objects := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	bucket := name("calls-of-roles")
	must[*s3.CreateBucketOutput](t)(s3Client(t).CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket}))
	must[*s3.PutObjectOutput](t)(objects.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: name("data/trips/1"),
		Body: strings.NewReader("x"), IfNoneMatch: name("*")}))
	for _, key := range []string{"data/trips/1", "data/trips/2", "other"} {
		_, _ = objects.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: &key})
	}
	_, _ = objects.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: name("data/a b"), VersionId: name("v")})
	_, _ = objects.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: name("big")})
	_, _ = objects.AbortMultipartUpload(ctx,
		&s3.AbortMultipartUploadInput{Bucket: bucket, Key: name("big"), UploadId: name("u")})
	_, _ = objects.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: bucket, Prefix: name("in/")})

	tables := dynamodb.NewFromConfig(cfg)
	item := map[string]ddbtypes.AttributeValue{"load": &ddbtypes.AttributeValueMemberS{Value: "x"}}
	_, _ = tables.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: name("ledger"), Key: item,
		UpdateExpression:         name("SET #s = :s, attempt = if_not_exists(attempt, :z) REMOVE error"),
		ConditionExpression:      name("attribute_exists(item) AND size(ack) > :z"),
		ExpressionAttributeNames: map[string]string{"#s": "status"}})
	_, _ = tables.Query(ctx, &dynamodb.QueryInput{TableName: name("ledger"), IndexName: name("day"),
		KeyConditionExpression: name("began = :b")})
	_, _ = tables.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]ddbtypes.KeysAndAttributes{
		"ledger": {Keys: []map[string]ddbtypes.AttributeValue{item}}}})
	_, _ = tables.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []ddbtypes.TransactWriteItem{
		{ConditionCheck: &ddbtypes.ConditionCheck{TableName: name("ledger"), Key: item, ConditionExpression: name("a = :a")}},
		{Delete: &ddbtypes.Delete{TableName: name("ledger"), Key: item}}}})

	queues := sqs.NewFromConfig(cfg)
	_, _ = queues.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: name("http://x/123456789012/work"),
		Entries: []sqstypes.SendMessageBatchRequestEntry{{Id: name("1"), MessageBody: name("m")}}})
	const machine = "arn:aws:states:us-east-1:123456789012:stateMachine:load"
	_, _ = sfn.NewFromConfig(cfg).StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: name(machine + ":live")})
	_, _ = eventbridge.NewFromConfig(cfg).PutEvents(ctx, &eventbridge.PutEventsInput{
		Entries: []ebtypes.PutEventsRequestEntry{
			{EventBusName: name("bus"), Source: name("dip"), DetailType: name("Load Published"), Detail: name("{}")}}})
	key := must[*kms.CreateKeyOutput](t)(kms.NewFromConfig(emulatortest.Config(t)).CreateKey(ctx,
		&kms.CreateKeyInput{KeySpec: kmstypes.KeySpecEccNistP256, KeyUsage: kmstypes.KeyUsageTypeSignVerify}))
	_, _ = kms.NewFromConfig(cfg).Sign(ctx, &kms.SignInput{KeyId: key.KeyMetadata.KeyId, Message: make([]byte, 32),
		MessageType: kmstypes.MessageTypeDigest, SigningAlgorithm: kmstypes.SigningAlgorithmSpecEcdsaSha256})
	_, _ = cloudwatchlogs.NewFromConfig(cfg).PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{
		LogGroupName: name("workers"), LogStreamName: name("pod"),
		LogEvents: []logstypes.InputLogEvent{{Message: name("m"), Timestamp: aws.Int64(0)}}})
	_, _ = sfn.NewFromConfig(cfg).ListActivities(ctx, &sfn.ListActivitiesInput{})

	const table = "arn:aws:dynamodb:us-east-1:123456789012:table/ledger"
	want := []string{
		` states ListActivities`,
		`dynamodb:BatchGetItem ` + table,
		`dynamodb:ConditionCheckItem ` + table + ` {"dynamodb:Attributes":["a","load"]}`,
		`dynamodb:DeleteItem ` + table + ` {"dynamodb:Attributes":["load"]}`,
		`dynamodb:Query ` + table + `/index/day {"dynamodb:Attributes":["began"]}`,
		`dynamodb:UpdateItem ` + table +
			` {"dynamodb:Attributes":["ack","attempt","error","item","load","status"]}`,
		`events:PutEvents arn:aws:events:us-east-1:123456789012:event-bus/bus ` +
			`{"events:detail-type":"Load Published","events:source":"dip"}`,
		`kms:Sign ` + *key.KeyMetadata.Arn + ` {"kms:MessageType":"DIGEST","kms:SigningAlgorithm":"ECDSA_SHA_256"}`,
		`logs:PutLogEvents arn:aws:logs:us-east-1:123456789012:log-group:workers:log-stream:pod`,
		`s3:AbortMultipartUpload arn:aws:s3:::calls-of-roles/big`,
		`s3:GetObject arn:aws:s3:::calls-of-roles/data/trips/1`,
		`s3:GetObject arn:aws:s3:::calls-of-roles/other`,
		`s3:GetObjectVersion arn:aws:s3:::calls-of-roles/data/a b`,
		`s3:ListBucket arn:aws:s3:::calls-of-roles`,
		`s3:ListBucketVersions arn:aws:s3:::calls-of-roles {"s3:prefix":"in/"}`,
		`s3:PutObject arn:aws:s3:::calls-of-roles/big {"dip:multipart":"true","s3:ObjectCreationOperation":"false"}`,
		`s3:PutObject arn:aws:s3:::calls-of-roles/data/trips/1 {"s3:ObjectCreationOperation":"true","s3:if-none-match":"*"}`,
		`sqs:SendMessage arn:aws:sqs:us-east-1:123456789012:work`,
		`states:StartExecution ` + machine + ` {"states:StateMachineQualifier":["live"]}`,
	}
	if got := needed(); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Groups are judged by their tags.
func TestCallsOfGroups(t *testing.T) {
	t.Parallel()
	own, _ := assume(t, "scaler")
	_, needed := as(t, "scaler")
	name, endpoint := newGroup(t), *emulatortest.Config(t).BaseEndpoint
	form := url.Values{"Action": {"SetDesiredCapacity"}, "AutoScalingGroupName": {name}, "DesiredCapacity": {"0"}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint+"/", nil)
	ok(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	_, err = own.Send(req, "autoscaling", "us-east-1", []byte(form.Encode()))
	ok(t, err)
	const tags = `{"autoscaling:ResourceTag/kubernetes.io/cluster/dip":"owned",` +
		`"aws:ResourceTag/kubernetes.io/cluster/dip":"owned"}`
	got := needed()
	if len(got) != 1 || !strings.HasPrefix(got[0], "autoscaling:SetDesiredCapacity arn:aws:autoscaling:") ||
		!strings.HasSuffix(got[0], ":autoScalingGroupName/"+name+" "+tags) {
		t.Errorf("%q", got)
	}
}
