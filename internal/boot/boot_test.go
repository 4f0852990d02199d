package boot

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"dip/contract"
)

// A function with missing or invalid settings lists all of them and does not start.
func TestStartEndsTheProcess(t *testing.T) {
	if os.Getenv("TEST_START") != "" {
		Start(func(e contract.WorkerEnv[string]) contract.Common[string] { return e.Common })
		return
	}
	self := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStartEndsTheProcess$")
	self.Env = []string{"TEST_START=1", "DIP_STACK=dev", "DIP_SLOTS=many", "AWS_REGION=us-east-1"}
	out, err := self.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("ended with %v", err)
	}
	for _, want := range []string{"cannot start", "DIP_CODE is not set", "DIP_LEDGER_TABLE is not set",
		`DIP_SLOTS is \"many\"`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is missing in %s", want, out)
		}
	}
	self = exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStartEndsTheProcess$")
	self.Env = []string{"TEST_START=1", "DIP_STACK=dev", "DIP_CODE=c", "DIP_LEDGER_TABLE=t", "DIP_LAKE_BUCKET=b",
		"DIP_SEGMENT=trips", "DIP_QUEUE=q", "DIP_LEASE_SECONDS=60", "DIP_SLOTS=1", "DIP_GRACE_SECONDS=60",
		"AWS_REGION=us-east-1"}
	if out, err := self.CombinedOutput(); err != nil {
		t.Errorf("a complete environment: %v: %s", err, out)
	}
}
