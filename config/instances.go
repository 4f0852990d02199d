package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Size is what a node of an instance type offers.
type Size struct {
	VCPU         int
	MemoryGiB    int
	Architecture Architecture
}

func (s Size) String() string {
	return fmt.Sprintf("%d vCPU, %d GiB, %s", s.VCPU, s.MemoryGiB, s.Architecture)
}

var (
	instanceType = regexp.MustCompile(`^([cmr])([5-9])([a-z]*)(-flex)?\.(medium|large|([0-9]*)xlarge)$`)
	// gibPerVCPU of the families, from generation 5 on. Source: "Amazon EC2 instance types", November 2026.
	gibPerVCPU = map[string]int{"c": 2, "m": 4, "r": 8}
)

// InstanceSize gives the size of an instance type of the families c, m and r from generation 5 on, which follows from its
// name. The odd one out, c5n with 2.625 GiB per vCPU, and everything else are errors: a group of unknown size could not
// be checked.
func InstanceSize(name string) (Size, error) {
	m := instanceType.FindStringSubmatch(name)
	if m == nil || m[1]+m[2]+m[3] == "c5n" {
		return Size{}, fmt.Errorf("%q: want a c, m or r type of generation 5 or later, such as m7g.large: other sizes are unknown", name)
	}
	s := Size{Architecture: AMD64}
	if strings.HasPrefix(m[3], "g") { // Graviton; other attributes stand behind it
		s.Architecture = ARM64
	}
	switch m[5] {
	case "medium":
		s.VCPU = 1
	case "large":
		s.VCPU = 2
	default:
		s.VCPU = 4
		if m[6] != "" {
			n, err := strconv.Atoi(m[6])
			if err != nil || n < 2 {
				return Size{}, fmt.Errorf("%q: no such size", name)
			}
			s.VCPU = 4 * n
		}
	}
	s.MemoryGiB = s.VCPU * gibPerVCPU[m[1]]
	return s, nil
}

// CapacityPools is the number of pools that spot instances of a group come from: one for each zone and type.
func CapacityPools(zones, instanceTypes int) int { return zones * instanceTypes }
