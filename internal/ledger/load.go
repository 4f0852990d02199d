package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"golang.org/x/sync/errgroup"

	"dip/contract"
)

// writers is the maximum number of concurrent writes per plan. All chunks of a load are in one partition, which accepts
// 1,000 writes a second ("Service quotas"): more would only be throttled.
const writers = 16

// Plan records how a load is read, chunks first: a load that counts as planned has all of its chunks. A load that is
// already planned keeps its plan, and planned is false. With Plan.Restage, Stage adds the chunks later.
func (l *Ledger) Plan(ctx context.Context, id string, plan Plan, chunks []Chunk) (planned bool, err error) {
	load, err := l.Load(ctx, id)
	if err != nil {
		return false, err
	}
	if load.Plan != nil || load.Status.Final() {
		return false, nil
	}
	if plan.Restage {
		chunks = append(chunks, Chunk{Index: RestageIndex, Start: plan.Body, End: -1, Attempt: 1})
	}
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for _, c := range chunks {
		group.Go(func() error { return l.putChunk(gctx, id, c) })
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

// putChunk records a chunk unless work on it has started: a late planner must not undo what the workers of an earlier
// plan did.
func (l *Ledger) putChunk(ctx context.Context, id string, c Chunk) error {
	it, err := encodeChunk(id, c)
	if err != nil {
		return err
	}
	_, err = l.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &l.table, Item: it,
		ConditionExpression: ptr("attribute_not_exists(#attempt) OR (#attempt = :attempt AND " +
			"attribute_not_exists(#lease) AND " +
			"attribute_not_exists(#ack) AND attribute_not_exists(#failure))"),
		ExpressionAttributeNames: map[string]string{
			"#attempt": attrAttempt, "#lease": attrLease, "#ack": attrAck, "#failure": attrFailure,
		},
		ExpressionAttributeValues: item{":attempt": num(int64(c.Attempt))},
	})
	if err != nil && !refused(err) {
		return fmt.Errorf("write %s of load %s: %w", workName(c.Index), id, err)
	}
	return nil
}

// Stage records the chunk for a piece of a restaged input. A chunk that an earlier or another job has already staged
// stays and is returned; leftovers of a plan that died halfway do not count.
//
// A job stages chunk i+1 from where chunk i ends in the ledger. So the chunks always meet without gap or overlap,
// however many jobs there are and wherever they cut.
func (l *Ledger) Stage(ctx context.Context, id string, c Chunk) (stands Chunk, err error) {
	it, err := encodeChunk(id, c)
	if err != nil {
		return Chunk{}, err
	}
	_, err = l.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &l.table, Item: it,
		ConditionExpression:      ptr("attribute_not_exists(#staged)"),
		ExpressionAttributeNames: map[string]string{"#staged": attrStaged},
	})
	if refused(err) {
		if it, err = l.get(ctx, id, workItem(c.Index)); err == nil {
			return decodeChunk(it)
		}
	}
	if err != nil {
		return Chunk{}, fmt.Errorf("stage chunk %d of load %s: %w", c.Index, id, err)
	}
	return c, nil
}

// Same records that a load's object has the content of another load, and was not planned. It returns false if the load
// has been planned or is over.
func (l *Ledger) Same(ctx context.Context, id, of string, at time.Time) (bool, error) {
	return l.updateLoad(ctx, id, []contract.Status{contract.Received, contract.Duplicate}, at, item{
		attrStatus: str(string(contract.Duplicate)), attrOf: str(of),
	})
}

// Publish records that a certified load's outputs are visible. It returns false for a load that is published already,
// and for one that is not certified.
func (l *Ledger) Publish(ctx context.Context, id string, at time.Time) (bool, error) {
	return l.updateLoad(ctx, id, []contract.Status{contract.Certified}, at, item{
		attrStatus: str(string(contract.Published)),
	})
}

// Fail records why a load failed. It returns false for a load that is certified or published, which can no longer fail.
func (l *Ledger) Fail(ctx context.Context, id, reason string, at time.Time) (bool, error) {
	return l.updateLoad(ctx, id, []contract.Status{contract.Received, contract.Running, contract.Failed}, at, item{
		attrStatus: str(string(contract.Failed)), attrReason: text(reason),
	})
}

