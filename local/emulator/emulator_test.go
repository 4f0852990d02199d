package emulator_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dip/local/emulator"
	"dip/local/emulator/emulatortest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func TestMain(m *testing.M) { emulatortest.Main(m) }

func s3Client(t *testing.T) *s3.Client {
	return s3.NewFromConfig(emulatortest.Config(t), func(o *s3.Options) { o.UsePathStyle = true })
}

// must fails the test on an error and returns the value.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (q *queue) receive(t *testing.T, n int) []sqstypes.Message {
	t.Helper()
	out, err := q.client.ReceiveMessage(t.Context(),
		&sqs.ReceiveMessageInput{QueueUrl: &q.url, MaxNumberOfMessages: int32(n), WaitTimeSeconds: 10,
			MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	return out.Messages
}

type queue struct {
	client   *sqs.Client
	url, arn string
}

func newQueue(t *testing.T, name string, attributes map[string]string) *queue {
	t.Helper()
	client := sqs.NewFromConfig(emulatortest.Config(t))
	name = t.Name() + "-" + name
	out, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	return &queue{client, *out.QueueUrl, "arn:aws:sqs:us-east-1:123456789012:" + name}
}

func TestStopsWithItsParentPipe(t *testing.T) {
	t.Parallel()
	emulatortest.Config(t)
	e, err := emulator.Start(t.Context(), emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Stop(); err != nil {
		t.Fatal(err)
	}
	if res, err := http.Get(e.Endpoint()); err == nil {
		res.Body.Close()
		t.Error("the emulator still responds")
	}
}

func TestMissingPython(t *testing.T) {
	t.Parallel()
	_, err := emulator.Start(t.Context(), emulator.Options{Python: "no-such-python"})
	if !errors.Is(err, emulator.ErrUnavailable) ||
		!strings.Contains(err.Error(), "pip install 'moto[server]=="+emulator.MotoVersion+"'") {
		t.Error(err)
	}
}

func TestConditionalWritesHaveOneWinner(t *testing.T) {
	t.Parallel()
	client := s3Client(t)
	must[*s3.CreateBucketOutput](t)(client.CreateBucket(t.Context(),
		&s3.CreateBucketInput{Bucket: aws.String("write-once")}))
	table := dynamodb.NewFromConfig(emulatortest.Config(t))
	_, err := table.CreateTable(t.Context(),
		&dynamodb.CreateTableInput{TableName: aws.String("leases"), BillingMode: ddbtypes.BillingModePayPerRequest,
			KeySchema: []ddbtypes.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: ddbtypes.KeyTypeHash}},
			AttributeDefinitions: []ddbtypes.AttributeDefinition{{AttributeName: aws.String("id"),
				AttributeType: ddbtypes.ScalarAttributeTypeS}}})
	if err != nil {
		t.Fatal(err)
	}
	for round := range 10 {
		var group sync.WaitGroup
		var mu sync.Mutex
		var puts, leases int
		for writer := range 8 {
			group.Go(func() {
				_, putErr := client.PutObject(t.Context(),
					&s3.PutObjectInput{Bucket: aws.String("write-once"), Key: aws.String(fmt.Sprint(round)),
						Body: strings.NewReader(fmt.Sprint(writer)), IfNoneMatch: aws.String("*")})
				_, leaseErr := table.PutItem(t.Context(),
					&dynamodb.PutItemInput{TableName: aws.String("leases"),
						ConditionExpression: aws.String("attribute_not_exists(id)"),
						Item: map[string]ddbtypes.AttributeValue{
							"id": &ddbtypes.AttributeValueMemberS{Value: fmt.Sprint(round)}}})
				mu.Lock()
				defer mu.Unlock()
				if putErr == nil {
					puts++
				}
				if leaseErr == nil {
					leases++
				}
			})
		}
		group.Wait()
		if puts != 1 || leases != 1 {
			t.Fatalf("round %d: %d puts and %d leases won", round, puts, leases)
		}
	}
}

