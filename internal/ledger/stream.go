package ledger

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"dip/contract"
)

// Items of a stream. The archived batches of a shard are a list that is linked by the keys: each is stored under the
// last sequence number of the one before. So a conditional write gives every batch one successor.
const (
	archivePrefix = "archive#" // partition: segment and shard
	afterPrefix   = "after#"   // sort key: key of the sequence number, so that batches are in order
	coversPrefix  = "covers#"  // partition: load of the interval, and shard
	coverPrefix   = "cover#"   // sort key: id of the set
	attrDocument  = "document" // JSON
	attrClosing   = "closing"
)

func archiveOf(segment, shard string) string { return archivePrefix + segment + "#" + shard }

func afterItem(after string) string { return afterPrefix + contract.Sequence(after).Key() }

// Append adds a batch to what is archived of a shard, behind the batch whose last record it names. It returns true if
// the batch is there, now or before, and false if there is another one.
func (l *Ledger) Append(ctx context.Context, segment string, b contract.Archived) (bool, error) {
	stands, err := putDocument(ctx, l, key(archiveOf(segment, b.Shard), afterItem(b.After)), b)
	if err != nil {
		return false, fmt.Errorf("append to the archive of shard %s of segment %s: %w", b.Shard, segment, err)
	}
	return stands == b, nil
}

// Tail is the last archived batch of a shard; nil: there is none.
func (l *Ledger) Tail(ctx context.Context, segment, shard string) (*contract.Archived, error) {
	batches, err := documents[contract.Archived](ctx, l, &dynamodb.QueryInput{
		KeyConditionExpression:    ptr("#p = :p"),
		ExpressionAttributeNames:  map[string]string{"#p": contract.LedgerPartitionKey},
		ExpressionAttributeValues: item{":p": str(archiveOf(segment, shard))},
		ScanIndexForward:          ptr(false), Limit: ptr(int32(1)),
	}, 1)
	if err != nil {
		return nil, fmt.Errorf("read the end of the archive of shard %s of segment %s: %w", shard, segment, err)
	}
	if len(batches) == 0 {
		return nil, nil
	}
	return &batches[0], nil
}

// Archive lists the archived batches of a shard in order, from the one behind a sequence number on.
func (l *Ledger) Archive(ctx context.Context, segment, shard, after string) ([]contract.Archived, error) {
	return l.Batches(ctx, segment, shard, after, 0)
}

// Batches lists the first n archived batches behind a sequence number, in order; 0: all.
func (l *Ledger) Batches(ctx context.Context, segment, shard, after string, n int) ([]contract.Archived, error) {
	batches, err := documents[contract.Archived](ctx, l, &dynamodb.QueryInput{
		KeyConditionExpression: ptr("#p = :p AND #s >= :s"),
		ExpressionAttributeNames: map[string]string{
			"#p": contract.LedgerPartitionKey, "#s": contract.LedgerSortKey,
		},
		ExpressionAttributeValues: item{":p": str(archiveOf(segment, shard)), ":s": str(afterItem(after))},
		Limit:                     limit(n),
	}, n)
	if err != nil {
		return nil, fmt.Errorf("read the archive of shard %s of segment %s: %w", shard, segment, err)
	}
	if n > 0 && len(batches) > n {
		batches = batches[:n]
	}
	return batches, nil
}

// limit is how many items a page of n items has; 0: as many as fit.
func limit(n int) *int32 {
	if n == 0 {
		return nil
	}
	return ptr(int32(min(n, 1000)))
}

// Cover records an acknowledgement of records of an interval. The first one of a set stays.
func (l *Ledger) Cover(ctx context.Context, load string, a contract.StreamAck) error {
	if _, err := putDocument(ctx, l, key(coversOf(load, a.Shard), coverPrefix+a.ID), a); err != nil {
		return fmt.Errorf("acknowledge records of shard %s, load %s: %w", a.Shard, load, err)
	}
	return nil
}

// coversOf spreads the acknowledgements of an interval: a partition takes 1,000 writes a second ("Service quotas"),
// and a shard delivers at most 10 batches at once.
func coversOf(load, shard string) string { return coversPrefix + load + "#" + shard }

// Covers lists the acknowledgements of records of a shard in an interval.
func (l *Ledger) Covers(ctx context.Context, load, shard string) ([]contract.StreamAck, error) {
	acks, err := documents[contract.StreamAck](ctx, l, &dynamodb.QueryInput{
		KeyConditionExpression:    ptr("#p = :p"),
		ExpressionAttributeNames:  map[string]string{"#p": contract.LedgerPartitionKey},
		ExpressionAttributeValues: item{":p": str(coversOf(load, shard))},
	}, 0)
	if err != nil {
		return nil, fmt.Errorf("read what is acknowledged of shard %s, load %s: %w", shard, load, err)
	}
	return acks, nil
}

// Freeze records under which key the closed interval's certificate is, before it has a place in the chain. The first
// one stays, and is returned: acknowledgements may go on coming.
func (l *Ledger) Freeze(ctx context.Context, load, closing string) (stands string, err error) {
	_, err = l.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &l.table, Key: key(load, loadItem),
		UpdateExpression:          ptr("SET #c = :c"),
		ConditionExpression:       ptr("attribute_exists(#p) AND attribute_not_exists(#c)"),
		ExpressionAttributeNames:  map[string]string{"#c": attrClosing, "#p": contract.LedgerPartitionKey},
		ExpressionAttributeValues: item{":c": str(closing)},
	})
	switch {
	case refused(err):
		stands, err = l.Frozen(ctx, load)
		if err == nil && stands == "" {
			err = fmt.Errorf("load %s: %w", load, ErrNotFound)
		}
		return stands, err
	case err != nil:
		return "", fmt.Errorf("freeze load %s: %w", load, err)
	}
	return closing, nil
}

// Frozen is the key that Freeze has recorded; "": none.
func (l *Ledger) Frozen(ctx context.Context, load string) (string, error) {
	it, err := l.get(ctx, load, loadItem)
	if err != nil {
		return "", fmt.Errorf("read load %s: %w", load, err)
	}
	d := decoder{item: it}
	return d.str(attrClosing), nil
}

// putDocument writes a document unless the key has one, and returns the one that stands.
func putDocument[T any](ctx context.Context, l *Ledger, at item, document T) (stands T, err error) {
	data, err := json.Marshal(document)
	if err != nil {
		return stands, err
	}
	it := item{attrDocument: str(string(data))}
	for name, v := range at {
		it[name] = v
	}
	_, err = l.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &l.table, Item: it,
		ConditionExpression:      ptr("attribute_not_exists(#p)"),
		ExpressionAttributeNames: map[string]string{"#p": contract.LedgerPartitionKey},
	})
	if !refused(err) {
		return document, err
	}
	out, err := l.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &l.table, Key: at, ConsistentRead: ptr(true)})
	if err != nil {
		return stands, err
	}
	d := decoder{item: out.Item}
	d.json(attrDocument, &stands)
	return stands, d.err
}

// documents reads the documents that a query finds, consistently: at most n, or all if n is 0.
func documents[T any](ctx context.Context, l *Ledger, q *dynamodb.QueryInput, n int) ([]T, error) {
	q.TableName, q.ConsistentRead = &l.table, ptr(true)
	var list []T
	for pages := dynamodb.NewQueryPaginator(l.client, q); pages.HasMorePages() && (n == 0 || len(list) < n); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, it := range page.Items {
			var document T
			d := decoder{item: it}
			if d.json(attrDocument, &document); d.err != nil {
				return nil, d.err
			}
			list = append(list, document)
		}
	}
	return list, nil
}
