package alarms

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"dip/internal/metricmath"
)

// CloudWatch is the part of CloudWatch's client that an evaluator needs.
type CloudWatch interface {
	cloudwatch.DescribeAlarmsAPIClient
	GetMetricStatistics(
		ctx context.Context, in *cloudwatch.GetMetricStatisticsInput, opts ...func(*cloudwatch.Options),
	) (*cloudwatch.GetMetricStatisticsOutput, error)
	SetAlarmState(
		ctx context.Context, in *cloudwatch.SetAlarmStateInput, opts ...func(*cloudwatch.Options),
	) (*cloudwatch.SetAlarmStateOutput, error)
}

// Evaluator gives alarms their states. It looks at whole periods only: the present one is not over.
type Evaluator struct {
	Client CloudWatch
	Now    func() time.Time
	Every  time.Duration // pause between rounds
	Log    *slog.Logger

	reported map[string]bool // alarms that cannot be evaluated
}

// Run evaluates until ctx ends.
func (e *Evaluator) Run(ctx context.Context) {
	tick := time.NewTicker(e.Every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := e.Round(ctx); err != nil && ctx.Err() == nil {
				e.Log.Warn("alarms not evaluated", "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// Round evaluates every alarm once: those on metrics, and with their states the composite ones. An alarm that cannot be
// evaluated keeps its state and is reported once.
func (e *Evaluator) Round(ctx context.Context) error {
	metrics, composites, err := e.read(ctx)
	if err != nil {
		return err
	}
	states := map[string]types.StateValue{}
	for _, a := range metrics {
		name := aws.ToString(a.AlarmName)
		state, err := e.evaluate(ctx, a)
		if err != nil {
			e.report(name, err)
			state = a.StateValue
		}
		states[name] = state
		if err := e.set(ctx, name, a.StateValue, state, "data points of whole periods up to now"); err != nil {
			return err
		}
	}
	for _, c := range composites {
		states[aws.ToString(c.AlarmName)] = c.StateValue
	}
	for range composites { // one may have the state of another in its rule
		for _, c := range composites {
			name := aws.ToString(c.AlarmName)
			holds, err := Composite(aws.ToString(c.AlarmRule), states)
			switch {
			case err != nil:
				e.report(name, err)
			case holds:
				states[name] = types.StateValueAlarm
			default:
				states[name] = types.StateValueOk
			}
		}
	}
	for _, c := range composites {
		name := aws.ToString(c.AlarmName)
		if err := e.set(ctx, name, c.StateValue, states[name], firing(aws.ToString(c.AlarmRule), states)); err != nil {
			return err
		}
	}
	return nil
}

// firing says which alarms of a rule fire: whoever is paged wants to know.
func firing(rule string, states map[string]types.StateValue) string {
	var names []string
	for name, state := range states {
		if state == types.StateValueAlarm && strings.Contains(rule, strconv.Quote(name)) {
			names = append(names, name)
		}
	}
	if names == nil {
		return "no alarm of its rule fires"
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func (e *Evaluator) read(
	ctx context.Context,
) (metrics []types.MetricAlarm, composites []types.CompositeAlarm, err error) {
	pages := cloudwatch.NewDescribeAlarmsPaginator(e.Client, &cloudwatch.DescribeAlarmsInput{
		AlarmTypes: []types.AlarmType{types.AlarmTypeMetricAlarm, types.AlarmTypeCompositeAlarm},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("read the alarms: %w", err)
		}
		metrics, composites = append(metrics, page.MetricAlarms...), append(composites, page.CompositeAlarms...)
	}
	return metrics, composites, nil
}

func (e *Evaluator) set(ctx context.Context, name string, before, after types.StateValue, why string) error {
	if before == after {
		return nil
	}
	_, err := e.Client.SetAlarmState(ctx, &cloudwatch.SetAlarmStateInput{
		AlarmName: &name, StateValue: after, StateReason: aws.String(fmt.Sprintf("%s to %s: %s", before, after, why)),
	})
	if err != nil {
		return fmt.Errorf("set alarm %s to %s: %w", name, after, err)
	}
	e.Log.Info("alarm changed its state", "alarm", name, "before", before, "after", after)
	return nil
}

func (e *Evaluator) report(name string, err error) {
	if e.reported[name] {
		return
	}
	if e.reported == nil {
		e.reported = map[string]bool{}
	}
	e.reported[name] = true
	e.Log.Warn("alarm not evaluated", "alarm", name, "error", err)
}

// evaluate is the state that a metric alarm should have now.
func (e *Evaluator) evaluate(ctx context.Context, a types.MetricAlarm) (types.StateValue, error) {
	of := int(aws.ToInt32(a.EvaluationPeriods))
	rule := Rule{
		Operator: a.ComparisonOperator, Threshold: aws.ToFloat64(a.Threshold), Of: of, At: of,
		Missing: aws.ToString(a.TreatMissingData),
	}
	if a.DatapointsToAlarm != nil {
		rule.At = int(*a.DatapointsToAlarm)
	}
	points, err := e.points(ctx, a, of+extra)
	if err != nil {
		return a.StateValue, err
	}
	return rule.State(points, a.StateValue)
}

// points are the data points of the last n whole periods of what an alarm watches, oldest first.
func (e *Evaluator) points(ctx context.Context, a types.MetricAlarm, n int) ([]metricmath.Point, error) {
	if len(a.Metrics) == 0 {
		return e.series(ctx, types.Metric{Namespace: a.Namespace, MetricName: a.MetricName, Dimensions: a.Dimensions},
			a.Statistic, aws.ToInt32(a.Period), n)
	}
	series, expression, period := map[string][]metricmath.Point{}, "", time.Duration(0)
	for _, q := range a.Metrics {
		if q.MetricStat == nil {
			if expression != "" {
				return nil, errors.New("more than one expression is not evaluated")
			}
			expression = aws.ToString(q.Expression)
			continue
		}
		points, err := e.series(ctx, *q.MetricStat.Metric, types.Statistic(aws.ToString(q.MetricStat.Stat)),
			aws.ToInt32(q.MetricStat.Period), n)
		if err != nil {
			return nil, err
		}
		series[aws.ToString(q.Id)] = points
		period = time.Duration(aws.ToInt32(q.MetricStat.Period)) * time.Second
	}
	return metricmath.Compute(expression, series, period)
}

func (e *Evaluator) series(
	ctx context.Context, m types.Metric, statistic types.Statistic, seconds int32, n int,
) ([]metricmath.Point, error) {
	if seconds < 1 {
		return nil, fmt.Errorf("a period of %d s", seconds)
	}
	period := int64(seconds)
	end := e.Now().Unix() / period * period
	start := end - int64(n)*period
	out, err := e.Client.GetMetricStatistics(ctx, &cloudwatch.GetMetricStatisticsInput{
		Namespace: m.Namespace, MetricName: m.MetricName, Dimensions: m.Dimensions, Period: &seconds,
		StartTime: aws.Time(time.Unix(start, 0)), EndTime: aws.Time(time.Unix(end, 0)),
		Statistics: []types.Statistic{statistic},
	})
	if err != nil {
		return nil, fmt.Errorf("read %s %s: %w", aws.ToString(m.Namespace), aws.ToString(m.MetricName), err)
	}
	points := make([]metricmath.Point, n)
	for _, d := range out.Datapoints {
		value, err := valueOf(d, statistic)
		if err != nil {
			return nil, err
		}
		if i := (d.Timestamp.Unix() - start) / period; i >= 0 && i < int64(n) {
			points[i] = metricmath.Point{Value: value, There: true}
		}
	}
	return points, nil
}

func valueOf(d types.Datapoint, statistic types.Statistic) (float64, error) {
	value := map[types.Statistic]*float64{
		types.StatisticSum: d.Sum, types.StatisticMinimum: d.Minimum, types.StatisticMaximum: d.Maximum,
		types.StatisticAverage: d.Average, types.StatisticSampleCount: d.SampleCount,
	}[statistic]
	if value == nil {
		return 0, fmt.Errorf("the statistic %q is not evaluated", statistic)
	}
	return *value, nil
}
