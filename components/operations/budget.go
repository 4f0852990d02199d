package operations

import (
	"fmt"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/budgets"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
)

// warnings are when a budget tells: at a share of it that is spent, percent, and when the month is forecast to exceed it.
var warnings = []struct {
	kind    string
	percent float64
}{{"ACTUAL", 80}, {"ACTUAL", 100}, {"FORECASTED", 100}}

// limitCosts declares a budget over what has the stack's tag. It tells mail addresses by itself, so that neither topic
// nor key has to admit another service.
func (o *Operations) limitCosts(ctx *pulumi.Context, args *Args) error {
	if args.BudgetUSD == 0 {
		return nil
	}
	tell := budgets.BudgetNotificationArray{}
	for _, w := range warnings {
		tell = append(tell, &budgets.BudgetNotificationArgs{
			NotificationType: pulumi.String(w.kind), ComparisonOperator: pulumi.String("GREATER_THAN"),
			Threshold: pulumi.Float64(w.percent), ThresholdType: pulumi.String("PERCENTAGE"),
			SubscriberEmailAddresses: pulumi.ToStringArray(args.Emails),
		})
	}
	_, err := component.Child(ctx, o, "budget", budgets.NewBudget, &budgets.BudgetArgs{
		BudgetType: pulumi.String("COST"), TimeUnit: pulumi.String("MONTHLY"),
		LimitAmount: pulumi.String(strconv.Itoa(args.BudgetUSD)), LimitUnit: pulumi.String("USD"),
		CostFilters: budgets.BudgetCostFilterArray{&budgets.BudgetCostFilterArgs{
			Name:   pulumi.String("TagKeyValue"),
			Values: pulumi.ToStringArray([]string{fmt.Sprintf("user:dip:stack$%s", args.Stack)}),
		}},
		Notifications: tell,
	})
	return err
}
