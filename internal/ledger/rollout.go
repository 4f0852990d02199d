package ledger

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"dip/contract"
)

// Items of rollouts: the last one of each deployment group, with how many times it was written. The partition key is
// not the id of a load: those are hex digits.
const (
	rolloutPrefix = "rollout#"
	rolloutItem   = "rollout"
)

// Rollout reads the last rollout of a deployment group, and how many times the group's were written; 0: there is none.
func (l *Ledger) Rollout(ctx context.Context, group string) (r contract.Rollout, writes int64, err error) {
	it, err := l.get(ctx, rolloutPrefix+group, rolloutItem)
	if err != nil {
		return r, 0, fmt.Errorf("read the rollout of %s: %w", group, err)
	}
	d := decoder{item: it}
	d.json(attrDocument, &r)
	return r, d.num(attrNumber), d.err
}

// PutRollout records a rollout of its deployment group. ErrMoved says that the group's rollouts were written more often
// than when this one was read: read it again.
func (l *Ledger) PutRollout(ctx context.Context, r contract.Rollout, writes int64) error {
	document, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("record the rollout of %s: %w", r.Group, err)
	}
	it := key(rolloutPrefix+r.Group, rolloutItem)
	it[attrDocument], it[attrNumber] = str(string(document)), num(writes+1)
	put := &dynamodb.PutItemInput{
		TableName: &l.table, Item: it,
		ConditionExpression:      ptr("attribute_not_exists(#number)"),
		ExpressionAttributeNames: map[string]string{"#number": attrNumber},
	}
	if writes > 0 {
		put.ConditionExpression = ptr("#number = :writes")
		put.ExpressionAttributeValues = item{":writes": num(writes)}
	}
	_, err = l.client.PutItem(ctx, put)
	switch {
	case refused(err):
		return l.recorded(ctx, r.Group, string(document), writes+1)
	case err != nil:
		return fmt.Errorf("record the rollout of %s: %w", r.Group, err)
	}
	return nil
}

// recorded is nil if a write that was refused has had its effect before, and ErrMoved if another one has.
func (l *Ledger) recorded(ctx context.Context, group, document string, writes int64) error {
	it, err := l.get(ctx, rolloutPrefix+group, rolloutItem)
	if err != nil {
		return fmt.Errorf("read the rollout of %s: %w", group, err)
	}
	d := decoder{item: it}
	if d.str(attrDocument) != document || d.num(attrNumber) != writes {
		return ErrMoved
	}
	return nil
}
