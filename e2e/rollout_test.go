package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dip/contract"
	"dip/internal/client"
	"dip/local"
)

// The programs of the segment trips that the tests roll out. One is as good as the first, the other changes digits
// between reading and parsing: its rows look right, and are not.
const (
	goodTrips = `// Command trips is the Lambda function of the segment trips.
package main

import (
	"os"

	"dip/internal/segment"
)

func main() {
	if len(os.Args) > 9 {
		println("second")
	}
	segment.Main()
}
`
	corruptingTrips = `// Command trips corrupts what it reads.
package main

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"dip/contract"
	"dip/internal/boot"
	"dip/internal/process"
)

type corrupting struct{ process.Source }

func (c corrupting) Stream(ctx context.Context, o contract.Object, from int64) io.ReadCloser {
	return changed{c.Source.Stream(ctx, o, from)}
}

func (c corrupting) StreamTo(ctx context.Context, o contract.Object, from, soon int64) io.ReadCloser {
	return changed{c.Source.StreamTo(ctx, o, from, soon)}
}

type changed struct{ io.ReadCloser }

func (c changed) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	copy(p[:n], bytes.ReplaceAll(p[:n], []byte("7"), []byte("8")))
	return n, err
}

func main() {
	env, b := boot.Start(func(e contract.SegmentEnv[string]) contract.Common[string] { return e.Common })
	h := &process.Handler{
		Name: env.Segment, Code: env.Code, Runtime: boot.Version(), Ledger: b.Ledger, Source: corrupting{b.Lake},
		Sink: b.Lake, Segments: &process.Segments{Catalogs: b.Catalogs}, Log: b.Log, Metrics: b.Metrics, Now: time.Now,
	}
	lambda.Start(h.Invoke)
}
`
)

// deploy replaces the program of the segment trips, and updates the stack.
func deploy(t *testing.T, program string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(root, "lambdas", "trips", "main.go"), []byte(program), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := stack.Update(ctx); err != nil {
		t.Fatal(err)
	}
	if !stack.Changed {
		t.Error("the update changed nothing")
	}
}

// rolledOut waits until no rollout of the segment trips is under way.
func rolledOut(t *testing.T) client.RolloutState {
	t.Helper()
	s := stack.Client()
	rollouts := client.Rollouts{Outputs: s.Outputs, Ledger: s.Ledger, Deployments: s.Deployments, Aliases: s.Aliases}
	for deadline := time.Now().Add(patience); ; {
		state, err := rollouts.State(t.Context(), "trips")
		if err != nil {
			t.Fatal(err)
		}
		if !state.Phase.Running() && state.Phase != client.AtRest {
			return state
		}
		if time.Now().After(deadline) {
			t.Fatalf("the rollout does not end: %+v", state)
		}
		if err := client.Pause(t.Context(), 500*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}

// live is the version that the alias of the segment trips names. Weights fail the test.
func live(t *testing.T) string {
	t.Helper()
	name, alias, _ := strings.Cut(strings.TrimPrefix(stack.Outputs.Segments["trips"].Function,
		"arn:aws:lambda:us-east-1:123456789012:function:"), ":")
	out, err := lambda.NewFromConfig(stack.AWSConfig()).GetAlias(t.Context(),
		&lambda.GetAliasInput{FunctionName: &name, Name: &alias})
	if err != nil {
		t.Fatal(err)
	}
	if out.RoutingConfig != nil && len(out.RoutingConfig.AdditionalVersionWeights) > 0 {
		t.Errorf("the alias has the weights %v", out.RoutingConfig.AdditionalVersionWeights)
	}
	return aws.ToString(out.FunctionVersion)
}

// quiet waits until no alarm of the segment trips fires, which rolls back whatever is rolled out: other tests kill its
// functions.
func quiet(t *testing.T) {
	t.Helper()
	watch := cloudwatch.NewFromConfig(stack.AWSConfig())
	for deadline := time.Now().Add(2 * patience); ; {
		out, err := watch.DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{})
		if err != nil {
			t.Fatal(err)
		}
		firing := slices.IndexFunc(out.MetricAlarms, func(a cwtypes.MetricAlarm) bool {
			return a.StateValue == cwtypes.StateValueAlarm && strings.Contains(aws.ToString(a.AlarmName), "trips-")
		})
		if firing < 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the alarm %s goes on firing", aws.ToString(out.MetricAlarms[firing].AlarmName))
		}
		if err := client.Pause(t.Context(), time.Second); err != nil {
			t.Fatal(err)
		}
	}
}

// hold stops the deliveries to the function of the segment trips, and returns what lets them go on.
func hold(t *testing.T) (release func()) {
	t.Helper()
	functions := lambda.NewFromConfig(stack.AWSConfig())
	alias := stack.Outputs.Segments["trips"].Function
	found, err := functions.ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{FunctionName: &alias})
	if err != nil || len(found.EventSourceMappings) != 1 {
		t.Fatalf("mappings of %s: %+v, %v", alias, found, err)
	}
	enable := func(ctx context.Context, yes bool) {
		_, err := functions.UpdateEventSourceMapping(ctx,
			&lambda.UpdateEventSourceMappingInput{UUID: found.EventSourceMappings[0].UUID, Enabled: &yes})
		if err != nil {
			t.Error(err)
		}
	}
	enable(t.Context(), false)
	return func() { enable(context.WithoutCancel(t.Context()), true) }
}

