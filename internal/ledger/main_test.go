package ledger

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"dip/contract"
	"dip/local/emulator/emulatortest"
)

func TestMain(m *testing.M) { emulatortest.Main(m) }

var tables atomic.Int64

// NewTable makes a table of the test's own on the emulator, as the infrastructure makes it.
func NewTable(t *testing.T) (client *dynamodb.Client, table string) {
	t.Helper()
	client = dynamodb.NewFromConfig(emulatortest.Config(t))
	table = fmt.Sprintf("ledger-%d", tables.Add(1))
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
			attribute(contract.LedgerOpenKey),
			{AttributeName: ptr(contract.LedgerOpenSortKey), AttributeType: types.ScalarAttributeTypeN},
		},
		KeySchema: schema(contract.LedgerPartitionKey, contract.LedgerSortKey),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: ptr(contract.LedgerIndex), KeySchema: schema(contract.LedgerIndexKey, contract.LedgerIndexSortKey),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}, {
			IndexName: ptr(contract.LedgerOpenIndex), KeySchema: schema(contract.LedgerOpenKey, contract.LedgerOpenSortKey),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return client, table
}
