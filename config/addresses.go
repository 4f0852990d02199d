package config

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// zoneSlots is the number of zones that a network reserves room for, whatever it uses today: zone ids go up to 6 in the
// largest region, and a power of two keeps the blocks aligned.
const zoneSlots = 8

// The sizes that AWS allows. Source: "VPC CIDR blocks" and "Subnet sizing", November 2026.
const (
	minVPCPrefix, maxVPCPrefix       = 16, 28
	minSubnetPrefix, maxSubnetPrefix = 16, 28
)

// Addresses is the address plan of a network: a private and a public block for each of zoneSlots zones. The private
// blocks come first; what is left behind the public ones is free.
type Addresses struct {
	vpc             netip.Prefix
	public, private int
}

// PlanAddresses lays the subnets out in a block. The error says how large the block must be.
func PlanAddresses(cidr string, public, private int) (Addresses, error) {
	vpc, err := parsePrefix(cidr)
	switch {
	case err != nil || !vpc.Addr().Is4():
		return Addresses{}, fmt.Errorf("%q is not an IPv4 block such as 10.20.0.0/16", cidr)
	case vpc.Bits() < minVPCPrefix || vpc.Bits() > maxVPCPrefix:
		return Addresses{}, fmt.Errorf("%s: AWS takes /%d to /%d", cidr, minVPCPrefix, maxVPCPrefix)
	}
	for _, p := range []int{public, private} {
		if p < minSubnetPrefix || p > maxSubnetPrefix {
			return Addresses{}, fmt.Errorf("subnets of /%d: AWS takes /%d to /%d", p, minSubnetPrefix, maxSubnetPrefix)
		}
	}
	a := Addresses{vpc: vpc, public: public, private: private}
	if need := a.publicOffset() + zoneSlots*blockSize(public); need > blockSize(vpc.Bits()) {
		fits := vpc.Bits()
		for blockSize(fits) < need {
			fits--
		}
		return Addresses{},
			fmt.Errorf("%s is too small for %d private /%d and public /%d subnets: want /%d, or smaller subnets",
				cidr, zoneSlots, private, public, fits)
	}
	return a, nil
}

// parsePrefix is netip.ParsePrefix for blocks that begin on their boundary.
func parsePrefix(cidr string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(cidr)
	if err == nil && p != p.Masked() {
		err = fmt.Errorf("%s begins inside the block %s", cidr, p.Masked())
	}
	return p, err
}

func blockSize(prefix int) int { return 1 << (32 - prefix) }

// publicOffset is where the public blocks begin: behind the private ones, aligned to their own size.
func (a Addresses) publicOffset() int {
	end, size := zoneSlots*blockSize(a.private), blockSize(a.public)
	return (end + size - 1) / size * size
}

// Private is the block of a zone's private subnet.
func (a Addresses) Private(z Zone) netip.Prefix {
	return a.block(z.slot()*blockSize(a.private), a.private)
}

// Public is the block of a zone's public subnet.
func (a Addresses) Public(z Zone) netip.Prefix {
	return a.block(a.publicOffset()+z.slot()*blockSize(a.public), a.public)
}

func (a Addresses) block(offset, prefix int) netip.Prefix {
	base := a.vpc.Addr().As4()
	var at [4]byte
	binary.BigEndian.PutUint32(at[:], binary.BigEndian.Uint32(base[:])+uint32(offset))
	return netip.PrefixFrom(netip.AddrFrom4(at), prefix)
}
