package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/artifact"
	"dip/components/bucket"
	"dip/components/bus"
	"dip/components/catalog"
	"dip/components/cluster"
	"dip/components/function"
	"dip/components/identity"
	"dip/components/interruption"
	"dip/components/ledger"
	"dip/components/network"
	"dip/components/nodegroup"
	"dip/components/policy"
	"dip/components/queue"
	"dip/components/registry"
	"dip/components/segment"
	"dip/components/tags"
	"dip/components/workflow"
	"dip/config"
	"dip/contract"
	"dip/k8s"
	"dip/k8s/restage"
)

// system is the stack's settings and what is declared so far.
type system struct {
	*config.Stack
	stack           string
	account, region string
	artifacts       map[string]artifact.Artifact

	landing, lake                         *bucket.Bucket
	ledger                                *ledger.Ledger
	bus                                   *bus.Bus
	intakeQueue                           *queue.Queue
	catalog                               *catalog.Catalog
	workflow                              *workflow.Workflow
	intake, splitter, reconciler, sweeper *function.Function
	segments                              map[string]*segment.Segment

	// Of stacks with a cluster only.
	zones         []config.Zone
	network       *network.Network
	cluster       *cluster.Cluster
	nodeGroups    map[string]*nodegroup.NodeGroup // by name
	nodes         []pulumi.Resource               // after which pods have nodes
	interruptions *interruption.Interruption      // nil unless a group is drained from a queue
	image         artifact.Image
	registry      *registry.Registry
	restageQueue  *queue.Queue
	workerRights  map[string]*identity.Identity // by segment, of the service account worker-<segment>
	restageRights *identity.Identity            // of the service account restage
	platform      []pulumi.Resource             // after which workers and jobs can run
}

// prepare reads the stack's config and schemas and finds the artifacts. Any problem ends the program here.
func prepare(ctx *pulumi.Context) (*system, error) {
	object, ok := ctx.GetConfig(config.Key)
	if !ok {
		return nil, fmt.Errorf("stack file Pulumi.%s.yaml has no %s: see config/stack.schema.json", ctx.Stack(), config.Key)
	}
	stack, err := config.Parse([]byte(object), config.Options{Files: os.DirFS(".")})
	if err != nil {
		return nil, fmt.Errorf("stack file Pulumi.%s.yaml, %s:\n%w", ctx.Stack(), config.Key, err)
	}
	s := &system{
		Stack: stack, stack: ctx.Stack(), segments: map[string]*segment.Segment{},
		nodeGroups: map[string]*nodegroup.NodeGroup{}, workerRights: map[string]*identity.Identity{},
	}
	programs := []string{}
	for _, segment := range stack.Segments {
		programs = append(programs, artifactOf(segment))
	}
	dir, ok := ctx.GetConfig(config.ArtifactsKey)
	if !ok {
		dir = path.Join("build", string(stack.Architecture))
	}
	s.artifacts, err = artifact.Open(dir, string(stack.Architecture), slices.Concat(contract.SystemFunctions, programs)...)
	if s.Cluster.Enabled {
		var missing error
		s.image, missing = artifact.OpenImage(dir, string(stack.Architecture), "Dockerfile", append(programs, restage.Program)...)
		err = errors.Join(err, missing)
	}
	if err != nil {
		return nil, err
	}
	if err := s.locate(ctx); err != nil {
		return nil, err
	}
	all := map[string]string{"dip:stack": ctx.Stack(), "dip:environment": string(stack.Environment)}
	maps.Copy(all, stack.Tags)
	return s, tags.Apply(ctx, all)
}

// locate asks whose account and which region this is, and which zones a cluster can use.
func (s *system) locate(ctx *pulumi.Context) error {
	identity, err := aws.GetCallerIdentity(ctx, &aws.GetCallerIdentityArgs{})
	if err != nil {
		return fmt.Errorf("ask for the account: %w", err)
	}
	region, err := aws.GetRegion(ctx, &aws.GetRegionArgs{})
	if err != nil {
		return fmt.Errorf("ask for the region: %w", err)
	}
	s.account, s.region = identity.AccountId, region.Name
	if !s.Cluster.Enabled {
		return nil
	}
	state := "available"
	zones, err := aws.GetAvailabilityZones(ctx, &aws.GetAvailabilityZonesArgs{State: &state})
	if err != nil {
		return fmt.Errorf("ask for the availability zones: %w", err)
	}
	var available []config.Zone
	for i, id := range zones.ZoneIds {
		available = append(available, config.Zone{Name: zones.Names[i], ID: id})
	}
	s.zones, err = config.ChooseZones(s.region, available, s.Network.AvailabilityZones)
	return err
}

// function declares one of the functions that every stack has.
func (s *system) function(ctx *pulumi.Context, name string, settings config.Function, args *function.Args) (*function.Function, error) {
	args.Settings, args.Architecture, args.Artifact = settings, s.Architecture, s.artifacts[name]
	return function.New(ctx, name, args)
}

