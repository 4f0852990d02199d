package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"dip/contract"
)

var (
	// endpoint is the service part of an interface endpoint's name.
	endpoint     = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*$`)
	addOnVersion = regexp.MustCompile(`^v[0-9]+\.[0-9]+\.[0-9]+-eksbuild\.[0-9]+$`)
	keyARN       = regexp.MustCompile(`^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/.+$`)
	principalARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/.+$`)
)

// NodeGroupNames lists the node groups in order.
func (s *Stack) NodeGroupNames() []string { return slices.Sorted(maps.Keys(s.NodeGroups)) }

func (s *Stack) validatePlatform(found *problems) {
	for _, name := range s.SegmentNames() {
		if s.Segments[name].Lane == contract.Workers && !s.Cluster.Enabled {
			found.add("segments."+name+".lane", "workers run on the cluster, but cluster.enabled is false")
		}
	}
	if !s.Cluster.Enabled {
		return
	}
	s.validateNetwork(found)
	s.validateCluster(found)
	s.validateWorkers(found)
	s.validateRestage(found)
	for _, name := range s.NodeGroupNames() {
		s.validateNodeGroup(name, s.NodeGroups[name], found)
	}
	s.validateInterruptions(found)
	s.validateHome(found)
}

func (s *Stack) validateNetwork(found *problems) {
	n := s.Network
	n.validateExisting(found)
	if n.VPCID != "" {
		return
	}
	if _, err := PlanAddresses(n.CIDR, n.PublicPrefix, n.PrivatePrefix); err != nil {
		found.add("network.cidr", "%v", err)
	}
	for i, name := range n.Endpoints {
		path := fmt.Sprintf("network.endpoints[%d]", i)
		switch {
		case !endpoint.MatchString(name):
			found.add(path, "%q: want the service part of an endpoint's name, such as sqs or ecr.api", name)
		case name == "s3" || name == "dynamodb":
			found.add(path, "%q always has a gateway endpoint, which is free", name)
		case slices.Contains(n.Endpoints[:i], name):
			found.add(path, "%q is listed twice", name)
		}
	}
	if n.FlowLogDays != 0 && !slices.Contains(logRetentionDays, n.FlowLogDays) {
		found.add("network.flowLogDays", "%d: CloudWatch keeps logs for one of %v days; 0 disables flow logs", n.FlowLogDays,
			logRetentionDays)
	}
}

var (
	vpcID    = regexp.MustCompile(`^vpc-[0-9a-f]{8,17}$`)
	subnetID = regexp.MustCompile(`^subnet-[0-9a-f]{8,17}$`)
)

// validateExisting checks the parts of an existing network that config knows; what EC2 knows is checked by
// CheckSubnets.
func (n Network) validateExisting(found *problems) {
	if n.VPCID != "" && !vpcID.MatchString(n.VPCID) {
		found.add("network.vpc", "%q is not the id of a VPC, such as vpc-0123456789abcdef0", n.VPCID)
	}
	if n.VPCID != "" && len(n.PrivateSubnets) < MinZones {
		found.add("network.privateSubnets", "%d: an existing VPC needs at least %d, one a zone", len(n.PrivateSubnets),
			MinZones)
	}
	for key, list := range map[string][]string{
		"network.privateSubnets": n.PrivateSubnets, "network.publicSubnets": n.PublicSubnets,
	} {
		if n.VPCID == "" && len(list) > 0 {
			found.add(key, "only an existing VPC has them: set network.vpc")
		}
		for i, id := range list {
			if path := fmt.Sprintf("%s[%d]", key, i); !subnetID.MatchString(id) {
				found.add(path, "%q is not the id of a subnet, such as subnet-0123456789abcdef0", id)
			} else if slices.Contains(list[:i], id) {
				found.add(path, "%s is listed twice", id)
			}
		}
	}
}

