package function

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lambda"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/components/stream"
	"dip/config"
)

// Records say how a function takes records from a stream. There are two ways. With SetAside, the function lists the
// first record that failed, a batch that goes on failing is split and then set aside, and batches of a shard may run at
// once. Without, a batch that fails comes again until its records expire, and no record is delivered before those in
// front of it are done.
//
// Lambda's own defaults are neither: retries without end and no bisection, so that one bad record stops its shard.
type Records struct {
	Size   int             // records at most, 1 to 10,000; a batch has at most 6 MB
	Window config.Duration // how long a batch may wait to fill; zero: not at all
	// SetAside is the ARN of a bucket that keeps batches which failed for good. Nil: none do.
	SetAside pulumi.StringInput
	// Factor is how many batches of a shard run at once, 1 to 10; 1 without SetAside.
	Factor  int
	Retries int             // with SetAside: of a batch that fails, 1 to 10,000
	Age     config.Duration // with SetAside: an older record that fails is set aside, 1m to 168h
	FanOut  bool            // read by the stream's consumer
}

func (r Records) validate(s *stream.Stream) error {
	var found component.Problems
	within := func(name string, value, low, high int) {
		found.If(value < low || value > high, name, "%d, want %d to %d", value, low, high)
	}
	within("Records.Size", r.Size, 1, 10_000)
	within("Records.Window", r.Window.Seconds(), 0, 300)
	found.If(r.FanOut && s.Consumer == nil, "Records.FanOut", "the stream has no consumer")
	if r.SetAside == nil {
		within("Records.Factor", r.Factor, 1, 1)
		found.If(r.Retries != 0 || r.Age != 0, "Records.SetAside", "missing: what failed for good would be lost")
		return found.Err()
	}
	within("Records.Factor", r.Factor, 1, 10)
	within("Records.Retries", r.Retries, 1, 10_000)
	within("Records.Age", r.Age.Seconds(), 60, 604_800)
	return found.Err()
}

// endless is what Lambda calls retries, or an age, without a limit.
const endless = -1

// Read has the function's alias take records from a stream, from the oldest one on.
func (f *Function) Read(ctx *pulumi.Context, s *stream.Stream, r Records) error {
	if err := r.validate(s); err != nil {
		return component.In(f, err)
	}
	settings := &lambda.EventSourceMappingArgs{
		EventSourceArn:                 s.ARN,
		FunctionName:                   f.ARN,
		StartingPosition:               pulumi.String("TRIM_HORIZON"),
		BatchSize:                      pulumi.Int(r.Size),
		MaximumBatchingWindowInSeconds: pulumi.Int(r.Window.Seconds()),
		ParallelizationFactor:          pulumi.Int(r.Factor),
		MaximumRetryAttempts:           pulumi.Int(endless),
		MaximumRecordAgeInSeconds:      pulumi.Int(endless),
	}
	if r.FanOut {
		settings.EventSourceArn = s.Consumer
	}
	if r.SetAside != nil {
		settings.MaximumRetryAttempts = pulumi.Int(r.Retries)
		settings.MaximumRecordAgeInSeconds = pulumi.Int(r.Age.Seconds())
		settings.BisectBatchOnFunctionError = pulumi.Bool(true)
		settings.FunctionResponseTypes = pulumi.StringArray{pulumi.String("ReportBatchItemFailures")}
		settings.DestinationConfig = &lambda.EventSourceMappingDestinationConfigArgs{
			OnFailure: &lambda.EventSourceMappingDestinationConfigOnFailureArgs{DestinationArn: r.SetAside.ToStringOutput()},
		}
	}
	_, err := component.Child(ctx, f, "mapping", lambda.NewEventSourceMapping, settings)
	return component.In(f, err)
}
