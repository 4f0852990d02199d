package client

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"dip/contract"
)

// Functions is the part of Lambda that runs a function. *lambda.Client implements it.
type Functions interface {
	Invoke(context.Context, *lambda.InvokeInput, ...func(*lambda.Options)) (*lambda.InvokeOutput, error)
}

// Closed is what a run of the closer has found: what its function answers.
type Closed struct {
	Certified []string           // loads of the intervals that are certified and published now
	Waiting   *contract.Interval // the interval that is still open; nil: its end and grace are not over
	State     string             // of Waiting: open or overdue
	Problems  []string           // what keeps it open, by shard and range
	Through   time.Time          // end of the newest certified interval; zero: there is none
}

// Close runs the closer of a segment, and gives what it has found. It may run beside the scheduled one.
func Close(ctx context.Context, functions Functions, closer string) (r Closed, err error) {
	out, err := functions.Invoke(ctx, &lambda.InvokeInput{FunctionName: &closer})
	switch {
	case err != nil:
		return r, fmt.Errorf("run the closer %s: %w", closer, err)
	case out.FunctionError != nil:
		return r, fmt.Errorf("the closer %s failed: %s: %s", closer, aws.ToString(out.FunctionError), out.Payload)
	}
	if err := json.Unmarshal(out.Payload, &r); err != nil {
		return r, fmt.Errorf("read what the closer %s found: %w", closer, err)
	}
	return r, nil
}
