package runner

import (
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"dip/local/metrics"
)

// measure publishes what Lambda publishes of an invocation, as far as alarms watch it
// (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html). Those of queues and executions come
// from the emulator. An invocation that a stopping runner refuses is none.
func (r *Runner) measure(function string, out outcome, err error) {
	throttled := errors.Is(err, errThrottled)
	if err != nil && !throttled {
		return
	}
	publish := func(metric string, happened bool) {
		value := 0.0
		if happened {
			value = 1
		}
		r.metrics.Add(metrics.Datum{Namespace: "AWS/Lambda", MetricDatum: types.MetricDatum{
			MetricName: aws.String(metric), Unit: types.StandardUnitCount, Values: []float64{value},
			Dimensions: []types.Dimension{{Name: aws.String("FunctionName"), Value: aws.String(function)}},
			Timestamp:  aws.Time(time.Now()),
		}})
	}
	publish("Throttles", throttled)
	if !throttled {
		publish("Errors", out.errorType != "")
	}
}
