// Command splitter is the Lambda function that plans loads.
package main

import (
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"dip/contract"
	"dip/internal/runtime"
	"dip/internal/split"
)

func main() {
	env, rt := runtime.Start(func(e contract.SplitterEnv[string]) contract.Common[string] { return e.Common })
	s := &split.Splitter{
		ChunkBytes: int64(contract.Int(env.ChunkMB)) << 20,
		Ledger:     rt.Ledger, Source: rt.Lake, Catalogs: rt.Catalogs, Log: rt.Log, Now: time.Now,
	}
	lambda.Start(s.Handle)
}
