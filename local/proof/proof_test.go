package proof

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dip/config"
	"dip/internal/client"
)

// account is a place whose programs print what is written here.
type account struct {
	settings *config.Stack
	prints   map[string]string // by the beginning of a command
	did      []string
	fail     string // the beginning of a command that fails
}

func (a *account) Name() string                     { return "dev" }
func (a *account) Settings() (*config.Stack, error) { return a.settings, nil }

func (a *account) Up(_ context.Context, settings map[string]any) (Deployed, error) {
	a.did = append(a.did, "up")
	if a.fail == "up" {
		return Deployed{}, errors.New("no")
	}
	return Deployed{Summary: "1 same", Changed: settings != nil}, nil
}

func (a *account) Destroy(ctx context.Context) error {
	a.did = append(a.did, "destroy")
	return ctx.Err()
}

func (a *account) Client(context.Context) (*client.Stack, error) {
	return nil, errors.New("there is no stack")
}

func (a *account) Run(_ context.Context, program string, args ...string) ([]byte, error) {
	command := program + " " + strings.Join(args, " ")
	a.did = append(a.did, command)
	for begin, text := range a.prints {
		if strings.HasPrefix(command, begin) {
			return []byte(text), nil
		}
	}
	return nil, fmt.Errorf("%s: no", command)
}

// dev is a place with a cluster.
func dev() *account {
	return &account{
		settings: &config.Stack{
			Segments: map[string]config.Segment{"trips": {Concurrency: 10}, "events": {Concurrency: 5}},
			Cluster:  config.Cluster{Enabled: true}, Network: config.Network{AvailabilityZones: 4, NAT: config.PerZoneNAT},
			NodeGroups: map[string]config.NodeGroup{
				"services": {Capacity: config.OnDemand, InstanceTypes: []string{"m7g.large"}, Max: 3},
				"batch":    {Capacity: config.Spot, InstanceTypes: []string{"m7g.large"}, Max: 8, OnDemandBase: 1},
			},
		},
		prints: map[string]string{
			"aws sts get-caller-identity": `{"Account": "123456789012", ` +
				`"Arn": "arn:aws:sts::123456789012:assumed-role/deploy/me"}`,
			"aws ec2 describe-availability-zones":  `{"AvailabilityZones": [{"RegionName": "us-east-1"}, {}, {}, {}]}`,
			"aws lambda get-account-settings":      `{"AccountLimit": {"ConcurrentExecutions": 115}}`,
			"aws ec2 describe-instance-types":      `{"InstanceTypes": [{"VCpuInfo": {"DefaultVCpus": 2}}]}`,
			"aws service-quotas get-service-quota": `{"Quota": {"Value": 14}}`,
			"aws iam list-roles": `{"Roles": [{"RoleName": "AWSServiceRoleForEC2Spot"}, ` +
				`{"RoleName": "AWSServiceRoleForAutoScaling"},
				{"RoleName": "AWSServiceRoleForAmazonEKS"}, {"RoleName": "AWSServiceRoleForAmazonEKSNodegroup"}]}`,
			"aws iam simulate-principal-policy --policy-source-arn " +
				"arn:aws:iam::123456789012:role/deploy ": `{"EvaluationResults": [` +
				`{"EvalActionName": "s3:CreateBucket", "EvalDecision": "allowed"}]}`,
			"aws ec2 describe-flow-logs":   `{"FlowLogs": [{"FlowLogId": "fl-1", "DeliverLogsStatus": "SUCCESS"}]}`,
			"make image STACK=dev":         ``,
			"aws resourcegroupstaggingapi": `{"ResourceTagMappingList": [{"ResourceARN": "arn:aws:kms:us-east-1:1:key/k"}]}`,
			"aws kms describe-key":         `{"KeyMetadata": {"KeyState": "PendingDeletion"}}`,
			"aws ce get-cost-and-usage": `{"ResultsByTime": [{"Groups": [{"Keys": ["S3"], ` +
				`"Metrics": {"UnblendedCost": {"Amount": "1.5", "Unit": "USD"}}}]}]}`,
		},
	}
}

// prove runs steps without those that need a stack's data, and returns their results by name.
func prove(t *testing.T, o Options) (map[string]Outcome, Report, error) {
	t.Helper()
	o.Now = func() time.Time { return time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC) }
	report, err := Run(t.Context(), o)
	outcomes := map[string]Outcome{}
	for _, out := range report.Outcomes {
		outcomes[out.Step.Name] = out
	}
	return outcomes, report, err
}

var withoutData = []string{"preflight-account", "preflight-quotas", "preflight-roles", "preflight-rights", "up",
	"image", "up-again", "flow-log", "interrupt-node", "destroy", "nothing-left", "bill"}

