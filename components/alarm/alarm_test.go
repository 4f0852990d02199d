package alarm_test

import (
	"testing"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/alarm"
	"dip/components/componenttest"
	"dip/config"
)

func TestAlarms(t *testing.T) {
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		dead := alarm.DeadLetters(pulumi.String("q-dead"), []string{"arn:topic"})
		if _, err := cloudwatch.NewMetricAlarm(ctx, "dead", dead); err != nil {
			return err
		}
		age := alarm.Age(pulumi.String("q"), config.Duration(15*time.Minute), nil)
		_, err := cloudwatch.NewMetricAlarm(ctx, "age", age)
		return err
	})
	for name, want := range map[string]struct {
		metric, queue string
		above         float64
		topics        int
	}{
		"dead": {"ApproximateNumberOfMessagesVisible", "q-dead", 0, 1},
		"age":  {"ApproximateAgeOfOldestMessage", "q", 900, 0},
	} {
		in := r.Find(t, "aws:cloudwatch/metricAlarm:MetricAlarm", name).Inputs
		if in["metricName"].StringValue() != want.metric ||
			in["dimensions"].ObjectValue()["QueueName"].StringValue() != want.queue ||
			in["threshold"].NumberValue() != want.above || in["comparisonOperator"].StringValue() != "GreaterThanThreshold" {
			t.Errorf("%s: %v", name, in.Mappable())
		}
		for _, key := range []string{"alarmActions", "okActions"} {
			if got := in.Mappable()[key]; len(got.([]any)) != want.topics {
				t.Errorf("%s: %s are %v", name, key, got)
			}
		}
	}
}
