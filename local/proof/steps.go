package proof

import (
	"context"
	"strings"

	"dip/internal/terminal"
)

// Step is a thing that is shown. docs/aws-review.md refers to its name.
type Step struct {
	Name  string
	Shows string
	// Missing is what the emulator lacks for it. Empty: it runs there too.
	Missing string

	always bool // even after a failure
	run    func(*proof, context.Context) ([]string, error)
}

// short makes a size part of a name: 10GB.
var short = strings.NewReplacer(".0 ", "", " ", "")

// loadStep begins the names of the steps that load an input, each followed by its size.
const loadStep = "load-"

// Steps lists all steps in their order.
func Steps(sizes []int64) []Step {
	steps := []Step{
		{Name: "preflight-account", Shows: "credentials, region and enough availability zones",
			run: (*proof).account},
		{Name: "preflight-quotas", Shows: "the account's quotas cover the stack",
			Missing: "the emulator has no quotas of its own", run: (*proof).quotas},
		{Name: "preflight-roles", Shows: "the service-linked roles exist that spot instances and EKS need",
			Missing: "the emulator has no service-linked roles", run: (*proof).linkedRoles},
		{Name: "preflight-rights", Shows: "whoever deploys may do so, by iam:SimulatePrincipalPolicy",
			Missing: "the emulator checks no rights of its owner", run: (*proof).deployerRights},
		{Name: "up", Shows: "the stack deploys", run: (*proof).up},
		{Name: "image", Shows: "the workers' image is built and pushed",
			Missing: "the emulator's nodes pull no images", run: (*proof).image},
		{Name: "up-again", Shows: "a second deployment changes nothing", run: (*proof).upAgain},
		{Name: "flow-log", Shows: "the VPC's flow log is delivered",
			Missing: "the emulator delivers no flow logs", run: (*proof).flowLog},
	}
	for _, size := range sizes {
		steps = append(steps, Step{
			Name: loadStep + short.Replace(terminal.Bytes(size)), Shows: "an input of this size is certified",
			run: func(p *proof, ctx context.Context) ([]string, error) { return p.load(ctx, size) },
		})
	}
	return append(steps,
		Step{Name: "kill-functions", Shows: "a load whose functions are stopped halfway is certified",
			run: (*proof).stopFunctions},
		Step{Name: "kill-execution", Shows: "a load whose workflow is stopped halfway is resumed by the sweeper",
			Missing: "the local sweeper runs once a day", run: (*proof).killExecution},
		Step{Name: "kill-pods", Shows: "a load whose workers are killed halfway is certified",
			Missing: "the emulator has no nodes; make lab shows it", run: (*proof).killPods},
		Step{Name: "interrupt-node", Shows: "a load on a spot instance that is interrupted halfway is certified",
			Missing: "the emulator has no nodes; make lab shows it", run: (*proof).interruptNode},
		Step{Name: "rollback", Shows: "a change of the functions and its rollback lose nothing", run: (*proof).rollback},
		Step{Name: "destroy", Shows: "the stack can be removed", always: true, run: (*proof).destroy},
		Step{Name: "nothing-left", Shows: "no resource with the stack's tag is left", always: true,
			run: (*proof).nothingLeft},
		Step{Name: "bill", Shows: "what it has cost, by the stack's tag", always: true,
			Missing: "the emulator costs nothing", run: (*proof).bill},
	)
}
