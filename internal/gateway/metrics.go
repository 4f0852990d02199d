package gateway

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Metrics are the counts of a gateway since its start. They are safe for concurrent use.
type Metrics struct {
	mu       sync.Mutex
	requests map[[2]string]int64 // by segment and code
	attempts map[[2]string]int64 // by stream and outcome
	retries  map[[2]string]int64 // by stream
	request  histogram           // seconds
	call     histogram           // seconds
	batch    histogram           // records
}

// NewMetrics makes metrics that are zero.
func NewMetrics() *Metrics {
	seconds := []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20}
	return &Metrics{
		requests: map[[2]string]int64{}, attempts: map[[2]string]int64{}, retries: map[[2]string]int64{},
		request: newHistogram(seconds), call: newHistogram(seconds),
		batch: newHistogram([]float64{1, 5, 10, 25, 50, 100, 250, 499, 500}),
	}
}

// answered counts a request to send records.
func (m *Metrics) answered(segment string, status int, elapsed time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests[[2]string{segment, strconv.Itoa(status)}]++
	m.request.add(elapsed.Seconds())
}

// called counts a call of PutRecords.
func (m *Metrics) called(stream string, elapsed time.Duration, outcomes []Outcome) {
	var counts [len(outcomeNames)]int64
	for _, o := range outcomes {
		counts[o]++
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for o, n := range counts {
		if n > 0 {
			m.attempts[[2]string{stream, Outcome(o).String()}] += n
		}
	}
	m.call.add(elapsed.Seconds())
	m.batch.add(float64(len(outcomes)))
}

// retried counts records that are put again.
func (m *Metrics) retried(stream string, records int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.retries[[2]string{stream}] += int64(records)
}

// Text gives the metrics in the text format of Prometheus, version 0.0.4. buffered is what requests take of the
// memory, bytes.
func (m *Metrics) Text(buffered int64) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out bytes.Buffer
	counter(&out, "dip_gateway_requests_total", "Requests to send records, answered.", m.requests,
		"segment", "code")
	counter(&out, "dip_gateway_put_records_total", "Records in calls of PutRecords, by outcome.", m.attempts,
		"stream", "outcome")
	counter(&out, "dip_gateway_retried_records_total", "Records that were put again.", m.retries, "stream")
	m.request.write(&out, "dip_gateway_request_seconds", "Time until the answer to a request.")
	m.call.write(&out, "dip_gateway_put_seconds", "Time of a call of PutRecords.")
	m.batch.write(&out, "dip_gateway_put_batch_records", "Records in a call of PutRecords.")
	head(&out, "dip_gateway_buffered_bytes", "Memory that bodies and records take.", "gauge")
	fmt.Fprintf(&out, "dip_gateway_buffered_bytes %d\n", buffered)
	return out.Bytes()
}

func head(out *bytes.Buffer, name, help, kind string) {
	fmt.Fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// counter writes a counter by the values of its labels.
func counter(out *bytes.Buffer, name, help string, values map[[2]string]int64, labels ...string) {
	head(out, name, help, "counter")
	for _, key := range slices.SortedFunc(maps.Keys(values), func(a, b [2]string) int {
		return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
	}) {
		fmt.Fprintf(out, "%s{", name)
		for i, label := range labels {
			fmt.Fprintf(out, "%s%s=%q", ","[:min(i, 1)], label, key[i])
		}
		fmt.Fprintf(out, "} %d\n", values[key])
	}
}

// histogram counts values by their upper bounds.
type histogram struct {
	bounds []float64
	counts []int64 // of each bound, and of what is above all
	sum    float64
}

func newHistogram(bounds []float64) histogram {
	return histogram{bounds: bounds, counts: make([]int64, len(bounds)+1)}
}

func (h *histogram) add(v float64) {
	i, _ := slices.BinarySearch(h.bounds, v) // the first bound that is not less
	h.counts[i]++
	h.sum += v
}

func (h *histogram) write(out *bytes.Buffer, name, help string) {
	head(out, name, help, "histogram")
	total := int64(0)
	for i, bound := range h.bounds {
		total += h.counts[i]
		fmt.Fprintf(out, "%s_bucket{le=\"%g\"} %d\n", name, bound, total)
	}
	total += h.counts[len(h.bounds)]
	fmt.Fprintf(out, "%s_bucket{le=\"+Inf\"} %d\n%s_sum %g\n%s_count %d\n", name, total, name, h.sum, name, total)
}
