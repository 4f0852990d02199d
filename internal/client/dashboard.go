package client

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"golang.org/x/sync/errgroup"

	"dip/internal/graph"
	"dip/internal/metricmath"
)

// Dashboards are what a dashboard is read with.
type Dashboards interface {
	Statistics
	GetDashboard(context.Context, *cloudwatch.GetDashboardInput, ...func(*cloudwatch.Options)) (
		*cloudwatch.GetDashboardOutput, error)
	DescribeAlarms(context.Context, *cloudwatch.DescribeAlarmsInput, ...func(*cloudwatch.Options)) (
		*cloudwatch.DescribeAlarmsOutput, error)
}

// boardSteps is how many data points a series has at most.
const boardSteps = 120

// maxAlarmNames is how many alarms one request names ("DescribeAlarms" in the CloudWatch API reference).
const maxAlarmNames = 100

// body is a dashboard's ("Dashboard Body Structure and Syntax" in the CloudWatch API reference), as far as the
// pipeline's own dashboards go.
type body struct {
	Widgets []struct {
		X, Y, Width, Height int
		Properties          struct {
			Title, Markdown string
			Alarms          []string // ARNs
			Metrics         [][]any
			Annotations     struct{ Horizontal []struct{ Value float64 } }
			YAxis           struct{ Left struct{ Label string } }
		}
	}
}

// plotted is a line of a widget's metrics: namespace, metric, pairs of a dimension and its value, options; or, of an
// expression, options alone.
type plotted struct {
	namespace, metric string
	dimensions        []types.Dimension
	options           struct {
		Stat, ID, Expression, Label string
		Visible                     *bool
	}
}

// ReadDashboard reads a dashboard and the data of its graphs since a time.
func ReadDashboard(
	ctx context.Context, watch Dashboards, stack, name string, since, now time.Time,
) (*graph.Board, error) {
	out, err := watch.GetDashboard(ctx, &cloudwatch.GetDashboardInput{DashboardName: &name})
	if err != nil {
		return nil, fmt.Errorf("read the dashboard %s: %w", name, err)
	}
	var from body
	if err := json.Unmarshal([]byte(aws.ToString(out.DashboardBody)), &from); err != nil {
		return nil, fmt.Errorf("dashboard %s: %w", name, err)
	}
	step := max(time.Minute, (now.Sub(since)/boardSteps + time.Minute - 1).Truncate(time.Minute))
	b := &graph.Board{Name: name, Stack: stack, From: since.Truncate(step), Step: step}
	b.Steps = int((now.Sub(b.From) + step - 1) / step)
	b.Panels = make([]graph.Panel, len(from.Widgets))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(dayReaders)
	for i, w := range from.Widgets {
		p := &b.Panels[i]
		*p = graph.Panel{
			Title: w.Properties.Title, Unit: w.Properties.YAxis.Left.Label, X: w.X, Y: w.Y, Width: w.Width, Height: w.Height,
		}
		if p.Title == "" {
			title, text, _ := strings.Cut(w.Properties.Markdown, "\n")
			p.Title, p.Text = strings.TrimLeft(title, "# "), text
		}
		if limits := w.Properties.Annotations.Horizontal; len(limits) > 0 {
			p.Limit = &limits[0].Value
		}
		group.Go(func() (err error) {
			if p.Alarms, err = alarmStates(ctx, watch, w.Properties.Alarms); err != nil {
				return fmt.Errorf("dashboard %s: %s: %w", name, p.Title, err)
			}
			if p.Series, err = plots(ctx, watch, b, w.Properties.Metrics); err != nil {
				return fmt.Errorf("dashboard %s: %s: %w", name, p.Title, err)
			}
			return nil
		})
	}
	return b, group.Wait()
}

