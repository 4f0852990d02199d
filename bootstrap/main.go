// Command bootstrap is the Pulumi program that is run once in an account, by an administrator: see docs/deployment.md.
package main

import (
	"encoding/json"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/bootstrap"
)

func main() { pulumi.Run(program) }

func program(ctx *pulumi.Context) error {
	identity, err := aws.GetCallerIdentity(ctx, &aws.GetCallerIdentityArgs{})
	if err != nil {
		return fmt.Errorf("ask for the account: %w", err)
	}
	region, err := aws.GetRegion(ctx, &aws.GetRegionArgs{})
	if err != nil {
		return fmt.Errorf("ask for the region: %w", err)
	}
	setting := func(name string) string {
		value, _ := ctx.GetConfig(ctx.Project() + ":" + name)
		return value
	}
	args := &bootstrap.Args{
		Account: identity.AccountId, Region: region.Name, Repository: setting("repository"),
		Branch: setting("branch"), Provider: setting("provider"), Organization: setting("organization"),
	}
	if err := json.Unmarshal([]byte(setting("environments")), &args.Environments); err != nil {
		return fmt.Errorf("read environments, a list of names: %w", err)
	}
	made, err := bootstrap.New(ctx, "github", args)
	if err != nil {
		return err
	}
	for name, value := range made.Outputs() {
		ctx.Export(name, value)
	}
	return nil
}
