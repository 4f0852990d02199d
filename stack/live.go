package stack

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/eks"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/config"
)

// live is the stack's cluster as EKS has it before the deployment. The zero value: there is none.
type live struct {
	name    string
	version string   // Kubernetes minor
	zones   []string // ids of the zones of its subnets
	role    string   // ARN of the control plane's
}

// findCluster asks EKS for the stack's cluster.
func (s *Setup) findCluster(ctx *pulumi.Context) (live, error) {
	all, err := eks.GetClusters(ctx)
	if err != nil {
		return live{}, fmt.Errorf("ask for the clusters: %w", err)
	}
	for _, name := range all.Names {
		if !config.IsClusterOf(s.NamePrefix, s.Name, name) {
			continue
		}
		c, err := eks.LookupCluster(ctx, &eks.LookupClusterArgs{Name: name})
		if err != nil {
			return live{}, fmt.Errorf("ask for the cluster %s: %w", name, err)
		}
		if c.Tags["dip:stack"] != s.Name || c.Status == "DELETING" {
			continue
		}
		zones, err := zonesOf(ctx, c.VpcConfig.SubnetIds)
		return live{name: name, version: c.Version, zones: zones, role: c.RoleArn}, err
	}
	return live{}, nil
}

func zonesOf(ctx *pulumi.Context, subnets []string) (zones []string, err error) {
	found, err := lookUp(ctx, subnets)
	for _, subnet := range found {
		zones = append(zones, subnet.Zone)
	}
	slices.Sort(zones)
	return slices.Compact(zones), err
}

func lookUp(ctx *pulumi.Context, subnets []string) (found []config.Subnet, err error) {
	for _, id := range subnets {
		subnet, err := ec2.LookupSubnet(ctx, &ec2.LookupSubnetArgs{Id: &id})
		if err != nil {
			return nil, fmt.Errorf("ask for the subnet %s: %w", id, err)
		}
		found = append(found, config.Subnet{ID: id, VPCID: subnet.VpcId, Zone: subnet.AvailabilityZoneId})
	}
	return found, nil
}

// existingZones are the zones of the private subnets of an existing network, once all of it is checked.
func (s *Setup) existingZones(ctx *pulumi.Context) ([]config.Zone, error) {
	private, err := lookUp(ctx, s.Network.PrivateSubnets)
	if err != nil {
		return nil, err
	}
	public, err := lookUp(ctx, s.Network.PublicSubnets)
	if err != nil {
		return nil, err
	}
	return s.Network.CheckSubnets(private, slices.Concat(private, public))
}

// checkCluster checks what EKS would refuse of this deployment, and says what it would do without a word: raise the
// price of an old version, and make whoever creates the cluster its only administrator.
func (s *Setup) checkCluster(ctx *pulumi.Context, now live, caller string, today time.Time) error {
	warning, err := s.Cluster.CheckSupport(today)
	if warning != "" {
		err = errors.Join(err, ctx.Log.Warn(warning, nil))
	}
	if moving := s.Cluster.Undigested(); len(moving) > 0 {
		err = errors.Join(err, ctx.Log.Warn(fmt.Sprintf("cluster.images: %s: named by tags alone, which may move: "+
			"`make digests` prints their digests", strings.Join(moving, ", ")), nil))
	}
	if now.name != "" {
		return errors.Join(err, s.Cluster.CheckUpgrade(now.version), s.CheckClusterRole(now.role))
	}
	if refused := s.Cluster.CheckCreator(caller); refused != nil {
		return errors.Join(err, refused)
	}
	return errors.Join(err, ctx.Log.Info(fmt.Sprintf("the cluster will have one administrator, who creates it: %s. "+
		"Deploy with the same role from now on, or list others in cluster.access", caller), nil))
}

// chooseZones keeps the zones of the cluster that exists, and chooses those of a new one: of its existing network, or
// of the region.
func (s *Setup) chooseZones(ctx *pulumi.Context, now live) ([]config.Zone, error) {
	if s.Network.VPCID != "" {
		return s.existingZones(ctx)
	}
	state := "available"
	zones, err := aws.GetAvailabilityZones(ctx, &aws.GetAvailabilityZonesArgs{State: &state})
	if err != nil {
		return nil, fmt.Errorf("ask for the availability zones: %w", err)
	}
	var available []config.Zone
	for i, id := range zones.ZoneIds {
		available = append(available, config.Zone{Name: zones.Names[i], ID: id})
	}
	if now.name != "" {
		return config.KeepZones(now.name, now.zones, available, s.Network.AvailabilityZones)
	}
	return config.ChooseZones(s.Region, available, s.Network.AvailabilityZones)
}

// resolveAddOns asks EKS which version of each add-on is the default for the Kubernetes minor, where the settings name
// none.
func (s *Setup) resolveAddOns(ctx *pulumi.Context) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(s.Cluster.AddOns)) {
		if s.Cluster.AddOns[name] != config.DefaultAddOn {
			continue
		}
		found, err := eks.GetAddonVersion(ctx, &eks.GetAddonVersionArgs{
			AddonName: name, KubernetesVersion: s.Cluster.Version,
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("cluster.addOns.%s: ask EKS for its default version for Kubernetes %s: %w", name,
				s.Cluster.Version, err))
			continue
		}
		s.Cluster.AddOns[name] = found.Version
	}
	return errors.Join(errs...)
}
