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

// ErrMoved says that a chunk is not any more as it was read.
var ErrMoved = errors.New("the chunk has moved on")

// Claim is the right to acknowledge one attempt at a chunk.
type Claim struct {
	Load    string
	Chunk   int // or RestageIndex
	Attempt int
	Owner   string // unique for each try, such as a request id
}

// RestageIndex is the index of a load's restage, which is a piece of work like a chunk.
const RestageIndex = -1

// Name says what is claimed, for people.
func (c Claim) Name() string { return workName(c.Chunk) }

func workName(index int) string {
	if index == RestageIndex {
		return "restage"
	}
	return fmt.Sprintf("chunk %d", index)
}

// Outcome of asking for a claim.
type Outcome int

// The outcomes. Only Granted allows to work. After any other the message has served its purpose: whoever has the claim
// acknowledges, and if that never happens the reconciler sends the chunk again.
const (
	Granted    Outcome = iota
	Done               // acknowledged or failed for good already
	Superseded         // a later attempt was sent
	Busy               // another owner's lease on the same attempt still runs
)

// Claim asks for the right to work on an attempt until the lease ends. A later attempt takes the chunk over from an
// earlier one at once; within an attempt a lease that ended can be taken over.
func (l *Ledger) Claim(ctx context.Context, c Claim, now, leaseUntil time.Time) (Outcome, error) {
	_, err := l.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &l.table, Key: key(c.Load, workItem(c.Chunk)),
		UpdateExpression: ptr("SET #owner = :owner, #lease = :lease, #attempt = :attempt"),
		ConditionExpression: ptr("attribute_exists(#start) AND attribute_not_exists(#ack) AND attribute_not_exists(#failure) AND " +
			"(#attempt < :attempt OR (#attempt = :attempt AND (attribute_not_exists(#owner) OR #owner = :owner OR #lease < :now)))"),
		ExpressionAttributeNames: map[string]string{
			"#owner": attrOwner, "#lease": attrLease, "#attempt": attrAttempt, "#start": attrStart, "#ack": attrAck, "#failure": attrFailure,
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

// Acknowledge records a finished chunk. It is false when the claim was lost to a later attempt or another owner, whose
// acknowledgement counts instead.
func (l *Ledger) Acknowledge(ctx context.Context, c Claim, ack contract.Ack) (bool, error) {
	doc, err := json.Marshal(ack)
	if err != nil {
		return false, fmt.Errorf("acknowledge %s of load %s: %w", c.Name(), c.Load, err)
	}
	return l.finish(ctx, c, "acknowledge", "SET #v = :v", attrAck, str(string(doc)))
}

// FailChunk records that a chunk can never succeed; false when the claim was lost.
func (l *Ledger) FailChunk(ctx context.Context, c Claim, reason string) (bool, error) {
	return l.finish(ctx, c, "fail", "SET #v = :v", attrFailure, str(reason))
}

// Release records why an attempt failed and ends its lease, so that whoever receives the message next may go on at
// once; false when the claim was lost.
func (l *Ledger) Release(ctx context.Context, c Claim, lastError string) (bool, error) {
	return l.finish(ctx, c, "release", "SET #v = :v REMOVE #owner", attrError, str(lastError))
}

// HandBack ends the lease of an attempt whose worker has to stop, like Release, and counts it: an attempt that was
// handed back is no failure of the work. False when the claim was lost.
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

// Resend opens the next attempt at a chunk and returns it. from, when set, is the proven start of its first record:
// what an earlier attempt acknowledged is dropped, for it began in the wrong place. ErrMoved says that the chunk has
// moved on since it was read, and nothing is to be sent.
func (l *Ledger) Resend(ctx context.Context, load string, c Chunk, from *int64, at time.Time) (Chunk, error) {
	next := Chunk{
		Index: c.Index, Start: c.Start, End: c.End, From: c.From, Staged: c.Staged,
		Attempt: c.Attempt + 1, Sent: at, LastError: c.LastError, HandedBack: c.HandedBack,
	}
	update := "SET #attempt = :next, #sent = :sent REMOVE #owner, #lease, #failure"
	condition := "#attempt = :attempt"
	names := map[string]string{
		"#attempt": attrAttempt, "#sent": attrSent, "#owner": attrOwner, "#lease": attrLease, "#failure": attrFailure, "#ack": attrAck,
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
		return c, fmt.Errorf("send %s of load %s again: %w", workName(c.Index), load, err)
	}
	return next, nil
}

func (o Outcome) String() string {
	return [...]string{"granted", "done", "superseded", "busy"}[o]
}
