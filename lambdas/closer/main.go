// Command closer is the Lambda function that closes, certifies and publishes the intervals of a segment's stream.
package main

import (
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"dip/contract"
	"dip/internal/adapters"
	"dip/internal/boot"
	"dip/internal/kinesis"
	"dip/internal/load"
	"dip/internal/process"
	"dip/internal/stream"
)

func main() {
	env, b := boot.Start(func(e contract.CloserEnv[string]) contract.Common[string] { return e.Common })
	outcomes := load.Announcer{Stack: env.Stack, Ledger: b.Ledger, Bus: adapters.NewBus(b.Config, env.EventBus)}
	c := &stream.Closer{
		Stack: env.Stack, Ledger: b.Ledger, Lake: b.Lake, Stream: kinesis.New(b.Config, env.Stream),
		Signer: adapters.NewSigner(b.Config, env.SigningKey), Announce: outcomes.Announce, Log: b.Log, Metrics: b.Metrics,
		Pause: boot.Pause,
		Processor: &stream.Processor{
			Segment: env.Segment, Catalog: env.Catalog, Code: env.Code, Runtime: boot.Version(), Ledger: b.Ledger,
			Sink: b.Lake, Segments: &process.Segments{Catalogs: b.Catalogs}, Log: b.Log, Metrics: b.Metrics, Now: time.Now,
		},
	}
	lambda.Start(c.Close)
}
