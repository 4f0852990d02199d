package config

import (
	"fmt"
	"maps"
	"slices"
)

// Cost is one line of a month's bill, USD.
type Cost struct {
	Item   string
	Amount float64
}

// NodeHour is what a node of a group costs an hour, with its volume, by how it is bought: at the price of the group's
// first instance type; the others have the same size. The error names a type without a price.
func (p Prices) NodeHour(g NodeGroup, bought Capacity) (float64, error) {
	price, ok := p.InstanceHour[g.InstanceTypes[0]]
	if !ok {
		return 0, fmt.Errorf("config/prices.json has no price of %s", g.InstanceTypes[0])
	}
	if bought == Spot {
		price *= p.SpotShare
	}
	return price + float64(g.DiskGB)*p.VolumeGBMonth/HoursPerMonth, nil
}

// StreamHour is what a stream costs an hour in which nothing arrives. What on-demand streams keep for longer than a day,
// and read by fan-out, is billed by the GB. Retention beyond 7 days is billed by the GB too.
func (p Prices) StreamHour(s Stream) float64 {
	if s.Mode == StreamOnDemand {
		return p.KinesisStreamHour
	}
	shard := p.KinesisShardHour
	if s.Retention > hours(24) {
		shard += p.KinesisRetentionShardHour
	}
	if s.FanOut {
		shard += p.KinesisFanOutShardHour
	}
	return float64(s.Shards) * shard
}

// ownKeys are the keys that every stack makes: of alarms and of certificates.
const ownKeys = 2

// IdleCosts is what a month costs in which nothing arrives, by line: those of docs/costs.md, which counts the declared
// resources. A node group whose instance type has no price counts nothing.
func (s *Stack) IdleCosts(p Prices) []Cost {
	watched, keys := 0, ownKeys
	for _, a := range s.Alarms() {
		watched += a.Metrics()
	}
	for _, b := range []Bucket{s.Landing, s.Lake} {
		if b.KMSKey == "" && b.Name == "" {
			keys++
		}
	}
	streams := 0.0
	for _, name := range s.StreamNames() {
		of := s.Segments[name].Stream
		if of.KMSKey == "" {
			keys++
		}
		streams += p.StreamHour(of) * HoursPerMonth
	}
	costs := []Cost{{"alarms", float64(watched)*p.AlarmMonth + float64(len(s.Pages()))*p.CompositeMonth}}
	if s.Backup.Enabled {
		keys++
	}
	if streams > 0 {
		costs = append(costs, Cost{"Kinesis streams", streams})
	}
	if s.Dashboard {
		costs = append(costs, Cost{"dashboard", p.DashboardMonth})
	}
	if s.Cluster.Enabled {
		keys++
		costs = append(costs, s.clusterCosts(p)...)
	}
	if s.GatewayOnCluster() {
		costs = append(costs, Cost{"gateway: load balancer and secret", p.BalancerHour*HoursPerMonth + p.SecretMonth})
	}
	return append(costs, Cost{"KMS keys", float64(keys) * p.KeyMonth})
}

// clusterCosts are those of the control plane, the network and the nodes at the largest minimum of their windows.
func (s *Stack) clusterCosts(p Prices) []Cost {
	costs := []Cost{{"EKS control plane", p.ClusterHour * HoursPerMonth}}
	if s.Network.VPCID == "" {
		gateways := 1
		if s.Network.NAT == PerZoneNAT {
			gateways = s.Network.AvailabilityZones
		}
		endpoints := float64(len(s.Network.Endpoints) * s.Network.AvailabilityZones)
		costs = append(costs,
			Cost{"NAT gateways, with their addresses", float64(gateways) * (p.NATHour + p.PublicAddressHour) * HoursPerMonth},
			Cost{"interface endpoints", endpoints * p.EndpointZoneHour * HoursPerMonth})
	}
	nodes := 0.0
	for _, name := range slices.Sorted(maps.Keys(s.NodeGroups)) {
		g := s.NodeGroups[name]
		least := g.Min
		for _, w := range g.Windows {
			least = max(least, w.Min)
		}
		if hour, err := p.NodeHour(g, g.Capacity); err == nil {
			nodes += float64(least) * hour * HoursPerMonth
		}
	}
	return append(costs, Cost{"nodes, with their volumes", nodes})
}
