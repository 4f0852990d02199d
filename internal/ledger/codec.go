package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"dip/contract"
)

func ptr[T any](v T) *T { return &v }

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

// text is a reason for people. It is cut: an item holds 400 KB ("Service, account, and table quotas").
func text(s string) types.AttributeValue { return str(contract.Cut(s)) }

func num(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func millis(t time.Time) types.AttributeValue { return num(t.UnixMilli()) }

// refused reports that a write's condition failed.
func refused(err error) bool {
	var failed *types.ConditionalCheckFailedException
	return errors.As(err, &failed)
}

// decoder reads attributes and records the first error.
type decoder struct {
	item item
	err  error
}

func (d *decoder) str(name string) string {
	if v, ok := d.item[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

func (d *decoder) num(name string) int64 {
	v, ok := d.item[name].(*types.AttributeValueMemberN)
	if !ok {
		return 0
	}
	n, err := strconv.ParseInt(v.Value, 10, 64)
	d.fail(name, err)
	return n
}

func (d *decoder) time(name string) time.Time {
	if n := d.num(name); n != 0 {
		return time.UnixMilli(n).UTC()
	}
	return time.Time{}
}

func (d *decoder) json(name string, into any) bool {
	s := d.str(name)
	if s == "" {
		return false
	}
	d.fail(name, json.Unmarshal([]byte(s), into))
	return true
}

func (d *decoder) fail(name string, err error) {
	if err != nil && d.err == nil {
		d.err = fmt.Errorf("ledger item %s/%s: attribute %s: %w",
			d.str(contract.LedgerPartitionKey), d.str(contract.LedgerSortKey), name, err)
	}
}

// encodeLoad gives a load's item. An open load is one that Open lists.
func encodeLoad(load Load, open bool) (item, error) {
	it, shard := key(load.ID, loadItem), contract.LedgerShard(load.ID)
	it[attrStatus] = str(string(load.Status))
	it[attrExecution] = num(int64(load.Execution))
	it[attrUpdated] = millis(load.Updated)
	it[contract.LedgerIndexKey] = str(contract.LedgerDay(load.Received.UTC().Format(time.DateOnly), shard))
	it[contract.LedgerIndexSortKey] = str(load.Received.UTC().Format(createdFormat))
	if open {
		it[contract.LedgerOpenKey] = str(shard)
	}
	if load.Reason != "" {
		it[attrReason] = text(load.Reason)
	}
	if load.Of != "" {
		it[attrOf] = str(load.Of)
	}
	e := encoder{item: it}
	e.json(attrInput, &input{load.Segment, load.Object, load.Interval, load.Catalog})
	if load.Plan != nil {
		e.json(attrPlan, load.Plan)
	}
	if !load.Sent.IsZero() {
		it[attrSent] = millis(load.Sent)
	}
	if load.Proven != nil {
		e.json(attrProven, load.Proven)
	}
	if load.Totals != nil {
		e.json(attrTotals, load.Totals)
	}
	if load.Link != nil {
		e.json(attrLink, load.Link)
		it[attrSHA256] = str(load.SHA256)
	}
	return it, e.err
}

// encoder writes attributes and records the first error.
type encoder struct {
	item item
	err  error
}

func (e *encoder) json(name string, v any) {
	doc, err := json.Marshal(v)
	if err != nil && e.err == nil {
		e.err = fmt.Errorf("encode the attribute %s: %w", name, err)
	}
	e.item[name] = str(string(doc))
}

func decodeLoad(it item) (Load, error) {
	d := decoder{item: it}
	var in input
	d.json(attrInput, &in)
	received, err := time.Parse(createdFormat, d.str(contract.LedgerIndexSortKey))
	d.fail(contract.LedgerIndexSortKey, err)
	load := Load{
		ID: d.str(contract.LedgerPartitionKey), Segment: in.Segment, Object: in.Object,
		Interval: in.Interval, Catalog: in.Catalog,
		Received: received, Status: contract.Status(d.str(attrStatus)), Reason: d.str(attrReason), Of: d.str(attrOf),
		Execution: int(d.num(attrExecution)), Updated: d.time(attrUpdated), Sent: d.time(attrSent),
	}
	var plan Plan
	if d.json(attrPlan, &plan) {
		load.Plan = &plan
	}
	var proven Proven
	if d.json(attrProven, &proven) {
		load.Proven = &proven
	}
	var totals contract.Totals
	if d.json(attrTotals, &totals) {
		load.Totals = &totals
	}
	var link contract.Link
	if d.json(attrLink, &link) {
		load.Link, load.SHA256 = &link, d.str(attrSHA256)
	}
	return load, d.err
}

func decodeChunk(it item) (Chunk, error) {
	d := decoder{item: it}
	index := RestageIndex
	if sort := d.str(contract.LedgerSortKey); sort != restageItem {
		var err error
		index, err = strconv.Atoi(strings.TrimPrefix(sort, chunkPrefix))
		d.fail(contract.LedgerSortKey, err)
	}
	c := Chunk{
		Index: index, Start: d.num(attrStart), End: d.num(attrEnd), Attempt: int(d.num(attrAttempt)),
		Sent: d.time(attrSent), Owner: d.str(attrOwner), LeaseUntil: d.time(attrLease),
		Failure: d.str(attrFailure), LastError: d.str(attrError), HandedBack: int(d.num(attrHandedBack)),
		Released: d.time(attrReleased), Failures: int(d.num(attrFailures)),
	}
	if _, ok := it[attrFrom]; ok {
		c.From = ptr(d.num(attrFrom))
	}
	var staged contract.Object
	if d.json(attrStaged, &staged) {
		c.Staged = &staged
	}
	var ack contract.Ack
	if d.json(attrAck, &ack) {
		c.Ack = &ack
	}
	return c, d.err
}

func encodeChunk(load string, c Chunk) (item, error) {
	it := key(load, workItem(c.Index))
	it[attrStart], it[attrEnd] = num(c.Start), num(c.End)
	it[attrAttempt] = num(int64(c.Attempt))
	if !c.Sent.IsZero() {
		it[attrSent] = millis(c.Sent)
	}
	if c.From != nil {
		it[attrFrom] = num(*c.From)
	}
	e := encoder{item: it}
	if c.Staged != nil {
		e.json(attrStaged, c.Staged)
	}
	if c.Ack != nil {
		e.json(attrAck, c.Ack)
	}
	if e.err != nil {
		return nil, fmt.Errorf("%s of load %s: %w", workName(c.Index), load, e.err)
	}
	return it, nil
}
