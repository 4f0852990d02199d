package queue

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/alarm"
	"dip/components/component"
)

func (q *Queue) watch(ctx *pulumi.Context, args *Args) error {
	_, err := component.Child(ctx, q, "dead-letters-alarm", cloudwatch.NewMetricAlarm,
		alarm.DeadLetters(q.deadLetters.Name, args.AlarmTopics))
	if err != nil {
		return err
	}
	_, err = component.Child(ctx, q, "age-alarm", cloudwatch.NewMetricAlarm,
		alarm.Age(q.queue.Name, args.Settings.MaxAge, args.AlarmTopics))
	return err
}
