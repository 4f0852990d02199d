package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"dip/contract"
)

// ErrMoved reports a chunk, or the head of a chain, that has changed since it was read.
var ErrMoved = errors.New("it has changed since it was read")

// Claim is the right to acknowledge one attempt at a chunk.
type Claim struct {
	Load    string
	Chunk   int // or RestageIndex
	Attempt int
	Owner   string // unique per attempt to process it, such as a request id
}

// RestageIndex is the index of a load's restage, which is a piece of work like a chunk.
const RestageIndex = -1

// Name describes the claimed work for messages.
func (c Claim) Name() string { return workName(c.Chunk) }

func workName(index int) string {
	if index == RestageIndex {
		return "restage"
	}
	return fmt.Sprintf("chunk %d", index)
}

// Outcome is the outcome of a request for a claim.
type Outcome int

// The outcomes. Only Granted permits the work. After any other the message can be deleted: the holder of the claim
// acknowledges the chunk, and if that never happens the reconciler resends it.
const (
	Granted    Outcome = iota
	Done               // already acknowledged or permanently failed
	Superseded         // a later attempt was sent
	Busy               // another owner's lease on the same attempt has not expired
)

// Claim requests the right to work on an attempt until the lease expires. A later attempt takes over the chunk from an
// earlier one at once; within an attempt, an expired lease can be taken over.
func (l *Ledger) Claim(ctx context.Context, c Claim, now, leaseUntil time.Time) (Outcome, error) {
	_, err := l.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &l.table, Key: key(c.Load, workItem(c.Chunk)),
		UpdateExpression: ptr("SET #owner = :owner, #lease = :lease, #attempt = :attempt"),
		ConditionExpression: ptr("attribute_exists(#start) AND attribute_not_exists(#ack) AND " +
			"attribute_not_exists(#failure) AND " +
			"(#attempt < :attempt OR (#attempt = :attempt AND " +
			"(attribute_not_exists(#owner) OR #owner = :owner OR #lease < :now)))"),
		ExpressionAttributeNames: map[string]string{
			"#owner": attrOwner, "#lease": attrLease, "#attempt": attrAttempt, "#start": attrStart, "#ack": attrAck,
			"#failure": attrFailure,
		},
		ExpressionAttributeValues: item{
			":owner": str(c.Owner), ":lease": millis(leaseUntil), ":attempt": num(int64(c.Attempt)), ":now": millis(now),
		},
	})
	switch {
	case refused(err):
		return l.whyRefused(ctx, c)
	case err != nil:
		return Busy, fmt.Errorf("claim %s of load %s: %w", c.Name(), c.Load, err)
	}
	return Granted, nil
}

func (l *Ledger) whyRefused(ctx context.Context, c Claim) (Outcome, error) {
	it, err := l.get(ctx, c.Load, workItem(c.Chunk))
	if err != nil {
		return Busy, fmt.Errorf("read %s of load %s: %w", c.Name(), c.Load, err)
	}
	if it == nil {
		return Busy, fmt.Errorf("%s of load %s: %w", c.Name(), c.Load, ErrNotFound)
	}
	stands, err := decodeChunk(it)
	switch {
	case err != nil:
		return Busy, err
	case stands.Ack != nil || stands.Failure != "":
		return Done, nil
	case stands.Attempt > c.Attempt:
		return Superseded, nil
	}
	return Busy, nil
}

// Acknowledge records a finished chunk. It returns false if the claim was lost to a later attempt or another owner,
// whose acknowledgement counts instead.
func (l *Ledger) Acknowledge(ctx context.Context, c Claim, ack contract.Ack) (bool, error) {
	doc, err := json.Marshal(ack)
	if err != nil {
		return false, fmt.Errorf("acknowledge %s of load %s: %w", c.Name(), c.Load, err)
	}
	return l.finish(ctx, c, "acknowledge", "SET #v = :v", attrAck, str(string(doc)))
}

// FailChunk records that a chunk can never succeed; false if the claim was lost.
func (l *Ledger) FailChunk(ctx context.Context, c Claim, reason string) (bool, error) {
	return l.finish(ctx, c, "fail", "SET #v = :v", attrFailure, str(reason))
}

// Release records why an attempt failed and ends its lease, so that the next receiver of the message can take over at
// once; false if the claim was lost.
func (l *Ledger) Release(ctx context.Context, c Claim, lastError string) (bool, error) {
	return l.finish(ctx, c, "release", "SET #v = :v REMOVE #owner", attrError, str(lastError))
}

// HandBack ends the lease of an attempt whose worker is stopping, like Release, and counts it: an attempt that was
// handed back is not a failure of the work. False if the claim was lost.
func (l *Ledger) HandBack(ctx context.Context, c Claim) (bool, error) {
	return l.finish(ctx, c, "hand back", "REMOVE #owner ADD #v :v", attrHandedBack, num(1))
}

func (l *Ledger) finish(ctx context.Context, c Claim, what, update, attr string, v types.AttributeValue) (bool, error) {
	_, err := l.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &l.table, Key: key(c.Load, workItem(c.Chunk)),
		UpdateExpression:    &update,
		ConditionExpression: ptr("#attempt = :attempt AND #owner = :owner AND attribute_not_exists(#ack)"),
		ExpressionAttributeNames: map[string]string{
			"#v": attr, "#attempt": attrAttempt, "#owner": attrOwner, "#ack": attrAck,
		},
		ExpressionAttributeValues: item{":v": v, ":attempt": num(int64(c.Attempt)), ":owner": str(c.Owner)},
	})
	if refused(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%s %s of load %s: %w", what, c.Name(), c.Load, err)
	}
	return true, nil
}

// Resend opens the next attempt at a chunk and returns it. from, if set, is the proven start of its first record: an
// earlier acknowledgement is dropped, because that attempt started in the wrong place. ErrMoved means that the chunk
// has changed since it was read, and nothing must be sent.
func (l *Ledger) Resend(ctx context.Context, load string, c Chunk, from *int64, at time.Time) (Chunk, error) {
	next := Chunk{
		Index: c.Index, Start: c.Start, End: c.End, From: c.From, Staged: c.Staged,
		Attempt: c.Attempt + 1, Sent: at, LastError: c.LastError, HandedBack: c.HandedBack,
	}
	update := "SET #attempt = :next, #sent = :sent REMOVE #owner, #lease, #failure"
	condition := "#attempt = :attempt"
	names := map[string]string{
		"#attempt": attrAttempt, "#sent": attrSent, "#owner": attrOwner, "#lease": attrLease, "#failure": attrFailure,
		"#ack": attrAck,
	}
	values := item{":attempt": num(int64(c.Attempt)), ":next": num(int64(next.Attempt)), ":sent": millis(at)}
	if from != nil {
		next.From = from
		update = "SET #attempt = :next, #sent = :sent, #from = :from REMOVE #owner, #lease, #failure, #ack"
		names["#from"], values[":from"] = attrFrom, num(*from)
	} else {
		condition += " AND attribute_not_exists(#ack)"
	}
	_, err := l.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &l.table, Key: key(load, workItem(c.Index)),
		UpdateExpression: &update, ConditionExpression: &condition,
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

func (o Outcome) String() string {
	return [...]string{"granted", "done", "superseded", "busy"}[o]
}