// Redrive retries a load whose workflow ended before it was published, under a new execution number. In a failed load,
// acknowledged chunks are kept and all others start over. A certified load only has to be published. In any other
// status Redrive returns false and changes nothing.
func (l *Ledger) Redrive(ctx context.Context, load Load, at time.Time) (bool, error) {
	load, err := l.Load(ctx, load.ID)
	if err != nil {
		return false, err
	}
	next := load.Status
	switch {
	case load.Status == contract.Certified:
	case load.Status != contract.Failed:
		return false, nil
	case load.Plan == nil:
		next = contract.Received
	default:
		next = contract.Running
		if err := l.reopen(ctx, load); err != nil {
			return false, err
		}
	}
	return l.updateLoad(ctx, load.ID, []contract.Status{load.Status}, at, item{
		attrStatus: str(string(next)), attrReason: str(""), attrExecution: num(int64(load.Execution + 1)),
		contract.LedgerOpenKey: str(contract.LedgerShard(load.ID)),
	})
}

// Resume gives a load whose workflow died, in whatever status that is not final, the number of its next execution. It
// returns false, and changes nothing, if the load has got another or is over.
func (l *Ledger) Resume(ctx context.Context, load Load, at time.Time) (bool, error) {
	if load.Status.Final() {
		return false, nil
	}
	_, err := l.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &l.table, Key: key(load.ID, loadItem),
		UpdateExpression:    ptr("SET #execution = :next, #updated = :at"),
		ConditionExpression: ptr("#execution = :execution AND #status = :status"),
		ExpressionAttributeNames: map[string]string{
			"#execution": attrExecution, "#updated": attrUpdated, "#status": attrStatus,
		},
		ExpressionAttributeValues: item{
			":execution": num(int64(load.Execution)), ":next": num(int64(load.Execution + 1)), ":at": millis(at),
			":status": str(string(load.Status)),
		},
	})
	if refused(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("resume load %s: %w", load.ID, err)
	}
	return true, nil
}

// Seen records that a load's workflow was found running: nobody looks after the load for a while. A load that has
// changed meanwhile is left alone.
func (l *Ledger) Seen(ctx context.Context, load Load, at time.Time) error {
	_, err := l.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &l.table, Key: key(load.ID, loadItem),
		UpdateExpression:          ptr("SET #updated = :at"),
		ConditionExpression:       ptr("#updated = :updated"),
		ExpressionAttributeNames:  map[string]string{"#updated": attrUpdated},
		ExpressionAttributeValues: item{":at": millis(at), ":updated": millis(load.Updated)},
	})
	if err != nil && !refused(err) {
		return fmt.Errorf("note that load %s was seen: %w", load.ID, err)
	}
	return nil
}

// Announced records that the event of a load's outcome was sent: nothing is left to do for it.
func (l *Ledger) Announced(ctx context.Context, id string) error {
	_, err := l.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &l.table, Key: key(id, loadItem),
		UpdateExpression:         ptr("REMOVE #open"),
		ConditionExpression:      ptr("#status IN (:published, :failed, :duplicate)"),
		ExpressionAttributeNames: map[string]string{"#open": contract.LedgerOpenKey, "#status": attrStatus},
		ExpressionAttributeValues: item{
			":published": str(string(contract.Published)), ":failed": str(string(contract.Failed)),
			":duplicate": str(string(contract.Duplicate)),
		},
	})
	if err != nil && !refused(err) { // it was redriven meanwhile
		return fmt.Errorf("note that the outcome of load %s is announced: %w", id, err)
	}
	return nil
}

// Restage has a failed load's input restaged once more: pieces of it have expired. Its chunks stay as they are.
func (l *Ledger) Restage(ctx context.Context, load Load) error {
	if load.Status != contract.Failed || load.Restage == nil || load.Restage.Ack == nil {
		return nil
	}
	_, err := l.resend(ctx, load.ID, *load.Restage, &load.Restage.Start, reset)
	if errors.Is(err, ErrMoved) {
		return nil // somebody else does the same
	}
	return err
}

// reopen opens the next attempt of all work that is not acknowledged, as if none had failed.
func (l *Ledger) reopen(ctx context.Context, load Load) error {
	work, err := l.Chunks(ctx, load.ID)
	if err != nil {
		return err
	}
	if load.Restage != nil {
		work = append(work, *load.Restage)
	}
	for _, c := range work {
		if c.Ack != nil {
			continue
		}
		if _, err := l.resend(ctx, load.ID, c, nil, reset); err != nil && !errors.Is(err, ErrMoved) {
			return err
		}
	}
	return nil
}

// updateLoad sets attributes of a load in one of the given statuses; false if it is in another.
func (l *Ledger) updateLoad(
	ctx context.Context, id string, from []contract.Status, at time.Time, set item) (bool, error,
) {
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
