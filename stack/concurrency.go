package stack

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/servicequotas"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/config"
)

// reserveConcurrency compares the functions with the account's quota, as Service Quotas has it: the provider cannot ask
// Lambda's GetAccountSettings, which says the same. What whoever deploys may not read is a warning. The emulator of the
// local stack has no quota.
func (s *Setup) reserveConcurrency(ctx *pulumi.Context) error {
	if s.Environment == config.Local {
		return nil
	}
	code := config.ConcurrencyQuota
	quota, err := servicequotas.LookupServiceQuota(ctx, &servicequotas.LookupServiceQuotaArgs{
		ServiceCode: "lambda", QuotaCode: &code,
	})
	if err != nil {
		return ctx.Log.Warn(
			fmt.Sprintf("segments.<name>.concurrency: the account's quota (%s) is not checked: %v", code, err), nil)
	}
	return s.ReserveConcurrency(int(quota.Value))
}
