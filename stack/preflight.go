package stack

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ebs"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/servicequotas"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/config"
)

// preflight compares what the cluster takes with what the account has: quotas, instance types in the zones, and the key
// that encrypts volumes. What whoever deploys may not read is a warning: it is no reason not to deploy.
func (s *Setup) preflight(ctx *pulumi.Context) error {
	return errors.Join(s.checkQuotas(ctx), s.countPools(ctx), s.checkVolumeKey(ctx))
}

func (s *Setup) checkQuotas(ctx *pulumi.Context) error {
	var errs []error
	for _, need := range s.Needs() {
		quota, err := servicequotas.LookupServiceQuota(ctx, &servicequotas.LookupServiceQuotaArgs{
			ServiceCode: need.Service, QuotaCode: &need.Code,
		})
		if err != nil {
			errs = append(errs, ctx.Log.Warn(fmt.Sprintf("%s: the quota of %s (%s) is not checked: %v", need.Setting, need.Name,
				need.Code, err), nil))
			continue
		}
		used, err := s.used(ctx, need)
		if err != nil {
			return err
		}
		warning, err := need.Check(config.Limit{Value: int(quota.Value), Used: used}, s.heavy.live.name != "")
		if warning != "" {
			err = errors.Join(err, ctx.Log.Warn(warning, nil))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// used counts what is in use of a quota. Once the cluster exists it does not matter: its own part cannot be told apart.
func (s *Setup) used(ctx *pulumi.Context, need config.Need) (int, error) {
	if s.heavy.live.name != "" {
		return 0, nil
	}
	switch need.Code {
	case config.AddressQuota:
		addresses, err := ec2.GetEips(ctx, &ec2.GetEipsArgs{})
		if err != nil {
			return 0, fmt.Errorf("count the elastic IP addresses: %w", err)
		}
		return len(addresses.AllocationIds), nil
	case config.VPCQuota:
		vpcs, err := ec2.GetVpcs(ctx, &ec2.GetVpcsArgs{})
		if err != nil {
			return 0, fmt.Errorf("count the VPCs: %w", err)
		}
		return len(vpcs.Ids), nil
	default:
		return 0, nil
	}
}

// countPools counts the capacity pools of each group.
func (s *Setup) countPools(ctx *pulumi.Context) error {
	var kinds []string
	for _, g := range s.NodeGroups {
		kinds = append(kinds, g.InstanceTypes...)
	}
	slices.Sort(kinds)
	by := "availability-zone-id"
	found, err := ec2.GetInstanceTypeOfferings(ctx, &ec2.GetInstanceTypeOfferingsArgs{
		LocationType: &by,
		Filters:      []ec2.GetInstanceTypeOfferingsFilter{{Name: "instance-type", Values: slices.Compact(kinds)}},
	})
	if err != nil {
		return fmt.Errorf("ask for the instance types of the zones: %w", err)
	}
	offered := map[config.Offering]bool{}
	for i, kind := range found.InstanceTypes {
		offered[config.Offering{Type: kind, Zone: found.Locations[i]}] = true
	}
	s.heavy.pools = map[string]int{}
	var errs []error
	for _, name := range s.NodeGroupNames() {
		pools, err := s.NodeGroups[name].SpotPools(name, s.heavy.zones, offered)
		s.heavy.pools[name] = pools
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// awsVolumeKey is the alias of the key that AWS manages for volumes, which Auto Scaling may use.
const awsVolumeKey = "alias/aws/ebs"

// checkVolumeKey warns where the account encrypts volumes with a key of its own by default: Auto Scaling's
// service-linked role needs a grant for it, or no node starts. Source: "Required AWS KMS key policy for use with
// encrypted volumes".
func (s *Setup) checkVolumeKey(ctx *pulumi.Context) error {
	if s.Cluster.VolumeKey != "" {
		return nil
	}
	key, err := ebs.LookupDefaultKmsKey(ctx)
	if err != nil {
		return ctx.Log.Warn(fmt.Sprintf("cluster.volumeKey: the account's default key of volumes is not checked: %v", err),
			nil)
	}
	if strings.HasSuffix(key.KeyArn, awsVolumeKey) {
		return nil
	}
	return ctx.Log.Warn(fmt.Sprintf("cluster.volumeKey: this account encrypts volumes with %s by default: unless its "+
		"policy admits AWSServiceRoleForAutoScaling, no node starts; name it here, and the stack grants its "+
		"use", key.KeyArn), nil)
}
