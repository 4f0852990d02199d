package config

import (
	"maps"
	"slices"

	"dip/contract"
)

// Names of the default node groups.
const (
	servicesGroup = "services" // controllers and add-ons
	baseGroup     = "base"     // on-demand nodes for one of the two pods of each controller, in prod
	batchGroup    = "batch"    // workers and restage jobs
)

// platform fills in the defaults of network, cluster and node groups.
func (s *Stack) platform() {
	e := s.Environment
	hosted := slices.Contains([]Environment{Dev, Staging, Prod}, e)
	s.Network = Network{
		CIDR: pick(e, "", "10.20.0.0/16", "10.30.0.0/16", "10.40.0.0/16"), AvailabilityZones: pick(e, 0, 4, 4, 5),
		PublicPrefix: 24, PrivatePrefix: 20, NAT: pick(e, SingleNAT, SingleNAT, SingleNAT, PerZoneNAT),
		// An endpoint costs more than it saves unless much goes through it: see docs/costs.md.
		Endpoints:   pick(e, nil, []string{}, []string{}, []string{"sqs", "sts", "ecr.api", "ecr.dkr", "logs"}),
		FlowLogDays: pick(e, 0, 7, 14, 30),
	}
	s.Gateway, s.Maintenance = gatewayDefaults(e), maintenanceDefaults(e)
	s.Cluster = Cluster{
		Enabled: hosted, Version: defaultKubernetes, LogDays: logRetention(e), Protect: e == Prod, DigestsOnly: e == Prod,
		Workers: Workers{
			Group: batchGroup, MilliCPU: pick(e, 0, 900, 1800, 1800), MemoryMB: pick(e, 0, 1536, 3072, 3072),
			Slots: pick(e, 1, 1, 2, 2),
			Min:   pick(e, 0, 0, 0, 1), Max: pick(e, 0, 8, 20, 60), ChunksPerPod: 4,
			Lease: seconds(60), Grace: seconds(60), MaxUnavailablePercent: 25,
		},
		Restage: Restage{
			Group: batchGroup, MilliCPU: pick(e, 0, 900, 1800, 1800), MemoryMB: pick(e, 0, 1024, 2048, 2048),
			Max:      pick(e, 0, 4, 10, 20),
			Deadline: hours(12), Lease: minutes(2), KeepDays: pick(e, 1, 14, 14, 14),
		},
	}
	if !hosted {
		return
	}
	services := nodeGroupDefaults(e)
	services.Min, services.Max = 2, pick(e, 0, 4, 6, 12)
	batch := nodeGroupDefaults(e)
	batch.Kind, batch.Dedicated = Batch, true
	batch.Min, batch.Max, batch.OnDemandBase = 0, pick(e, 0, 8, 16, 60), pick(e, 0, 0, 0, 2)
	if e == Prod { // the others sleep
		services.Windows = []Window{
			{Name: "peak", Start: "0 6 * * 1-5", Min: 3}, {Name: "off-hours", Start: "0 20 * * 1-5", Min: 2},
		}
	}
	s.NodeGroups = map[string]NodeGroup{servicesGroup: services, batchGroup: batch}
	if e == Prod {
		base := nodeGroupDefaults(e)
		base.Capacity, base.Min, base.Max = OnDemand, 1, 2
		s.NodeGroups[baseGroup] = base
	}
}

// instanceTypes are those of a group that names none: 2 vCPU and 8 GiB for services, 4 vCPU and 8 GiB for batch work.
var instanceTypes = map[Kind]map[Architecture][]string{
	Managed: {
		ARM64: {"m7g.large", "m6g.large", "m8g.large", "m7gd.large"},
		AMD64: {"m7i.large", "m6i.large", "m7a.large", "m6a.large"},
	},
	Batch: {
		ARM64: {"c7g.xlarge", "c6g.xlarge", "c8g.xlarge", "c7gd.xlarge", "c6gd.xlarge", "c7gn.xlarge"},
		AMD64: {"c7i.xlarge", "c6i.xlarge", "c7a.xlarge", "c6a.xlarge", "c5.xlarge", "c5a.xlarge"},
	},
}

// nodeGroupDefaults are those of every group; what depends on its kind is derived.
func nodeGroupDefaults(e Environment) NodeGroup {
	return NodeGroup{
		Kind: Managed, Capacity: Spot, MinCapacityPools: pick(e, 0, 12, 16, 20), Max: 4, Asleep: 1, DiskGB: 50,
		Escalator: Escalator{
			ScaleUpPercent: 70, TaintUpperPercent: 40, TaintLowerPercent: 10, SlowRemoval: 1, FastRemoval: 2,
			CoolDown: minutes(2), SoftDeleteGrace: minutes(5), HardDeleteGrace: hours(24),
		},
	}
}

// derivePlatform fills in what depends on other settings.
func (s *Stack) derivePlatform() {
	if s.Network.VPCID != "" && len(s.Network.PrivateSubnets) >= MinZones {
		s.Network.AvailabilityZones = len(s.Network.PrivateSubnets)
	}
	if s.Cluster.Enabled {
		s.Cluster.Autoscaler = orElse(s.Cluster.Autoscaler, AutoscalerFor(s.Cluster.Version))
		all := map[string]string{}
		for _, name := range defaultAddOns {
			all[name] = DefaultAddOn
		}
		maps.Copy(all, s.Cluster.AddOns)
		s.Cluster.AddOns = all
	}
	for name, g := range s.NodeGroups {
		if g.InstanceTypes == nil {
			g.InstanceTypes = instanceTypes[g.Kind][s.Architecture]
		}
		if g.Kind == Batch {
			g.Scaler, g.Interruptions = orElse(g.Scaler, EscalatorScaler), orElse(g.Interruptions, ByIMDS)
		} else {
			g.Scaler, g.Interruptions = orElse(g.Scaler, ClusterAutoscaler), orElse(g.Interruptions, ByEKS)
		}
		for i := range g.Windows {
			g.Windows[i].TimeZone = orElse(g.Windows[i].TimeZone, "UTC")
		}
		s.NodeGroups[name] = g
	}
	for i := range s.Maintenance.Windows {
		s.Maintenance.Windows[i].TimeZone = orElse(s.Maintenance.Windows[i].TimeZone, "UTC")
	}
	for name, segment := range s.Segments {
		segment.Lane = orElse(segment.Lane, contract.Functions)
		s.Segments[name] = segment
	}
	s.deriveGateway()
}
