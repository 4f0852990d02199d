package emulator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
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
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// repeated is a list of n values.
func repeated[T any](n int, make func(int) T) (list []T) {
	for i := range n {
		list = append(list, make(i))
	}
	return list
}

// One row of the emulator's table of limits after the other, each with a call one above its limit.
func TestLimitsOfCalls(t *testing.T) {
	t.Parallel()
	cfg, text := emulatortest.Config(t), aws.String
	objects, tables, queues := s3Client(t), dynamodb.NewFromConfig(cfg), sqs.NewFromConfig(cfg)
	machines, bus := sfn.NewFromConfig(cfg), eventbridge.NewFromConfig(cfg)
	const kib = 1 << 10
	item := func(bytes int) map[string]ddbtypes.AttributeValue {
		return map[string]ddbtypes.AttributeValue{"k": &ddbtypes.AttributeValueMemberS{Value: strings.Repeat("x", bytes-1)}}
	}
	write := func(bytes int) ddbtypes.WriteRequest {
		return ddbtypes.WriteRequest{PutRequest: &ddbtypes.PutRequest{Item: item(bytes)}}
	}
	remove := func(int) ddbtypes.TransactWriteItem {
		return ddbtypes.TransactWriteItem{Delete: &ddbtypes.Delete{TableName: text("t"), Key: item(2)}}
	}
	send := func(i, bytes int) sqstypes.SendMessageBatchRequestEntry {
		return sqstypes.SendMessageBatchRequestEntry{Id: text(fmt.Sprint(i)), MessageBody: text(strings.Repeat("x", bytes))}
	}
	event := func(bytes int) ebtypes.PutEventsRequestEntry {
		return ebtypes.PutEventsRequestEntry{Source: text("s"), DetailType: text("d"),
			Detail: text(`"` + strings.Repeat("x", bytes) + `"`)}
	}
	url := text("http://x/123456789012/q")
	for want, call := range map[string]func(context.Context) error{
		"tags of an object: 11": func(ctx context.Context) error {
			tags := strings.Join(repeated(11, func(i int) string { return fmt.Sprintf("t%d=", i) }), "&")
			_, err := objects.PutObject(ctx, &s3.PutObjectInput{Bucket: text("b"), Key: text("k"), Tagging: &tags})
			return err
		},
		"bytes of user-defined metadata: 2049": func(ctx context.Context) error {
			metadata := map[string]string{"a": strings.Repeat("x", 2*kib)}
			_, err := objects.PutObject(ctx, &s3.PutObjectInput{Bucket: text("b"), Key: text("k"), Metadata: metadata})
			return err
		},
		"bytes of an item: 409601": func(ctx context.Context) error {
			_, err := tables.PutItem(ctx, &dynamodb.PutItemInput{TableName: text("t"), Item: item(400*kib + 1)})
			return err
		},
		"bytes of an item: 409602": func(ctx context.Context) error {
			_, err := tables.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
				RequestItems: map[string][]ddbtypes.WriteRequest{"t": {write(2), write(400*kib + 2)}}})
			return err
		},
		"items of a transaction: 101": func(ctx context.Context) error {
			_, err := tables.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: repeated(101, remove)})
			return err
		},
		"writes of a batch: 26": func(ctx context.Context) error {
			_, err := tables.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]ddbtypes.WriteRequest{
				"t": repeated(26, func(int) ddbtypes.WriteRequest { return write(2) })}})
			return err
		},
		"keys of a batch: 101": func(ctx context.Context) error {
			keys := repeated(101, func(i int) map[string]ddbtypes.AttributeValue { return item(i + 2) })
			_, err := tables.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
				RequestItems: map[string]ddbtypes.KeysAndAttributes{"t": {Keys: keys}}})
			return err
		},
		"bytes of an expression: 4097": func(ctx context.Context) error {
			_, err := tables.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: text("t"), Key: item(2),
				UpdateExpression: text("SET " + strings.Repeat("x", 4*kib-3))})
			return err
		},
		"bytes of a message: 1048577": func(ctx context.Context) error {
			_, err := queues.SendMessage(ctx,
				&sqs.SendMessageInput{QueueUrl: url, MessageBody: text(strings.Repeat("x", kib*kib+1))})
			return err
		},
		"bytes of a batch: 1048578": func(ctx context.Context) error {
			entries := repeated(2, func(i int) sqstypes.SendMessageBatchRequestEntry { return send(i, kib*kib/2+1) })
			_, err := queues.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: url, Entries: entries})
			return err
		},
		"entries of a batch: 11": func(ctx context.Context) error {
			entries := repeated(11, func(i int) sqstypes.SendMessageBatchRequestEntry { return send(i, 1) })
			_, err := queues.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: url, Entries: entries})
			return err
		},
		"messages of a receive: 11": func(ctx context.Context) error {
			_, err := queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 11})
			return err
		},
		"seconds of a visibility timeout: 43201": func(ctx context.Context) error {
			_, err := queues.ChangeMessageVisibility(ctx,
				&sqs.ChangeMessageVisibilityInput{QueueUrl: url, ReceiptHandle: text("r"), VisibilityTimeout: 43201})
			return err
		},
		"bytes of an execution's input: 262145": func(ctx context.Context) error {
			_, err := machines.StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: text("arn:aws:states:::x"),
				Input: text(`"` + strings.Repeat("x", 256*kib-1) + `"`)})
			return err
		},
		"entries of PutEvents: 11": func(ctx context.Context) error {
			_, err := bus.PutEvents(ctx, &eventbridge.PutEventsInput{
				Entries: repeated(11, func(int) ebtypes.PutEventsRequestEntry { return event(1) })})
			return err
		},
		"bytes of PutEvents: 262145": func(ctx context.Context) error {
			_, err := bus.PutEvents(ctx, &eventbridge.PutEventsInput{
				Entries: []ebtypes.PutEventsRequestEntry{event(256*kib + 1 - 14 - 2 - 2)}})
			return err
		},
	} {
		if err := call(t.Context()); err == nil || !strings.Contains(err.Error(), want+", at most") ||
			!strings.Contains(err.Error(), "https://docs.aws.amazon.com/") {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// run starts an execution of a definition and returns how it ended.
func run(t *testing.T, cfg aws.Config, definition, input string) *sfn.DescribeExecutionOutput {
	t.Helper()
	client := sfn.NewFromConfig(cfg)
	machine, err := client.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{Name: aws.String(t.Name()),
		Definition: &definition, RoleArn: aws.String("arn:aws:iam::123456789012:role/r")})
	if err != nil {
		t.Fatal(err)
	}
	started, err := client.StartExecution(t.Context(),
		&sfn.StartExecutionInput{StateMachineArn: machine.StateMachineArn, Input: &input})
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		out, err := client.DescribeExecution(t.Context(),
			&sfn.DescribeExecutionInput{ExecutionArn: started.ExecutionArn})
		if err != nil {
			t.Fatal(err)
		}
		if out.StopDate != nil {
			return out
		}
		<-tick.C
	}
}

