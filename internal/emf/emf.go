// Package emf writes metrics in CloudWatch's embedded metric format: a line of JSON in a function's log that CloudWatch
// Logs turns into data points ("Specification: Embedded metric format" in the CloudWatch User Guide). It costs no
// request, and the log keeps what a data point came from.
package emf

import (
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"dip/contract"
)

// Values are data points by metric.
type Values map[contract.Metric]float64

// Emitter writes the metrics of one process. The nil Emitter writes nothing.
type Emitter struct {
	Stack string
	Out   io.Writer // receives whole lines, one per call
	Now   func() time.Time

	mu sync.Mutex
}

type directive struct {
	Namespace  string       `json:"Namespace"`
	Dimensions [][]string   `json:"Dimensions"`
	Metrics    []definition `json:"Metrics"`
}

type definition struct {
	Name string        `json:"Name"`
	Unit contract.Unit `json:"Unit"`
}

type metadata struct {
	Timestamp         int64       `json:"Timestamp"` // milliseconds since 1970
	CloudWatchMetrics []directive `json:"CloudWatchMetrics"`
}

// Emit writes one line. properties, such as the load and the chunk, are kept in the log and are no dimensions.
//
// Metrics are best effort: a line that cannot be written is dropped. What it measures has happened, and the ledger has
// it.
func (e *Emitter) Emit(segment string, values Values, properties map[string]string) {
	if e == nil {
		return
	}
	line := map[string]any{}
	for name, value := range properties {
		line[name] = value
	}
	line[contract.StackDimension], line[contract.SegmentDimension] = e.Stack, cmp.Or(segment, contract.NoSegment)
	d := directive{
		Namespace:  contract.MetricNamespace,
		Dimensions: [][]string{{contract.StackDimension, contract.SegmentDimension}},
	}
	byName := func(a, b contract.Metric) int { return strings.Compare(a.Name, b.Name) }
	for _, m := range slices.SortedFunc(maps.Keys(values), byName) {
		d.Metrics = append(d.Metrics, definition{Name: m.Name, Unit: m.Unit})
		line[m.Name] = values[m]
	}
	line["_aws"] = metadata{Timestamp: e.Now().UnixMilli(), CloudWatchMetrics: []directive{d}}
	data, err := json.Marshal(line)
	if err != nil { // a value that is not a number
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	_, _ = e.Out.Write(append(data, '\n'))
}
