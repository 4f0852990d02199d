package client

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// board is a CloudWatch with one dashboard. Each metric has a data point in its second step; Errors has none.
type board struct {
	body  string
	asked []string
}

func (b *board) GetDashboard(_ context.Context, in *cloudwatch.GetDashboardInput, _ ...func(*cloudwatch.Options)) (
	*cloudwatch.GetDashboardOutput, error,
) {
	if *in.DashboardName != "dip-dev" {
		return nil, fmt.Errorf("there is no %s", *in.DashboardName)
	}
	return &cloudwatch.GetDashboardOutput{DashboardBody: &b.body}, nil
}

func (b *board) DescribeAlarms(_ context.Context, in *cloudwatch.DescribeAlarmsInput, _ ...func(*cloudwatch.Options)) (
	*cloudwatch.DescribeAlarmsOutput, error,
) {
	out := &cloudwatch.DescribeAlarmsOutput{}
	for _, name := range in.AlarmNames {
		out.MetricAlarms = append(out.MetricAlarms, types.MetricAlarm{AlarmName: &name, StateValue: types.StateValueAlarm})
	}
	return out, nil
}

func (b *board) GetMetricStatistics(
	_ context.Context, in *cloudwatch.GetMetricStatisticsInput, _ ...func(*cloudwatch.Options),
) (*cloudwatch.GetMetricStatisticsOutput, error) {
	var of []string
	for _, d := range in.Dimensions {
		of = append(of, *d.Name+"="+*d.Value)
	}
	b.asked = append(b.asked, fmt.Sprintf("%s %s %v %s %ds", *in.Namespace, *in.MetricName, of, in.Statistics[0], *in.Period))
	out := &cloudwatch.GetMetricStatisticsOutput{}
	if *in.MetricName != "Errors" {
		at := in.StartTime.Add(time.Duration(*in.Period) * time.Second)
		out.Datapoints = []types.Datapoint{{Timestamp: &at, Sum: aws.Float64(4), Maximum: aws.Float64(7), Average: aws.Float64(5)}}
	}
	return out, nil
}

// drawn is a dashboard as the component writes it.
const drawn = `{"widgets": [
  {"type": "alarm", "x": 0, "y": 0, "width": 24, "height": 2, "properties": {"title": "trips",
   "alarms": ["arn:aws:cloudwatch:us-east-1:123456789012:alarm:trips-age-1a2b"]}},
  {"type": "metric", "x": 0, "y": 2, "width": 6, "height": 5, "properties": {"title": "age", "period": 60,
   "metrics": [["AWS/SQS", "Age", "QueueName", "q", {"stat": "Maximum"}]],
   "annotations": {"horizontal": [{"label": "alarm", "value": 900}]}}},
  {"type": "metric", "x": 6, "y": 2, "width": 6, "height": 5, "properties": {"title": "errors", "period": 300,
   "metrics": [["dip", "Errors", {"stat": "Sum", "id": "e", "visible": false}],
               ["dip", "Done", {"stat": "Sum", "id": "d", "visible": false}],
               [{"expression": "FILL(e, 1) / d", "label": "share", "id": "result"}]]}},
  {"type": "text", "x": 0, "y": 7, "width": 24, "height": 2, "properties": {"markdown": "## Cost\nEstimates.\nOf two."}},
  {"type": "metric", "x": 0, "y": 9, "width": 6, "height": 5, "properties": {"title": "nodes", "period": 300,
   "yAxis": {"left": {"label": "USD an hour", "min": 0}},
   "metrics": [["AWS/AutoScaling", "Nodes", "AutoScalingGroupName", "g", {"stat": "Average", "label": "all", "id": "n"}],
               [{"expression": "n * 60 / PERIOD(n)", "label": "cost", "id": "result"}]]}}]}`

func TestReadDashboard(t *testing.T) {
	w := &board{body: drawn}
	now := time.Date(2026, 1, 31, 12, 0, 30, 0, time.UTC)
	got, err := ReadDashboard(t.Context(), w, "dev", "dip-dev", now.Add(-4*time.Hour), now)
	if err != nil {
		t.Fatal(err)
	}
	if got.Step != 2*time.Minute || got.Steps != 121 || !got.From.Equal(now.Add(-4*time.Hour-30*time.Second)) {
		t.Errorf("%d steps of %s from %s on", got.Steps, got.Step, got.From)
	}
	alarm, age, errs, text, nodes := got.Panels[0], got.Panels[1], got.Panels[2], got.Panels[3], got.Panels[4]
	if alarm.Title != "trips" || len(alarm.Alarms) != 1 || alarm.Alarms[0].Name != "trips-age-1a2b" ||
		alarm.Alarms[0].State != "ALARM" {
		t.Errorf("alarms are %+v", alarm)
	}
	if age.Limit == nil || *age.Limit != 900 || len(age.Series) != 1 || age.Series[0].Name != "Age" ||
		age.Series[0].Points[0].There || age.Series[0].Points[1].Value != 7 {
		t.Errorf("the age is %+v", age)
	}
	if len(errs.Series) != 1 || errs.Series[0].Name != "share" || errs.Series[0].Points[1].Value != 0.25 ||
		errs.Series[0].Points[0].There || errs.Limit != nil {
		t.Errorf("errors are %+v", errs)
	}
	if nodes.Unit != "USD an hour" || len(nodes.Series) != 2 || nodes.Series[0].Name != "all" ||
		nodes.Series[0].Points[1].Value != 5 || nodes.Series[1].Points[1].Value != 2.5 {
		t.Errorf("nodes are %+v", nodes)
	}
	if text.Title != "Cost" || text.Text != "Estimates.\nOf two." || errs.X != 6 || errs.Y != 2 || errs.Width != 6 {
		t.Errorf("places and titles are %+v, %+v", errs, text)
	}
	if all := strings.Join(w.asked, "\n"); !strings.Contains(all, "AWS/SQS Age [QueueName=q] Maximum 120s") {
		t.Errorf("asked for\n%s", all)
	}
}

func TestReadDashboardSaysWhatIsWrong(t *testing.T) {
	for body, want := range map[string]string{
		`{`: "dashboard dip-dev: unexpected end",
		`{"widgets": [{"properties": {"title": "a", "metrics": [["x"]]}}]}`:                                `dashboard dip-dev: a: a metric is ["x"]`,
		`{"widgets": [{"properties": {"title": "a", "metrics": [[{"expression": "b / c", "id": "r"}]]}}]}`: "there is no series b",
	} {
		_, err := ReadDashboard(t.Context(), &board{body: body}, "dev", "dip-dev", time.Now().Add(-time.Hour), time.Now())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
	if _, err := ReadDashboard(t.Context(), &board{}, "dev", "other", time.Now(), time.Now()); err == nil ||
		!strings.Contains(err.Error(), "read the dashboard other") {
		t.Errorf("no dashboard: %v", err)
	}
}
