// Package ledger keeps the state of every load and chunk in DynamoDB. It is the single source of truth about progress:
// queues and workflows may deliver twice or late, the ledger decides what counts.
//
// Every write that may race with another is conditional, so each method may be repeated and may run concurrently. The
// chunks of a load share no item, so throughput grows with the number of chunks.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"dip/contract"
)

// ErrNotFound reports a load that is not in the ledger.
var ErrNotFound = errors.New("no such load")

// Load is one object version on its way to the table.
type Load struct {
	ID        string           `json:"load"`
	Segment   string           `json:"segment"` // "" if the key has none
	Object    contract.Object  `json:"object"`
	Catalog   string           `json:"catalog"`
	Received  time.Time        `json:"received"`
	Status    contract.Status  `json:"status"`
	Reason    string           `json:"reason,omitempty"`  // why it failed
	Of        string           `json:"of,omitempty"`      // Duplicate: the load with the same content
	Execution int              `json:"execution"`         // 0, incremented by each redrive
	Plan      *Plan            `json:"plan,omitempty"`    // nil until planned
	Sent      time.Time        `json:"sent,omitzero"`     // when the first attempts at all chunks were; zero: not yet
	Proven    *Proven          `json:"proven,omitempty"`  // nil until Prove
	Restage   *Chunk           `json:"restage,omitempty"` // nil unless the plan has one; not set in lists of loads
	Totals    *contract.Totals `json:"totals,omitempty"`  // nil until certified
	Link      *contract.Link   `json:"link,omitempty"`    // nil until certified, and in loads of before there were links
	SHA256    string           `json:"sha256,omitempty"`  // of the certificate's file, hex; "" without a Link
	Updated   time.Time        `json:"updated"`           // its last change, or when its workflow was last seen running

	// Interval is nil unless the input is an interval of a stream. The closer looks after it, and no workflow: it is never
	// open.
	Interval *contract.Interval `json:"interval,omitempty"`
}

// Plan is how an input is read.
type Plan struct {
	Compression contract.Compression `json:"compression"`
	Front       contract.Skipped     `json:"front,omitzero"`    // lines before the header that are no records
	Body        int64                `json:"body"`              // offset of the first record
	Footer      contract.Skipped     `json:"footer,omitzero"`   // lines after the last record, of a splittable input
	Columns     []int                `json:"columns,omitempty"` // CSV: see contract.ChunkMessage
	Width       int                  `json:"width,omitempty"`
	Lane        contract.Lane        `json:"lane,omitempty"`    // where chunks run; "" is Functions
	Restage     bool                 `json:"restage,omitempty"` // the input is cut into pieces first: they are the chunks
	Chunks      int                  `json:"chunks"`            // 0 with Restage: known once that is acknowledged
	At          time.Time            `json:"at"`
}

// Proven is a prefix of a load's chunks that are acknowledged and follow one another without gap or overlap. That does
// not change any more: who looks at the load again need not read them.
type Proven struct {
	Chunks int       `json:"chunks"`
	End    int64     `json:"end"`  // where the last of them ended
	Last   time.Time `json:"last"` // the latest of their acknowledgements
	Looked time.Time `json:"at"`   // when all chunks after them were read
}

// Chunk is one piece of a load, or its restage: the work of cutting the input into pieces, from Start to its end.
type Chunk struct {
	Index      int              `json:"chunk"` // RestageIndex for a restage
	Start      int64            `json:"start"`
	End        int64            `json:"end"`            // -1: the input's end
	From       *int64           `json:"from,omitempty"` // proven start, once the chain has one
	Attempt    int              `json:"attempt"`
	Sent       time.Time        `json:"sent"`            // when the current attempt's message was sent; zero: not yet
	Owner      string           `json:"owner,omitempty"` // holder of the current attempt
	LeaseUntil time.Time        `json:"leaseUntil"`
	Staged     *contract.Object `json:"staged,omitempty"` // the piece of a restaged input that holds [Start, End)
	Ack        *contract.Ack    `json:"ack,omitempty"`
	Failure    string           `json:"failure,omitempty"`    // permanent: the load cannot succeed
	LastError  string           `json:"lastError,omitempty"`  // of an attempt that may be retried
	Released   time.Time        `json:"released,omitzero"`    // when its holder gave the current attempt up with LastError
	Failures   int              `json:"failures,omitempty"`   // failed claims since the load began or was redriven
	HandedBack int              `json:"handedBack,omitempty"` // times that a stopping worker handed it back
}

// Touched says whether somebody has worked on the chunk.
func (c Chunk) Touched() bool {
	return c.Attempt != 1 || c.Ack != nil || c.Failure != "" || !c.LeaseUntil.IsZero()
}

// Ledger is the table. Its methods are safe for concurrent use.
type Ledger struct {
	client *dynamodb.Client
	table  string
}

// New makes a Ledger over a table with the key schema of package contract.
func New(client *dynamodb.Client, table string) *Ledger { return &Ledger{client: client, table: table} }

// Attributes of the items, in addition to the keys.
const (
	attrStatus     = "status"
	attrReason     = "reason"
	attrOf         = "of"
	attrExecution  = "execution"
	attrInput      = "input" // JSON of the parts of Load that never change
	attrPlan       = "plan"
	attrProven     = "proven" // JSON
	attrTotals     = "totals"
	attrUpdated    = contract.LedgerOpenSortKey
	attrStart      = contract.LedgerStart
	attrEnd        = "end"
	attrFrom       = "from"
	attrAttempt    = contract.LedgerAttempt
	attrSent       = contract.LedgerSent
	attrOwner      = contract.LedgerOwner
	attrLease      = contract.LedgerLease
	attrStaged     = "staged" // JSON
	attrAck        = contract.LedgerAck
	attrFailure    = contract.LedgerFailure
	attrError      = contract.LedgerError
	attrHandedBack = contract.LedgerHandedBack
	attrFailures   = contract.LedgerFailures
	attrReleased   = contract.LedgerReleased
	attrLink       = "link" // JSON
	attrSHA256     = "sha256"
	attrNumber     = "number"
	attrLast       = "last"
)

