package workflowtest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dip/contract"
	"dip/internal/adapters"
	"dip/internal/catalog"
	"dip/internal/intake"
	"dip/internal/lake"
	"dip/internal/ledger"
	"dip/internal/plan"
	"dip/internal/process"
	"dip/internal/reconcile"
	"dip/local/emulator/emulatortest"
)

func TestMain(m *testing.M) { emulatortest.Main(m) }

// wire is a connection to AWS that counts requests by who makes them. Step Functions and EventBridge are not there:
// each of their requests is answered with a success.
type wire struct {
	mu    sync.Mutex
	count map[string]map[string]int // by function and request
}

func (w *wire) add(who, request string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.count[who] == nil {
		w.count[who] = map[string]int{}
	}
	w.count[who][request]++
}

// client is the connection of one of the functions.
type client struct {
	wire *wire
	who  string
}

func (c client) Do(r *http.Request) (*http.Response, error) {
	service, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch service {
	case "":
		c.wire.add(c.who, "S3 "+r.Method)
	case "AWSStepFunctions", "AWSEvents":
		c.wire.add(c.who, operation)
		body := `{"executionArn":"arn:aws:states:us-east-1:123456789012:execution:load:L","startDate":1,` +
			`"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body)),
			Header: http.Header{"Content-Type": {r.Header.Get("Content-Type")}}}, nil
	default:
		c.wire.add(c.who, operation)
	}
	return http.DefaultClient.Do(r)
}

// Sign counts as KMS's request.
func (c client) Sign(ctx context.Context, digest [sha256.Size]byte) ([]byte, error) {
	c.wire.add(c.who, "Sign")
	return testSigner.Sign(ctx, digest)
}

// PublicKey is asked for once by a function, and then known.
func (c client) PublicKey(ctx context.Context) (*ecdsa.PublicKey, error) {
	return testSigner.PublicKey(ctx)
}

// cloud is the data plane on the emulator, each function with clients of its own that count.
type cloud struct {
	*wire
	t       *testing.T
	config  aws.Config
	table   string
	queue   string
	catalog string
}

func newCloud(t *testing.T) *cloud {
	c := &cloud{t: t, config: emulatortest.Config(t), wire: &wire{count: map[string]map[string]int{}}, table: "requests"}
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	store := adapters.S3(c.config)
	for _, bucket := range []string{"landing", "lake"} {
		must(store.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}))
		must(store.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &bucket,
			VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled}}))
	}
	key, sort := contract.LedgerPartitionKey, contract.LedgerSortKey
	must(dynamodb.NewFromConfig(c.config).CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &c.table, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: &key, AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: &sort, AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: &key, KeyType: types.KeyTypeHash}, {AttributeName: &sort, KeyType: types.KeyTypeRange},
		},
	}))
	queue, err := sqs.NewFromConfig(c.config).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")})
	must(queue, err)
	c.queue = *queue.QueueUrl
	name, text, err := contract.Catalog{Version: 1, Segments: map[string]contract.Segment{"things": {
		Dialect: contract.Dialect{Encoding: contract.CSV, Delimiter: ",", Quote: `"`, Header: true},
		Schema:  []byte(`{"fields": [{"name": "a", "type": "integer"}, {"name": "b", "type": "string"}]}`),
		Queue:   c.queue, MaxRecordMB: 1,
		Loads: contract.Loads{ChunkBytes: 1 << 20, DueAfterSeconds: 900, MaxAttempts: 5, KeepSeconds: 86_400},
	}}}.Encode()
	must(name, err)
	c.catalog = name
	must(store.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("lake"), Key: &name,
		Body: bytes.NewReader(text)}))
	return c
}

func (c *cloud) as(who string) (aws.Config, *lake.Lake, *ledger.Ledger) {
	config := c.config
	config.HTTPClient = client{c.wire, who}
	return config, lake.New(adapters.S3(config), "lake"), ledger.New(dynamodb.NewFromConfig(config), c.table)
}