// alarmStates are the states of alarms, in their order.
func alarmStates(ctx context.Context, watch Dashboards, arns []string) (all []graph.AlarmState, err error) {
	for some := range slices.Chunk(arns, maxAlarmNames) {
		var names []string
		for _, arn := range some {
			_, name, _ := strings.Cut(arn, ":alarm:")
			names = append(names, name)
		}
		out, err := watch.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{
			AlarmNames: names, AlarmTypes: []types.AlarmType{types.AlarmTypeMetricAlarm},
			MaxRecords: aws.Int32(maxAlarmNames),
		})
		if err != nil {
			return nil, fmt.Errorf("read the alarms: %w", err)
		}
		for _, a := range out.MetricAlarms {
			all = append(all, graph.AlarmState{
				Name: aws.ToString(a.AlarmName), State: string(a.StateValue), Description: aws.ToString(a.AlarmDescription),
			})
		}
	}
	return all, nil
}

// plots are the series that a widget shows: its metrics, or what its expression makes of them.
func plots(ctx context.Context, watch Statistics, b *graph.Board, metrics [][]any) (all []graph.Plot, err error) {
	known := map[string][]metricmath.Point{}
	for _, line := range metrics {
		m, err := readPlotted(line)
		if err != nil {
			return nil, err
		}
		var points []metricmath.Point
		if m.options.Expression != "" {
			points, err = metricmath.Compute(m.options.Expression, known, b.Step)
		} else {
			points, err = dataPoints(ctx, watch, b, m)
		}
		if err != nil {
			return nil, err
		}
		known[m.options.ID] = points
		if m.options.Visible == nil || *m.options.Visible {
			name := m.options.Label
			if name == "" {
				name = m.metric
			}
			all = append(all, graph.Plot{Name: name, Points: points})
		}
	}
	return all, nil
}

func readPlotted(line []any) (m plotted, err error) {
	var names []string
	for _, v := range line {
		if text, ok := v.(string); ok {
			names = append(names, text)
			continue
		}
		data, err := json.Marshal(v)
		if err != nil {
			return m, err
		}
		if err := json.Unmarshal(data, &m.options); err != nil {
			return m, fmt.Errorf("options of a metric: %w", err)
		}
	}
	if m.options.Expression != "" {
		return m, nil
	}
	if len(names) < 2 || len(names)%2 != 0 {
		return m, fmt.Errorf("a metric is %q: want namespace, name, and pairs of a dimension and its value", names)
	}
	m.namespace, m.metric = names[0], names[1]
	for pair := range slices.Chunk(names[2:], 2) {
		m.dimensions = append(m.dimensions, types.Dimension{Name: &pair[0], Value: &pair[1]})
	}
	return m, nil
}

// dataPoints are the data points of a metric, one for each step.
func dataPoints(ctx context.Context, watch Statistics, b *graph.Board, m plotted) ([]metricmath.Point, error) {
	end := b.From.Add(time.Duration(b.Steps) * b.Step)
	statistic := types.Statistic(m.options.Stat)
	out, err := watch.GetMetricStatistics(ctx, &cloudwatch.GetMetricStatisticsInput{
		Namespace: &m.namespace, MetricName: &m.metric, Dimensions: m.dimensions, StartTime: &b.From, EndTime: &end,
		Period: aws.Int32(int32(b.Step / time.Second)), Statistics: []types.Statistic{statistic},
	})
	if err != nil {
		return nil, fmt.Errorf("read %s %s: %w", m.namespace, m.metric, err)
	}
	points := make([]metricmath.Point, b.Steps)
	for _, d := range out.Datapoints {
		value := map[types.Statistic]*float64{
			types.StatisticSum: d.Sum, types.StatisticMinimum: d.Minimum, types.StatisticMaximum: d.Maximum,
			types.StatisticAverage: d.Average,
		}[statistic]
		i := int(d.Timestamp.Sub(b.From) / b.Step)
		if value == nil || i < 0 || i >= b.Steps {
			continue
		}
		points[i] = metricmath.Point{Value: *value, There: true}
	}
	return points, nil
}