func TestObjects(t *testing.T) {
	t.Parallel()
	client := s3Client(t)
	bucket := aws.String("objects")
	must[*s3.CreateBucketOutput](t)(client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket}))
	must[*s3.PutBucketVersioningOutput](t)(client.PutBucketVersioning(t.Context(),
		&s3.PutBucketVersioningInput{Bucket: bucket,
			VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled}}))
	// A policy that AWS has on every bucket; the emulator speaks plain HTTP.
	must[*s3.PutBucketPolicyOutput](t)(client.PutBucketPolicy(t.Context(),
		&s3.PutBucketPolicyInput{Bucket: bucket, Policy: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*",` +
				`"Resource":["arn:aws:s3:::objects","arn:aws:s3:::objects/*"],` +
				`"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`)}))
	content := make([]byte, 6<<20)
	if _, err := rand.Read(content); err != nil {
		t.Fatal(err)
	}
	first := must[*s3.PutObjectOutput](t)(client.PutObject(t.Context(),
		&s3.PutObjectInput{Bucket: bucket, Key: aws.String("a b/ü+.csv"), Body: bytes.NewReader(content)}))
	must[*s3.PutObjectOutput](t)(client.PutObject(t.Context(),
		&s3.PutObjectInput{Bucket: bucket, Key: aws.String("a b/ü+.csv"), Body: strings.NewReader("second")}))

	part := must[*s3.GetObjectOutput](t)(client.GetObject(t.Context(),
		&s3.GetObjectInput{Bucket: bucket, Key: aws.String("a b/ü+.csv"),
			VersionId: first.VersionId, Range: aws.String("bytes=1000-1999")}))
	defer part.Body.Close()
	if got := must[[]byte](t)(io.ReadAll(part.Body)); !bytes.Equal(got, content[1000:2000]) ||
		*part.ContentRange != fmt.Sprintf("bytes 1000-1999/%d", len(content)) {
		t.Errorf("range: %d bytes, %s", len(got), *part.ContentRange)
	}
	versions := must[*s3.ListObjectVersionsOutput](t)(client.ListObjectVersions(t.Context(),
		&s3.ListObjectVersionsInput{Bucket: bucket}))
	if len(versions.Versions) != 2 || !*versions.Versions[0].IsLatest || *versions.Versions[0].Size != 6 ||
		*versions.Versions[1].VersionId != *first.VersionId {
		t.Errorf("versions %+v", versions.Versions)
	}
}

func TestEventsOfAnUpload(t *testing.T) {
	t.Parallel()
	client := s3Client(t)
	q := newQueue(t, "q", nil)
	bucket := aws.String("landing")
	must[*s3.CreateBucketOutput](t)(client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket}))
	must[*s3.PutBucketVersioningOutput](t)(client.PutBucketVersioning(t.Context(),
		&s3.PutBucketVersioningInput{Bucket: bucket,
			VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled}}))
	must[*s3.PutBucketNotificationConfigurationOutput](t)(client.PutBucketNotificationConfiguration(t.Context(),
		&s3.PutBucketNotificationConfigurationInput{
			Bucket: bucket, NotificationConfiguration: &s3types.NotificationConfiguration{
				QueueConfigurations: []s3types.QueueConfiguration{{QueueArn: &q.arn,
					Events: []s3types.Event{"s3:ObjectCreated:*"}}}}}))
	if test := q.receive(t, 1); !strings.Contains(*test[0].Body, "s3:TestEvent") {
		t.Fatalf("%s", *test[0].Body)
	}
	key := aws.String("trips/a b+ü.csv")
	upload := must[*s3.CreateMultipartUploadOutput](t)(client.CreateMultipartUpload(t.Context(),
		&s3.CreateMultipartUploadInput{Bucket: bucket, Key: key}))
	var parts []s3types.CompletedPart
	for number, size := range []int{5 << 20, 10} {
		out := must[*s3.UploadPartOutput](t)(client.UploadPart(t.Context(),
			&s3.UploadPartInput{Bucket: bucket, Key: key, UploadId: upload.UploadId,
				PartNumber: aws.Int32(int32(number + 1)), Body: bytes.NewReader(make([]byte, size))}))
		parts = append(parts, s3types.CompletedPart{PartNumber: aws.Int32(int32(number + 1)), ETag: out.ETag})
	}
	done := must[*s3.CompleteMultipartUploadOutput](t)(client.CompleteMultipartUpload(t.Context(),
		&s3.CompleteMultipartUploadInput{Bucket: bucket, Key: key,
			UploadId: upload.UploadId, MultipartUpload: &s3types.CompletedMultipartUpload{Parts: parts}}))
	must[*s3.PutObjectOutput](t)(client.PutObject(t.Context(),
		&s3.PutObjectInput{Bucket: bucket, Key: aws.String("next"), Body: strings.NewReader("")}))

	type event struct {
		Records []struct {
			EventName, EventTime string
			S3                   struct {
				Object struct {
					Key, VersionID, Sequencer, ETag string
					Size                            int64
				}
			}
		}
	}
	var events []event
	for len(events) < 2 {
		for _, m := range q.receive(t, 1) {
			var e event
			if err := json.Unmarshal([]byte(*m.Body), &e); err != nil {
				t.Fatal(err)
			}
			events = append(events, e)
		}
	}
	r := events[0].Records[0]
	decoded := must[string](t)(url.QueryUnescape(r.S3.Object.Key))
	if r.EventName != "ObjectCreated:CompleteMultipartUpload" || decoded != *key ||
		r.S3.Object.Key != "trips/a+b%2B%C3%BC.csv" ||
		r.S3.Object.VersionID != *done.VersionId || r.S3.Object.Size != 5<<20+10 ||
		!strings.HasSuffix(r.S3.Object.ETag, "-2") {
		t.Errorf("%+v", r)
	}
	// One event per upload: the second is already the other object's.
	if next := events[1].Records[0].S3.Object; next.Key != "next" || next.Sequencer <= r.S3.Object.Sequencer {
		t.Errorf("%+v", next)
	}
	if _, err := time.Parse("2006-01-02T15:04:05.000Z", r.EventTime); err != nil {
		t.Error(err)
	}
}

