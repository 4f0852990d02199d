package guardrails_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kinesis"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lambda"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/components/guardrails"
)

// check is what the rules say of a program.
func check(t *testing.T, d guardrails.Demands, program pulumi.RunFunc) string {
	t.Helper()
	var problems error
	componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		w, err := guardrails.NewWatch(ctx)
		if err != nil {
			return err
		}
		if err := program(ctx); err != nil {
			return err
		}
		problems = w.Check(ctx, d)
		return nil
	})
	if problems == nil {
		return ""
	}
	return problems.Error()
}

// The witness of a stream retries for ever on purpose, and keeps what failed like any other.
func TestWitness(t *testing.T) {
	for _, kept := range []bool{true, false} {
		got := check(t, guardrails.Demands{}, func(ctx *pulumi.Context) error {
			s, err := kinesis.NewStream(ctx, "s", &kinesis.StreamArgs{EncryptionType: pulumi.String("KMS")})
			if err != nil {
				return err
			}
			args := &lambda.EventSourceMappingArgs{EventSourceArn: s.Arn, FunctionName: pulumi.String("f")}
			if kept {
				args.DestinationConfig = &lambda.EventSourceMappingDestinationConfigArgs{
					OnFailure: &lambda.EventSourceMappingDestinationConfigOnFailureArgs{DestinationArn: pulumi.String("a")},
				}
			}
			_, err = lambda.NewEventSourceMapping(ctx, "witness", args)
			return err
		})
		if (got == "") != kept {
			t.Errorf("keeps what failed: %t; %q", kept, got)
		}
	}
}

func TestTags(t *testing.T) {
	for _, c := range []struct {
		tags pulumi.StringMapInput
		want string
	}{
		{nil, "guard rail tags: aws:sqs/queue:Queue q: tags: add dip:stack"},
		{pulumi.StringMap{"dip:stack": pulumi.String("dev")}, ""},
	} {
		got := check(t, guardrails.Demands{Tags: []string{"dip:stack"}}, func(ctx *pulumi.Context) error {
			_, err := sqs.NewQueue(ctx, "q", &sqs.QueueArgs{SqsManagedSseEnabled: pulumi.Bool(true), Tags: c.tags})
			return err
		})
		if got != c.want {
			t.Errorf("%v: %q, want %q", c.tags, got, c.want)
		}
	}
}

// A stream is encrypted, and what holds data may be destroyed where nothing demands otherwise.
func TestDemands(t *testing.T) {
	program := func(ctx *pulumi.Context) error {
		_, err := kinesis.NewStream(ctx, "s", &kinesis.StreamArgs{})
		return err
	}
	if got := check(t, guardrails.Demands{}, program); !strings.Contains(got, "encryptionType") ||
		strings.Contains(got, "protect") {
		t.Error(got)
	}
	if got := check(t, guardrails.Demands{Protect: true}, program); !strings.Contains(got, "guard rail protect") {
		t.Error(got)
	}
}

// The page lists all rules, in their order.
func TestPageListsTheRules(t *testing.T) {
	page, err := os.ReadFile("../../docs/pull-requests.md")
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("| rule | holds | because |\n|---|---|---|\n")
	for _, r := range guardrails.Rules {
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", r.Name, r.Holds, r.Because)
	}
	if !strings.Contains(string(page), table.String()) {
		t.Errorf("docs/pull-requests.md does not have the table\n%s", table.String())
	}
}
