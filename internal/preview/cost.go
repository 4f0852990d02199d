package preview

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"dip/config"
)

// Line is a line of a month's bill in which nothing arrives, USD.
type Line struct {
	Item   string  `json:"item"`
	Before float64 `json:"before"`
	After  float64 `json:"after"`
}

// Cost is what a stack costs at rest.
type Cost struct {
	Prices string  `json:"pricesOf"` // date
	Region string  `json:"region"`   // of the prices
	Lines  []Line  `json:"lines"`    // what changes most first
	Before float64 `json:"before"`   // the sum
	After  float64 `json:"after"`
}

// Types of what costs by the hour or month. A cluster is one component of pulumi-eks.
const (
	clusterType  = "eks:index:Cluster"
	gatewayType  = "aws:ec2/natGateway:NatGateway"
	endpointType = "aws:ec2/vpcEndpoint:VpcEndpoint"
	keyType      = "aws:kms/key:Key"
	alarmType    = "aws:cloudwatch/metricAlarm:MetricAlarm"
	pageType     = "aws:cloudwatch/compositeAlarm:CompositeAlarm"
	boardType    = "aws:cloudwatch/dashboard:Dashboard"
	managedType  = "aws:eks/nodeGroup:NodeGroup"
	scalingType  = "aws:autoscaling/group:Group"
	windowType   = "aws:autoscaling/schedule:Schedule"
	templateType = "aws:ec2/launchTemplate:LaunchTemplate"
	streamType   = "aws:kinesis/stream:Stream"
	balancerType = "aws:lb/loadBalancer:LoadBalancer"
	secretType   = "aws:secretsmanager/secret:Secret"
	fanOutType   = "aws:kinesis/streamConsumer:StreamConsumer"
)

// Items of a bill, in its order.
const (
	itemCluster   = "EKS control plane"
	itemGateways  = "NAT gateways, with their addresses"
	itemEndpoints = "interface endpoints"
	itemNodes     = "nodes, with their volumes"
	itemKeys      = "KMS keys"
	itemAlarms    = "alarms"
	itemDashboard = "dashboard"
	itemStreams   = "Kinesis streams"
	itemGateway   = "gateway: load balancer and secret"
)

var items = []string{itemCluster, itemGateways, itemEndpoints, itemNodes, itemKeys, itemAlarms, itemDashboard,
	itemStreams, itemGateway}

// Idle is what resources cost a month in which nothing arrives, USD, by item: what config.Stack.IdleCosts counts from
// the settings. An instance type without a price counts nothing.
func Idle(states []State, p config.Prices) map[string]float64 {
	bill, groups := map[string]float64{}, map[string]*nodes{}
	streams := map[string]*config.Stream{} // by parent
	for _, s := range states {
		switch s.Type {
		case clusterType:
			bill[itemCluster] += p.ClusterHour * config.HoursPerMonth
		case gatewayType:
			bill[itemGateways] += (p.NATHour + p.PublicAddressHour) * config.HoursPerMonth
		case endpointType:
			if s.Inputs["vpcEndpointType"] == "Interface" {
				bill[itemEndpoints] += float64(s.length("subnetIds")) * p.EndpointZoneHour * config.HoursPerMonth
			}
		case keyType:
			bill[itemKeys] += p.KeyMonth
		case alarmType:
			bill[itemAlarms] += float64(s.metrics()) * p.AlarmMonth
		case pageType:
			bill[itemAlarms] += p.CompositeMonth
		case boardType:
			bill[itemDashboard] += p.DashboardMonth
		case balancerType:
			bill[itemGateway] += p.BalancerHour * config.HoursPerMonth
		case secretType:
			bill[itemGateway] += p.SecretMonth
		case streamType, fanOutType:
			if streams[s.Parent] == nil {
				streams[s.Parent] = &config.Stream{}
			}
			s.addTo(streams[s.Parent])
		case managedType, scalingType, windowType, templateType:
			if groups[s.Parent] == nil {
				groups[s.Parent] = &nodes{}
			}
			groups[s.Parent].add(s)
		}
	}
	for _, parent := range slices.Sorted(maps.Keys(streams)) {
		bill[itemStreams] += p.StreamHour(*streams[parent]) * config.HoursPerMonth
	}
	for _, parent := range slices.Sorted(maps.Keys(groups)) {
		g := groups[parent]
		if hour, err := p.NodeHour(g.group(), g.bought); err == nil {
			bill[itemNodes] += g.least * hour * config.HoursPerMonth
		}
	}
	return bill
}