// load takes an input from its event to its publication, and returns what was asked for on the way.
func (c *cloud) load(content string) (chunks int, counts map[string]map[string]int) {
	c.t.Helper()
	ctx, landing, name := c.t.Context(), "landing", "things/a"
	put, err := adapters.S3(c.config).PutObject(ctx, &s3.PutObjectInput{Bucket: &landing, Key: &name,
		Body: strings.NewReader(content)})
	if err != nil {
		c.t.Fatal(err)
	}
	object := contract.Object{Bucket: landing, Key: name, VersionID: *put.VersionId, Size: int64(len(content)),
		ETag: strings.Trim(*put.ETag, `"`)}
	id := contract.LoadID(object)
	c.wire.count = map[string]map[string]int{}

	config, _, book := c.as("intake")
	in := intake.Handler{Catalog: c.catalog, Ledger: book, Log: quiet, Now: time.Now,
		Workflows: adapters.NewWorkflows(config, "arn:aws:states:us-east-1:123456789012:stateMachine:load:live")}
	out, err := in.Handle(ctx, events.SQSEvent{Records: []events.SQSMessage{{Body: event(object)}}})
	if err != nil || len(out.BatchItemFailures) > 0 {
		c.t.Fatal("the event was not taken", err)
	}
	_, store, book := c.as("splitter")
	planner := plan.Planner{Ledger: book, Source: store, Versions: store, Log: quiet, Now: time.Now,
		Segments: &process.Segments{Catalogs: &catalog.Reader{Lake: store}}}
	if _, err := planner.Handle(ctx, contract.WorkflowInput{Version: 1, Load: id}); err != nil {
		c.t.Fatal(err)
	}
	config, store, book = c.as("reconciler")
	r := reconcile.Reconciler{Stack: "test", Catalog: c.catalog, Ledger: book, Queue: adapters.NewQueues(config),
		Bus: adapters.NewBus(config, "bus"), Lake: store, Catalogs: &catalog.Reader{Lake: store},
		Signer: client{c.wire, "reconciler"}, Log: quiet, Now: time.Now, Pause: sleep}
	step := func(s contract.Step, want contract.Action) {
		c.t.Helper()
		got, err := r.Handle(ctx, contract.StepRequest{Version: 1, Load: id, Step: s})
		if err != nil || got.Action != want {
			c.t.Fatalf("%s: %+v, %v", s, got, err)
		}
	}
	step(contract.Dispatch, contract.ActionWait)
	config, store, book = c.as("segment")
	h := process.Handler{Name: "things", Code: "c0de", Runtime: "7", Ledger: book, Source: store, Sink: store, Log: quiet,
		Segments: &process.Segments{Catalogs: &catalog.Reader{Lake: store}}, Now: time.Now}
	queue := adapters.NewReceiver(config, c.queue)
	load, err := book.Load(ctx, id)
	if err != nil {
		c.t.Fatal(err)
	}
	c.wire.count["segment"] = nil // the test's own request
	for range load.Plan.Chunks {
		messages, err := queue.Receive(ctx, 1, time.Minute)
		if err != nil || len(messages) != 1 {
			c.t.Fatalf("%d messages, %v", len(messages), err)
		}
		if err := h.Message(ctx, messages[0].ID, messages[0].Body); err != nil {
			c.t.Fatal(err)
		}
		if err := queue.Delete(ctx, messages[0]); err != nil {
			c.t.Fatal(err)
		}
	}
	step(contract.Reconcile, contract.ActionCertify)
	step(contract.Certify, contract.ActionDone)
	step(contract.Publish, contract.ActionDone)
	return load.Plan.Chunks, c.wire.count
}

// What a load and each of its chunks may ask for, and no more: time and money are in these requests. A function that
// has just started reads the catalog once, which is the GET that comes to these.
func TestRequestsOfALoad(t *testing.T) {
	c := newCloud(t)
	for _, size := range []int{1, 12} {
		chunks, got := c.load(rows(size << 20 / len("100000,some text\n")))
		if chunks != size {
			t.Fatalf("%d chunks", chunks)
		}
		want := map[string]map[string]int{
			"intake":   {"PutItem": 1, "StartExecution": 1},
			"splitter": {"GetItem": 2, "PutItem": chunks, "UpdateItem": 1, "S3 HEAD": 1, "S3 GET": 1 + 1},
			"segment": {"ReceiveMessage": chunks, "DeleteMessage": chunks, "UpdateItem": 2 * chunks,
				"S3 GET": chunks + 1, "S3 PUT": chunks},
			"reconciler": {
				"GetItem": 4 + 1, "Query": 4, // the load and its chunks in each step, and the end of the chain
				"SendMessageBatch": (chunks + 9) / 10, "UpdateItem": 3, "TransactWriteItems": 1,
				"S3 PUT": 3, "Sign": 1, "PutEvents": 1, "S3 GET": 1,
			},
		}
		for _, who := range slices.Sorted(maps.Keys(want)) {
			if !maps.Equal(got[who], want[who]) {
				t.Errorf("%d chunks, %s: %v, want %v", chunks, who, got[who], want[who])
			}
		}
		if len(got) != len(want) {
			t.Errorf("%v", slices.Sorted(maps.Keys(got)))
		}
		all := 0
		for _, requests := range got {
			for _, n := range requests {
				all += n
			}
		}
		t.Log(fmt.Sprintf("%d chunks: %d requests", chunks, all))
	}
}
