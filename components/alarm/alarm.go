// Package alarm is CloudWatch alarms on queues.
package alarm

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/config"
)

// DeadLetters is an alarm that fires as long as a dead-letter queue holds a message. topics are ARNs of the SNS topics
// that it notifies; empty: it only changes its state.
func DeadLetters(queue pulumi.StringInput, topics []string) *cloudwatch.MetricAlarmArgs {
	return onQueue("ApproximateNumberOfMessagesVisible",
		"Messages failed for good: inspect them, fix the cause, redrive them", 0, queue, topics)
}

// Age is an alarm that fires when a queue's oldest message is older than age.
func Age(queue pulumi.StringInput, age config.Duration, topics []string) *cloudwatch.MetricAlarmArgs {
	return onQueue("ApproximateAgeOfOldestMessage",
		"Messages are not taken: the function fails or is too slow", float64(age.Seconds()), queue, topics)
}

func onQueue(
	metric, text string, above float64, queue pulumi.StringInput, topics []string,
) *cloudwatch.MetricAlarmArgs {
	actions := pulumi.Array{}
	for _, topic := range topics {
		actions = append(actions, pulumi.String(topic))
	}
	return &cloudwatch.MetricAlarmArgs{
		AlarmDescription:   pulumi.String(text),
		Namespace:          pulumi.String("AWS/SQS"),
		MetricName:         pulumi.String(metric),
		Dimensions:         pulumi.StringMap{"QueueName": queue},
		Statistic:          pulumi.String("Maximum"),
		Period:             pulumi.Int(60),
		EvaluationPeriods:  pulumi.Int(1),
		ComparisonOperator: pulumi.String("GreaterThanThreshold"),
		Threshold:          pulumi.Float64(above),
		TreatMissingData:   pulumi.String("notBreaching"),
		AlarmActions:       actions,
		OkActions:          actions,
	}
}
