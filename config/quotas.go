package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Need is what a stack with a cluster takes of one of the account's quotas.
type Need struct {
	Service, Code string // as Service Quotas names them
	Name          string // of the quota
	Setting       string // that decides
	// Least is what the stack takes at its smallest; without it, the deployment fails or no work runs. Most is what it
	// takes at its largest.
	Least, Most int
	// Counted says that what others use of the quota can be counted, and so whether the rest is enough.
	Counted bool
}

// Limit is a quota of the account, and how much of it is in use where that can be counted.
type Limit struct{ Value, Used int }

// The quotas' codes. Source: Service Quotas, Amazon EC2 and Amazon VPC, November 2026.
const (
	AddressQuota  = "L-0263D0A3" // elastic IP addresses
	VPCQuota      = "L-F678F1CE"
	spotQuota     = "L-34B43A08" // vCPUs of spot instances of the families A, C, D, H, I, M, R, T, Z
	onDemandQuota = "L-1216C47A" // the same of on-demand instances
)

// Needs lists what the stack's network and nodes take, none for a stack without a cluster.
func (s *Stack) Needs() (needs []Need) {
	if !s.Cluster.Enabled {
		return nil
	}
	if s.Network.VPCID == "" {
		gateways := 1
		if s.Network.NAT == PerZoneNAT {
			gateways = s.Network.AvailabilityZones
		}
		needs = append(needs,
			Need{Service: "ec2", Code: AddressQuota, Name: "elastic IP addresses", Setting: "network.nat",
				Least: gateways, Most: gateways, Counted: true},
			Need{Service: "vpc", Code: VPCQuota, Name: "VPCs", Setting: "network", Least: 1, Most: 1, Counted: true})
	}
	spot := Need{Service: "ec2", Code: spotQuota, Name: "vCPUs of spot instances", Setting: "nodeGroups"}
	onDemand := Need{Service: "ec2", Code: onDemandQuota, Name: "vCPUs of on-demand instances", Setting: "nodeGroups"}
	for _, g := range s.NodeGroups {
		size, err := InstanceSize(g.InstanceTypes[0])
		if err != nil {
			continue // the group's own rules report it
		}
		bought, rest := &onDemand, &onDemand
		if g.Capacity == Spot {
			rest = &spot
		}
		least := max(1, g.Min) // a group that is empty at rest has to have one to work
		bought.Least += min(g.OnDemandBase, least) * size.VCPU
		bought.Most += g.OnDemandBase * size.VCPU
		rest.Least += max(0, least-g.OnDemandBase) * size.VCPU
		rest.Most += (g.Max - g.OnDemandBase) * size.VCPU
	}
	for _, n := range []Need{spot, onDemand} {
		if n.Most > 0 {
			needs = append(needs, n)
		}
	}
	return needs
}

// Check compares what is needed with a quota: an error when the stack could not even start, a warning when it could not
// grow to its largest. exists says that the stack's cluster is there, and what it takes is in use already.
func (n Need) Check(l Limit, exists bool) (warning string, err error) {
	least := n.Least
	inUse := ""
	if n.Counted && !exists && l.Used > 0 {
		least += l.Used
		inUse = fmt.Sprintf(" and %d in use", l.Used)
	}
	raise := func(to int) string {
		return fmt.Sprintf("`aws service-quotas request-service-quota-increase --service-code %s --quota-code %s "+
			"--desired-value %d`", n.Service, n.Code, to)
	}
	switch {
	case least > l.Value:
		return "", fmt.Errorf("%s: the stack needs %d %s; the account's quota is %d%s: lower the setting, or raise the "+
			"quota: %s",
			n.Setting, n.Least, n.Name, l.Value, inUse, raise(least))
	case n.Most > l.Value:
		return fmt.Sprintf("%s: at its largest the stack takes %d %s, and the account's quota is %d: it stops growing "+
			"there; %s",
			n.Setting, n.Most, n.Name, l.Value, raise(n.Most)), nil
	default:
		return "", nil
	}
}

// Offering is an instance type that EC2 has in a zone, by its id.
type Offering struct{ Type, Zone string }

// SpotPools counts the capacity pools of a group: pairs of a zone and an instance type that EC2 has. The error names
// those that it does not have, when too few are left.
func (g NodeGroup) SpotPools(name string, zones []Zone, offered map[Offering]bool) (int, error) {
	pools, missing := 0, []string{}
	for _, kind := range g.InstanceTypes {
		for _, z := range zones {
			if offered[Offering{kind, z.ID}] {
				pools++
			} else {
				missing = append(missing, kind+" in "+z.ID)
			}
		}
	}
	path := below("nodeGroups", name)
	switch {
	case pools == 0:
		return 0, fmt.Errorf("%s.instanceTypes: EC2 has none of them in these zones", path)
	case g.Capacity == Spot && pools < g.MinCapacityPools:
		return pools, fmt.Errorf("%s.instanceTypes: %d spot capacity pools, below %s.minCapacityPools, %d: EC2 has no %s: "+
			"add types of the same size, or zones", path, pools, path, g.MinCapacityPools, strings.Join(missing, ", "))
	}
	return pools, nil
}

// CheckSubnets checks the subnets of an existing network: their VPC, and enough zones in which EKS can run.
func (n Network) CheckSubnets(private []Subnet, all []Subnet) ([]Zone, error) {
	var errs []error
	for _, s := range all {
		if s.VPCID != n.VPCID {
			errs = append(errs, fmt.Errorf("network.vpc: %s: subnet %s is in %s", n.VPCID, s.ID, s.VPCID))
		}
	}
	var zones []Zone
	for _, s := range private {
		z := Zone{ID: s.Zone}
		switch {
		case slices.Contains(refusedZones, s.Zone) || !zoneID.MatchString(s.Zone):
			errs = append(errs, fmt.Errorf("network.privateSubnets: EKS cannot use zone %s of %s", s.Zone, s.ID))
		case slices.Contains(zones, z):
			errs = append(errs, fmt.Errorf("network.privateSubnets: %s is the second subnet in zone %s: want one a zone", s.ID,
				s.Zone))
		default:
			zones = append(zones, z)
		}
	}
	return zones, errors.Join(errs...)
}

// Subnet is a subnet that exists.
type Subnet struct{ ID, VPCID, Zone string }
