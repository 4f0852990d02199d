package config

import (
	"strings"
	"testing"
)

func needs(t *testing.T, environment, members string) map[string]Need {
	t.Helper()
	all := map[string]Need{}
	for _, n := range mustParse(t, stack(environment, members, "")).Needs() {
		all[n.Code] = n
	}
	return all
}

func TestNeeds(t *testing.T) {
	prod := needs(t, "prod", "")
	for code, want := range map[string][2]int{
		AddressQuota: {5, 5}, VPCQuota: {1, 1},
		// services 2 to 12 x 2 vCPUs; batch 0 to 58 x 4 beside 2 on-demand, which come first.
		spotQuota: {4, 24 + 232}, onDemandQuota: {2 + 4, 4 + 8},
	} {
		if n := prod[code]; n.Least != want[0] || n.Most != want[1] {
			t.Errorf("prod needs %d to %d of %s, want %v", n.Least, n.Most, code, want)
		}
	}
	dev := needs(t, "dev", "")
	if n := dev[spotQuota]; n.Least != 2*2+4 || n.Most != 4*2+8*4 || dev[AddressQuota].Least != 1 {
		t.Errorf("dev needs %+v", dev)
	}
	if _, ok := dev[onDemandQuota]; ok {
		t.Error("dev needs on-demand instances")
	}
	existing := `"network": {"vpc": "vpc-01234567", "privateSubnets": ["subnet-01234561", "subnet-01234562", ` +
		`"subnet-01234563", "subnet-01234564"]}`
	if n := needs(t, "dev", existing); n[VPCQuota].Least != 0 || n[AddressQuota].Least != 0 {
		t.Errorf("with an existing network it needs %+v", n)
	}
	if n := needs(t, "local", ""); len(n) != 0 {
		t.Errorf("local needs %+v", n)
	}
}

func TestNeedAgainstQuota(t *testing.T) {
	addresses := Need{Service: "ec2", Code: AddressQuota, Name: "elastic IP addresses", Setting: "network.nat", Least: 5,
		Most: 5, Counted: true}
	vcpus := Need{Service: "ec2", Code: spotQuota, Name: "vCPUs of spot instances", Setting: "nodeGroups", Least: 8,
		Most: 40}
	for _, c := range []struct {
		need         Need
		limit        Limit
		exists       bool
		warning, err string
	}{
		{need: addresses, limit: Limit{5, 0}},
		{need: addresses, limit: Limit{5, 5}, exists: true},
		{need: addresses, limit: Limit{5, 1}, err: "network.nat: the stack needs 5 elastic IP addresses; the account's " +
			"quota is 5 and 1 in use: lower the setting, or raise the quota: `aws service-quotas " +
			"request-service-quota-increase " +
			"--service-code ec2 --quota-code L-0263D0A3 --desired-value 6`"},
		{need: vcpus, limit: Limit{40, 0}},
		{need: vcpus, limit: Limit{32, 0}, warning: "nodeGroups: at its largest the stack takes 40 vCPUs of spot instances"},
		{need: vcpus, limit: Limit{5, 0},
			err: "nodeGroups: the stack needs 8 vCPUs of spot instances; the account's quota is 5"},
	} {
		warning, err := c.need.Check(c.limit, c.exists)
		if !strings.HasPrefix(warning, c.warning) || (warning == "") != (c.warning == "") {
			t.Errorf("%+v: warns %q", c.limit, warning)
		}
		if (err == nil) != (c.err == "") || err != nil && !strings.HasPrefix(err.Error(), c.err) {
			t.Errorf("%+v: %v", c.limit, err)
		}
	}
}

// A pool counts where EC2 has the type.
func TestSpotPools(t *testing.T) {
	g := NodeGroup{Capacity: Spot, InstanceTypes: []string{"m7g.large", "m8g.large"}, MinCapacityPools: 3}
	two := zones("use1-az1", "use1-az2")
	offered := map[Offering]bool{{"m7g.large", "use1-az1"}: true, {"m7g.large", "use1-az2"}: true,
		{"m8g.large", "use1-az1"}: true}
	if n, err := g.SpotPools("g", two, offered); n != 3 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	delete(offered, Offering{"m8g.large", "use1-az1"})
	_, err := g.SpotPools("g", two, offered)
	const want = "nodeGroups.g.instanceTypes: 2 spot capacity pools, below nodeGroups.g.minCapacityPools, 3: EC2 has no " +
		"m8g.large in use1-az1, m8g.large in use1-az2: add types of the same size, or zones"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	g.Capacity = OnDemand
	if n, err := g.SpotPools("g", two, offered); n != 2 || err != nil {
		t.Errorf("on-demand: %d %v", n, err)
	}
	if _, err := g.SpotPools("g", two, nil); err == nil || !strings.Contains(err.Error(), "has none of them") {
		t.Errorf("nothing offered: %v", err)
	}
}

func TestCheckSubnets(t *testing.T) {
	n := Network{VPCID: "vpc-1"}
	in := func(id, vpc, zone string) Subnet { return Subnet{ID: id, VPCID: vpc, Zone: zone} }
	private := []Subnet{in("a", "vpc-1", "use1-az1"), in("b", "vpc-1", "use1-az2")}
	if zones, err := n.CheckSubnets(private, private); err != nil || len(zones) != 2 || zones[1].ID != "use1-az2" {
		t.Errorf("%v %v", zones, err)
	}
	wrong := append(private, in("c", "vpc-2", "use1-az3"), in("d", "vpc-1", "use1-az1"))
	_, err := n.CheckSubnets(wrong, wrong)
	for _, want := range []string{
		"network.vpc: vpc-1: subnet c is in vpc-2", "network.privateSubnets: EKS cannot use zone use1-az3 of c",
		"network.privateSubnets: d is the second subnet in zone use1-az1",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