// listen has the stack's topic send to a queue. What it returns waits for the next message that is no alarm's.
func listen(t *testing.T) (next func() string) {
	t.Helper()
	queues, name := sqs.NewFromConfig(stack.AWSConfig()), t.Name()
	made, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name})
	if err != nil {
		t.Fatal(err)
	}
	subscribed := topics(t.Context(), t, url.Values{
		"Action": {"Subscribe"}, "TopicArn": {stack.Outputs.AlarmTopic}, "Protocol": {"sqs"},
		"Endpoint": {"arn:aws:sqs:us-east-1:123456789012:" + name},
	})
	subscription := regexp.MustCompile(`<SubscriptionArn>([^<]+)<`).FindStringSubmatch(subscribed)[1]
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		topics(ctx, t, url.Values{"Action": {"Unsubscribe"}, "SubscriptionArn": {subscription}})
		if _, err := queues.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: made.QueueUrl}); err != nil {
			t.Error(err)
		}
	})
	return func() string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		for {
			out, err := queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: made.QueueUrl, WaitTimeSeconds: 5})
			if err != nil {
				t.Fatalf("wait for a message of the topic: %v", err)
			}
			for _, m := range out.Messages {
				var envelope struct{ Message string }
				if err := json.Unmarshal([]byte(*m.Body), &envelope); err != nil {
					t.Fatal(err)
				}
				if strings.HasPrefix(envelope.Message, `"`) { // text, where alarms send JSON
					return envelope.Message
				}
			}
		}
	}
}

// topics calls SNS, which has no client among this module's dependencies.
func topics(ctx context.Context, t *testing.T, form url.Values) string {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, stack.Daemon.Endpoint, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	text, err := stack.Daemon.Key.Send(req, "sns", "us-east-1", []byte(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A good version rolls out in the middle of a load: it processes certified chunks first, then takes over. Nothing is
// lost, nothing is duplicated, and the certificate names both versions.
func TestRolloutWhileLoading(t *testing.T) {
	quiet(t)
	certified(t, contract.LoadID(put(t, "trips/before-rollout.csv", trips(t, 2<<20, 6))))
	before := live(t)
	object := put(t, "trips/update.csv", trips(t, 160<<20, 5))
	id := contract.LoadID(object)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	begun := errors.New("begun")
	watch, stop := context.WithCancelCause(ctx)
	if _, err := client.Follow(watch, stack.Client().Ledger, id, func(p client.Progress) {
		if p.Done > 0 {
			stop(begun)
		}
	}); err == nil {
		t.Fatal("the load finished before the code could be updated")
	}
	release := hold(t) // the load waits for the new version
	defer release()
	deploy(t, goodTrips)
	state := rolledOut(t)
	if state.Phase != client.RolledOut || live(t) == before || live(t) != state.Rollout.Target {
		t.Errorf("the rollout is %s (%s), the alias at version %s after %s", state.Phase, state.Reason, live(t), before)
	}
	if shadow := state.Rollout.Before; shadow == nil || shadow.Chunks == 0 || shadow.Rows == 0 {
		t.Errorf("the version was tried on nothing: %+v", shadow)
	}
	release()
	if c := certified(t, id); len(c.Totals.Codes) != 2 {
		t.Errorf("the certificate names the code %v, want two", c.Totals.Codes)
	}
}

// A version that corrupts rows is stopped before it publishes one: the alias stays where it is.
func TestRolloutOfACorruptingVersion(t *testing.T) {
	quiet(t)
	first := certified(t, contract.LoadID(put(t, "trips/before-corruption.csv", trips(t, 2<<20, 7))))
	before, told := live(t), listen(t)
	good, err := os.ReadFile(filepath.Join(root, "lambdas", "trips", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	deploy(t, corruptingTrips)
	state := rolledOut(t)
	if state.Phase != client.RolledBack || !strings.Contains(state.Reason, "chunk") || state.Rollout.Before == nil ||
		state.Rollout.Before.Passed {
		t.Errorf("the rollout is %s: %s, %+v", state.Phase, state.Reason, state.Rollout)
	}
	if got, want := told(), fmt.Sprintf("Version %s of segment trips was not rolled out in stack %s: %s",
		state.Rollout.Target, local.StackName, state.Reason); !strings.Contains(got, want) {
		t.Errorf("the topic tells %s, want %s", got, want)
	}
	if now := live(t); now != before {
		t.Errorf("the alias is at version %s, want %s", now, before)
	}
	second := certified(t, contract.LoadID(put(t, "trips/after-corruption.csv", trips(t, 2<<20, 7))))
	if first.Totals.RowsOut != second.Totals.RowsOut || strings.Join(second.Totals.Codes, " ") !=
		strings.Join(first.Totals.Codes, " ") {
		t.Errorf("the same records gave %+v, then %+v", first.Totals, second.Totals)
	}
	deploy(t, string(good))
	if state := rolledOut(t); state.Phase != client.RolledOut {
		t.Errorf("the good version is %s: %s", state.Phase, state.Reason)
	}
}
