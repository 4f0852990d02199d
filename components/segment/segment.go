// Package segment is one kind of record: the queue of its chunks and the function that processes them, with timeouts
// and limits that fit each other, and the queue of the chunks that workers process.
package segment

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/artifact"
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
	// Lease is how long a worker's receive of a chunk lasts. Zero: the segment has no workers.
	Lease config.Duration
	// AlarmTopics are ARNs that alarms notify. Empty: alarms only change their state.
	AlarmTopics []string
}

// Validate reports every problem of the queue, the function and what ties them together.
func (a *Args) Validate() error {
	var errs []error
	s := a.Settings
	if s.Concurrency < 2 || s.Concurrency > 1000 {
		errs = append(errs, fmt.Errorf("segment: Settings.Concurrency: %d, want 2 to 1000", s.Concurrency))
	}
	if s.ReservedConcurrency > 0 && s.Concurrency > s.ReservedConcurrency {
		errs = append(errs, errors.New("segment: Settings.Concurrency: above ReservedConcurrency"))
	}
	if s.BatchSize < 1 {
		errs = append(errs, errors.New("segment: Settings.BatchSize: want at least 1"))
	}
	return errors.Join(append(errs, a.queue().Validate(), a.function("").Validate())...)
}

func (a *Args) workers() *queue.Args {
	return &queue.Args{Settings: a.Queues, Lease: a.Lease, AlarmTopics: a.AlarmTopics}
}

func (a *Args) queue() *queue.Args {
	return &queue.Args{
		Settings: a.Queues, Timeout: a.Settings.Timeout, Window: a.Settings.BatchingWindow, AlarmTopics: a.AlarmTopics,
	}
}

func (a *Args) function(name string) *function.Args {
	return &function.Args{
		Settings:     a.Settings.Function,
		Architecture: a.Architecture,
		Artifact:     a.Artifact,
		Env:          contract.SegmentEnv[pulumi.StringInput]{Common: a.Common, Segment: pulumi.String(name)},
		Allow:        a.Allow,
	}
}

// Segment is a queue and the function that takes its chunks, and the queue of its workers.
type Segment struct {
	pulumi.ResourceState

	Queue    *queue.Queue
	Function *function.Function
	Workers  *queue.Queue // nil without workers

	name string
}

// New declares a segment.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Segment, error) {
	if err := args.Validate(); err != nil {
		return nil, fmt.Errorf("segment %s: %w", name, err)
	}
	s := &Segment{name: name}
	if err := ctx.RegisterComponentResource(TypeToken, name, s, opts...); err != nil {
		return nil, fmt.Errorf("segment %s: %w", name, err)
	}
	for _, step := range []func(*pulumi.Context, *Args) error{s.createQueue, s.createFunction, s.takeChunks, s.createWorkers} {
		if err := step(ctx, args); err != nil {
			return nil, fmt.Errorf("segment %s: %w", name, err)
		}
	}
	return s, ctx.RegisterResourceOutputs(s, pulumi.Map{"queue": s.Queue.URL, "function": s.Function.ARN})
}

func (s *Segment) createQueue(ctx *pulumi.Context, args *Args) (err error) {
	s.Queue, err = queue.New(ctx, s.name, args.queue(), pulumi.Parent(s))
	return err
}

func (s *Segment) createFunction(ctx *pulumi.Context, args *Args) (err error) {
	f := args.function(s.name)
	f.Allow = policy.All(s.Queue.Receive(), f.Allow)
	s.Function, err = function.New(ctx, s.name, f, pulumi.Parent(s))
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
	s.Workers, err = queue.New(ctx, s.name+"-workers", args.workers(), pulumi.Parent(s))
	return err
}

// Send allows to send chunks, to whatever processes them.
func (s *Segment) Send() []policy.Statement {
	if s.Workers == nil {
		return s.Queue.Send()
	}
	return policy.All(s.Queue.Send(), s.Workers.Send())
}