func TestEventBusToQueue(t *testing.T) {
	t.Parallel()
	client := eventbridge.NewFromConfig(emulatortest.Config(t))
	q := newQueue(t, "q", nil)
	name := aws.String(t.Name())
	must[*eventbridge.PutRuleOutput](t)(client.PutRule(t.Context(),
		&eventbridge.PutRuleInput{Name: name, EventPattern: aws.String(`{"source":["dip"]}`)}))
	must[*eventbridge.PutTargetsOutput](t)(client.PutTargets(t.Context(),
		&eventbridge.PutTargetsInput{Rule: name, Targets: []ebtypes.Target{{Id: aws.String("q"), Arn: &q.arn}}}))
	must[*eventbridge.PutEventsOutput](t)(client.PutEvents(t.Context(),
		&eventbridge.PutEventsInput{Entries: []ebtypes.PutEventsRequestEntry{
			{Source: aws.String("other"), DetailType: aws.String("x"), Detail: aws.String(`{}`)},
			{Source: aws.String("dip"), DetailType: aws.String("load"), Detail: aws.String(`{"load":"l1"}`)}}}))
	var event struct {
		Source, Time string
		Detail       struct{ Load string }
	}
	if err := json.Unmarshal([]byte(*q.receive(t, 1)[0].Body), &event); err != nil {
		t.Fatal(err)
	}
	if event.Source != "dip" || event.Detail.Load != "l1" {
		t.Errorf("%+v", event)
	}
	if _, err := time.Parse(time.RFC3339, event.Time); err != nil {
		t.Error(err)
	}
}

