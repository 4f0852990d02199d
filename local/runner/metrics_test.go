package runner

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"dip/contract"
)

// What a function prints in the embedded metric format arrives in CloudWatch.
func TestMetricsOfAFunction(t *testing.T) {
	w := theWorld(t)
	name := w.createFunction(t, nil)
	if _, problem := w.invoke(t, name, `{"do":"measure"}`); problem != "" {
		t.Fatal(problem)
	}
	client := w.metrics.Client.(*cloudwatch.Client)
	now := time.Now()
	in := &cloudwatch.GetMetricStatisticsInput{
		Namespace: aws.String(contract.MetricNamespace), MetricName: &contract.RecordsIn.Name,
		Dimensions: []types.Dimension{
			{Name: aws.String(contract.StackDimension), Value: aws.String("local")},
			{Name: aws.String(contract.SegmentDimension), Value: aws.String("trips")},
		},
		StartTime: aws.Time(now.Add(-time.Hour)), EndTime: aws.Time(now.Add(time.Hour)), Period: aws.Int32(7200),
		Statistics: []types.Statistic{types.StatisticSum}, Unit: types.StandardUnitCount,
	}
	for t.Context().Err() == nil {
		got, err := client.GetMetricStatistics(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Datapoints) > 0 {
			if *got.Datapoints[0].Sum != 42 {
				t.Errorf("got %+v", got.Datapoints)
			}
			return
		}
		w.metrics.Flush(t.Context()) // the line may still be in the function's pipe
	}
}
