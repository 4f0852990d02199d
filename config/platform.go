package config

// ClusterName is the name of a stack's cluster in EKS.
func ClusterName(stack string) string { return "dip-" + stack }

// GroupLabel is the label that every node of a group has, and the key of a dedicated group's taint. Its value is the
// group's name.
const GroupLabel = "dip/group"

// InterruptionsLabel says who drains the node. Its value is one of InterruptionModes.
const InterruptionsLabel = "dip/interruptions"

// Network is the settings of the VPC.
type Network struct {
	CIDR              string   `json:"cidr"`              // of the VPC, such as "10.20.0.0/16"
	AvailabilityZones int      `json:"availabilityZones"` // how many are used, at least 4; chosen by zone id
	PublicPrefix      int      `json:"publicPrefix"`      // prefix length of each public subnet, such as 24
	PrivatePrefix     int      `json:"privatePrefix"`     // prefix length of each private subnet, such as 20
	NAT               NAT      `json:"nat"`               // single or perZone
	Endpoints         []string `json:"endpoints"`         // interface endpoints: sqs, sts, ecr.api, ecr.dkr, logs, kinesis-streams, ...
	FlowLogDays       int      `json:"flowLogDays"`       // how long flow logs are kept, days; 0: none are written
}

// Cluster is the settings of the Kubernetes cluster and of what runs on it.
type Cluster struct {
	Enabled     bool              `json:"enabled"`     // default everywhere but local
	Version     string            `json:"version"`     // Kubernetes minor, such as "1.34"
	PublicCIDRs []string          `json:"publicCidrs"` // who may reach the public endpoint; none: it is off
	LogDays     int               `json:"logDays"`     // how long control-plane logs are kept, days
	Access      map[string]Access `json:"access"`      // who may use the cluster, by a name of your choice
	AddOns      map[string]string `json:"addOns"`      // EKS add-on to its version; default those that go with Version
	Protect     bool              `json:"protect"`     // refuse to destroy; default in prod
	Autoscaler  string            `json:"autoscaler"`  // version of the Cluster Autoscaler; default the one that goes with Version
	Workers     Workers           `json:"workers"`
	Restage     Restage           `json:"restage"`
}

// Access lets an IAM role or user use the cluster.
type Access struct {
	Principal  string   `json:"principal"`  // ARN
	Policy     string   `json:"policy"`     // view, edit, admin or clusterAdmin
	Namespaces []string `json:"namespaces"` // none: the whole cluster
}

// Workers is how the segments' chunks run on the cluster.
type Workers struct {
	Group        string   `json:"group"`        // node group
	MilliCPU     int      `json:"milliCPU"`     // request of a worker
	MemoryMB     int      `json:"memoryMB"`     // request and limit of a worker, MiB
	Slots        int      `json:"slots"`        // chunks that a worker processes at once
	Min          int      `json:"min"`          // workers of a segment that are always there
	Max          int      `json:"max"`          // workers of a segment at most
	ChunksPerPod int      `json:"chunksPerPod"` // queued chunks for which one more worker is started
	Lease        Duration `json:"lease"`        // a chunk is handed on when its worker was silent for so long
	Grace        Duration `json:"grace"`        // from SIGTERM to SIGKILL: below the two minutes of a spot notice
	// MaxUnavailablePercent is how many of a segment's workers may be drained at once, percent, rounded up.
	MaxUnavailablePercent int `json:"maxUnavailablePercent"`
}

// Restage is how inputs that cannot be split are turned into ones that can.
type Restage struct {
	Group    string   `json:"group"`    // node group
	MilliCPU int      `json:"milliCPU"` // request of a job
	MemoryMB int      `json:"memoryMB"` // request and limit of a job, MiB
	Max      int      `json:"max"`      // jobs at once
	Deadline Duration `json:"deadline"` // the longest that a job may run
	Lease    Duration `json:"lease"`    // a restage is handed on when its job was silent for so long
	KeepDays int      `json:"keepDays"` // how long restaged pieces are kept, days
}

// NodeGroup is a group of equal nodes, spread over all zones of the network.
type NodeGroup struct {
	Kind             Kind              `json:"kind"`             // managed, or batch: a self-managed Auto Scaling group
	Capacity         Capacity          `json:"capacity"`         // spot or onDemand
	InstanceTypes    []string          `json:"instanceTypes"`    // of equal vCPU and memory; default by kind and architecture
	MinCapacityPools int               `json:"minCapacityPools"` // spot: fewer zones x instance types fail the preview
	Min              int               `json:"min"`              // nodes that are always there
	Max              int               `json:"max"`
	OnDemandBase     int               `json:"onDemandBase"`  // batch: so many nodes are on-demand, the rest is spot
	DiskGB           int               `json:"diskGB"`        // root volume, GiB, gp3
	Labels           map[string]string `json:"labels"`        // beside dip/group
	Dedicated        bool              `json:"dedicated"`     // tainted: only pods that are meant for it; always so with Escalator
	Scaler           Scaler            `json:"scaler"`        // clusterAutoscaler (default of managed) or escalator (default of batch)
	Interruptions    Interruptions     `json:"interruptions"` // who drains a node that is about to go; default managed or imds
	Escalator        Escalator         `json:"escalator"`
	Windows          []Window          `json:"windows"` // when other minimum sizes hold
}

// Escalator is the thresholds of a group that Escalator scales. It never drains: it taints nodes that are not needed
// and removes them once they are empty.
type Escalator struct {
	ScaleUpPercent    int      `json:"scaleUpPercent"`    // utilisation above which nodes are added
	TaintUpperPercent int      `json:"taintUpperPercent"` // below: nodes are tainted slowly
	TaintLowerPercent int      `json:"taintLowerPercent"` // below: nodes are tainted fast
	SlowRemoval       int      `json:"slowRemoval"`       // nodes a round
	FastRemoval       int      `json:"fastRemoval"`       // nodes a round
	CoolDown          Duration `json:"coolDown"`          // after a scale-up
	SoftDeleteGrace   Duration `json:"softDeleteGrace"`   // an empty tainted node goes after this
	HardDeleteGrace   Duration `json:"hardDeleteGrace"`   // any tainted node goes after this: above the longest job
	ScanInterval      Duration `json:"scanInterval"`      // between two rounds
}

// Window is a time in which another minimum size holds. The desired size is never set: the scaler lowers it when it
// finds nodes empty, so that nothing is cut off.
type Window struct {
	Name     string `json:"name"`     // such as peak
	Start    string `json:"start"`    // cron: minute hour day month weekday, such as "0 7 * * 1-5"
	TimeZone string `json:"timeZone"` // IANA, such as "Europe/Berlin"; default UTC
	Min      int    `json:"min"`      // from Start until the next window's Start
	Max      int    `json:"max"`      // 0: the group's
}
