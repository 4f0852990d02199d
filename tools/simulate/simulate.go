// Package simulate judges calls by IAM policies, with an evaluator that is not ours: the npm package
// @cloud-copilot/iam-simulate. It is a process of its own and runs in tests alone, because its licence is AGPL-3.0.
package simulate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"dip/tools/npm"
)

//go:embed package.json package-lock.json simulate.mjs
var files embed.FS

// Request is calls with all policies that decide about them.
type Request struct {
	Account string `json:"account"`
	// Identity are the policies of principals, by ARN and name. Services have none.
	Identity map[string]map[string]any `json:"identity"`
	// Resource are the policies of resources, by ARN.
	Resource map[string]any `json:"resource"`
	Calls    []Call         `json:"calls"`
}

// Call is an action of a principal on a resource.
type Call struct {
	Principal string         `json:"principal"` // ARN of a role, or name of a service
	Action    string         `json:"action"`
	Resource  string         `json:"resource"`
	Context   map[string]any `json:"context"` // condition keys: strings, or lists of strings
	// Policy is the key in Request.Resource of the policy of the call's resource; empty: it has none.
	Policy string `json:"policy,omitempty"`
}

// Allowed is the verdict of a call that policies allow.
const Allowed = "Allowed"

// Verdict is what policies say about a call: Allowed, ImplicitlyDenied, ExplicitlyDenied, or Invalid with a reason if
// the evaluator cannot say.
type Verdict struct {
	Result string `json:"result"`
	Reason string `json:"reason,omitempty"`
}

// ARNs of SSM's public parameters have no account, in policies as in calls. The evaluator knows no ARN of a parameter
// without one and would not judge the call, so it gets one that no account has. Source: "Calling AMI public parameters"
// in the Systems Manager user guide.
const (
	publicParameters      = "::parameter/aws/service/"
	publicParametersOwned = ":000000000000:parameter/aws/service/"
)

// Run judges calls, in their order. cache is where the evaluator is installed, the first time from the npm registry.
func Run(ctx context.Context, cache string, r Request) ([]Verdict, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, errors.New("simulate policies: node is not installed: install Node.js 20 or later")
	}
	dir, err := install(ctx, cache)
	if err != nil {
		return nil, fmt.Errorf("install the simulator of policies: %w", err)
	}
	in, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("simulate policies: %w", err)
	}
	in = bytes.ReplaceAll(in, []byte(publicParameters), []byte(publicParametersOwned))
	cmd := exec.CommandContext(ctx, node, filepath.Join(dir, "simulate.mjs"))
	var out, failure bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &failure
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("simulate policies: %w: %s", err, strings.TrimSpace(failure.String()))
	}
	var verdicts []Verdict
	if err := json.Unmarshal(out.Bytes(), &verdicts); err != nil {
		return nil, fmt.Errorf("read the verdicts on policies: %w", err)
	}
	if len(verdicts) != len(r.Calls) {
		return nil, fmt.Errorf("simulate policies: %d verdicts on %d calls", len(verdicts), len(r.Calls))
	}
	return verdicts, nil
}

// install returns the folder with the evaluator, one for each state of the files here.
func install(ctx context.Context, cache string) (string, error) {
	sum := sha256.New()
	for _, name := range []string{"package.json", "package-lock.json", "simulate.mjs"} {
		text, err := files.ReadFile(name)
		if err != nil {
			return "", err
		}
		sum.Write(text)
	}
	dir := filepath.Join(cache, "tools", "simulate-"+hex.EncodeToString(sum.Sum(nil)[:6]))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	return dir, npm.Install(ctx, dir, files)
}
