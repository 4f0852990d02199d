package boot

import (
	"context"
	"errors"

	"dip/contract"
)

// Step is a step of a workflow whose answers and errors fit into the workflow's state: contract.Cut says why they must.
func Step[In any](handle func(context.Context, In) (contract.StepResponse, error)) func(context.Context,
	In) (contract.StepResponse, error) {
	return func(ctx context.Context, in In) (contract.StepResponse, error) {
		response, err := handle(ctx, in)
		response.Cause = contract.Cut(response.Cause)
		if err != nil {
			if text := err.Error(); contract.Cut(text) != text {
				err = errors.New(contract.Cut(text)) // Lambda passes on nothing but the text
			}
		}
		return response, err
	}
}
