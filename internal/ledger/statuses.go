package ledger

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"dip/contract"
)

// getSize is the maximum number of items per BatchGetItem.
const getSize = 100

// Statuses returns the statuses of loads. Unknown loads are absent from the result.
func (l *Ledger) Statuses(ctx context.Context, ids []string) (map[string]contract.Status, error) {
	known := map[string]contract.Status{}
	for len(ids) > 0 {
		n := min(getSize, len(ids))
		var keys []item
		for _, id := range ids[:n] {
			keys = append(keys, key(id, loadItem))
		}
		ids = ids[n:]
		for len(keys) > 0 {
			out, err := l.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
				RequestItems: map[string]types.KeysAndAttributes{l.table: {
					Keys: keys, ConsistentRead: ptr(true),
					ProjectionExpression:     ptr("#p, #status"),
					ExpressionAttributeNames: map[string]string{"#p": contract.LedgerPartitionKey, "#status": attrStatus},
				}},
			})
			if err != nil {
				return nil, fmt.Errorf("read the statuses of %d loads: %w", len(keys), err)
			}
			for _, it := range out.Responses[l.table] {
				d := decoder{item: it}
				known[d.str(contract.LedgerPartitionKey)] = contract.Status(d.str(attrStatus))
			}
			keys = out.UnprocessedKeys[l.table].Keys
		}
	}
	return known, nil
}
