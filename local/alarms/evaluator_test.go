package alarms

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// fake is a CloudWatch with data points of a single series: one a minute.
type fake struct {
	metrics    []types.MetricAlarm
	composites []types.CompositeAlarm
	points     map[int64]float64 // by second
	asked      []string
	set        []string
	broken     map[string]error
}

func (f *fake) DescribeAlarms(
	context.Context, *cloudwatch.DescribeAlarmsInput, ...func(*cloudwatch.Options),
) (*cloudwatch.DescribeAlarmsOutput, error) {
	out := &cloudwatch.DescribeAlarmsOutput{MetricAlarms: f.metrics, CompositeAlarms: f.composites}
	return out, f.broken["describe"]
}

func (f *fake) GetMetricStatistics(
	_ context.Context, in *cloudwatch.GetMetricStatisticsInput, _ ...func(*cloudwatch.Options),
) (*cloudwatch.GetMetricStatisticsOutput, error) {
	f.asked = append(f.asked, fmt.Sprintf("%s %d to %d by %d", *in.MetricName, in.StartTime.Unix(), in.EndTime.Unix(),
		*in.Period))
	out := &cloudwatch.GetMetricStatisticsOutput{}
	for at, value := range f.points {
		if at >= in.StartTime.Unix() && at < in.EndTime.Unix() {
			out.Datapoints = append(out.Datapoints, types.Datapoint{
				Timestamp: aws.Time(time.Unix(at/int64(*in.Period)*int64(*in.Period), 0)), Sum: aws.Float64(value),
			})
		}
	}
	return out, f.broken["get"]
}

func (f *fake) SetAlarmState(
	_ context.Context, in *cloudwatch.SetAlarmStateInput, _ ...func(*cloudwatch.Options),
) (*cloudwatch.SetAlarmStateOutput, error) {
	f.set = append(f.set, fmt.Sprintf("%s %s", *in.AlarmName, in.StateValue))
	for i := range f.metrics {
		if *f.metrics[i].AlarmName == *in.AlarmName {
			f.metrics[i].StateValue = in.StateValue
		}
	}
	for i := range f.composites {
		if *f.composites[i].AlarmName == *in.AlarmName {
			f.composites[i].StateValue = in.StateValue
		}
	}
	return &cloudwatch.SetAlarmStateOutput{}, f.broken["set"]
}

// metric is an alarm on the sum of a minute, above 1.
func metric(name string) types.MetricAlarm {
	return types.MetricAlarm{
		AlarmName: &name, MetricName: aws.String("m"), Namespace: aws.String("n"), Statistic: types.StatisticSum,
		Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), StateValue: unknown,
		ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold, TreatMissingData: aws.String("notBreaching"),
	}
}

func composite(name, rule string) types.CompositeAlarm {
	return types.CompositeAlarm{AlarmName: &name, AlarmRule: &rule, StateValue: unknown}
}

func evaluator(f *fake, now *time.Time) *Evaluator {
	return &Evaluator{Client: f, Now: func() time.Time { return *now }, Log: slog.New(slog.DiscardHandler)}
}

// An alarm fires once the minute is over, its page with it, and both end; what has not changed is not set.
func TestRounds(t *testing.T) {
	f := &fake{
		metrics: []types.MetricAlarm{metric("a")}, points: map[int64]float64{120: 2, 180: 0},
		composites: []types.CompositeAlarm{composite("pages", `ALARM("page")`), composite("page", `ALARM("a")`)},
	}
	now := time.Unix(0, 0)
	e := evaluator(f, &now)
	for _, c := range []struct {
		second int64
		want   string
	}{
		{179, "a OK, pages OK, page OK"}, {180, "a ALARM, pages ALARM, page ALARM"}, {239, ""},
		{240, "a OK, pages OK, page OK"}, {300, ""},
	} {
		now, f.set, f.asked = time.Unix(c.second, 0), nil, nil
		if err := e.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(f.set, ", "); got != c.want {
			t.Errorf("at %d s: %s, want %s", c.second, got, c.want)
		}
	}
	if want := "m 120 to 300 by 60"; f.asked[0] != want {
		t.Errorf("asked for %s, want %s", f.asked[0], want)
	}
}

