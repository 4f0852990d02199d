package interruption_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/components/interruption"
)

func TestInterruption(t *testing.T) {
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		_, err := interruption.New(ctx, "i",
			&interruption.Args{Groups: map[string]pulumi.StringInput{"batch": pulumi.String("asg")}})
		return err
	})
	want := []string{"aws:autoscaling/lifecycleHook:LifecycleHook::i-batch", "aws:sqs/queue:Queue::i-queue",
		"aws:sqs/queuePolicy:QueuePolicy::i-queue"}
	for _, event := range []string{"spot", "rebalance", "state", "scaling", "scheduled"} {
		want = append(want, "aws:cloudwatch/eventRule:EventRule::i-"+event,
			"aws:cloudwatch/eventTarget:EventTarget::i-"+event)
	}
	slices.Sort(want)
	if got := r.Children(interruption.TypeToken, "i"); !slices.Equal(got, want) {
		t.Errorf("children are %v", got)
	}
	hook := r.Find(t, "aws:autoscaling/lifecycleHook:LifecycleHook", "i-batch").Inputs.Mappable()
	if hook["autoscalingGroupName"] != "asg" || hook["lifecycleTransition"] != "autoscaling:EC2_INSTANCE_TERMINATING" ||
		hook["defaultResult"] != "CONTINUE" {
		t.Errorf("hook is %v", hook)
	}
	if got := r.Find(t, "aws:cloudwatch/eventRule:EventRule",
		"i-spot").Inputs["eventPattern"].StringValue(); !strings.Contains(got, "EC2 Spot Instance Interruption Warning") {
		t.Errorf("pattern is %s", got)
	}
	pattern := r.Find(t, "aws:cloudwatch/eventRule:EventRule", "i-scheduled").Inputs["eventPattern"].StringValue()
	const scheduled = `{"source":["aws.health"],"detail-type":["AWS Health Event"],` +
		`"detail":{"eventTypeCategory":["scheduledChange"],"service":["EC2"]}}`
	if pattern != scheduled {
		t.Errorf("pattern is %s, want %s", pattern, scheduled)
	}
	admits := r.Find(t, "aws:sqs/queuePolicy:QueuePolicy", "i-queue").Inputs["policy"].StringValue()
	if !strings.Contains(admits,
		`"ArnEquals":{"aws:SourceArn":["arn:aws:events:us-east-1:123456789012:rule/i-rebalance",`) ||
		strings.Count(admits, ":rule/") != 5 {
		t.Errorf("the queue admits others than the rules: %s", admits)
	}
}

func TestBadArgsRegisterNothing(t *testing.T) {
	componenttest.MustRefuse(t, "interruption i", func(ctx *pulumi.Context) error {
		_, err := interruption.New(ctx, "i", &interruption.Args{})
		return err
	}, "Groups: missing")
}
