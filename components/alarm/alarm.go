// Package alarm is CloudWatch alarms on queues and on a state machine's executions.
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

// Ends are the ways in which an execution of a state machine ends without success, by what the alarms are called, with
// the metric of each ("Monitoring Step Functions metrics using Amazon CloudWatch").
var Ends = []struct{ Name, Metric, Text string }{
	{"failed", "ExecutionsFailed", "A load failed: its reason is in the ledger (dip status)"},
	{"timed-out", "ExecutionsTimedOut", "An execution timed out: the sweeper resumes its load"},
	{"aborted", "ExecutionsAborted", "An execution was stopped: the sweeper resumes its load"},
}

// Executions is an alarm that fires when executions of a state machine (ARN) end as a metric of Ends counts.
func Executions(metric, text string, machine pulumi.StringInput, topics []string) *cloudwatch.MetricAlarmArgs {
	return on("AWS/States", "StateMachineArn", machine, "Sum", metric, text, 0, topics)
}

func onQueue(
	metric, text string, above float64, queue pulumi.StringInput, topics []string,
) *cloudwatch.MetricAlarmArgs {
	return on("AWS/SQS", "QueueName", queue, "Maximum", metric, text, above, topics)
}

func on(
	namespace, dimension string, what pulumi.StringInput, statistic, metric, text string, above float64, topics []string,
) *cloudwatch.MetricAlarmArgs {
	actions := pulumi.Array{}
	for _, topic := range topics {
		actions = append(actions, pulumi.String(topic))
	}
	return &cloudwatch.MetricAlarmArgs{
		AlarmDescription:   pulumi.String(text),
		Namespace:          pulumi.String(namespace),
		MetricName:         pulumi.String(metric),
		Dimensions:         pulumi.StringMap{dimension: what},
		Statistic:          pulumi.String(statistic),
		Period:             pulumi.Int(60),
		EvaluationPeriods:  pulumi.Int(1),
		ComparisonOperator: pulumi.String("GreaterThanThreshold"),
		Threshold:          pulumi.Float64(above),
		TreatMissingData:   pulumi.String("notBreaching"),
		AlarmActions:       actions,
		OkActions:          actions,
	}
}