func (s *Stack) validateCluster(found *problems) {
	c := s.Cluster
	if _, ok := kubernetes[c.Version]; !ok {
		found.add("cluster.version", "%q: want a version that EKS supports and this project knows: %s", c.Version,
			strings.Join(KubernetesVersions(), ", "))
	} else if Minor(c.Autoscaler) != c.Version {
		found.add("cluster.autoscaler", "%s: want the minor of cluster.version, %s: it simulates that version's scheduler",
			c.Autoscaler, c.Version)
	}
	if len(c.PublicCIDRs) == 0 && !c.PrivateAccess {
		found.add("cluster.publicCidrs", "none: the cluster's endpoint is private, so that the first up fails at the first "+
			"Kubernetes object, and destroy too, unless the deployer is connected to the VPC: want the addresses from which "+
			"you deploy, such as 203.0.113.7/32, or cluster.privateAccess: true for a deployer within")
	}
	for i, cidr := range c.PublicCIDRs {
		if a, err := parsePrefix(cidr); err != nil || a.Bits() == 0 {
			found.add(fmt.Sprintf("cluster.publicCidrs[%d]", i),
				"%q: want a block of known addresses such as 203.0.113.0/24, not the whole internet", cidr)
		}
	}
	if !slices.Contains(logRetentionDays, c.LogDays) {
		found.add("cluster.logDays", "%d: CloudWatch keeps logs for one of %v days", c.LogDays, logRetentionDays)
	}
	for _, name := range slices.Sorted(maps.Keys(c.AddOns)) {
		if v := c.AddOns[name]; v != DefaultAddOn && !addOnVersion.MatchString(v) {
			found.add(below("cluster.addOns", name), "%q: want %s, or a version such as v1.20.4-eksbuild.1", v, DefaultAddOn)
		}
	}
	c.validateImages(found)
	if c.VolumeKey != "" && !keyARN.MatchString(c.VolumeKey) {
		found.add("cluster.volumeKey", "%q is not the ARN of a KMS key", c.VolumeKey)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Access)) {
		a, path := c.Access[name], below("cluster.access", name)
		if !segmentName.MatchString(name) {
			found.add(path, "want a name of lower-case letters, digits and dashes")
		}
		if !principalARN.MatchString(a.Principal) {
			found.add(path+".principal", "%q is not the ARN of an IAM role or user", a.Principal)
		}
		if AccessPolicies[a.Policy] == "" {
			found.add(path+".policy", "%q: want one of %s", a.Policy,
				strings.Join(slices.Sorted(maps.Keys(AccessPolicies)), ", "))
		}
		if a.Policy == "clusterAdmin" && len(a.Namespaces) > 0 {
			found.add(path+".namespaces", "clusterAdmin is for the whole cluster; want admin")
		}
		for _, other := range slices.Sorted(maps.Keys(c.Access)) {
			if other < name && c.Access[other].Principal == a.Principal {
				found.add(path+".principal", "%s has the entry %s already: EKS takes one entry per principal", a.Principal, other)
			}
		}
	}
}

// validateHome keeps a node for those that add nodes: the Cluster Autoscaler, Escalator and CoreDNS run on the groups
// that are not dedicated. Were all of them empty, nothing would run that could add a node: an Auto Scaling group keeps
// its minimum by itself, and starts nothing for a pod that waits.
func (s *Stack) validateHome(found *problems) {
	const why = "the scalers themselves, CoreDNS and KEDA run on groups that are not dedicated; without a node there, " +
		"nothing is left that would add one: "
	var empty []string
	for _, name := range s.NodeGroupNames() {
		g := s.NodeGroups[name]
		if g.Dedicated {
			continue
		}
		path := below("nodeGroups", name) + ".min"
		lowest := g.Min
		for i, w := range g.Windows {
			if w.Min < lowest {
				lowest, path = w.Min, fmt.Sprintf("%s.windows[%d].min", below("nodeGroups", name), i)
			}
		}
		if asleep := g.AsleepMin(); s.Sleeps(g) && asleep < lowest {
			lowest, path = asleep, below("nodeGroups", name)+".asleep"
		}
		if lowest > 0 {
			return
		}
		empty = append(empty, path)
	}
	if len(empty) == 0 {
		found.add("nodeGroups", "all are dedicated: "+why+"want one that is not")
		return
	}
	found.add(empty[0], "0: "+why+"want at least 1")
}

