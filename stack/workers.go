package stack

import (
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/policy"
	"dip/contract"
	"dip/k8s"
	"dip/k8s/restage"
	"dip/k8s/worker"
)

// NewWorkers declares what the cluster is for: the workers of each segment, and the jobs that restage inputs
// which cannot be split.
func NewWorkers(
	ctx *pulumi.Context, s *Setup, st *Storage, segments *Segments, lane *HeavyLane, c *Cluster, controllers *Controllers,
) error {
	for _, name := range s.FileNames() {
		if err := newWorkers(ctx, s, st, lane, c, controllers, name); err != nil {
			return err
		}
	}
	return newRestage(ctx, s, st, segments, lane, c, controllers)
}

func newWorkers(
	ctx *pulumi.Context, s *Setup, st *Storage, lane *HeavyLane, c *Cluster, controllers *Controllers, segment string,
) error {
	queue, program := lane.Workers[segment], programOf(s.Segments[segment])
	allowed := policy.All(queue.Receive(), st.processChunks(segment))
	rights, err := c.identity(ctx, k8s.Workloads, worker.Account(segment), allowed, s.Segments[segment].LogRetentionDays)
	if err != nil {
		return err
	}
	_, err = worker.New(ctx, worker.Account(segment), &worker.Args{
		Segment: segment, Settings: s.Cluster.Workers, ScratchMB: s.ScratchMB(segment), Program: program,
		Image: c.Pushed, Common: c.common(s, st, program),
		Queue: queue.URL, LogGroup: rights.LogGroup, Region: s.Region, Place: s.place(s.Cluster.Workers.Group),
		After: slices.Concat(rights.Ready, controllers.Ready),
	}, c.inCluster())
	return err
}

func newRestage(
	ctx *pulumi.Context, s *Setup, st *Storage, segments *Segments, lane *HeavyLane, c *Cluster, controllers *Controllers,
) error {
	rights, err := c.identity(ctx, k8s.Workloads, restage.Account, policy.All(
		lane.Restage.Receive(), st.Landing.ReadVersions(""),
		st.Lake.Read(contract.CatalogPrefix), st.Lake.Write(contract.StagingPrefix),
		st.Ledger.Allow("Query", "PutItem"), st.Ledger.Work(contract.LedgerSent), segments.sendChunks,
	), s.Cluster.LogDays)
	if err != nil {
		return err
	}
	_, err = restage.New(ctx, restage.Account, &restage.Args{
		Settings: s.Cluster.Restage, Grace: s.Cluster.Workers.Grace,
		Image: c.Pushed, Common: c.common(s, st, restage.Program), Queue: lane.Restage.URL, LogGroup: rights.LogGroup,
		Catalog: segments.Catalog.Key, Region: s.Region, Place: s.place(s.Cluster.Restage.Group),
		After: slices.Concat(rights.Ready, controllers.Ready),
	}, c.inCluster())
	return err
}

// common is the environment that all functions share, for a program of the image.
func (c *Cluster) common(s *Setup, st *Storage, program string) contract.Common[pulumi.StringInput] {
	return st.common(s, c.image[program])
}
