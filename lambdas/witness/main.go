// Command witness is the Lambda function that archives the records of a segment's stream, raw and in order.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"dip/contract"
	"dip/internal/boot"
	"dip/internal/kinesis"
	"dip/internal/stream"
)

func main() {
	env, b := boot.Start(func(e contract.WitnessEnv[string]) contract.Common[string] { return e.Common })
	w := &stream.Witness{
		Segment: env.Segment, Ledger: b.Ledger, Sink: b.Lake, Shards: kinesis.New(b.Config, env.Stream), Log: b.Log,
	}
	lambda.Start(w.Handle)
}
