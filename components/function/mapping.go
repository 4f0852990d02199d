package function

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lambda"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/components/queue"
	"dip/config"
)

// Batches say how a function takes messages from a queue.
type Batches struct {
	Size        int             // messages at most, at least 1
	Window      config.Duration // how long a batch may wait to fill; zero: not at all
	Concurrency int             // batches at once, 2 to 1,000
}

// Take has the function's alias take messages from a queue. A batch may fail in part: the function lists what failed,
// and only that comes back.
func (f *Function) Take(ctx *pulumi.Context, q *queue.Queue, b Batches) error {
	most := pulumi.Int(b.Concurrency)
	_, err := component.Child(ctx, f, "mapping", lambda.NewEventSourceMapping, &lambda.EventSourceMappingArgs{
		EventSourceArn:                 q.ARN,
		FunctionName:                   f.ARN,
		BatchSize:                      pulumi.Int(b.Size),
		MaximumBatchingWindowInSeconds: pulumi.Int(b.Window.Seconds()),
		FunctionResponseTypes:          pulumi.StringArray{pulumi.String("ReportBatchItemFailures")},
		ScalingConfig:                  &lambda.EventSourceMappingScalingConfigArgs{MaximumConcurrency: most},
	}, component.After(q.Ready...))
	return component.In(f, err)
}
