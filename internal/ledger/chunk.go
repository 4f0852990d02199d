package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

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
// earlier one at once; within an attempt, an expired lease can be taken over, and counts as a failure of its holder.
func (l *Ledger) Claim(ctx context.Context, c Claim, now, leaseUntil time.Time) (Outcome, error) {
	update := "SET #owner = :owner, #lease = :lease, #attempt = :attempt REMOVE #released"
	outcome, err := l.claim(ctx, c, leaseUntil, update,
		"(#attempt < :attempt OR (#attempt = :attempt AND (attribute_not_exists(#owner) OR #owner = :owner)))", item{})
	if err != nil || outcome == Granted {
		return outcome, err
	}
	stands, outcome, err := l.whyRefused(ctx, c)
	if err != nil || outcome != Busy || stands.Owner == "" || stands.LeaseUntil.UnixMilli() >= now.UnixMilli() {
		return outcome, err
	}
	return l.claim(ctx, c, leaseUntil, update+" ADD #failures :one",
		"#attempt = :attempt AND #owner = :stands AND #lease = :ended",
		item{":stands": str(stands.Owner), ":ended": millis(stands.LeaseUntil), ":one": num(1)})
}

// claim takes a chunk that is neither acknowledged nor failed, on a further condition; Busy if that does not hold.
func (l *Ledger) claim(ctx context.Context, c Claim, until time.Time, update, condition string, values item) (Outcome,
	error) {
	values[":owner"], values[":lease"], values[":attempt"] = str(c.Owner), millis(until), num(int64(c.Attempt))
	names := map[string]string{
		"#owner": attrOwner, "#lease": attrLease, "#attempt": attrAttempt, "#start": attrStart, "#ack": attrAck,
		"#failure": attrFailure, "#released": attrReleased,
	}
	if _, counts := values[":one"]; counts {
		names["#failures"] = attrFailures
	}
	_, err := l.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &l.table, Key: key(c.Load, workItem(c.Chunk)),
		UpdateExpression: &update,
		ConditionExpression: ptr("attribute_exists(#start) AND attribute_not_exists(#ack) AND " +
			"attribute_not_exists(#failure) AND " + condition),
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	})
	switch {
	case refused(err):
		return Busy, nil
	case err != nil:
		return Busy, fmt.Errorf("claim %s of load %s: %w", c.Name(), c.Load, err)
	}
	return Granted, nil
}

func (l *Ledger) whyRefused(ctx context.Context, c Claim) (Chunk, Outcome, error) {
	it, err := l.get(ctx, c.Load, workItem(c.Chunk))
	if err != nil {
		return Chunk{}, Busy, fmt.Errorf("read %s of load %s: %w", c.Name(), c.Load, err)
	}
	if it == nil {
		return Chunk{}, Busy, fmt.Errorf("%s of load %s: %w", c.Name(), c.Load, ErrNotFound)
	}
	stands, err := decodeChunk(it)
	switch {
	case err != nil:
		return Chunk{}, Busy, err
	case stands.Ack != nil || stands.Failure != "":
		return stands, Done, nil
	case stands.Attempt > c.Attempt:
		return stands, Superseded, nil
	}
	return stands, Busy, nil
}

// Acknowledge records a finished chunk. It returns false if the claim was lost to a later attempt or another owner,
// whose acknowledgement counts instead.
func (l *Ledger) Acknowledge(ctx context.Context, c Claim, ack contract.Ack) (bool, error) {
	doc, err := json.Marshal(ack)
	if err != nil {
		return false, fmt.Errorf("acknowledge %s of load %s: %w", c.Name(), c.Load, err)
	}
	return l.finish(ctx, c, "acknowledge", "SET #ack = :doc", map[string]string{}, item{":doc": str(string(doc))})
}

// FailChunk records that a chunk can never succeed; false if the claim was lost.
func (l *Ledger) FailChunk(ctx context.Context, c Claim, reason string) (bool, error) {
	return l.finish(ctx, c, "fail", "SET #failure = :reason", map[string]string{"#failure": attrFailure},
		item{":reason": text(reason)})
}

// Release records why an attempt failed and ends its lease, so that the next receiver of the message can take over at
// once; false if the claim was lost.
func (l *Ledger) Release(ctx context.Context, c Claim, lastError string, at time.Time) (bool, error) {
	return l.finish(ctx, c, "release", "SET #error = :error, #released = :at REMOVE #owner ADD #failures :one",
		map[string]string{"#error": attrError, "#released": attrReleased, "#failures": attrFailures},
		item{":error": text(lastError), ":at": millis(at), ":one": num(1)})
}

// HandBack ends the lease of an attempt whose worker is stopping, like Release, and counts it: an attempt that was
// handed back is not a failure of the work. False if the claim was lost.
func (l *Ledger) HandBack(ctx context.Context, c Claim) (bool, error) {
	return l.finish(ctx, c, "hand back", "REMOVE #owner ADD #back :one", map[string]string{"#back": attrHandedBack},
		item{":one": num(1)})
}

// finish ends a claim: names and values are those of the update.
func (l *Ledger) finish(ctx context.Context, c Claim, what, update string, names map[string]string, values item) (bool,
	error) {
	names["#attempt"], names["#owner"], names["#ack"] = attrAttempt, attrOwner, attrAck
	values[":attempt"], values[":owner"] = num(int64(c.Attempt)), str(c.Owner)
	_, err := l.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &l.table, Key: key(c.Load, workItem(c.Chunk)),
		UpdateExpression:         &update,
		ConditionExpression:      ptr("#attempt = :attempt AND #owner = :owner AND attribute_not_exists(#ack)"),
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	})
	if refused(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%s %s of load %s: %w", what, c.Name(), c.Load, err)
	}
	return true, nil
}

func (o Outcome) String() string {
	return [...]string{"granted", "done", "superseded", "busy"}[o]
}
