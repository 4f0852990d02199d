package client

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"dip/internal/stream"
)

// Functions is the part of Lambda that runs a function. *lambda.Client implements it.
type Functions interface {
	Invoke(context.Context, *lambda.InvokeInput, ...func(*lambda.Options)) (*lambda.InvokeOutput, error)
}

// Close runs the closer of a segment, and gives what it has found. It may run beside the scheduled one.
func Close(ctx context.Context, functions Functions, closer string) (r stream.Report, err error) {
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
