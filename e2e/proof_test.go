package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"dip/internal/testenv"
	"dip/local/proof"
)

// prove runs steps of `make proof-aws` on the emulator, and wants all that it can show.
func prove(ctx context.Context, steps ...string) (proof.Report, error) {
	return proof.Run(ctx, proof.Options{
		Place: &proof.Emulator{Root: root, Stack: stack}, Local: true, Sizes: []int64{8_000_000}, Only: steps,
	})
}

// The dry run shows what an emulator can, and says what it cannot.
func TestProof(t *testing.T) {
	if _, err := exec.LookPath("aws"); err != nil {
		testenv.Missing(t, fmt.Errorf("the proof runs the aws command line: %w", err))
	}
	report, err := prove(t.Context(), "preflight-account", "preflight-quotas", "up", "load-8MB", "kill-functions",
		"interrupt-node", "bill")
	if err != nil {
		t.Errorf("%v\n%s", err, report.Markdown())
	}
	results := map[string]proof.Result{}
	for _, o := range report.Outcomes {
		results[o.Step.Name] = o.Result
	}
	for step, want := range map[string]proof.Result{
		"preflight-account": proof.Shown, "preflight-quotas": proof.NotShown, "up": proof.Shown,
		"load-8MB": proof.Shown, "kill-functions": proof.Shown, "interrupt-node": proof.NotShown, "bill": proof.NotShown,
	} {
		if results[step] != want {
			t.Errorf("step %s: %s, want %s", step, results[step], want)
		}
	}
	// While the stack is up, something is left.
	if report, err := prove(t.Context(), "nothing-left"); err == nil ||
		!strings.Contains(report.Markdown(), stack.Outputs.LandingBucket) {
		t.Errorf("nothing is left of a stack that is up: %v\n%s", err, report.Markdown())
	}
}

// proveRemoval shows, last of all, that the stack can be removed and that nothing is left.
func proveRemoval(ctx context.Context) error {
	if _, err := exec.LookPath("aws"); err != nil {
		return nil
	}
	report, err := prove(ctx, "destroy", "nothing-left")
	if err != nil {
		return fmt.Errorf("%w\n%s", err, report.Markdown())
	}
	return nil
}
