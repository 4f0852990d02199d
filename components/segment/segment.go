// Package segment is one kind of record: the queue of its chunks and the function that processes them, with timeouts
// and limits that fit each other, and the queue of the chunks that workers process.
package segment

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/artifact"
	"dip/components/component"
	"dip/components/function"
	"dip/components/policy"
	"dip/components/queue"
	"dip/config"
	"dip/contract"
)

// TypeToken is the component's type.
const TypeToken = "dip:segment:Segment"

// Args configure a segment.
type Args struct {
	// Settings are the segment's entry in the stack's config. The zero value is invalid.
	Settings config.Segment
	// Queues are retention and receives. The zero value is invalid.
	Queues config.Queues
	// Architecture of the artifact. The zero value is invalid.
	Architecture config.Architecture
	// Artifact is the code. The zero value is invalid.
	Artifact artifact.Artifact
	// Common is the environment that functions share. Every field must be set.
	Common contract.Common[pulumi.StringInput]
	// Allow is what the function may do besides taking its chunks. Empty: nothing.
	Allow []policy.Statement
	// Tracing has X-Ray record traces of the function.
	Tracing bool
	// Lease is how long a worker's receive of a chunk lasts. Zero: the segment has no workers.
	Lease config.Duration
}

// Validate reports every problem of the queue, the function and what ties them together.
func (a *Args) Validate() error {
	var found component.Problems
	s := a.Settings
	found.Add(config.CheckLimits("Settings", s))
	found.If(s.ReservedConcurrency > 0 && s.Concurrency > s.ReservedConcurrency,
		"Settings.concurrency", "%d, above Settings.reservedConcurrency, %d", s.Concurrency, s.ReservedConcurrency)
	found.In("queue", a.queue().Validate())
	found.In("function", a.function("").Validate())
	return found.Err()
}

func (a *Args) workers() *queue.Args {
	return &queue.Args{Settings: a.Queues, Lease: a.Lease}
}

func (a *Args) queue() *queue.Args {
	return &queue.Args{Settings: a.Queues, Timeout: a.Settings.Timeout, Window: a.Settings.BatchingWindow}
}

func (a *Args) function(name string) *function.Args {
	return &function.Args{
		Settings:     a.Settings.Function,
		Architecture: a.Architecture,
		Artifact:     a.Artifact,
		Env:          contract.SegmentEnv[pulumi.StringInput]{Common: a.Common, Segment: pulumi.String(name)},
		Allow:        a.Allow,
		RolledOut:    true,
		Tracing:      a.Tracing,
	}
}

// Segment is a queue and the function that takes its chunks, and the queue of its workers.
type Segment struct {
	pulumi.ResourceState

	Queue    *queue.Queue
	Function *function.Function
	Workers  *queue.Queue // nil without workers
}

// New declares a segment.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Segment, error) {
	s := &Segment{}
	return component.Declare(ctx, TypeToken, name, s, args, opts,
		s.createQueue, s.createFunction, s.takeChunks, s.createWorkers)
}

// Outputs are where chunks go and what processes them.
func (s *Segment) Outputs() pulumi.Map {
	return pulumi.Map{"queue": s.Queue.URL, "function": s.Function.ARN}
}

func (s *Segment) createQueue(ctx *pulumi.Context, args *Args) (err error) {
	s.Queue, err = component.Child(ctx, s, "", queue.New, args.queue())
	return err
}

func (s *Segment) createFunction(ctx *pulumi.Context, args *Args) (err error) {
	f := args.function(s.PulumiResourceName())
	f.Allow = policy.All(s.Queue.Poll(), f.Allow)
	s.Function, err = component.Child(ctx, s, "", function.New, f)
	return err
}

func (s *Segment) takeChunks(ctx *pulumi.Context, args *Args) error {
	return s.Function.Take(ctx, s.Queue, function.Batches{
		Size: args.Settings.BatchSize, Window: args.Settings.BatchingWindow, Concurrency: args.Settings.Concurrency,
	})
}

func (s *Segment) createWorkers(ctx *pulumi.Context, args *Args) (err error) {
	if args.Lease == 0 {
		return nil
	}
	s.Workers, err = component.Child(ctx, s, "workers", queue.New, args.workers())
	return err
}

// Send allows to send chunks, to whatever processes them.
func (s *Segment) Send() []policy.Statement {
	if s.Workers == nil {
		return s.Queue.Send()
	}
	return policy.All(s.Queue.Send(), s.Workers.Send())
}

// Measure allows to ask how many chunks wait for whatever processes them.
func (s *Segment) Measure() []policy.Statement {
	if s.Workers == nil {
		return s.Queue.Measure()
	}
	return policy.All(s.Queue.Measure(), s.Workers.Measure())
}