func TestSteps(t *testing.T) {
	a := dev()
	got, report, err := prove(t, Options{Place: a, Only: withoutData})
	if err != nil {
		t.Fatal(err)
	}
	for step, want := range map[string]string{
		"preflight-account": "us-east-1 with 4 availability zones",
		"preflight-quotas":  "vCPUs of standard spot instances: 14, the stack needs 14",
		"preflight-roles":   "AWSServiceRoleForEC2Spot exists",
		"preflight-rights":  "arn:aws:iam::123456789012:role/deploy may take all of",
		"flow-log":          "fl-1 is delivered",
		"nothing-left":      "nothing but 1 keys that wait to be deleted",
		"bill":              "S3: 1.5 USD",
	} {
		if out := got[step]; out.Result != Shown || !strings.Contains(strings.Join(out.Lines, "\n"), want) {
			t.Errorf("%s: %+v, want %q", step, out, want)
		}
	}
	if out := got["interrupt-node"]; out.Result != NotShown || !strings.Contains(out.Reason, "--interrupter") {
		t.Errorf("interrupt-node: %+v", out)
	}
	text := report.Markdown()
	for _, want := range []string{"# Proof of stack dev on AWS", "2026-11-27T12:00:00Z",
		"| bill | what it has cost, by the stack's tag | shown |", "## bill\n\n- S3: 1.5 USD", "| not shown here | - |"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
}

// What is missing is a failure that says what to do, and ends the run but for what takes everything down.
func TestFailures(t *testing.T) {
	for step, c := range map[string]struct{ command, prints, want string }{
		"preflight-account": {"aws ec2 describe-availability-zones", `{"AvailabilityZones": [{}, {}, {}]}`,
			"3 availability zones, the stack wants 4"},
		"preflight-quotas": {"aws service-quotas get-service-quota", `{"Quota": {"Value": 13}}`,
			"vCPUs of standard spot instances: 13, the stack needs 14"},
		"preflight-roles": {"aws iam list-roles", `{"Roles": []}`,
			"aws iam create-service-linked-role --aws-service-name spot.amazonaws.com"},
		"preflight-rights": {"aws iam simulate-principal-policy --policy-source-arn arn:aws:iam::123456789012:role/deploy ",
			`{"EvaluationResults": [{"EvalActionName": "s3:CreateBucket", "EvalDecision": "implicitDeny"}]}`,
			"s3:CreateBucket: implicitDeny"},
		"flow-log": {"aws ec2 describe-flow-logs",
			`{"FlowLogs": [{"FlowLogId": "fl-1", "DeliverLogsStatus": "FAILED", "DeliverLogsErrorMessage": "Access error"}]}`,
			"fl-1: FAILED: Access error"},
	} {
		a := dev()
		a.prints[c.command] = c.prints
		got, _, err := prove(t, Options{Place: a, Only: withoutData})
		if out := got[step]; out.Result != Failed || !strings.Contains(out.Reason, c.want) {
			t.Errorf("%s: %+v, want %q", step, out, c.want)
		}
		if err == nil || !strings.Contains(err.Error(), step) {
			t.Errorf("%s: the error is %v", step, err)
		}
		if got["interrupt-node"].Reason != "step "+step+" failed" || got["destroy"].Result != Shown {
			t.Errorf("%s: afterwards %+v, %+v", step, got["interrupt-node"], got["destroy"])
		}
	}
}

func TestConcurrencyThatIsMissing(t *testing.T) {
	a := dev()
	a.prints["aws lambda get-account-settings"] = `{"AccountLimit": {"ConcurrentExecutions": 10}}`
	got, _, _ := prove(t, Options{Place: a, Only: []string{"preflight-quotas"}})
	if out := got["preflight-quotas"]; !strings.Contains(out.Reason, "concurrent executions: 10, the stack needs 115") {
		t.Errorf("got %+v", out)
	}
}

// What is up is taken down even if the run is interrupted.
func TestInterruptedRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a := dev()
	a.fail = "up"
	report, err := Run(ctx, Options{Place: a, Only: []string{"up", "destroy"}})
	if err == nil || report.Outcomes[1].Result != Shown || !slices.Equal(a.did, []string{"up", "destroy"}) {
		t.Errorf("%v, %+v, %v", err, report.Outcomes, a.did)
	}
}

func TestSecondDeploymentChangesNothing(t *testing.T) {
	place := &changing{account: dev()}
	got, _, _ := prove(t, Options{Place: place, Only: []string{"up", "up-again"}})
	if got["up"].Result != Shown || got["up-again"].Result != Failed {
		t.Errorf("got %+v", got)
	}
}

// changing changes resources with each deployment.
type changing struct{ *account }

func (c *changing) Up(context.Context, map[string]any) (Deployed, error) {
	return Deployed{Summary: "1 update", Changed: true}, nil
}

func TestDryRunSaysWhatItCannotShow(t *testing.T) {
	got, _, err := prove(t, Options{Place: dev(), Local: true, Only: withoutData})
	if err != nil || got["bill"].Result != NotShown || got["bill"].Reason != "the emulator costs nothing" ||
		got["preflight-account"].Result != Shown {
		t.Errorf("%v, %+v", err, got)
	}
}

func TestUnknownStep(t *testing.T) {
	if _, err := Run(t.Context(), Options{Place: dev(), Only: []string{"ups"}}); err == nil ||
		!strings.Contains(err.Error(), `no step is called "ups": there are preflight-account, `) {
		t.Error(err)
	}
}

func TestCommandThatPrintsNothing(t *testing.T) {
	a := dev()
	a.prints["aws lambda get-function-concurrency"] = ""
	var out struct{ ReservedConcurrentExecutions *int }
	p := &proof{Options: Options{Place: a}}
	if err := p.aws(t.Context(), &out, "lambda", "get-function-concurrency"); err != nil {
		t.Error(err)
	}
}

func TestPrincipal(t *testing.T) {
	for caller, want := range map[string]string{
		"arn:aws:sts::1:assumed-role/deploy/me": "arn:aws:iam::1:role/deploy",
		"arn:aws:iam::1:user/me":                "arn:aws:iam::1:user/me",
	} {
		if got := principal(caller); got != want {
			t.Errorf("%s is %s, want %s", caller, got, want)
		}
	}
}

func TestPaths(t *testing.T) {
	got := paths("dip:stack", map[string]any{"a": map[string]any{"b": 1}})
	if !slices.Equal(got, [][2]string{{"dip:stack.a.b", "1"}}) {
		t.Errorf("got %q", got)
	}
}
