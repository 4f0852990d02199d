package boot

import (
	"context"
	"errors"
	"strings"
	"testing"

	"dip/contract"
)

// Neither an answer nor an error may exceed what a workflow's state holds.
func TestStepCutsCauses(t *testing.T) {
	long, short := strings.Repeat("x", 1<<20), errors.New("short")
	for name, c := range map[string]struct {
		cause string
		err   error
	}{"an answer": {long, nil}, "an error": {"", errors.New(long)}, "a short error": {"", short}, "nothing": {}} {
		handle := Step(func(context.Context, contract.WorkflowInput) (contract.StepResponse, error) {
			return contract.StepResponse{Load: "L", Cause: c.cause}, c.err
		})
		response, err := handle(t.Context(), contract.WorkflowInput{})
		if len(response.Cause) > 4096 || (response.Cause == "") != (c.cause == "") || response.Load != "L" {
			t.Errorf("%s: %d bytes", name, len(response.Cause))
		}
		if (err == nil) != (c.err == nil) || err != nil && len(err.Error()) > 4096 {
			t.Errorf("%s: %.100v", name, err)
		}
		if c.err == short && !errors.Is(err, short) {
			t.Errorf("%s: %v lost its type", name, err)
		}
	}
}