// A page says which of its alarms fire.
func TestFiring(t *testing.T) {
	states := map[string]types.StateValue{"a": alarm, "b": ok, "c": alarm, "aa": alarm}
	for rule, want := range map[string]string{
		`ALARM("a") OR ALARM("b") OR ALARM("c")`: "a, c", `ALARM("b")`: "no alarm of its rule fires",
	} {
		if got := firing(rule, states); got != want {
			t.Errorf("%s: %s", rule, got)
		}
	}
}

func TestAtOfOf(t *testing.T) {
	a := metric("a")
	a.EvaluationPeriods, a.DatapointsToAlarm = aws.Int32(3), aws.Int32(2)
	f := &fake{metrics: []types.MetricAlarm{a}, points: map[int64]float64{0: 2, 60: 0, 120: 2}}
	now := time.Unix(180, 0)
	if err := evaluator(f, &now).Round(t.Context()); err != nil || strings.Join(f.set, ", ") != "a ALARM" {
		t.Errorf("%q, %v", f.set, err)
	}
}

func TestMathOfAnAlarm(t *testing.T) {
	a := metric("a")
	a.MetricName, a.Namespace, a.Statistic, a.Period = nil, nil, "", nil
	of := &types.MetricStat{
		Metric: &types.Metric{Namespace: aws.String("n"), MetricName: aws.String("m")}, Period: aws.Int32(60),
		Stat: aws.String("Sum"),
	}
	a.Metrics = []types.MetricDataQuery{
		{Id: aws.String("x"), MetricStat: of}, {Id: aws.String("y"), MetricStat: of},
		{Id: aws.String("result"), Expression: aws.String("x + y"), ReturnData: aws.Bool(true)},
	}
	f := &fake{metrics: []types.MetricAlarm{a}, points: map[int64]float64{120: 0.6}}
	now := time.Unix(180, 0)
	if err := evaluator(f, &now).Round(t.Context()); err != nil || strings.Join(f.set, ", ") != "a ALARM" {
		t.Errorf("%q, %v", f.set, err)
	}
}

// What cannot be evaluated stays as it is, is told once, and keeps nothing else from being evaluated.
func TestAnAlarmThatCannotBeEvaluated(t *testing.T) {
	bad := metric("bad")
	bad.Statistic = "p99"
	f := &fake{
		metrics: []types.MetricAlarm{bad, metric("good")}, points: map[int64]float64{120: 2},
		composites: []types.CompositeAlarm{composite("broken", `ALARM("gone")`)},
	}
	now := time.Unix(180, 0)
	var log strings.Builder
	e := evaluator(f, &now)
	e.Log = slog.New(slog.NewTextHandler(&log, nil))
	for range 2 {
		if err := e.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(f.set, ", "); got != "good ALARM" {
		t.Errorf("set %s", got)
	}
	if strings.Count(log.String(), "alarm=bad") != 1 || strings.Count(log.String(), "alarm=broken") != 1 {
		t.Errorf("log: %s", &log)
	}
}

func TestFailures(t *testing.T) {
	for part, want := range map[string]string{"describe": "read the alarms", "set": "set alarm a to ALARM"} {
		f := &fake{metrics: []types.MetricAlarm{metric("a")}, points: map[int64]float64{120: 2}}
		f.broken = map[string]error{part: errors.New("throttled")}
		now := time.Unix(180, 0)
		if err := evaluator(f, &now).Round(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", part, err)
		}
	}
}

func TestRunEvaluatesAtIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{metrics: []types.MetricAlarm{metric("a")}}
		now := time.Now()
		e := evaluator(f, &now)
		e.Every = time.Second
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { e.Run(ctx); close(done) }()
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		if len(f.asked) != 2 {
			t.Errorf("%d rounds in 2.5 intervals", len(f.asked))
		}
		stop()
		<-done
	})
}
