// Package stack is the assemblies of the system, one a file: plain functions that declare components and pass on typed
// results. An assembly takes the results of those before it, so that a wrong order does not compile. It is not a
// component: what it declares hangs below the stack itself, and moves to another assembly without a change of its URN.
package stack

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/artifact"
	"dip/components/guardrails"
	"dip/components/tags"
	"dip/config"
	"dip/contract"
	"dip/k8s/restage"
)

// Setup is a stack's settings and what is there before the first resource: the account, the region, the artifacts.
type Setup struct {
	*config.Stack

	Name    string // of the Pulumi stack
	Account string // 12 digits
	Region  string

	rails     *guardrails.Watch
	caller    string                       // ARN of who deploys, as STS names it
	tags      map[string]string            // on everything
	functions map[string]artifact.Artifact // by name
	heavy     *heavy                       // nil: the stack has no cluster, and functions process all chunks
	// What the heavy lane asks of storage and segments. The zero values, of stacks without a cluster, ask nothing.
	staging map[string]int  // days that restaged pieces are kept, by prefix of the lake
	lease   config.Duration // of a worker's receive of a chunk
}

// heavy is what the heavy lane needs before the first resource: the lane of the chunks that workers on the cluster
// process, and of the inputs that jobs restage there.
type heavy struct {
	live  live
	pools map[string]int // capacity pools, by node group
	zones []config.Zone  // of the cluster's network
	image artifact.Image // of workers and restage jobs
}

// Open reads the stack's config and schemas, asks where it is, and finds the artifacts. Any problem ends the program
// here, before anything registers. today decides which versions are still supported.
func Open(ctx *pulumi.Context, today time.Time) (*Setup, error) {
	settings, err := read(ctx)
	if err != nil {
		return nil, err
	}
	s := &Setup{Stack: settings, Name: ctx.Stack()}
	if err := s.locate(ctx); err != nil {
		return nil, err
	}
	dir, ok := ctx.GetConfig(config.ArtifactsKey)
	if !ok {
		dir = path.Join("build", string(s.Architecture))
	}
	names := slices.Concat(contract.SystemFunctions, s.programs(s.SegmentNames()))
	if len(s.StreamNames()) > 0 {
		names = append(names, contract.StreamFunctions...)
	}
	if len(s.FileNames()) > 0 {
		names = append(names, contract.RolloutFunction)
	}
	if s.Maintenance.Enabled {
		names = append(names, contract.Maintenance)
	}
	if s.GatewayIsFunction() {
		names = append(names, contract.Gateway)
	}
	s.functions, err = artifact.Open(dir, string(s.Architecture), names...)
	err = errors.Join(err, s.reserveConcurrency(ctx))
	if s.Cluster.Enabled {
		err = errors.Join(err, s.openHeavy(ctx, dir, today))
	}
	if err != nil {
		return nil, err
	}
	s.tags = map[string]string{"dip:stack": s.Name, "dip:environment": string(s.Environment)}
	maps.Copy(s.tags, s.Tags)
	demanded := guardrails.Roles{PermissionsBoundary: s.PermissionsBoundary, Path: s.RolePath}
	physical := guardrails.Names{Prefix: s.NamePrefix, Stack: s.Name}
	if err := errors.Join(tags.Apply(ctx, s.tags), demanded.Apply(ctx), physical.Apply(ctx)); err != nil {
		return nil, err
	}
	s.rails, err = guardrails.NewWatch(ctx) // after all others: it sees what they made
	return s, err
}

// CheckGuardRails reports every rule that what was declared breaks.
func (s *Setup) CheckGuardRails(ctx *pulumi.Context) error {
	return s.rails.Check(ctx, guardrails.Demands{
		Tags: []string{"dip:stack", "dip:environment"}, Protect: s.Environment == config.Prod,
	})
}

func read(ctx *pulumi.Context) (*config.Stack, error) {
	file := "Pulumi." + ctx.Stack() + ".yaml"
	object, ok := ctx.GetConfig(config.Key)
	if !ok {
		return nil, fmt.Errorf("stack file %s has no %s: see config/stack.schema.json", file, config.Key)
	}
	settings, err := config.Parse([]byte(object), config.Options{Files: os.DirFS(".")})
	if err != nil {
		return nil, fmt.Errorf("stack file %s, %s:\n%w", file, config.Key, err)
	}
	return settings, nil
}

// locate asks whose account and which region this is.
func (s *Setup) locate(ctx *pulumi.Context) error {
	identity, err := aws.GetCallerIdentity(ctx, &aws.GetCallerIdentityArgs{})
	if err != nil {
		return fmt.Errorf("ask for the account: %w", err)
	}
	region, err := aws.GetRegion(ctx, &aws.GetRegionArgs{})
	if err != nil {
		return fmt.Errorf("ask for the region: %w", err)
	}
	s.Account, s.Region, s.caller = identity.AccountId, region.Name, identity.Arn
	return nil
}

// openHeavy looks up the cluster that exists, chooses the zones, reads the image's programs and says what the lane asks
// of the other assemblies.
func (s *Setup) openHeavy(ctx *pulumi.Context, dir string, today time.Time) error {
	programs := append(s.programs(s.FileNames()), restage.Program)
	if s.GatewayOnCluster() {
		programs = append(programs, contract.Gateway)
	}
	image, missing := artifact.OpenImage(dir, string(s.Architecture), "Dockerfile", programs...)
	now, err := s.findCluster(ctx)
	if err != nil {
		return errors.Join(missing, err)
	}
	zones, err := s.chooseZones(ctx, now)
	if err != nil {
		return errors.Join(missing, err)
	}
	s.heavy = &heavy{live: now, zones: zones, image: image}
	s.staging = map[string]int{contract.StagingPrefix: s.Cluster.Restage.KeepDays}
	s.lease = s.Cluster.Workers.Lease
	return errors.Join(missing, s.checkCluster(ctx, now, s.caller, today), s.resolveAddOns(ctx), s.preflight(ctx))
}

// programs are the programs of segments.
func (s *Setup) programs(segments []string) (names []string) {
	for _, name := range segments {
		names = append(names, programOf(s.Segments[name]))
	}
	return names
}

// programOf is the name of a segment's program, and so of its artifact: its package's folder.
func programOf(s config.Segment) string { return path.Base(s.Package) }

func number(n int) pulumi.StringInput { return pulumi.String(strconv.Itoa(n)) }
