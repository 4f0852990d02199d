package ledger

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"dip/contract"
)

// Maintenance is what the maintenance function remembers.
type Maintenance struct {
	Record   contract.MaintenanceRecord
	Revision int64 // counts its changes; 0: there is none yet
}

// maintenanceItem is not the id of a load: those are hex digits.
const maintenanceItem = "maintenance"

// Maintenance reads what the maintenance function remembers.
func (l *Ledger) Maintenance(ctx context.Context) (m Maintenance, err error) {
	out, err := l.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &l.table, Key: key(maintenanceItem, maintenanceItem), ConsistentRead: ptr(true),
	})
	if err != nil {
		return m, fmt.Errorf("read the record of maintenance: %w", err)
	}
	d := decoder{item: out.Item}
	d.json(attrPlan, &m.Record)
	m.Revision = d.num(attrNumber)
	return m, d.err
}

// KeepMaintenance replaces what was read; false if somebody else has changed it since.
func (l *Ledger) KeepMaintenance(ctx context.Context, m Maintenance) (bool, error) {
	doc, err := json.Marshal(m.Record)
	if err != nil {
		return false, fmt.Errorf("keep the record of maintenance: %w", err)
	}
	in := &dynamodb.UpdateItemInput{
		TableName: &l.table, Key: key(maintenanceItem, maintenanceItem),
		UpdateExpression:          ptr("SET #plan = :doc, #number = :next"),
		ConditionExpression:       ptr("attribute_not_exists(#number)"),
		ExpressionAttributeNames:  map[string]string{"#number": attrNumber, "#plan": attrPlan},
		ExpressionAttributeValues: item{":doc": str(string(doc)), ":next": num(m.Revision + 1)},
	}
	if m.Revision > 0 {
		in.ConditionExpression = ptr("#number = :read")
		in.ExpressionAttributeValues[":read"] = num(m.Revision)
	}
	_, err = l.client.UpdateItem(ctx, in)
	if refused(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("keep the record of maintenance: %w", err)
	}
	return true, nil
}
