package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"dip/contract"
)

// ErrOccupied reports a table that has items.
var ErrOccupied = errors.New("the table has items")

// ErrNoTable reports a table that does not exist.
var ErrNoTable = errors.New("there is no such table")

// Record is all that the ledger has of a load whose work is over: no chunk is claimed, or has failed.
type Record struct {
	Load   Load    // with its restage
	Chunks []Chunk // of a file; those of an interval are acknowledgements, see Cover
	// Closing is the key that Freeze records, of an interval; "": none.
	Closing string
	// Open says that the load is not over, or its outcome not announced: Open lists it.
	Open bool
}

// Of is the ledger in another table.
func (l *Ledger) Of(table string) *Ledger { return New(l.client, table) }

// Table is the table's name.
func (l *Ledger) Table() string { return l.table }

// Restore writes what was rebuilt of a load, chunks first: a load that is there has all of them. It may be repeated, and
// is meant for a table that nothing else works on.
func (l *Ledger) Restore(ctx context.Context, r Record) error {
	work := r.Chunks
	if r.Load.Restage != nil {
		work = append(work[:len(work):len(work)], *r.Load.Restage)
	}
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for _, c := range work {
		group.Go(func() error {
			it, err := encodeChunk(r.Load.ID, c)
			if err != nil {
				return err
			}
			return l.put(gctx, it)
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("restore the chunks of load %s: %w", r.Load.ID, err)
	}
	it, err := encodeLoad(r.Load, r.Open)
	if err == nil {
		if r.Closing != "" {
			it[attrClosing] = str(r.Closing)
		}
		err = l.put(ctx, it)
	}
	if err != nil {
		return fmt.Errorf("restore load %s: %w", r.Load.ID, err)
	}
	return nil
}

// RestoreHead writes the end of a segment's chain.
func (l *Ledger) RestoreHead(ctx context.Context, segment string, h Head) error {
	it := key(chainPrefix+segment, headItem)
	it[attrNumber], it[attrLast], it[attrSHA256] = num(h.Number), str(h.Load), str(h.SHA256)
	if err := l.put(ctx, it); err != nil {
		return fmt.Errorf("restore the head of the chain of segment %s: %w", segment, err)
	}
	return nil
}

func (l *Ledger) put(ctx context.Context, it item) error {
	_, err := l.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &l.table, Item: it})
	return err
}

// Empty fails with ErrOccupied unless the table has no item, and with ErrNoTable if there is none.
func (l *Ledger) Empty(ctx context.Context) error {
	out, err := l.client.Scan(ctx, &dynamodb.ScanInput{TableName: &l.table, Limit: ptr(int32(1)),
		ConsistentRead: ptr(true)})
	var missing *types.ResourceNotFoundException
	switch {
	case errors.As(err, &missing):
		return fmt.Errorf("table %s: %w", l.table, ErrNoTable)
	case err != nil:
		return fmt.Errorf("look into table %s: %w", l.table, err)
	case len(out.Items) > 0 || len(out.LastEvaluatedKey) > 0:
		return fmt.Errorf("table %s: %w", l.table, ErrOccupied)
	}
	return nil
}

// creating is how long a table may take to become active.
const creating = 5 * time.Minute

// Create makes the table, with the key schema of package contract and paid by request, and waits until it is active.
func (l *Ledger) Create(ctx context.Context) error {
	attribute := func(name string) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeTypeS}
	}
	schema := func(hash, sort string) []types.KeySchemaElement {
		return []types.KeySchemaElement{
			{AttributeName: &hash, KeyType: types.KeyTypeHash}, {AttributeName: &sort, KeyType: types.KeyTypeRange},
		}
	}
	index := func(name, hash, sort string) types.GlobalSecondaryIndex {
		return types.GlobalSecondaryIndex{IndexName: &name, KeySchema: schema(hash, sort),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll}}
	}
	_, err := l.client.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: &l.table, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			attribute(contract.LedgerPartitionKey), attribute(contract.LedgerSortKey),
			attribute(contract.LedgerIndexKey), attribute(contract.LedgerIndexSortKey),
			attribute(contract.LedgerOpenKey),
			{AttributeName: ptr(contract.LedgerOpenSortKey), AttributeType: types.ScalarAttributeTypeN},
		},
		KeySchema: schema(contract.LedgerPartitionKey, contract.LedgerSortKey),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{
			index(contract.LedgerIndex, contract.LedgerIndexKey, contract.LedgerIndexSortKey),
			index(contract.LedgerOpenIndex, contract.LedgerOpenKey, contract.LedgerOpenSortKey),
		},
	})
	if err == nil {
		err = dynamodb.NewTableExistsWaiter(l.client).Wait(ctx, &dynamodb.DescribeTableInput{TableName: &l.table}, creating)
	}
	if err != nil {
		return fmt.Errorf("create table %s: %w", l.table, err)
	}
	return nil
}
