package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"dip/contract"
)

// reset, in place of a number of failures, makes a chunk as if none had failed.
const reset = -1

// Resend opens the next attempt at a chunk and returns it: its message has not been sent yet. from, if set, is the
// proven start of its first record: an earlier acknowledgement is dropped, because that attempt started in the wrong
// place. failed, 0 or 1, is what the last attempt adds to the chunk's failures. ErrMoved means that the chunk has
// changed since it was read, and nothing must be sent.
func (l *Ledger) Resend(ctx context.Context, load string, c Chunk, from *int64, failed int) (Chunk, error) {
	return l.resend(ctx, load, c, from, failed)
}

func (l *Ledger) resend(ctx context.Context, load string, c Chunk, from *int64, failed int) (Chunk, error) {
	next := Chunk{
		Index: c.Index, Start: c.Start, End: c.End, From: c.From, Staged: c.Staged,
		Attempt: c.Attempt + 1, LastError: c.LastError, HandedBack: c.HandedBack, Failures: max(0, c.Failures+failed),
	}
	set, remove, add := "SET #attempt = :next", " REMOVE #sent, #owner, #lease, #failure, #released", ""
	condition := "#attempt = :attempt"
	names := map[string]string{
		"#attempt": attrAttempt, "#sent": attrSent, "#owner": attrOwner, "#lease": attrLease, "#failure": attrFailure,
		"#ack": attrAck, "#released": attrReleased,
	}
	values := item{":attempt": num(int64(c.Attempt)), ":next": num(int64(next.Attempt))}
	switch {
	case failed == reset:
		next.Failures = 0
		remove, names["#failures"] = remove+", #failures", attrFailures
	case failed > 0:
		add, names["#failures"], values[":failed"] = " ADD #failures :failed", attrFailures, num(int64(failed))
	}
	if from != nil {
		next.From = from
		set, remove = set+", #from = :from", remove+", #ack"
		names["#from"], values[":from"] = attrFrom, num(*from)
	} else {
		condition += " AND attribute_not_exists(#ack)"
	}
	if c.Owner == "" {
		condition += " AND attribute_not_exists(#owner)"
	} else { // a holder that has renewed its lease meanwhile keeps it
		condition += " AND #owner = :owner AND #lease = :lease"
		values[":owner"], values[":lease"] = str(c.Owner), millis(c.LeaseUntil)
	}
	_, err := l.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &l.table, Key: key(load, workItem(c.Index)),
		UpdateExpression: ptr(set + remove + add), ConditionExpression: &condition,
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	})
	if refused(err) {
		return c, ErrMoved
	}
	if err != nil {
		return c, fmt.Errorf("resend %s of load %s: %w", workName(c.Index), load, err)
	}
	return next, nil
}

// Dispatched records that the first attempts at all chunks of a planned load were sent: one write, however many they
// are. A load that is recorded as dispatched keeps its time.
func (l *Ledger) Dispatched(ctx context.Context, id string, at time.Time) error {
	return l.note(ctx, id, "was dispatched", attrSent, millis(at), "attribute_exists(#plan) AND attribute_not_exists(#note)",
		map[string]string{"#plan": attrPlan}, item{})
}

// Prove records a proven prefix of a running load's chunks.
func (l *Ledger) Prove(ctx context.Context, id string, p Proven) error {
	doc, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode what is proven of load %s: %w", id, err)
	}
	return l.note(ctx, id, "is proven in part", attrProven, str(string(doc)), "#status = :running",
		map[string]string{"#status": attrStatus}, item{":running": str(string(contract.Running))})
}

// note sets an attribute of a load unless a condition on it fails. Nobody's turn depends on it: the load has not
// changed.
func (l *Ledger) note(ctx context.Context, id, what, attribute string, value types.AttributeValue, condition string,
	names map[string]string, values item) error {
	names["#note"], values[":note"] = attribute, value
	_, err := l.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &l.table, Key: key(id, loadItem),
		UpdateExpression: ptr("SET #note = :note"), ConditionExpression: &condition,
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	})
	if err != nil && !refused(err) {
		return fmt.Errorf("note that load %s %s: %w", id, what, err)
	}
	return nil
}

// Sent records that the messages of the current attempts at some work were sent. Work that has moved on is left alone.
func (l *Ledger) Sent(ctx context.Context, load string, some []Chunk, at time.Time) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for _, c := range some {
		group.Go(func() error {
			_, err := l.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
				TableName: &l.table, Key: key(load, workItem(c.Index)),
				UpdateExpression:          ptr("SET #sent = :at"),
				ConditionExpression:       ptr("#attempt = :attempt AND attribute_not_exists(#sent)"),
				ExpressionAttributeNames:  map[string]string{"#sent": attrSent, "#attempt": attrAttempt},
				ExpressionAttributeValues: item{":at": millis(at), ":attempt": num(int64(c.Attempt))},
			})
			if err != nil && !refused(err) {
				return fmt.Errorf("note that %s of load %s was sent: %w", workName(c.Index), load, err)
			}
			return nil
		})
	}
	return group.Wait()
}
