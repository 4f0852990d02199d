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

var onDemand = &kinesis.StreamStreamModeDetailsArgs{StreamMode: pulumi.String("ON_DEMAND")}

// The witness of a stream retries for ever on purpose, beside a mapping that keeps what failed. Alone it is one that
// somebody forgot to configure. A consumer of the stream is the stream.
func TestWitness(t *testing.T) {
	for _, beside := range []bool{true, false} {
		got := check(t, guardrails.Demands{}, func(ctx *pulumi.Context) error {
			s, err := kinesis.NewStream(ctx, "s", &kinesis.StreamArgs{
				EncryptionType: pulumi.String("KMS"), StreamModeDetails: onDemand,
			})
			if err != nil {
				return err
			}
			c, err := kinesis.NewStreamConsumer(ctx, "c", &kinesis.StreamConsumerArgs{StreamArn: s.Arn})
			if err != nil {
				return err
			}
			mapping := func(name string, source pulumi.StringInput, args lambda.EventSourceMappingArgs) error {
				args.EventSourceArn, args.FunctionName = source, pulumi.String("f")
				args.StartingPosition = pulumi.String("TRIM_HORIZON")
				_, err := lambda.NewEventSourceMapping(ctx, name, &args)
				return err
			}
			if beside {
				if err := mapping("processor", c.Arn, lambda.EventSourceMappingArgs{
					MaximumRetryAttempts: pulumi.Int(5), MaximumRecordAgeInSeconds: pulumi.Int(600),
					BisectBatchOnFunctionError: pulumi.Bool(true),
					DestinationConfig: &lambda.EventSourceMappingDestinationConfigArgs{
						OnFailure: &lambda.EventSourceMappingDestinationConfigOnFailureArgs{
							DestinationArn: pulumi.String("arn:aws:s3:::b"),
						},
					},
				}); err != nil {
					return err
				}
			}
			return mapping("witness", s.Arn, lambda.EventSourceMappingArgs{MaximumRetryAttempts: pulumi.Int(-1)})
		})
		if (got == "") != beside || got != "" && !strings.Contains(got, "no other mapping of s keeps what failed") {
			t.Errorf("beside a mapping that keeps what failed: %t; %q", beside, got)
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
		_, err := kinesis.NewStream(ctx, "s", &kinesis.StreamArgs{StreamModeDetails: onDemand})
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
