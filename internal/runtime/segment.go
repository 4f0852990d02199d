package runtime

import (
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"dip/contract"
	"dip/internal/segment"
)

// Segment runs a segment's function: the whole main of a package under lambdas/.
func Segment() {
	env, rt := Start(func(e contract.SegmentEnv[string]) contract.Common[string] { return e.Common })
	h := &segment.Handler{
		Name: env.Segment, Code: env.Code, Runtime: rt.Version,
		Ledger: rt.Ledger, Source: rt.Lake, Sink: rt.Lake, Catalogs: rt.Catalogs, Log: rt.Log, Now: time.Now,
	}
	lambda.Start(h.Handle)
}
