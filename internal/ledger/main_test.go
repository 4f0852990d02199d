package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"dip/contract"
	"dip/local/emulator"
)

// The ledger's guarantees are DynamoDB's conditions: they are tested against its API, not against a fake.
var (
	client      *dynamodb.Client
	unavailable error
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	e, err := emulator.Start(context.Background(), emulator.Options{})
	switch {
	case errors.Is(err, emulator.ErrUnavailable):
		unavailable = err
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return 1
	default:
		defer e.Stop()
		endpoint := e.Endpoint()
		client = dynamodb.New(dynamodb.Options{
			BaseEndpoint: &endpoint, Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		})
	}
	return m.Run()
}

// newLedger makes a ledger over a table of its own, as the infrastructure makes it.
func newLedger(t *testing.T) *Ledger {
	t.Helper()
	if unavailable != nil {
		t.Skip(unavailable)
	}
	table := strings.NewReplacer("/", "-", "#", "-").Replace(t.Name())
	attribute := func(name string) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeTypeS}
	}
	schema := func(hash, sort string) []types.KeySchemaElement {
		return []types.KeySchemaElement{
			{AttributeName: &hash, KeyType: types.KeyTypeHash}, {AttributeName: &sort, KeyType: types.KeyTypeRange},
		}
	}
	_, err := client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &table, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			attribute(contract.LedgerPartitionKey), attribute(contract.LedgerSortKey),
			attribute(contract.LedgerIndexKey), attribute(contract.LedgerIndexSortKey),
		},
		KeySchema: schema(contract.LedgerPartitionKey, contract.LedgerSortKey),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: ptr(contract.LedgerIndex), KeySchema: schema(contract.LedgerIndexKey, contract.LedgerIndexSortKey),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return New(client, table)
}

var start = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

func received(id string) Load {
	return Load{
		ID: id, Segment: "trips", Object: contract.Object{Bucket: "landing", Key: "trips/" + id, VersionID: "v", Size: 300, ETag: "e"},
		Catalog: "catalog/1.json", Received: start, Status: contract.Received,
	}
}

func plan(chunks int) Plan {
	return Plan{Compression: contract.Plain, Body: 10, Columns: []int{1, -1}, Width: 2, Chunks: chunks, At: at(1)}
}

// cut makes n chunks of 100 bytes; the first one's start is known.
func cut(n int) []Chunk {
	chunks := make([]Chunk, n)
	for i := range chunks {
		chunks[i] = Chunk{Index: i, Start: int64(100 * i), End: int64(100*i + 100), Attempt: 1, Sent: at(1)}
	}
	chunks[0].Start, chunks[0].From = 10, ptr(int64(10))
	return chunks
}

// planned makes a ledger with one running load "L" of n chunks.
func planned(t *testing.T, n int) *Ledger {
	t.Helper()
	l := newLedger(t)
	if _, created, err := l.Receive(t.Context(), received("L")); err != nil || !created {
		t.Fatalf("receive: %t, %v", created, err)
	}
	if ok, err := l.Plan(t.Context(), "L", plan(n), cut(n)); err != nil || !ok {
		t.Fatalf("plan: %t, %v", ok, err)
	}
	return l
}

func chunkOf(t *testing.T, l *Ledger, i int) Chunk {
	t.Helper()
	chunks, err := l.Chunks(t.Context(), "L")
	if err != nil {
		t.Fatal(err)
	}
	return chunks[i]
}

func loadOf(t *testing.T, l *Ledger) Load {
	t.Helper()
	load, err := l.Load(t.Context(), "L")
	if err != nil {
		t.Fatal(err)
	}
	return load
}

// must unwraps what a method said that never fails here.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
