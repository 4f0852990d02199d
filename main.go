// Command dip is the Pulumi program of the data ingestion pipeline.
package main

import (
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/bucket"
	"dip/components/bus"
	"dip/components/catalog"
	"dip/components/cluster"
	"dip/components/function"
	"dip/components/interruption"
	"dip/components/ledger"
	"dip/components/network"
	"dip/components/nodegroup"
	"dip/components/policy"
	"dip/components/queue"
	"dip/components/registry"
	"dip/components/schedule"
	"dip/components/segment"
	"dip/components/workflow"
	"dip/config"
	"dip/contract"
	"dip/k8s"
	"dip/k8s/restage"
	"dip/k8s/tenancy"
	"dip/k8s/worker"
)

func main() { pulumi.Run(program) }

func program(ctx *pulumi.Context) error {
	s, err := declare(ctx)
	if err != nil {
		return err
	}
	return s.export(ctx)
}

func declare(ctx *pulumi.Context) (*system, error) {
	s, err := prepare(ctx) // reads and validates the whole config before anything registers
	if err != nil {
		return nil, err
	}
	for _, part := range []func(*pulumi.Context) error{
		s.declareStorage,  // landing and lake buckets, ledger, event bus
		s.declareSegments, // a queue and a function each, a queue for workers, and the catalog that names them
		s.declareWorkflow, // splitter and reconciler -> segment queues
		s.declareIntake,   // landing bucket -> intake queue -> intake -> workflow
		s.declareSweeper,  // schedule -> sweeper -> intake queue
		s.declareNetwork,  // VPC, subnets, ways out; this and the rest in stacks with a cluster only
		s.declareCluster,  // control plane, and the repository of the images that run on it
		s.declareNodes,    // node groups, who tells that a node goes, and the add-ons that need nodes
		s.declareRights,   // what workers and restage jobs may do in AWS
		s.declarePlatform, // namespaces, and the scalers and guards of nodes and pods
		s.declareWorkers,  // a segment's chunks on the cluster, and restage jobs
	} {
		if err := part(ctx); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *system) declareStorage(ctx *pulumi.Context) (err error) {
	disposable := s.Environment.Disposable()
	if s.landing, err = bucket.New(ctx, "landing", &bucket.Args{Settings: s.Landing, Disposable: disposable && !s.Landing.Protect}); err != nil {
		return err
	}
	s.lake, err = bucket.New(ctx, "lake", &bucket.Args{
		Settings: s.Lake, Disposable: disposable && !s.Lake.Protect, Expire: s.staged(),
	})
	if err != nil {
		return err
	}
	if s.ledger, err = ledger.New(ctx, "ledger", &ledger.Args{Settings: s.Ledger}); err != nil {
		return err
	}
	s.bus, err = bus.New(ctx, "events")
	return err
}

func (s *system) declareSegments(ctx *pulumi.Context) (err error) {
	if s.Cluster.Enabled {
		settings := s.Queues
		settings.MaxAge += s.Cluster.Restage.Deadline // a message stays in its queue while a job works on it
		s.restageQueue, err = queue.New(ctx, "restage", &queue.Args{Settings: settings, Lease: s.Cluster.Restage.Lease, AlarmTopics: s.AlarmTopics})
		if err != nil {
			return err
		}
	}
	entries := map[string]catalog.Entry{}
	for _, name := range s.SegmentNames() {
		settings := s.Segments[name]
		s.segments[name], err = segment.New(ctx, name, &segment.Args{
			Settings: settings, Queues: s.Queues, Architecture: s.Architecture, AlarmTopics: s.AlarmTopics,
			Artifact: s.artifacts[artifactOf(settings)],
			Common:   s.common(artifactOf(settings)),
			Allow:    s.processChunks(name),
			Lease:    s.workerLease(),
		})
		if err != nil {
			return err
		}
		entries[name] = catalog.Entry{Segment: s.Catalog(name), Queue: s.segments[name].Queue, Workers: s.segments[name].Workers}
	}
	s.catalog, err = catalog.New(ctx, "catalog", &catalog.Args{Lake: s.lake, Segments: entries, Restage: s.restageQueue})
	return err
}

func (s *system) declareWorkflow(ctx *pulumi.Context) (err error) {
	s.splitter, err = s.function(ctx, "splitter", s.Functions.Splitter, &function.Args{
		Env: contract.SplitterEnv[pulumi.StringInput]{Common: s.common("splitter")},
		Allow: policy.All(s.landing.ReadVersions(), s.lake.Read(contract.CatalogPrefix),
			s.ledger.Allow("GetItem", "PutItem", "UpdateItem")),
	})
	if err != nil {
		return err
	}
	s.reconciler, err = s.function(ctx, "reconciler", s.Functions.Reconciler, &function.Args{
		Env: contract.ReconcilerEnv[pulumi.StringInput]{
			Common: s.common("reconciler"), Catalog: s.catalog.Key, EventBus: s.bus.Name,
		},
		Allow: policy.All(s.lake.Write(contract.CertificatePrefix, contract.ManifestPrefix), s.lake.Read(contract.CatalogPrefix),
			s.ledger.Allow("GetItem", "Query", "UpdateItem"), s.bus.Put(), s.sendChunks(), s.sendRestages()),
	})
	if err != nil {
		return err
	}
	s.workflow, err = workflow.New(ctx, "load", &workflow.Args{
		Splitter: s.splitter, Reconciler: s.reconciler, LogRetentionDays: s.Functions.Reconciler.LogRetentionDays,
	})
	return err
}

func (s *system) declareIntake(ctx *pulumi.Context) (err error) {
	s.intakeQueue, err = queue.New(ctx, "intake", &queue.Args{
		Settings: s.Queues, Timeout: s.Functions.Intake.Timeout, AlarmTopics: s.AlarmTopics,
		Sender: &queue.Sender{Bucket: s.landing.ARN, Account: s.account},
	})
	if err != nil {
		return err
	}
	if err := s.landing.NotifyQueue(ctx, s.intakeQueue); err != nil {
		return err
	}
	s.intake, err = s.function(ctx, "intake", s.Functions.Intake, &function.Args{
		Env: contract.IntakeEnv[pulumi.StringInput]{Common: s.common("intake"), Catalog: s.catalog.Key, Workflow: s.workflow.ARN},
		Allow: policy.All(s.intakeQueue.Receive(), s.lake.Read(contract.CatalogPrefix),
			s.ledger.Allow("GetItem", "PutItem"), s.workflow.Start()),
	})
	if err != nil {
		return err
	}
	return s.intake.Take(ctx, s.intakeQueue, function.Batches{Size: 10, Concurrency: config.IntakeConcurrency})
}

func (s *system) declareSweeper(ctx *pulumi.Context) (err error) {
	s.sweeper, err = s.function(ctx, "sweeper", s.Functions.Sweeper, &function.Args{
		Env: contract.SweeperEnv[pulumi.StringInput]{
			Common: s.common("sweeper"), LandingBucket: s.landing.Name, IntakeQueue: s.intakeQueue.URL,
			GraceSeconds: number(s.Sweep.Grace.Seconds()),
		},
		Allow:       policy.All(s.landing.ListVersions(), s.ledger.Allow("BatchGetItem"), s.intakeQueue.Send()),
		DeadLetters: s.Queues.DeadLettersRetention,
		AlarmTopics: s.AlarmTopics,
	})
	if err != nil {
		return err
	}
	_, err = schedule.New(ctx, "sweep", &schedule.Args{Rate: s.Sweep.Rate, Function: s.sweeper})
	return err
}

func (s *system) declareNetwork(ctx *pulumi.Context) (err error) {
	if s.Cluster.Enabled {
		s.network, err = network.New(ctx, "network", &network.Args{Settings: s.Network, Region: s.region, Zones: s.zones})
	}
	return err
}

func (s *system) declareCluster(ctx *pulumi.Context) (err error) {
	if !s.Cluster.Enabled {
		return nil
	}
	s.cluster, err = cluster.New(ctx, "cluster", &cluster.Args{Settings: s.Cluster, Name: s.clusterName(), Network: s.network})
	if err != nil {
		return err
	}
	s.registry, err = registry.New(ctx, "images", &registry.Args{Keep: 30, Disposable: s.Environment.Disposable()})
	return err
}

func (s *system) declareNodes(ctx *pulumi.Context) (err error) {
	if !s.Cluster.Enabled {
		return nil
	}
	queued := map[string]pulumi.StringInput{}
	for _, name := range s.NodeGroupNames() {
		s.nodeGroups[name], err = nodegroup.New(ctx, name, &nodegroup.Args{
			Settings: s.NodeGroups[name], Architecture: s.Architecture, Version: s.Cluster.Version,
			Cluster: s.cluster, Subnets: s.network.Private,
		})
		if err != nil {
			return err
		}
		s.nodes = append(s.nodes, s.nodeGroups[name].Ready...)
		if s.NodeGroups[name].Interruptions == config.ByQueue {
			queued[name] = s.nodeGroups[name].AutoScalingGroup
		}
	}
	if len(queued) > 0 {
		if s.interruptions, err = interruption.New(ctx, "interruptions", &interruption.Args{Groups: queued}); err != nil {
			return err
		}
	}
	return s.cluster.CompleteAddOns(ctx, s.Cluster.AddOns, s.nodes)
}

func (s *system) declareRights(ctx *pulumi.Context) (err error) {
	if !s.Cluster.Enabled {
		return nil
	}
	for _, name := range s.SegmentNames() {
		s.workerRights[name], err = s.identity(ctx, k8s.Workloads, worker.Account(name), policy.All(s.segments[name].Workers.Receive(), s.processChunks(name)))
		if err != nil {
			return err
		}
	}
	s.restageRights, err = s.identity(ctx, k8s.Workloads, restage.Account, policy.All(s.restageQueue.Receive(), s.landing.ReadVersions(),
		s.lake.Read(contract.CatalogPrefix), s.lake.Write(contract.StagingPrefix),
		s.ledger.Allow("GetItem", "Query", "PutItem", "UpdateItem"), s.sendChunks()))
	return err
}

func (s *system) declarePlatform(ctx *pulumi.Context) error {
	if !s.Cluster.Enabled {
		return nil
	}
	namespaces, err := tenancy.New(ctx, "tenancy", &tenancy.Args{
		Quota: tenancy.QuotaOf(len(s.Segments), s.Cluster.Workers, s.Cluster.Restage),
	}, s.inCluster())
	if err != nil {
		return err
	}
	s.platform = slices.Concat(namespaces.Ready, s.nodes)
	for _, part := range []func(*pulumi.Context) error{
		s.declareAutoscaler,    // nodes for groups whose pods may be moved
		s.declareEscalator,     // nodes for groups whose pods end by themselves
		s.declareInterruptions, // drains nodes that EKS does not drain
		s.declareKeda,          // workers and jobs by the length of their queues
	} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *system) declareWorkers(ctx *pulumi.Context) error {
	if !s.Cluster.Enabled {
		return nil
	}
	for _, name := range s.SegmentNames() {
		_, err := worker.New(ctx, worker.Account(name), &worker.Args{
			Segment: name, Settings: s.Cluster.Workers, Program: artifactOf(s.Segments[name]), Image: s.imageName(),
			Common: s.onCluster(artifactOf(s.Segments[name])), Queue: s.segments[name].Workers.URL, Region: s.region,
			Place: s.place(s.Cluster.Workers.Group), After: append(s.workerRights[name].Ready, s.platform...),
		}, s.inCluster())
		if err != nil {
			return err
		}
	}
	_, err := restage.New(ctx, restage.Account, &restage.Args{
		Settings: s.Cluster.Restage, Grace: s.Cluster.Workers.Grace,
		Image: s.imageName(), Common: s.onCluster(restage.Program), Queue: s.restageQueue.URL, Catalog: s.catalog.Key, Region: s.region,
		Place: s.place(s.Cluster.Restage.Group), After: append(s.restageRights.Ready, s.platform...),
	}, s.inCluster())
	return err
}