func (s *Stack) validateWorkers(found *problems) {
	w := s.Cluster.Workers
	s.group("cluster.workers", w.Group, w.MilliCPU, w.MemoryMB, found)
	w.validate("cluster.workers", found)
	for _, name := range s.FileNames() {
		if need := 8 * s.Segments[name].MaxRecordMB * w.Slots; need > w.MemoryMB {
			found.add("cluster.workers.memoryMB",
				"%d: %d slots hold records of segments.%s.maxRecordMB, %d MiB, a few times over: want %d",
				w.MemoryMB, w.Slots, name, s.Segments[name].MaxRecordMB, need)
		}
	}
}

func (w Workers) validate(path string, found *problems) {
	within(found, path+".min", w.Min, 0, max(w.Max, 0))
}

func (s *Stack) validateRestage(found *problems) {
	r := s.Cluster.Restage
	s.group("cluster.restage", r.Group, r.MilliCPU, r.MemoryMB, found)
	if kept := hours(24 * r.KeepDays); kept < s.Queues.Retention {
		found.add("cluster.restage.keepDays",
			"%d: a piece would expire before the message that needs it, which waits up to queues.retention, %s",
			r.KeepDays, s.Queues.Retention)
	}
}

// group checks that pods fit onto the nodes of their group.
func (s *Stack) group(path, name string, milliCPU, memoryMB int, found *problems) {
	g, ok := s.NodeGroups[name]
	if !ok {
		found.add(path+".group", "%q: want one of the node groups, %s", name, strings.Join(s.NodeGroupNames(), ", "))
		return
	}
	if len(g.InstanceTypes) == 0 {
		return
	}
	size, err := InstanceSize(g.InstanceTypes[0])
	if err != nil {
		return // the group's own rules report it
	}
	if milliCPU > allocatableMilliCPU(size) || memoryMB > allocatableMB(size) {
		found.add(path+".group",
			"%d mCPU and %d MiB do not fit onto a node of %s (%s), of which pods get about %d mCPU and %d MiB",
			milliCPU, memoryMB, name, size, allocatableMilliCPU(size), allocatableMB(size))
	}
}

// What pods get of a node: the rest is reserved for the kubelet and the system, and taken by DaemonSets. An estimate on
// the safe side of "Amazon EKS optimized AMIs: reserved resources".
func allocatableMilliCPU(s Size) int { return s.VCPU*1000 - 150 }
func allocatableMB(s Size) int       { return s.MemoryGiB*1024*85/100 - 512 }

func (s *Stack) validateNodeGroup(name string, g NodeGroup, found *problems) {
	path := below("nodeGroups", name)
	if !segmentName.MatchString(name) {
		found.add(path, "want a name of lower-case letters, digits and dashes, at most 40")
	}
	g.validate(path, s.Architecture, s.Network.AvailabilityZones, found)
	if g.Kind == Batch && g.Scaler == EscalatorScaler {
		s.validateJobs(name, g, found)
	}
}

// validate checks the rules of a single group.
func (g NodeGroup) validate(path string, architecture Architecture, zones int, found *problems) {
	g.validateTypes(path, architecture, zones, found)
	within(found, path+".min", g.Min, 0, max(g.Max, 0))
	if g.OnDemandBase != 0 && (g.Kind != Batch || g.Capacity != Spot) {
		found.add(path+".onDemandBase",
			"only a batch group on spot can mix: want 0, or a separate group with capacity onDemand")
	}
	within(found, path+".onDemandBase", g.OnDemandBase, 0, max(g.Max, 0))
	if g.Kind == Managed && g.Scaler == EscalatorScaler {
		found.add(path+".scaler", "escalator needs a self-managed group: want kind batch, or clusterAutoscaler")
	}
	if g.Kind == Managed && g.Interruptions != ByEKS {
		found.add(path+".interruptions", "%s: EKS drains managed groups itself; want managed", g.Interruptions)
	}
	if g.Kind == Batch && g.Interruptions == ByEKS {
		found.add(path+".interruptions", "managed: EKS does not drain self-managed groups; want imds or queue")
	}
	validateWindows(path, g, found)
	if g.Kind == Batch && g.Scaler == EscalatorScaler {
		g.validateEscalator(path, found)
	}
}

