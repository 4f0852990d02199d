// Command dip is the Pulumi program of the data ingestion pipeline.
package main

import (
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/stack"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error { return program(ctx, time.Now()) })
}

func program(ctx *pulumi.Context, today time.Time) error {
	outputs, err := declare(ctx, today)
	if err != nil {
		return err
	}
	for name, value := range outputs {
		ctx.Export(name, value)
	}
	return nil
}

// declare is the system, assembly by assembly.
func declare(ctx *pulumi.Context, today time.Time) (pulumi.Map, error) {
	// Settings, account, region, zones, artifacts: read and validated as a whole before anything registers.
	setup, err := stack.Open(ctx, today)
	if err != nil {
		return nil, err
	}
	if setup.RegistryOnly() { // cmd/deploy pushes the workers' image before pods want it
		return stack.NewRegistryOnly(ctx, setup)
	}
	// Landing and lake buckets, the key that signs certificates, ledger, event bus, backups.
	storage, err := stack.NewStorage(ctx, setup)
	if err != nil {
		return nil, err
	}
	// A queue and a function each, or a stream; the queues of the heavy lane, and the catalog that names them.
	segments, err := stack.NewSegments(ctx, setup, storage)
	if err != nil {
		return nil, err
	}
	// Landing bucket -> intake queue -> intake -> workflow: splitter, reconciler -> the segments' queues. Sweeper.
	loads, err := stack.NewLoads(ctx, setup, storage, segments)
	if err != nil {
		return nil, err
	}
	// Stream -> processor and witness; closer. The roles that sign certificates.
	streams, err := stack.NewStreams(ctx, setup, storage, segments, loads)
	if err != nil {
		return nil, err
	}
	// What takes records over HTTP: a function with a URL; or, below, pods behind a load balancer.
	gateway, err := stack.NewGateway(ctx, setup, storage, segments)
	if err != nil {
		return nil, err
	}
	outputs := stack.NewOutputs(setup, storage, segments, loads, streams)
	var cluster *stack.Cluster
	if lane := segments.Heavy; lane != nil { // the heavy lane: what is too large for a function runs on a cluster
		// Network, control plane, registry, node groups, interruptions, add-ons.
		cluster, err = stack.NewCluster(ctx, setup, lane)
		if err != nil {
			return nil, err
		}
		// Namespaces, Cluster Autoscaler, Escalator, Node Termination Handler, KEDA.
		controllers, err := stack.NewControllers(ctx, setup, lane, cluster)
		if err != nil {
			return nil, err
		}
		// A segment's chunks, and the jobs that restage inputs which cannot be split.
		if err := stack.NewWorkers(ctx, setup, storage, segments, lane, cluster, controllers); err != nil {
			return nil, err
		}
		// The gateway's pods, and its load balancer.
		if err := gateway.Run(ctx, setup, storage, segments, cluster, controllers); err != nil {
			return nil, err
		}
		outputs.AddCluster(lane, cluster)
	}
	outputs.AddGateway(gateway)
	// Updates nodes in windows, and has node groups sleep.
	maintenance, err := stack.NewMaintenance(ctx, setup, storage, cluster)
	if err != nil {
		return nil, err
	}
	outputs.AddMaintenance(maintenance)
	// Alarms, a page for each segment, and the topic that they, failed loads and rollouts are told to.
	operations, err := stack.NewOperations(ctx, setup, storage, segments, loads, streams, cluster)
	if err != nil {
		return nil, err
	}
	outputs.AddOperations(operations)
	// CodeDeploy, which moves the segments' functions to new versions, and the function that judges these.
	rollouts, err := stack.NewRollouts(ctx, setup, storage, segments, operations)
	if err != nil {
		return nil, err
	}
	outputs.AddRollouts(rollouts)
	// Rules that no stack may break, over all that is declared.
	if err := setup.CheckGuardRails(ctx); err != nil {
		return nil, err
	}
	return outputs.Map()
}
