package runner

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"dip/contract"
)

// What a function prints in the embedded metric format arrives in CloudWatch.
func TestMetricsOfAFunction(t *testing.T) {
	w := theWorld(t)
	name := w.createFunction(t, nil)
	if _, problem := w.invoke(t, name, `{"do":"measure"}`); problem != "" {
		t.Fatal(problem)
	}
	in := statistics(contract.MetricNamespace, contract.RecordsIn.Name, map[string]string{
		contract.StackDimension: "local", contract.SegmentDimension: "trips",
	})
	if got := w.published(t, in, 42); got != 42 {
		t.Errorf("got %v records", got)
	}
}

// What Lambda measures of invocations arrives there, too.
func TestMetricsOfInvocations(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	name := w.createFunction(t, nil)
	for _, do := range []string{"fail", "env", "fail"} {
		w.invoke(t, name, `{"do":"`+do+`"}`)
	}
	none := &lambda.PutFunctionConcurrencyInput{FunctionName: &name, ReservedConcurrentExecutions: aws.Int32(0)}
	if _, err := w.lambda.PutFunctionConcurrency(t.Context(), none); err != nil {
		t.Fatal(err)
	}
	once := func(o *lambda.Options) { o.RetryMaxAttempts = 1 }
	if _, err := w.lambda.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name}, once); err == nil {
		t.Fatal("a function without concurrency runs")
	}
	for metric, want := range map[string]float64{"Errors": 2, "Throttles": 1} {
		of := statistics("AWS/Lambda", metric, map[string]string{"FunctionName": name})
		if got := w.published(t, of, want); got != want {
			t.Errorf("%s is %v, want %v", metric, got, want)
		}
	}
}

// statistics asks for the sum of a metric around now.
func statistics(namespace, metric string, dimensions map[string]string) *cloudwatch.GetMetricStatisticsInput {
	now := time.Now()
	in := &cloudwatch.GetMetricStatisticsInput{
		Namespace: &namespace, MetricName: &metric, StartTime: aws.Time(now.Add(-time.Hour)),
		EndTime: aws.Time(now.Add(time.Hour)), Period: aws.Int32(86400), Statistics: []types.Statistic{types.StatisticSum},
		Unit: types.StandardUnitCount,
	}
	for name, value := range dimensions {
		in.Dimensions = append(in.Dimensions, types.Dimension{Name: &name, Value: &value})
	}
	return in
}

// published is the sum once it has come to what is wanted.
func (w *world) published(t *testing.T, in *cloudwatch.GetMetricStatisticsInput, want float64) float64 {
	t.Helper()
	for t.Context().Err() == nil {
		got, err := w.metrics.Client.(*cloudwatch.Client).GetMetricStatistics(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, d := range got.Datapoints {
			sum += *d.Sum
		}
		if sum >= want {
			return sum
		}
		w.metrics.Flush(t.Context()) // the line may still be in the function's pipe
	}
	return 0
}
