package config

// GroupLabel is the label that every node of a group has, and the key of a dedicated group's taint. Its value is the
// group's name.
const GroupLabel = "dip/group"

// CapacityLabel is the label by which EKS says how a managed group's node was bought: ON_DEMAND or SPOT.
const CapacityLabel = "eks.amazonaws.com/capacityType"

// InterruptionsLabel says who drains the node. Its value is one of InterruptionModes.
const InterruptionsLabel = "dip/interruptions"

// Network is the settings of the VPC.
type Network struct {
	// id of an existing VPC, with its subnets; "": the stack makes its own. Ranges, gateways, endpoints and flow logs
	// are then those of the existing one
	VPCID string `json:"vpc"`
	// ids of subnets of an existing VPC, one a zone, four or more, from which the internet or the endpoints of AWS's
	// services can be reached
	PrivateSubnets []string `json:"privateSubnets"`
	// ids of subnets of an existing VPC for load balancers; none are needed
	PublicSubnets []string `json:"publicSubnets"`

	CIDR              string `json:"cidr"`                            // of the VPC, such as "10.20.0.0/16"
	AvailabilityZones int    `json:"availabilityZones" limits:"4..8"` // how many are used; chosen by zone id
	PublicPrefix      int    `json:"publicPrefix" limits:"16..28"`    // prefix length of each public subnet, such as 24
	PrivatePrefix     int    `json:"privatePrefix" limits:"16..28"`   // prefix length of each private subnet, such as 20
	NAT               NAT    `json:"nat"`                             // one gateway for all zones, or one per zone
	// interface endpoints: sqs, sts, ecr.api, ecr.dkr, logs, kinesis-streams and others
	Endpoints []string `json:"endpoints"`
	// how long flow logs are kept, days; 0 disables them
	FlowLogDays int `json:"flowLogDays" limits:"0..3653"`
}

// Cluster is the settings of the Kubernetes cluster and of what runs on it.
type Cluster struct {
	Enabled bool   `json:"enabled"` // default everywhere but local and small
	Version string `json:"version"` // Kubernetes minor, such as "1.36"
	// accepts a version whose standard support has ended, at six times the price
	ExtendedSupport bool `json:"extendedSupport"`
	// addresses that may reach the public endpoint, those of whoever deploys among them; []: it is off
	PublicCIDRs []string `json:"publicCidrs"`
	// whoever deploys reaches the private endpoint, from the VPC or from a network that is connected to it
	PrivateAccess bool `json:"privateAccess"`
	LogDays       int  `json:"logDays" limits:"1..3653"` // how long logs of control plane, jobs and gateway are kept, days
	// who may use the cluster, by a name of your choice; who creates it is its administrator anyway
	Access map[string]Access `json:"access"`
	// versions of EKS add-ons, by name; "default" is EKS's default for the Kubernetes version
	AddOns  map[string]string `json:"addOns"`
	Protect bool              `json:"protect"` // refuse to destroy
	// version of the Cluster Autoscaler; default the one that matches the version
	Autoscaler string `json:"autoscaler"`
	// images, by name, that run instead of the default ones: by digest, such as
	// "ghcr.io/atlassian/escalator@sha256:..."; from a registry of your own, if you like
	Images map[string]string `json:"images"`
	// refuse images without a digest
	DigestsOnly bool `json:"digestsOnly"`
	// ARN of a KMS key for the nodes' volumes, which Auto Scaling is granted the use of; by default the account's own
	VolumeKey string  `json:"volumeKey"`
	Workers   Workers `json:"workers"` // how the segments' chunks run on the cluster
	// how inputs that cannot be split are made splittable
	Restage Restage `json:"restage"`
}

// Access is an IAM role or user that may use the cluster.
type Access struct {
	Principal  string   `json:"principal" jsonschema:"required"` // ARN of the role or user
	Policy     string   `json:"policy" jsonschema:"required"`    // view, edit, admin or clusterAdmin
	Namespaces []string `json:"namespaces"`                      // without any, the whole cluster
}

// Workers is how the segments' chunks run on the cluster.
type Workers struct {
	Group        string `json:"group"`                          // node group
	MilliCPU     int    `json:"milliCPU" limits:"100..192000"`  // request of a worker
	MemoryMB     int    `json:"memoryMB" limits:"256..1572864"` // request and limit of a worker, MiB
	Slots        int    `json:"slots" limits:"1..64"`           // chunks that a worker processes concurrently
	Min          int    `json:"min" limits:"0..1000"`           // minimum number of workers of a segment
	Max          int    `json:"max" limits:"1..1000"`           // maximum number of workers of a segment
	ChunksPerPod int    `json:"chunksPerPod" limits:"1..1000"`  // queued chunks for each worker that is started
	// how long a worker may go without a heartbeat before another one takes its chunk over
	Lease Duration `json:"lease" limits:"15s..30m"`
	// from SIGTERM to SIGKILL: less than the two minutes of a spot notice
	Grace Duration `json:"grace" limits:"10s..1m30s"`
	// how many of a segment's workers may be drained at the same time, percent, rounded up
	MaxUnavailablePercent int `json:"maxUnavailablePercent" limits:"1..100"`
}