// length counts the elements of a list, those that are not known yet too.
func (s State) length(name string) int {
	list, _ := s.Inputs[name].([]any)
	return max(len(list), len(s.Dependencies[name]))
}

// metrics counts the metrics that an alarm watches: expressions cost nothing.
func (s State) metrics() (n int) {
	queries, _ := s.Inputs["metricQueries"].([]any)
	for _, q := range queries {
		if query, ok := q.(map[string]any); ok && query["metric"] != nil {
			n++
		}
	}
	return max(1, n)
}

// addTo adds what a stream costs by: its own settings, or that it is read with fan-out.
func (s State) addTo(stream *config.Stream) {
	if s.Type == fanOutType {
		stream.FanOut = true
		return
	}
	number := func(path string) float64 { n, _ := lookUp(s.Inputs, path).(float64); return n }
	stream.Mode, stream.Shards = config.StreamProvisioned, int(number("shardCount"))
	if lookUp(s.Inputs, "streamModeDetails.streamMode") == config.StreamOnDemand.API() {
		stream.Mode = config.StreamOnDemand
	}
	stream.Retention = config.Duration(number("retentionPeriod")) * config.Duration(time.Hour)
}

// nodes are a node group: its resources are the children of one component.
type nodes struct {
	kind   string
	bought config.Capacity
	diskGB float64
	least  float64 // the largest minimum of its windows
}

func (g *nodes) group() config.NodeGroup {
	return config.NodeGroup{InstanceTypes: []string{g.kind}, DiskGB: int(g.diskGB)}
}

func (g *nodes) add(s State) {
	at := func(path string) any { return lookUp(s.Inputs, path) }
	number := func(path string) float64 { n, _ := at(path).(float64); return n }
	text := func(path string) string { t, _ := at(path).(string); return t }
	switch s.Type {
	case managedType:
		g.kind, g.bought = text("instanceTypes[0]"), config.OnDemand
		if text("capacityType") == "SPOT" {
			g.bought = config.Spot
		}
		g.least = max(g.least, number("scalingConfig.minSize"))
	case scalingType:
		g.kind, g.bought = text("mixedInstancesPolicy.launchTemplate.overrides[0].instanceType"), config.Spot
		if number("mixedInstancesPolicy.instancesDistribution.onDemandPercentageAboveBaseCapacity") == 100 {
			g.bought = config.OnDemand
		}
		g.least = max(g.least, number("minSize"))
	case windowType:
		g.least = max(g.least, number("minSize"))
	case templateType:
		g.diskGB = number("blockDeviceMappings[0].ebs.volumeSize")
	}
}

// cost compares the resources before and after. It needs the unchanged ones, which `--show-sames` lists: without them,
// and of a preview that stopped, there is none.
func (d Document) cost(p config.Prices) *Cost {
	before, after := map[string]State{}, map[string]State{}
	same := 0
	for _, s := range d.Steps {
		if s.Op == "same" {
			same++
		}
		if s.Old != nil {
			before[s.URN] = *s.Old
		}
		if s.New != nil && actions[s.Op] != "" {
			after[s.URN] = *s.New
		}
	}
	if same < d.Summary["same"] || len(d.problems("error")) > 0 {
		return nil
	}
	return compare(sorted(before), sorted(after), p)
}

// sorted are states in an order that is always the same, so that sums are too.
func sorted(m map[string]State) (list []State) {
	for _, urn := range slices.Sorted(maps.Keys(m)) {
		list = append(list, m[urn])
	}
	return list
}

func compare(before, after []State, p config.Prices) *Cost {
	c := &Cost{Prices: p.Date, Region: p.Region}
	then, now := Idle(before, p), Idle(after, p)
	for _, item := range items {
		if line := (Line{item, then[item], now[item]}); line.Before != 0 || line.After != 0 {
			c.Lines = append(c.Lines, line)
			c.Before, c.After = c.Before+line.Before, c.After+line.After
		}
	}
	slices.SortStableFunc(c.Lines, func(a, b Line) int { return cmp.Compare(b.change(), a.change()) })
	return c
}

// change is how much a line changes, either way.
func (l Line) change() float64 { return max(l.After-l.Before, l.Before-l.After) }