// validateTypes checks that all types of a group are alike: both scalers size a group by one of its nodes.
func (g NodeGroup) validateTypes(path string, architecture Architecture, zones int, found *problems) {
	if len(g.InstanceTypes) == 0 {
		found.add(path+".instanceTypes", "none; on spot want several of equal size")
		return
	}
	var first Size
	for i, name := range g.InstanceTypes {
		at := fmt.Sprintf("%s.instanceTypes[%d]", path, i)
		size, err := InstanceSize(name)
		switch {
		case err != nil:
			found.add(at, "%v", err)
		case size.Architecture != architecture:
			found.add(at, "%s is %s, the stack's architecture is %s", name, size.Architecture, architecture)
		case first == Size{}:
			first = size
		case size != first:
			found.add(at, "%s (%s) differs in size from %s (%s): the scaler would miscount", name, size, g.InstanceTypes[0],
				first)
		}
		if slices.Contains(g.InstanceTypes[:i], name) {
			found.add(at, "%s is listed twice", name)
		}
	}
	if pools := CapacityPools(zones, len(g.InstanceTypes)); g.Capacity == Spot && pools < g.MinCapacityPools {
		found.add(path+".instanceTypes", "%d zones x %d types are %d spot capacity pools, below %s.minCapacityPools, %d: "+
			"add types of the same size, or zones", zones, len(g.InstanceTypes), pools, path, g.MinCapacityPools)
	}
}

func (g NodeGroup) validateEscalator(path string, found *problems) {
	if g.Interruptions == ByQueue {
		found.add(path+".interruptions",
			"queue mode needs termination hooks, which keep Escalator from removing nodes: want imds")
	}
	if !g.Dedicated {
		found.add(path+".dedicated", "false: Escalator does not count the pods of others, and would kill them: want true")
	}
	g.Escalator.validate(path+".escalator", found)
}

func (e Escalator) validate(path string, found *problems) {
	if !(e.TaintLowerPercent < e.TaintUpperPercent && e.TaintUpperPercent < e.ScaleUpPercent) {
		found.add(path, "want taintLowerPercent < taintUpperPercent < scaleUpPercent, have %d, %d, %d",
			e.TaintLowerPercent, e.TaintUpperPercent, e.ScaleUpPercent)
	}
	if e.FastRemoval < e.SlowRemoval {
		found.add(path+".fastRemoval", "%d: want at least %s.slowRemoval, %d", e.FastRemoval, path, e.SlowRemoval)
	}
	if e.HardDeleteGrace <= e.SoftDeleteGrace {
		found.add(path+".hardDeleteGrace", "%s: want more than %s.softDeleteGrace, %s", e.HardDeleteGrace, path,
			e.SoftDeleteGrace)
	}
}

// validateJobs checks that a group's nodes live at least as long as the jobs on them.
func (s *Stack) validateJobs(name string, g NodeGroup, found *problems) {
	path, e := below("nodeGroups", name)+".escalator", g.Escalator
	for _, job := range []struct {
		setting, group string
		longest        Duration
	}{{"cluster.restage.deadline", s.Cluster.Restage.Group, s.Cluster.Restage.Deadline}, {"loads.dueAfter",
		s.Cluster.Workers.Group, s.Loads.DueAfter}} {
		if job.group == name && e.HardDeleteGrace <= job.longest {
			found.add(path+".hardDeleteGrace",
				"%s: a node is removed after it, whatever runs there: want more than the longest job, %s, %s",
				e.HardDeleteGrace, job.setting, job.longest)
		}
	}
}

// validateInterruptions keeps the two modes of the Node Termination Handler apart: installed together, both would
// drain.
func (s *Stack) validateInterruptions(found *problems) {
	modes := map[Interruptions][]string{}
	for _, name := range s.NodeGroupNames() {
		mode := s.NodeGroups[name].Interruptions
		modes[mode] = append(modes[mode], name)
	}
	if len(modes[ByQueue]) > 0 && len(modes[ByIMDS]) > 0 {
		found.add(below("nodeGroups", modes[ByQueue][0])+".interruptions",
			"queue, but %s has imds: the termination handler's modes cannot be installed together; choose one", modes[ByIMDS][0])
	}
}