// A state's output of 256 KiB ends an execution, whatever it catches: States.ALL does not.
func TestLimitOfAState(t *testing.T) {
	t.Parallel()
	out := run(t, emulatortest.Config(t), `{"StartAt": "Double", "States": {
		"Double": {"Type": "Map", "ItemsPath": "$.two", "ItemProcessor": {"StartAt": "All", "States": {
			"All": {"Type": "Pass", "End": true}}}, "ItemSelector": {"x.$": "$.text"},
			"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}], "End": true},
		"Caught": {"Type": "Pass", "End": true}}}`,
		fmt.Sprintf(`{"two": [1, 2], "text": %q}`, strings.Repeat("x", 200<<10)))
	if out.Status != "FAILED" || aws.ToString(out.Error) != "States.DataLimitExceeded" {
		t.Errorf("the execution %s with %s", out.Status, aws.ToString(out.Error))
	}
}

// A history that is full ends an execution.
func TestLimitOfAHistory(t *testing.T) {
	t.Parallel()
	cfg := emulatortest.Config(t)
	e, err := emulator.Start(t.Context(), emulator.Options{HistoryEvents: 100})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Stop(); err != nil {
			t.Error(err)
		}
	}()
	cfg.BaseEndpoint, cfg.Credentials = aws.String(e.Endpoint()), e.Key().Provider()
	out := run(t, cfg, `{"StartAt": "Again", "States": {"Again": {"Type": "Pass", "Next": "Again"}}}`, "{}")
	if out.Status != "FAILED" || !strings.Contains(aws.ToString(out.Cause), "maximum number of history events (100)") {
		t.Errorf("the execution %s because %s", out.Status, aws.ToString(out.Cause))
	}
}

// The preview asks for quotas as AWS's provider does: for the default first.
func TestQuotas(t *testing.T) {
	t.Parallel()
	endpoint, key := owner(t)
	for _, operation := range []string{"GetAWSDefaultServiceQuota", "GetServiceQuota"} {
		for of, want := range map[[2]string]float64{
			{"ec2", "L-0263D0A3"}: 5, {"lambda", "L-B99A9384"}: 1000, {"vpc", "L-F678F1CE"}: 5,
		} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint+"/", nil)
			ok(t, err)
			req.Header.Set("Content-Type", "application/x-amz-json-1.1")
			req.Header.Set("X-Amz-Target", "ServiceQuotasV20190624."+operation)
			text, err := key.Send(req, "servicequotas", "us-east-1",
				fmt.Appendf(nil, `{"ServiceCode": %q, "QuotaCode": %q}`, of[0], of[1]))
			ok(t, err)
			var out struct{ Quota struct{ Value float64 } }
			ok(t, json.Unmarshal(text, &out))
			if out.Quota.Value != want {
				t.Errorf("%s of %s: %v, want %v", operation, of, out.Quota.Value, want)
			}
		}
	}
}
