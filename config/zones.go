package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// MinZones is the fewest availability zones that a cluster spreads over.
const MinZones = 4

// Zone is an availability zone. Names differ from account to account; ids do not.
type Zone struct {
	Name string // such as us-east-1a
	ID   string // such as use1-az4
}

var zoneID = regexp.MustCompile(`^[a-z0-9]+-az[1-8]$`)

// slot is the position of a zone of ChooseZones in the address plan: a zone keeps its addresses when others come and
// go.
func (z Zone) slot() int { return int(z.ID[len(z.ID)-1] - '1') }

// refusedZones cannot hold the subnets of an EKS control plane. Source: "Amazon EKS networking requirements for VPC and
// subnets", November 2026.
var refusedZones = []string{"use1-az3", "usw1-az2", "cac1-az3"}

// RegionsWithZones are the regions with at least MinZones usable zones, with their numbers.
var RegionsWithZones = map[string]int{"us-east-1": 5, "us-west-2": 4, "ap-northeast-2": 4}

// ChooseZones picks n of a region's zones by id, always the same ones. The error says how many are usable, and lists
// regions that have enough.
func ChooseZones(region string, available []Zone, n int) ([]Zone, error) {
	usable := slices.DeleteFunc(slices.Clone(available), func(z Zone) bool {
		return slices.Contains(refusedZones, z.ID) || !zoneID.MatchString(z.ID) // the others are local and wavelength zones
	})
	slices.SortFunc(usable, func(a, b Zone) int { return cmp.Compare(a.ID, b.ID) })
	if len(usable) < n {
		var enough []string
		for name, zones := range RegionsWithZones {
			if zones >= n && name != region {
				enough = append(enough, name)
			}
		}
		slices.Sort(enough)
		advice := "no region is known to have that many: lower it"
		if len(enough) > 0 {
			advice = "choose one of " + strings.Join(enough, ", ")
		}
		return nil, fmt.Errorf("network.availabilityZones: %d: %s has %d that EKS can use; %s", n, region, len(usable),
			advice)
	}
	return usable[:n], nil
}

// KeepZones are the zones of a cluster that exists, which EKS never changes: it takes no subnet in another zone, and a
// network cannot leave one in which the control plane has an interface. The error says how many there are. Source:
// "Amazon EKS networking requirements for VPC and subnets".
func KeepZones(cluster string, live []string, available []Zone, n int) ([]Zone, error) {
	if len(live) != n {
		return nil, fmt.Errorf("network.availabilityZones: %d: the cluster %s has the zones %s, and EKS does not change the "+
			"zones of a cluster: want %d, or a new cluster in another stack", n, cluster, strings.Join(live, ", "), len(live))
	}
	var kept []Zone
	for _, z := range available {
		if slices.Contains(live, z.ID) {
			kept = append(kept, z)
		}
	}
	if len(kept) != n {
		return nil, fmt.Errorf("network.availabilityZones: the cluster %s has the zones %s, of which only %d are "+
			"available now", cluster, strings.Join(live, ", "), len(kept))
	}
	slices.SortFunc(kept, func(a, b Zone) int { return cmp.Compare(a.ID, b.ID) })
	return kept, nil
}