// Restage is how inputs that cannot be split are made splittable.
type Restage struct {
	Group    string   `json:"group"`                          // node group
	MilliCPU int      `json:"milliCPU" limits:"100..192000"`  // request of a job
	MemoryMB int      `json:"memoryMB" limits:"256..1572864"` // request and limit of a job, MiB
	Max      int      `json:"max" limits:"1..1000"`           // concurrent jobs
	Deadline Duration `json:"deadline" limits:"10m..12h"`     // the maximum run time of a job
	// how long a job may go without a heartbeat before another one takes its restage over
	Lease    Duration `json:"lease" limits:"15s..30m"`
	KeepDays int      `json:"keepDays" limits:"1..365"` // how long restaged pieces are kept, days
}

// NodeGroup is a group of nodes of the same size, spread over all zones of the network.
type NodeGroup struct {
	// managed, or batch: a self-managed Auto Scaling group
	Kind     Kind     `json:"kind"`
	Capacity Capacity `json:"capacity"` // spot or onDemand
	// with the same vCPU and memory; default by kind and architecture
	InstanceTypes []string `json:"instanceTypes"`
	// spot: the preview fails with fewer zones x instance types
	MinCapacityPools int `json:"minCapacityPools" limits:"0..1000"`
	Min              int `json:"min" limits:"0..1000"` // minimum number of nodes
	Max              int `json:"max" limits:"1..1000"` // maximum number of nodes
	// minimum number of nodes while the stack sleeps (maintenance.sleep), at most min
	Asleep int `json:"asleep" limits:"0..1000"`
	// batch: this many nodes are on-demand, the rest are spot
	OnDemandBase int               `json:"onDemandBase" limits:"0..1000"`
	DiskGB       int               `json:"diskGB" limits:"20..16384"` // root volume, GiB, gp3
	Labels       map[string]string `json:"labels"`                    // in addition to dip/group
	// tainted, so that only pods meant for it run there; required with Escalator
	Dedicated bool `json:"dedicated"`
	// clusterAutoscaler (default of managed) or escalator (default of batch)
	Scaler Scaler `json:"scaler"`
	// who drains a node that is about to be removed; default managed or imds
	Interruptions Interruptions `json:"interruptions"`
	// thresholds of a group that Escalator scales
	Escalator Escalator `json:"escalator"`
	// when other minimum sizes apply; such a group does not sleep. Default none, except for the group services in prod
	Windows []Window `json:"windows"`
}

// Escalator is the thresholds of a group that Escalator scales. It never drains: it taints nodes that are not needed
// and removes them once they are empty.
type Escalator struct {
	// utilisation above which nodes are added
	ScaleUpPercent    int      `json:"scaleUpPercent" limits:"1..1000"`
	TaintUpperPercent int      `json:"taintUpperPercent" limits:"1..100"` // below it, nodes are tainted slowly
	TaintLowerPercent int      `json:"taintLowerPercent" limits:"1..100"` // below it, nodes are tainted fast
	SlowRemoval       int      `json:"slowRemoval" limits:"1..1000"`      // nodes per round
	FastRemoval       int      `json:"fastRemoval" limits:"1..1000"`      // nodes per round
	CoolDown          Duration `json:"coolDown" limits:"10s..1h"`         // after a scale-up
	// an empty tainted node is removed after this
	SoftDeleteGrace Duration `json:"softDeleteGrace" limits:"10s..24h"`
	// any tainted node is removed after this: longer than the longest job
	HardDeleteGrace Duration `json:"hardDeleteGrace" limits:"10s..720h"`
	// interval between rounds; the shortest of all groups applies
	ScanInterval Duration `json:"scanInterval" limits:"1s..1h" zero:"a minute"`
}

// Window is a time in which another minimum size applies. The desired size is never set: the scaler lowers it when it
// finds nodes empty, so that no work is cut off.
type Window struct {
	Name     string `json:"name" jsonschema:"required"`  // such as peak
	Start    string `json:"start" jsonschema:"required"` // cron: minute hour day month weekday, such as "0 7 * * 1-5"
	TimeZone string `json:"timeZone"`                    // IANA, such as "Europe/Berlin"; default UTC
	Min      int    `json:"min" limits:"0..1000"`        // minimum number of nodes, until the next window starts
	Max      int    `json:"max" limits:"0..1000"`        // maximum number of nodes; 0: the group's
}
