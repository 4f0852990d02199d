package ledger_test

import (
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
)

// The ledger's guarantees are DynamoDB's conditions: they are tested against its API.
func TestLedgerConforms(t *testing.T) {
	ledgertest.Conform(t, func(t *testing.T) ledgertest.Subject {
		client, table := ledger.NewTable(t)
		process := func(before func() error) ledgertest.Ledger {
			o := client.Options()
			o.HTTPClient, o.Retryer = intercepted{o.HTTPClient, before}, aws.NopRetryer{}
			return ledger.New(dynamodb.New(o), table)
		}
		return ledgertest.Subject{Ledger: ledger.New(client, table), Process: process}
	})
}

// intercepted is a connection whose writes call before first.
type intercepted struct {
	dynamodb.HTTPClient
	before func() error
}

func (i intercepted) Do(r *http.Request) (*http.Response, error) {
	switch r.Header.Get("X-Amz-Target") {
	case "DynamoDB_20120810.PutItem", "DynamoDB_20120810.UpdateItem", "DynamoDB_20120810.TransactWriteItems":
		if err := i.before(); err != nil {
			return nil, err
		}
	}
	return i.HTTPClient.Do(r)
}