func TestDeadLettersGoBack(t *testing.T) {
	t.Parallel()
	dead := newQueue(t, "dead", nil)
	q := newQueue(t, "q",
		map[string]string{"VisibilityTimeout": "0",
			"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":1}`, dead.arn)})
	must[*sqs.SendMessageOutput](t)(q.client.SendMessage(t.Context(),
		&sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String("poison")}))
	q.receive(t, 1)
	// The next receive exceeds the receive count and moves it.
	must[*sqs.ReceiveMessageOutput](t)(q.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &q.url}))
	letter := dead.receive(t, 1)
	must[*sqs.ChangeMessageVisibilityOutput](t)(q.client.ChangeMessageVisibility(t.Context(),
		&sqs.ChangeMessageVisibilityInput{QueueUrl: &dead.url,
			ReceiptHandle: letter[0].ReceiptHandle, VisibilityTimeout: 0}))
	must[*sqs.SetQueueAttributesOutput](t)(q.client.SetQueueAttributes(t.Context(),
		&sqs.SetQueueAttributesInput{QueueUrl: &q.url, Attributes: map[string]string{"VisibilityTimeout": "30"}}))
	must[*sqs.StartMessageMoveTaskOutput](t)(q.client.StartMessageMoveTask(t.Context(),
		&sqs.StartMessageMoveTaskInput{SourceArn: &dead.arn}))
	back := q.receive(t, 1)
	if len(back) != 1 || *back[0].Body != "poison" || back[0].Attributes["ApproximateReceiveCount"] != "1" {
		t.Errorf("%+v", back)
	}
	tasks := must[*sqs.ListMessageMoveTasksOutput](t)(q.client.ListMessageMoveTasks(t.Context(),
		&sqs.ListMessageMoveTasksInput{SourceArn: &dead.arn}))
	if len(tasks.Results) != 1 || tasks.Results[0].ApproximateNumberOfMessagesMoved != 1 {
		t.Errorf("%+v", tasks.Results)
	}
	if _, err := q.client.StartMessageMoveTask(t.Context(),
		&sqs.StartMessageMoveTaskInput{SourceArn: &q.arn}); err == nil {
		t.Error("a queue that is not a dead-letter queue was redriven")
	}
}

const passDefinition = `{"StartAt":"P","States":{"P":{"Type":"Pass","Result":%q,"Next":"W"},` +
	`"W":{"Type":"Wait","Seconds":%d,"End":true}}}`

func TestExecutionsThroughAnAlias(t *testing.T) {
	t.Parallel()
	client := sfn.NewFromConfig(emulatortest.Config(t))
	role := aws.String("arn:aws:iam::123456789012:role/x")
	machine := must[*sfn.CreateStateMachineOutput](t)(client.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String(t.Name()), RoleArn: role, Publish: true,
		Definition: aws.String(fmt.Sprintf(passDefinition, "one", 0))}))
	alias := must[*sfn.CreateStateMachineAliasOutput](t)(client.CreateStateMachineAlias(t.Context(),
		&sfn.CreateStateMachineAliasInput{Name: aws.String("live"),
			RoutingConfiguration: []sfntypes.RoutingConfigurationListItem{{
				StateMachineVersionArn: machine.StateMachineVersionArn, Weight: 100}}}))
	updated := must[*sfn.UpdateStateMachineOutput](t)(client.UpdateStateMachine(t.Context(),
		&sfn.UpdateStateMachineInput{StateMachineArn: machine.StateMachineArn,
			Definition: aws.String(fmt.Sprintf(passDefinition, "two", 3600)), Publish: true}))

	finished := func(arn *string) *sfn.DescribeExecutionOutput {
		for {
			out := must[*sfn.DescribeExecutionOutput](t)(client.DescribeExecution(t.Context(),
				&sfn.DescribeExecutionInput{ExecutionArn: arn}))
			if out.Status != sfntypes.ExecutionStatusRunning {
				return out
			}
		}
	}
	// The alias still runs version 1, whose output is a JSON string.
	first := must[*sfn.StartExecutionOutput](t)(client.StartExecution(t.Context(),
		&sfn.StartExecutionInput{StateMachineArn: alias.StateMachineAliasArn, Name: aws.String("a")}))
	out := finished(first.ExecutionArn)
	if out.Status != sfntypes.ExecutionStatusSucceeded || *out.Output != `"one"` ||
		*out.StateMachineArn != *machine.StateMachineArn ||
		*out.StateMachineVersionArn != *machine.StateMachineVersionArn ||
		*out.StateMachineAliasArn != *alias.StateMachineAliasArn {
		t.Errorf("%+v", out)
	}
	start := func(name, input string) (*sfn.StartExecutionOutput, error) {
		return client.StartExecution(t.Context(),
			&sfn.StartExecutionInput{StateMachineArn: updated.StateMachineVersionArn, Name: &name, Input: &input})
	}
	var exists *sfntypes.ExecutionAlreadyExists
	if _, err := start("a", `{}`); !errors.As(err, &exists) {
		t.Errorf("a finished execution's name was reused: %v", err)
	}
	// Version 2 waits for an hour: the same name and input return the running execution.
	var group sync.WaitGroup
	arns := make([]string, 6)
	for i := range arns {
		group.Go(func() {
			if out, err := start("b", `{"n":1}`); err == nil {
				arns[i] = *out.ExecutionArn
			}
		})
	}
	group.Wait()
	if arns[0] == "" || len(slices.Compact(arns)) != 1 {
		t.Errorf("concurrent starts of one name: %q", arns)
	}
	if _, err := start("b", `{"n":2}`); !errors.As(err, &exists) {
		t.Errorf("another input: %v", err)
	}
	running := must[*sfn.ListExecutionsOutput](t)(client.ListExecutions(t.Context(),
		&sfn.ListExecutionsInput{StateMachineArn: machine.StateMachineArn, StatusFilter: sfntypes.ExecutionStatusRunning}))
	if len(running.Executions) != 1 || *running.Executions[0].Name != "b" {
		t.Errorf("running: %+v", running.Executions)
	}
	must[*sfn.StopExecutionOutput](t)(client.StopExecution(t.Context(),
		&sfn.StopExecutionInput{ExecutionArn: running.Executions[0].ExecutionArn}))
	if got := finished(running.Executions[0].ExecutionArn).Status; got != sfntypes.ExecutionStatusAborted {
		t.Errorf("stopped: %s", got)
	}
	// Publishing without a change makes no new version.
	must[*sfn.PublishStateMachineVersionOutput](t)(client.PublishStateMachineVersion(t.Context(),
		&sfn.PublishStateMachineVersionInput{StateMachineArn: machine.StateMachineArn}))
	versions := must[*sfn.ListStateMachineVersionsOutput](t)(client.ListStateMachineVersions(t.Context(),
		&sfn.ListStateMachineVersionsInput{StateMachineArn: machine.StateMachineArn}))
	if len(versions.StateMachineVersions) != 2 ||
		*versions.StateMachineVersions[0].StateMachineVersionArn != *updated.StateMachineVersionArn {
		t.Errorf("versions: %+v", versions.StateMachineVersions)
	}
}
