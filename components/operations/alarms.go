package operations

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/config"
)

// watch declares the alarms. They notify nobody: their page does.
func (o *Operations) watch(ctx *pulumi.Context, args *Args) error {
	for _, a := range args.Alarms {
		settings, err := metricAlarm(a, args.Dimensions)
		if err != nil {
			return fmt.Errorf("alarm %s: %w", a.Name, err)
		}
		made, err := component.Child(ctx, o, a.Name, cloudwatch.NewMetricAlarm, settings)
		if err != nil {
			return err
		}
		o.Alarms[a.Name] = made.Name
		o.names[a.Page], o.arns[a.Page] = append(o.names[a.Page], made.Name), append(o.arns[a.Page], made.Arn)
	}
	return nil
}

func metricAlarm(
	a config.Alarm, dimensions func(config.Target) (pulumi.StringMap, error),
) (*cloudwatch.MetricAlarmArgs, error) {
	args := &cloudwatch.MetricAlarmArgs{
		AlarmDescription:   pulumi.String(a.Description()),
		ComparisonOperator: pulumi.String(string(a.Operator)),
		Threshold:          pulumi.Float64(a.Threshold),
		EvaluationPeriods:  pulumi.Int(a.Of),
		DatapointsToAlarm:  pulumi.Int(a.At),
		TreatMissingData:   pulumi.String(string(a.Missing)),
	}
	queries := cloudwatch.MetricAlarmMetricQueryArray{}
	for _, s := range a.Series {
		of, err := dimensions(s.Of)
		if err != nil {
			return nil, err
		}
		if a.Math == "" {
			args.Namespace, args.MetricName, args.Dimensions = pulumi.String(s.Namespace), pulumi.String(s.Metric), of
			args.Statistic, args.Period = pulumi.String(string(s.Statistic)), pulumi.Int(a.Period.Seconds())
			return args, nil
		}
		queries = append(queries, &cloudwatch.MetricAlarmMetricQueryArgs{
			Id: pulumi.String(s.ID), ReturnData: pulumi.Bool(false),
			Metric: &cloudwatch.MetricAlarmMetricQueryMetricArgs{
				Namespace: pulumi.String(s.Namespace), MetricName: pulumi.String(s.Metric), Dimensions: of,
				Stat: pulumi.String(string(s.Statistic)), Period: pulumi.Int(a.Period.Seconds()),
			},
		})
	}
	args.MetricQueries = append(queries, &cloudwatch.MetricAlarmMetricQueryArgs{
		Id: pulumi.String("result"), Expression: pulumi.String(a.Math), Label: pulumi.String(a.Name),
		ReturnData: pulumi.Bool(true),
	})
	return args, nil
}

// page declares an alarm over all those of a page: however many of them fire at the same time, it notifies once.
func (o *Operations) page(ctx *pulumi.Context, args *Args) error {
	actions := pulumi.StringArray{o.topic.Arn}
	for _, topic := range args.Topics {
		actions = append(actions, pulumi.String(topic))
	}
	for _, page := range args.Pages {
		if len(o.names[page]) == 0 {
			continue
		}
		rule := pulumi.All(o.names[page]...).ApplyT(anyOf).(pulumi.StringOutput)
		_, err := component.Child(ctx, o, page, cloudwatch.NewCompositeAlarm, &cloudwatch.CompositeAlarmArgs{
			AlarmName:        pulumi.Sprintf("%s-%s", args.NamePrefix, page),
			AlarmDescription: pulumi.Sprintf("%s of stack %s needs somebody: the alarms of its rule say why", page, args.Stack),
			AlarmRule:        rule, AlarmActions: actions, OkActions: actions,
		}, component.After(o.policy))
		if err != nil {
			return err
		}
	}
	return nil
}

// anyOf is the rule of an alarm that fires when one of those does.
func anyOf(names []any) string {
	terms := make([]string, len(names))
	for i, name := range names {
		terms[i] = fmt.Sprintf("ALARM(%q)", name)
	}
	return strings.Join(terms, " OR ")
}