const (
	loadItem    = "load"
	restageItem = "restage"
	chunkPrefix = "chunk#"
	headItem    = "head"
	chainPrefix = "chain#"
)

// createdFormat is RFC 3339 in UTC with a fixed number of digits, so that the texts sort by time.
const createdFormat = "2006-01-02T15:04:05.000000000Z"

func workItem(index int) string {
	if index == RestageIndex {
		return restageItem
	}
	return fmt.Sprintf("%s%05d", chunkPrefix, index)
}

type input struct {
	Segment  string             `json:"segment"`
	Object   contract.Object    `json:"object"`
	Interval *contract.Interval `json:"interval,omitempty"`
	Catalog  string             `json:"catalog"`
}

type item = map[string]types.AttributeValue

func key(load, sort string) item {
	return item{contract.LedgerPartitionKey: str(load), contract.LedgerSortKey: str(sort)}
}

// Receive records a new load. If it already exists, its current state is returned and created is false.
func (l *Ledger) Receive(ctx context.Context, load Load) (stands Load, created bool, err error) {
	it, err := encodeLoad(Load{
		ID: load.ID, Segment: load.Segment, Object: load.Object, Interval: load.Interval, Catalog: load.Catalog,
		Received: load.Received, Status: load.Status, Reason: load.Reason, Updated: load.Received,
	}, load.Interval == nil)
	if err != nil {
		return Load{}, false, fmt.Errorf("receive load %s: %w", load.ID, err)
	}
	_, err = l.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &l.table, Item: it,
		ConditionExpression:      ptr("attribute_not_exists(#k)"),
		ExpressionAttributeNames: map[string]string{"#k": contract.LedgerPartitionKey},
	})
	switch {
	case refused(err):
		stands, err = l.Load(ctx, load.ID)
		return stands, false, err
	case err != nil:
		return Load{}, false, fmt.Errorf("receive load %s: %w", load.ID, err)
	}
	load.Updated = load.Received
	return load, true, nil
}

// Load reads a load and its restage; ErrNotFound if there is none. A read of the chunks after that returns all chunks
// of an acknowledged restage.
func (l *Ledger) Load(ctx context.Context, id string) (Load, error) {
	it, err := l.get(ctx, id, loadItem)
	if err != nil {
		return Load{}, fmt.Errorf("read load %s: %w", id, err)
	}
	if it == nil {
		return Load{}, fmt.Errorf("load %s: %w", id, ErrNotFound)
	}
	load, err := decodeLoad(it)
	if err != nil || load.Plan == nil || !load.Plan.Restage {
		return load, err
	}
	if it, err = l.get(ctx, id, restageItem); err != nil {
		return Load{}, fmt.Errorf("read the restage of load %s: %w", id, err)
	}
	restage, err := decodeChunk(it)
	load.Restage = &restage
	return load, err
}

// get reads an item consistently; nil if there is none.
func (l *Ledger) get(ctx context.Context, id, sort string) (item, error) {
	out, err := l.client.GetItem(ctx,
		&dynamodb.GetItemInput{TableName: &l.table, Key: key(id, sort), ConsistentRead: ptr(true)})
	if err != nil {
		return nil, err
	}
	return out.Item, nil
}

// Chunks reads all chunks of a load, in order.
func (l *Ledger) Chunks(ctx context.Context, id string) ([]Chunk, error) {
	return l.chunks(ctx, id, "begins_with(#s, :s)", item{":s": str(chunkPrefix)}, 0)
}

// ChunksFrom reads the chunks of a load from an index on, in order. With untouched above 0, it reads that many at a time
// and ends with the first of these pages that nobody has worked on. It is for loads of at most 100,000 chunks.
func (l *Ledger) ChunksFrom(ctx context.Context, id string, first, untouched int) ([]Chunk, error) {
	return l.chunks(ctx, id, "#s BETWEEN :s AND :e", item{":s": str(workItem(first)), ":e": str(workItem(99_999))},
		untouched)
}

func (l *Ledger) chunks(ctx context.Context, id, condition string, values item, untouched int) ([]Chunk, error) {
	var chunks []Chunk
	var limit *int32
	if untouched > 0 {
		limit = ptr(int32(untouched))
	}
	values[":p"] = str(id)
	pages := dynamodb.NewQueryPaginator(l.client, &dynamodb.QueryInput{
		TableName: &l.table, ConsistentRead: ptr(true), Limit: limit,
		KeyConditionExpression:    ptr("#p = :p AND " + condition),
		ExpressionAttributeNames:  map[string]string{"#p": contract.LedgerPartitionKey, "#s": contract.LedgerSortKey},
		ExpressionAttributeValues: values,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("read chunks of load %s: %w", id, err)
		}
		for _, it := range page.Items {
			c, err := decodeChunk(it)
			if err != nil {
				return nil, fmt.Errorf("read chunks of load %s: %w", id, err)
			}
			chunks = append(chunks, c)
		}
		if page := chunks[len(chunks)-len(page.Items):]; untouched > 0 && !slices.ContainsFunc(page, Chunk.Touched) {
			break
		}
	}
	// Keys have five digits: those of chunk 100,000 and on come between others.
	slices.SortFunc(chunks, func(a, b Chunk) int { return a.Index - b.Index })
	return chunks, nil
}
