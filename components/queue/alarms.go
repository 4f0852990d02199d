package queue

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/alarm"
)

func (q *Queue) watch(ctx *pulumi.Context, args *Args) error {
	err := alarm.DeadLetters(ctx, q.name+"-dead-letters-alarm", q.deadLetters.Name, args.AlarmTopics, pulumi.Parent(q))
	if err != nil {
		return err
	}
	return alarm.Age(ctx, q.name+"-age-alarm", q.queue.Name, args.Settings.MaxAge, args.AlarmTopics, pulumi.Parent(q))
}
