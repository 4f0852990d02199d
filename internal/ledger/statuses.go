package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"dip/contract"
)

// getSize is the maximum number of items per BatchGetItem.
const getSize = 100

// Bounds of the pause before keys that DynamoDB did not process are asked for again: it asks for exponential backoff
// ("BatchGetItem", DynamoDB API Reference).
const (
	minPause = 50 * time.Millisecond
	maxPause = 5 * time.Second
)

// Statuses returns the statuses of loads. Unknown loads are absent from the result, and so may be those that were
// received within the last second: the read is eventually consistent, which halves its price.
func (l *Ledger) Statuses(ctx context.Context, ids []string) (map[string]contract.Status, error) {
	known := map[string]contract.Status{}
	for len(ids) > 0 {
		n := min(getSize, len(ids))
		var keys []item
		for _, id := range ids[:n] {
			keys = append(keys, key(id, loadItem))
		}
		ids = ids[n:]
		for pause := minPause; len(keys) > 0; pause = min(2*pause, maxPause) {
			out, err := l.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
				RequestItems: map[string]types.KeysAndAttributes{l.table: {
					Keys:                     keys,
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
			if keys = out.UnprocessedKeys[l.table].Keys; len(keys) > 0 {
				select {
				case <-ctx.Done():
					return nil, fmt.Errorf("read the statuses of %d loads: %w", len(keys), context.Cause(ctx))
				case <-time.After(pause):
				}
			}
		}
	}
	return known, nil
}
