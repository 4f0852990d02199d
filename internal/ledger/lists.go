package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"golang.org/x/sync/errgroup"

	"dip/contract"
)

// Day lists the loads received on a day (YYYY-MM-DD, UTC), newest first.
func (l *Ledger) Day(ctx context.Context, day string) ([]Load, error) {
	keys := []string{day} // loads that were received before the index had shards
	for _, shard := range contract.LedgerShards {
		keys = append(keys, contract.LedgerDay(day, shard))
	}
	shards := make([][]Load, len(keys))
	group, ctx := errgroup.WithContext(ctx)
	for i, key := range keys {
		group.Go(func() (err error) {
			shards[i], err = l.query(ctx, &dynamodb.QueryInput{
				IndexName: ptr(contract.LedgerIndex), ScanIndexForward: ptr(false),
				KeyConditionExpression:    ptr("#d = :d"),
				ExpressionAttributeNames:  map[string]string{"#d": contract.LedgerIndexKey},
				ExpressionAttributeValues: item{":d": str(key)},
			})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("list loads of %s: %w", day, err)
	}
	loads := slices.Concat(shards...)
	slices.SortStableFunc(loads, func(a, b Load) int { return b.Received.Compare(a.Received) })
	return loads, nil
}

// Open lists loads that are not over, or whose outcome was not announced, and that have not changed since a time: the
// oldest n of each shard.
func (l *Ledger) Open(ctx context.Context, since time.Time, n int) ([]Load, error) {
	var loads []Load
	for _, shard := range contract.LedgerShards {
		out, err := l.client.Query(ctx, &dynamodb.QueryInput{
			TableName: &l.table, IndexName: ptr(contract.LedgerOpenIndex), Limit: ptr(int32(n)),
			KeyConditionExpression: ptr("#o = :o AND #u < :u"),
			ExpressionAttributeNames: map[string]string{
				"#o": contract.LedgerOpenKey, "#u": contract.LedgerOpenSortKey,
			},
			ExpressionAttributeValues: item{":o": str(shard), ":u": millis(since)},
		})
		if err != nil {
			return nil, fmt.Errorf("list open loads: %w", err)
		}
		for _, it := range out.Items {
			load, err := decodeLoad(it)
			if err != nil {
				return nil, fmt.Errorf("list open loads: %w", err)
			}
			loads = append(loads, load)
		}
	}
	slices.SortStableFunc(loads, func(a, b Load) int { return a.Updated.Compare(b.Updated) })
	return loads, nil
}

func (l *Ledger) query(ctx context.Context, in *dynamodb.QueryInput) (loads []Load, err error) {
	in.TableName = &l.table
	pages := dynamodb.NewQueryPaginator(l.client, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, it := range page.Items {
			load, err := decodeLoad(it)
			if err != nil {
				return nil, err
			}
			loads = append(loads, load)
		}
	}
	return loads, nil
}
