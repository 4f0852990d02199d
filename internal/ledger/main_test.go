package ledger

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"dip/local/emulator/emulatortest"
)

func TestMain(m *testing.M) { emulatortest.Main(m) }

var tables atomic.Int64

// NewTable makes a table of the test's own on the emulator.
func NewTable(t *testing.T) (client *dynamodb.Client, table string) {
	t.Helper()
	client = dynamodb.NewFromConfig(emulatortest.Config(t))
	table = fmt.Sprintf("ledger-%d", tables.Add(1))
	if err := New(client, table).Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	return client, table
}
