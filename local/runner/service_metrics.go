package runner

import (
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"dip/local/metrics"
)

// measure publishes what Lambda publishes of an invocation, as far as alarms watch it
// (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html). Those of queues, executions and
// streams come from the emulator. An invocation that a stopping runner refuses is none.
func (r *Runner) measure(function string, out outcome, err error) {
	throttled := errors.Is(err, errThrottled)
	if err != nil && !throttled {
		return
	}
	count := func(metric string, happened bool) {
		value := 0.0
		if happened {
			value = 1
		}
		r.publish(function, metric, types.StandardUnitCount, value)
	}
	count("Throttles", throttled)
	if !throttled {
		count("Errors", out.errorType != "")
	}
}

// publish publishes a metric of a function. IteratorAge is that of a batch's last record when the function is called.
func (r *Runner) publish(function, metric string, unit types.StandardUnit, value float64) {
	r.metrics.Add(metrics.Datum{Namespace: "AWS/Lambda", MetricDatum: types.MetricDatum{
		MetricName: aws.String(metric), Unit: unit, Values: []float64{value},
		Dimensions: []types.Dimension{{Name: aws.String("FunctionName"), Value: aws.String(function)}},
		Timestamp:  aws.Time(time.Now()),
	}})
}
