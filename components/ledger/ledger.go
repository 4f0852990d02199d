// Package ledger is the DynamoDB table that knows every load and chunk. Its keys are contract's.
package ledger

import (
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/dynamodb"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/components/policy"
	"dip/config"
	"dip/contract"
)

// TypeToken is the component's type.
const TypeToken = "dip:ledger:Ledger"

// Args configure a ledger.
type Args struct {
	// Settings are backups and protection. Zero: none.
	Settings config.Ledger
}

// Validate accepts all: every setting is optional.
func (a *Args) Validate() error { return nil }

// Ledger is the table.
type Ledger struct {
	pulumi.ResourceState

	Name pulumi.StringOutput // physical name
	ARN  pulumi.StringOutput

	table *dynamodb.Table
}

// New declares a ledger.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Ledger, error) {
	l := &Ledger{}
	return component.Declare(ctx, TypeToken, name, l, args, opts, l.createTable)
}

// Outputs are the table's name.
func (l *Ledger) Outputs() pulumi.Map { return pulumi.Map{"name": l.Name} }

// createTable declares no time to live: a load's record is the proof of what happened to it.
func (l *Ledger) createTable(ctx *pulumi.Context, args *Args) (err error) {
	text := func(attribute string) *dynamodb.TableAttributeArgs {
		return &dynamodb.TableAttributeArgs{Name: pulumi.String(attribute), Type: pulumi.String("S")}
	}
	protect, recovery := args.Settings.DeletionProtection, args.Settings.PointInTimeRecovery
	l.table, err = component.Child(ctx, l, "table", dynamodb.NewTable, &dynamodb.TableArgs{
		BillingMode: pulumi.String("PAY_PER_REQUEST"),
		HashKey:     pulumi.String(contract.LedgerPartitionKey),
		RangeKey:    pulumi.String(contract.LedgerSortKey),
		Attributes: dynamodb.TableAttributeArray{
			text(contract.LedgerPartitionKey), text(contract.LedgerSortKey),
			text(contract.LedgerIndexKey), text(contract.LedgerIndexSortKey),
			text(contract.LedgerOpenKey),
			&dynamodb.TableAttributeArgs{Name: pulumi.String(contract.LedgerOpenSortKey), Type: pulumi.String("N")},
		},
		GlobalSecondaryIndexes: dynamodb.TableGlobalSecondaryIndexArray{
			index(contract.LedgerIndex, contract.LedgerIndexKey, contract.LedgerIndexSortKey),
			index(contract.LedgerOpenIndex, contract.LedgerOpenKey, contract.LedgerOpenSortKey),
		},
		PointInTimeRecovery:       &dynamodb.TablePointInTimeRecoveryArgs{Enabled: pulumi.Bool(recovery)},
		DeletionProtectionEnabled: pulumi.Bool(protect),
		ServerSideEncryption:      encryption(args.Settings.KMSKey),
	}, pulumi.Protect(protect), pulumi.RetainOnDelete(protect))
	if err != nil {
		return err
	}
	l.Name, l.ARN = l.table.Name, l.table.Arn
	return nil
}

// encryption is with a key that DynamoDB owns, which costs nothing, unless one is given ("Managing encrypted tables in
// DynamoDB"): Enabled means KMS.
func encryption(key string) *dynamodb.TableServerSideEncryptionArgs {
	if key == "" {
		return &dynamodb.TableServerSideEncryptionArgs{Enabled: pulumi.Bool(false)}
	}
	return &dynamodb.TableServerSideEncryptionArgs{Enabled: pulumi.Bool(true), KmsKeyArn: pulumi.String(key)}
}

func index(name, hashKey, rangeKey string) *dynamodb.TableGlobalSecondaryIndexArgs {
	return &dynamodb.TableGlobalSecondaryIndexArgs{
		Name: pulumi.String(name), HashKey: pulumi.String(hashKey), RangeKey: pulumi.String(rangeKey),
		ProjectionType: pulumi.String("ALL"),
	}
}

// Work allows to claim work and to record its outcome, and to touch further attributes. It cannot touch what a load
// consists of or has become.
func (l *Ledger) Work(further ...string) []policy.Statement {
	update := l.Allow("UpdateItem")
	update[0].Conditions = policy.Touching(slices.Concat(contract.LedgerWorkAttributes, further)...)
	return policy.All(l.Allow("GetItem"), update)
}

// ListOpen allows to list the loads that are not over.
func (l *Ledger) ListOpen() []policy.Statement {
	return []policy.Statement{{
		Actions:   []string{"dynamodb:Query"},
		Resources: []pulumi.StringInput{pulumi.Sprintf("%s/index/%s", l.table.Arn, contract.LedgerOpenIndex)},
	}}
}

// ListDays allows to list the loads that were received on a day.
func (l *Ledger) ListDays() []policy.Statement {
	return []policy.Statement{{
		Actions:   []string{"dynamodb:Query"},
		Resources: []pulumi.StringInput{pulumi.Sprintf("%s/index/%s", l.table.Arn, contract.LedgerIndex)},
	}}
}

// Allow allows operations on the table, by their names in DynamoDB such as "GetItem".
func (l *Ledger) Allow(operations ...string) []policy.Statement {
	s := policy.Statement{Resources: []pulumi.StringInput{l.table.Arn}}
	for _, operation := range operations {
		s.Actions = append(s.Actions, "dynamodb:"+operation)
	}
	return []policy.Statement{s}
}
