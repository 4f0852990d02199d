package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"dip/contract"
)

// batchSize is the most items that one BatchWriteItem takes.
const batchSize = 25

// writers bounds the concurrent batch writes of one plan.
const writers = 8

// Plan writes down how a load is read, chunks first: a load that counts as planned has all of its chunks. A load that
// is planned already keeps its plan, and planned is false.
func (l *Ledger) Plan(ctx context.Context, id string, plan Plan, chunks []Chunk) (planned bool, err error) {
	load, err := l.Load(ctx, id)
	if err != nil {
		return false, err
	}
	if load.Plan != nil || load.Status.Final() {
		return false, nil
	}
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for len(chunks) > 0 {
		n := min(batchSize, len(chunks))
		batch := chunks[:n]
		chunks = chunks[n:]
		group.Go(func() error { return l.putChunks(gctx, id, batch) })
	}
	if err := group.Wait(); err != nil {
		return false, err
	}
	doc, err := json.Marshal(plan)
	if err != nil {
		return false, fmt.Errorf("plan load %s: %w", id, err)
	}
	return l.updateLoad(ctx, id, []contract.Status{contract.Received}, plan.At, item{
		attrStatus: str(string(contract.Running)), attrPlan: str(string(doc)),
	})
}

func (l *Ledger) putChunks(ctx context.Context, id string, chunks []Chunk) error {
	var writes []types.WriteRequest
	for _, c := range chunks {
		writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: encodeChunk(id, c)}})
	}
	for len(writes) > 0 {
		out, err := l.client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{l.table: writes},
		})
		if err != nil {
			return fmt.Errorf("write chunks of load %s: %w", id, err)
		}
		writes = out.UnprocessedItems[l.table]
	}
	return nil
}

// Certify records a load's totals. It is false when the load is not running any more.
func (l *Ledger) Certify(ctx context.Context, id string, totals contract.Totals, at time.Time) (bool, error) {
	doc, err := json.Marshal(totals)
	if err != nil {
		return false, fmt.Errorf("certify load %s: %w", id, err)
	}
	return l.updateLoad(ctx, id, []contract.Status{contract.Running, contract.Certified}, at, item{
		attrStatus: str(string(contract.Certified)), attrTotals: str(string(doc)),
	})
}

// Publish records that a certified load's outputs are visible.
func (l *Ledger) Publish(ctx context.Context, id string, at time.Time) (bool, error) {
	return l.updateLoad(ctx, id, []contract.Status{contract.Certified, contract.Published}, at, item{
		attrStatus: str(string(contract.Published)),
	})
}

// Fail records why a load failed. A load that is certified or published does not fail any more: false.
func (l *Ledger) Fail(ctx context.Context, id, reason string, at time.Time) (bool, error) {
	return l.updateLoad(ctx, id, []contract.Status{contract.Received, contract.Running, contract.Failed}, at, item{
		attrStatus: str(string(contract.Failed)), attrReason: str(reason),
	})
}

// Redrive gives a failed load another try: a new execution number, chunks that failed or were sent in vain start
// over, acknowledged ones stay as they are. It is false when the load has not failed.
func (l *Ledger) Redrive(ctx context.Context, load Load, at time.Time) (bool, error) {
	chunks, err := l.Chunks(ctx, load.ID)
	if err != nil {
		return false, err
	}
	for _, c := range chunks {
		if c.Ack != nil {
			continue
		}
		if _, err := l.Resend(ctx, load.ID, c, nil, at); err != nil && !errors.Is(err, ErrMoved) {
			return false, err
		}
	}
	status := contract.Received
	if load.Plan != nil {
		status = contract.Running
	}
	return l.updateLoad(ctx, load.ID, []contract.Status{contract.Failed}, at, item{
		attrStatus: str(string(status)), attrReason: str(""), attrExecution: num(int64(load.Execution + 1)),
	})
}

// updateLoad sets attributes of a load in one of the given statuses; false when it is in another.
func (l *Ledger) updateLoad(ctx context.Context, id string, from []contract.Status, at time.Time, set item) (bool, error) {
	set[attrUpdated] = millis(at)
	names, values := map[string]string{"#status": attrStatus}, item{}
	var sets, allowed []string
	for name, v := range set {
		names["#"+name], values[":"+name] = name, v
		sets = append(sets, "#"+name+" = :"+name)
	}
	for i, s := range from {
		values[fmt.Sprintf(":from%d", i)] = str(string(s))
		allowed = append(allowed, fmt.Sprintf(":from%d", i))
	}
	_, err := l.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &l.table, Key: key(id, loadItem),
		UpdateExpression:          ptr("SET " + strings.Join(sets, ", ")),
		ConditionExpression:       ptr("#status IN (" + strings.Join(allowed, ", ") + ")"),
		ExpressionAttributeNames:  names,
		ExpressionAttributeValues: values,
	})
	if refused(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("update load %s: %w", id, err)
	}
	return true, nil
}
