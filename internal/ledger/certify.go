package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"dip/contract"
)

// Head is the end of a segment's chain of certificates: the last one. Zero: the chain is empty.
type Head struct {
	Number int64  `json:"number"`
	Load   string `json:"load"`
	SHA256 string `json:"sha256"` // of the certificate's file, hex
}

// Next is the link of the certificate that follows.
func (h Head) Next() contract.Link {
	return contract.Link{Number: h.Number + 1, Load: h.Load, SHA256: h.SHA256}
}

// Proof is what is recorded of a load that is certified.
type Proof struct {
	Totals contract.Totals
	Link   contract.Link
	SHA256 string // of the certificate's file, which holds Totals and Link; hex
}

// Head reads the end of a segment's chain.
func (l *Ledger) Head(ctx context.Context, segment string) (Head, error) {
	it, err := l.get(ctx, chainPrefix+segment, headItem)
	if err != nil {
		return Head{}, fmt.Errorf("read the head of the chain of segment %s: %w", segment, err)
	}
	d := decoder{item: it}
	return Head{Number: d.num(attrNumber), Load: d.str(attrLast), SHA256: d.str(attrSHA256)}, d.err
}

// Certify makes a running load certified and its certificate the head of its segment's chain: both or neither. So a
// load takes one place in the chain, once, and each place is taken by one load; what follows, up to the certificate's
// upload, can be repeated from the ledger alone.
//
// It returns true if the load is certified with this proof, now or before, and false if it is not running or has
// another. ErrMoved says that the chain's head is not what the proof links to: read it again.
func (l *Ledger) Certify(ctx context.Context, id, segment string, p Proof, at time.Time) (bool, error) {
	totals, err := json.Marshal(p.Totals)
	if err != nil {
		return false, fmt.Errorf("certify load %s: %w", id, err)
	}
	link, err := json.Marshal(p.Link)
	if err != nil {
		return false, fmt.Errorf("certify load %s: %w", id, err)
	}
	load := &types.Update{
		TableName: &l.table, Key: key(id, loadItem),
		UpdateExpression: ptr("SET #status = :certified, #totals = :totals, #link = :link, #sha256 = :sha256, " +
			"#updated = :updated"),
		ConditionExpression: ptr("#status = :running"),
		ExpressionAttributeNames: map[string]string{"#status": attrStatus, "#totals": attrTotals, "#link": attrLink,
			"#sha256": attrSHA256, "#updated": attrUpdated},
		ExpressionAttributeValues: item{":certified": str(string(contract.Certified)),
			":running": str(string(contract.Running)), ":totals": str(string(totals)), ":link": str(string(link)),
			":sha256": str(p.SHA256), ":updated": millis(at)},
	}
	_, err = l.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{{Update: load}, {Update: l.moveHead(id, segment, p)}},
	})
	switch lost(err) {
	case nobody:
		return true, nil
	case toLoad:
		stands, err := l.Load(ctx, id)
		if errors.Is(err, ErrNotFound) {
			return false, nil
		}
		return stands.Link != nil && *stands.Link == p.Link && stands.SHA256 == p.SHA256, err
	case toHead:
		return false, ErrMoved
	}
	return false, fmt.Errorf("certify load %s: %w", id, err)
}

func (l *Ledger) moveHead(id, segment string, p Proof) *types.Update {
	u := &types.Update{
		TableName: &l.table, Key: key(chainPrefix+segment, headItem),
		UpdateExpression:         ptr("SET #number = :number, #last = :load, #sha256 = :sha256"),
		ConditionExpression:      ptr("attribute_not_exists(#number)"),
		ExpressionAttributeNames: map[string]string{"#number": attrNumber, "#last": attrLast, "#sha256": attrSHA256},
		ExpressionAttributeValues: item{":number": num(p.Link.Number), ":load": str(id),
			":sha256": str(p.SHA256)},
	}
	if p.Link.Number > 1 {
		u.ConditionExpression = ptr("#number = :before AND #last = :previous AND #sha256 = :hash")
		u.ExpressionAttributeValues[":before"] = num(p.Link.Number - 1)
		u.ExpressionAttributeValues[":previous"] = str(p.Link.Load)
		u.ExpressionAttributeValues[":hash"] = str(p.Link.SHA256)
	}
	return u
}

// winner is why a transaction of Certify had no effect.
type winner int

const (
	nobody  winner = iota // it had its effect
	toLoad                // the load is not running
	toHead                // the head is another, or another transaction is at one of the two items
	unknown               // it failed for another reason
)

func lost(err error) winner {
	if err == nil {
		return nobody
	}
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) {
		return unknown
	}
	var codes []string // of the load and of the head
	for _, r := range canceled.CancellationReasons {
		codes = append(codes, aws.ToString(r.Code))
	}
	const refused, conflict = "ConditionalCheckFailed", "TransactionConflict"
	switch {
	case len(codes) == 2 && codes[0] == refused:
		return toLoad
	case slices.Contains(codes, refused) || slices.Contains(codes, conflict):
		return toHead
	}
	return unknown
}
