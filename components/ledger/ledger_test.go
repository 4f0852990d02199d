package ledger_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/components/ledger"
	"dip/components/policy"
	"dip/config"
)

const table = "aws:dynamodb/table:Table"

func run(t *testing.T, settings config.Ledger) componenttest.Resource {
	t.Helper()
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		_, err := ledger.New(ctx, "l", &ledger.Args{Settings: settings})
		return err
	})
	if got := r.Children(ledger.TypeToken, "l"); !slices.Equal(got, []string{table + "::l-table"}) {
		t.Fatalf("children are %v", got)
	}
	return r.Find(t, table, "l-table")
}

func TestKeys(t *testing.T) {
	in := run(t, config.Ledger{}).Inputs
	index := in["globalSecondaryIndexes"].ArrayValue()[0].ObjectValue()
	open := in["globalSecondaryIndexes"].ArrayValue()[1].ObjectValue()
	for _, c := range []struct {
		of   resource.PropertyMap
		key  resource.PropertyKey
		want string
	}{
		{in, "hashKey", "load"}, {in, "rangeKey", "item"}, {in, "billingMode", "PAY_PER_REQUEST"},
		{index, "name", "by-day"}, {index, "hashKey", "day"}, {index, "rangeKey", "created"},
		{index, "projectionType", "ALL"},
		{open, "name", "open"}, {open, "hashKey", "open"}, {open, "rangeKey", "updated"}, {open, "projectionType", "ALL"},
	} {
		if got := c.of[c.key].StringValue(); got != c.want {
			t.Errorf("%s is %s, want %s", c.key, got, c.want)
		}
	}
	if n := len(in["attributes"].ArrayValue()); n != 6 {
		t.Errorf("%d attributes are declared, want the 6 that are keys", n)
	}
	if _, ok := in["ttl"]; ok {
		t.Error("loads are forgotten")
	}
	if in["serverSideEncryption"].ObjectValue()["enabled"].BoolValue() {
		t.Error("the table's key is one that costs")
	}
	const key = "arn:aws:kms:us-east-1:123456789012:key/k"
	own := run(t, config.Ledger{KMSKey: key}).Inputs["serverSideEncryption"].ObjectValue()
	if !own["enabled"].BoolValue() || own["kmsKeyArn"].StringValue() != key {
		t.Errorf("the table's key is %v", own)
	}
}

// A function can neither change what a load consists of nor say that it is published.
func TestWorkTouchesItsOwnAttributes(t *testing.T) {
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		l, err := ledger.New(ctx, "l", &ledger.Args{})
		if err != nil {
			return err
		}
		_, err = policy.Attach(ctx, l, "rights", pulumi.String("r"), l.Work()...)
		return err
	})
	got := r.Find(t, "aws:iam/rolePolicy:RolePolicy", "l-rights").Inputs["policy"].StringValue()
	want := `{"Effect":"Allow","Action":["dynamodb:UpdateItem"],` +
		`"Resource":["arn:aws:dynamodb:us-east-1:123456789012:table/l-table"],` +
		`"Condition":{"ForAllValues:StringEquals":{"dynamodb:Attributes":["load","item",`
	if !strings.Contains(got, want) || strings.Contains(got, `"status"`) || strings.Contains(got, `"staged"`) {
		t.Errorf("got %s", got)
	}
}

func TestBackupsAndProtection(t *testing.T) {
	for _, settings := range []config.Ledger{{}, {PointInTimeRecovery: true}, {DeletionProtection: true}} {
		got := run(t, settings)
		recovery := got.Inputs["pointInTimeRecovery"].ObjectValue()["enabled"].BoolValue()
		deletion := got.Inputs["deletionProtectionEnabled"].BoolValue()
		if recovery != settings.PointInTimeRecovery || deletion != settings.DeletionProtection ||
			got.Protect != settings.DeletionProtection || got.Retain != settings.DeletionProtection {
			t.Errorf("%+v: recovery %v, deletion protection %v, protect %v, retain %v", settings, recovery,
				deletion, got.Protect, got.Retain)
		}
	}
}
