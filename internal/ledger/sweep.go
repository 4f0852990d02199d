package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"dip/internal/lake"
)

// Sweep is how far the comparison of the landing bucket with the ledger has come. It goes over the listing in passes,
// each of which may take several invocations.
type Sweep struct {
	Began    time.Time   `json:"began,omitzero"`  // of this pass; zero: none is under way
	Full     bool        `json:"full,omitempty"`  // it compares every version, not just the young ones
	Marker   lake.Marker `json:"marker,omitzero"` // where the listing continues
	Versions int         `json:"versions"`        // listed so far
	FullAt   time.Time   `json:"fullAt,omitzero"` // when the last full pass began that came to its end
}

// sweepItem is not the id of a load: those are hex digits.
const sweepItem = "sweep"

// TakeSweep grants the sweep to an owner until a time, unless another one has it; Sweep says how far that one came.
func (l *Ledger) TakeSweep(ctx context.Context, owner string, now, until time.Time) (s Sweep, taken bool, err error) {
	out, err := l.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &l.table, Key: key(sweepItem, sweepItem),
		UpdateExpression:         ptr("SET #owner = :owner, #lease = :until"),
		ConditionExpression:      ptr("attribute_not_exists(#owner) OR #owner = :owner OR #lease < :now"),
		ExpressionAttributeNames: map[string]string{"#owner": attrOwner, "#lease": attrLease},
		ExpressionAttributeValues: item{
			":owner": str(owner), ":until": millis(until), ":now": millis(now),
		},
		ReturnValues: types.ReturnValueAllNew,
	})
	if refused(err) {
		return Sweep{}, false, nil
	}
	if err != nil {
		return Sweep{}, false, fmt.Errorf("take the sweep: %w", err)
	}
	d := decoder{item: out.Attributes}
	d.json(attrPlan, &s)
	return s, d.err == nil, d.err
}

// KeepSweep records how far an owner has come; false if it has lost the sweep. Over gives it back.
func (l *Ledger) KeepSweep(ctx context.Context, owner string, s Sweep, over bool) (bool, error) {
	doc, err := json.Marshal(s)
	if err != nil {
		return false, fmt.Errorf("keep the sweep: %w", err)
	}
	update := "SET #plan = :doc"
	if over {
		update += " REMOVE #owner"
	}
	_, err = l.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &l.table, Key: key(sweepItem, sweepItem),
		UpdateExpression:          &update,
		ConditionExpression:       ptr("#owner = :owner"),
		ExpressionAttributeNames:  map[string]string{"#owner": attrOwner, "#plan": attrPlan},
		ExpressionAttributeValues: item{":doc": str(string(doc)), ":owner": str(owner)},
	})
	if refused(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("keep the sweep: %w", err)
	}
	return true, nil
}