// processChunks is what a segment's function and its workers may do besides taking their chunks.
func (s *system) processChunks(name string) []policy.Statement {
	read := []string{contract.CatalogPrefix}
	if s.Cluster.Enabled {
		read = append(read, contract.StagingPrefix+name+"/")
	}
	return policy.All(s.landing.ReadVersions(), s.lake.Read(read...),
		s.lake.Write(contract.DataPrefix+name+"/", contract.QuarantinePrefix+name+"/"), s.ledger.Allow("GetItem", "UpdateItem"))
}

// sendChunks allows to send chunks to whatever processes them.
func (s *system) sendChunks() (all []policy.Statement) {
	for _, name := range s.SegmentNames() {
		all = append(all, s.segments[name].Send()...)
	}
	return all
}

// sendRestages allows to send restages, in a stack that has them.
func (s *system) sendRestages() []policy.Statement {
	if s.restageQueue == nil {
		return nil
	}
	return s.restageQueue.Send()
}

// staged is how long restaged pieces are kept, days by prefix; nothing without a cluster.
func (s *system) staged() map[string]int {
	if !s.Cluster.Enabled {
		return nil
	}
	return map[string]int{contract.StagingPrefix: s.Cluster.Restage.KeepDays}
}

// workerLease is how long a worker's receive of a chunk lasts; 0 without workers.
func (s *system) workerLease() config.Duration {
	if !s.Cluster.Enabled {
		return 0
	}
	return s.Cluster.Workers.Lease
}

// common is the environment that all functions share, for the function of an artifact.
func (s *system) common(artifact string) contract.Common[pulumi.StringInput] {
	return contract.Common[pulumi.StringInput]{
		Stack: pulumi.String(s.stack), Code: pulumi.String(s.artifacts[artifact].Code),
		LedgerTable: s.ledger.Name, LakeBucket: s.lake.Name,
	}
}

func (s *system) export(ctx *pulumi.Context) error {
	outputs, err := s.outputs()
	if err != nil {
		return err
	}
	for name, value := range outputs {
		ctx.Export(name, value)
	}
	return nil
}

func (s *system) outputs() (pulumi.Map, error) {
	o := contract.StackOutputs[pulumi.StringInput]{
		Region:            pulumi.String(s.region),
		LandingBucket:     s.landing.Name,
		LakeBucket:        s.lake.Name,
		LedgerTable:       s.ledger.Name,
		Catalog:           s.catalog.Key,
		IntakeQueue:       s.intakeQueue.URL,
		IntakeDeadLetters: s.intakeQueue.DeadLettersURL,
		Workflow:          s.workflow.ARN,
		EventBus:          s.bus.Name,
		Functions: map[string]pulumi.StringInput{
			"intake": s.intake.ARN, "splitter": s.splitter.ARN, "reconciler": s.reconciler.ARN, "sweeper": s.sweeper.ARN,
		},
		Segments: map[string]contract.SegmentOutputs[pulumi.StringInput]{},
	}
	for name, g := range s.segments {
		o.Segments[name] = contract.SegmentOutputs[pulumi.StringInput]{
			Queue: g.Queue.URL, DeadLetters: g.Queue.DeadLettersURL, Function: g.Function.ARN, Workers: lane(g.Workers),
		}
	}
	if s.cluster != nil {
		o.Cluster = s.clusterOutputs()
	}
	tree, err := contract.Outputs(o)
	if err != nil {
		return nil, err
	}
	return asInputs(tree), nil
}

func (s *system) clusterOutputs() *contract.ClusterOutputs[pulumi.StringInput] {
	o := &contract.ClusterOutputs[pulumi.StringInput]{
		Name: s.cluster.Name, Kubeconfig: s.cluster.Kubeconfig, Namespace: pulumi.String(k8s.Workloads),
		Image: s.imageName(), Restage: *lane(s.restageQueue),
		NodeGroups: map[string]contract.GroupOutputs[pulumi.StringInput]{},
	}
	for name, g := range s.nodeGroups {
		o.NodeGroups[name] = contract.GroupOutputs[pulumi.StringInput]{
			AutoScalingGroup: g.AutoScalingGroup, SpotCapacityPools: number(g.SpotCapacityPools),
		}
	}
	return o
}

// lane tells of a queue of the heavy lane; nil when there is none.
func lane(q *queue.Queue) *contract.QueueOutputs[pulumi.StringInput] {
	if q == nil {
		return nil
	}
	return &contract.QueueOutputs[pulumi.StringInput]{Queue: q.URL, DeadLetters: q.DeadLettersURL}
}

// asInputs turns nested maps of inputs into one input.
func asInputs(tree map[string]any) pulumi.Map {
	inputs := pulumi.Map{}
	for name, value := range tree {
		if below, ok := value.(map[string]any); ok {
			inputs[name] = asInputs(below)
		} else {
			inputs[name] = value.(pulumi.Input)
		}
	}
	return inputs
}

// artifactOf is the name of a segment's artifact: its package's folder.
func artifactOf(s config.Segment) string { return path.Base(s.Package) }

func number(n int) pulumi.StringInput { return pulumi.String(strconv.Itoa(n)) }
