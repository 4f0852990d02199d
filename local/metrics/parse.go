// Package metrics does on this machine what CloudWatch Logs does with the embedded metric format: it finds the metrics
// in what functions print, and puts them into the emulator's CloudWatch.
package metrics

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// Datum is a data point and its namespace.
type Datum struct {
	Namespace string
	types.MetricDatum
}

// Limits of the format: "Specification: Embedded metric format" in the CloudWatch User Guide.
const (
	maxMetrics    = 100 // per directive
	maxDimensions = 30  // per dimension set
	maxValues     = 100 // per metric
)

type document struct {
	AWS *struct {
		Timestamp         int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	} `json:"_aws"`
}

// Parse finds the data points of a line. A line without the format has none. Data points that are invalid are left
// out, and the error names every one; the others count.
func Parse(line []byte) ([]Datum, error) {
	if !bytes.Contains(line, []byte(`"_aws"`)) {
		return nil, nil
	}
	var d document
	var root map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(line, &d), json.Unmarshal(line, &root)); err != nil || d.AWS == nil {
		return nil, nil // an ordinary line that happens to have these characters
	}
	var data []Datum
	var errs []error
	for _, directive := range d.AWS.CloudWatchMetrics {
		if directive.Namespace == "" || len(directive.Metrics) > maxMetrics {
			errs = append(errs, fmt.Errorf("directive of namespace %q with %d metrics: want a namespace and at most %d",
				directive.Namespace, len(directive.Metrics), maxMetrics))
			continue
		}
		for _, names := range directive.Dimensions {
			dimensions, err := dimensionsOf(root, names)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			for _, m := range directive.Metrics {
				values, err := valuesOf(root, m.Name)
				if err != nil {
					errs = append(errs, err)
					continue
				}
				data = append(data, Datum{directive.Namespace, types.MetricDatum{
					MetricName: aws.String(m.Name), Unit: types.StandardUnit(m.Unit), Values: values,
					Dimensions: dimensions, Timestamp: aws.Time(time.UnixMilli(d.AWS.Timestamp)),
				}})
			}
		}
	}
	return data, errors.Join(errs...)
}

func dimensionsOf(root map[string]json.RawMessage, names []string) ([]types.Dimension, error) {
	if len(names) > maxDimensions {
		return nil, fmt.Errorf("%d dimensions: want at most %d", len(names), maxDimensions)
	}
	var dimensions []types.Dimension
	for _, name := range names {
		var value string
		if err := json.Unmarshal(root[name], &value); err != nil || value == "" {
			return nil, fmt.Errorf("dimension %s is %s: want a text", name, root[name])
		}
		dimensions = append(dimensions, types.Dimension{Name: aws.String(name), Value: aws.String(value)})
	}
	return dimensions, nil
}

// valuesOf reads a metric's target, a number or an array of numbers.
func valuesOf(root map[string]json.RawMessage, name string) ([]float64, error) {
	var one float64
	if json.Unmarshal(root[name], &one) == nil && !bytes.Equal(root[name], []byte("null")) {
		return []float64{one}, nil
	}
	var many []float64
	if err := json.Unmarshal(root[name], &many); err != nil || len(many) == 0 || len(many) > maxValues {
		return nil, fmt.Errorf("metric %s is %.100s: want a number, or an array of 1 to %d", name, root[name], maxValues)
	}
	return many, nil
}
