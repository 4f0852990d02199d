package gateway

import (
	"bytes"
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
	requests map[string]int64 // by labels
	attempts map[string]int64
	retries  map[string]int64
	request  histogram // seconds
	call     histogram // seconds
	batch    histogram // records
}

// NewMetrics makes metrics that are zero.
func NewMetrics() *Metrics {
	seconds := []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20}
	return &Metrics{
		requests: map[string]int64{}, attempts: map[string]int64{}, retries: map[string]int64{},
		request: newHistogram(seconds), call: newHistogram(seconds),
		batch: newHistogram([]float64{1, 5, 10, 25, 50, 100, 250, 499, 500}),
	}
}

// answered counts a request to send records.
func (m *Metrics) answered(segment string, status int, elapsed time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests[labels("segment", segment, "code", strconv.Itoa(status))]++
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
			m.attempts[labels("stream", stream, "outcome", Outcome(o).String())] += n
		}
	}
	m.call.add(elapsed.Seconds())
	m.batch.add(float64(len(outcomes)))
}

// retried counts records that are put again.
func (m *Metrics) retried(stream string, records int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.retries[labels("stream", stream)] += int64(records)
}

// Text gives the metrics in the text format of Prometheus, version 0.0.4. buffered is what requests take of the
// memory, bytes.
func (m *Metrics) Text(buffered int64) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out bytes.Buffer
	counter(&out, "dip_gateway_requests_total", "Requests to send records, answered.", m.requests)
	counter(&out, "dip_gateway_put_records_total", "Records in calls of PutRecords, by outcome.", m.attempts)
	counter(&out, "dip_gateway_retried_records_total", "Records that were put again.", m.retries)
	m.request.write(&out, "dip_gateway_request_seconds", "Time until the answer to a request.")
	m.call.write(&out, "dip_gateway_put_seconds", "Time of a call of PutRecords.")
	m.batch.write(&out, "dip_gateway_put_batch_records", "Records in a call of PutRecords.")
	head(&out, "dip_gateway_buffered_bytes", "Memory that bodies and records take.", "gauge")
	fmt.Fprintf(&out, "dip_gateway_buffered_bytes %d\n", buffered)
	return out.Bytes()
}

// labels formats pairs of a name and a value.
func labels(pairs ...string) string {
	var out bytes.Buffer
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&out, ",%s=%q", pairs[i], pairs[i+1])
	}
	return out.String()[1:]
}

func head(out *bytes.Buffer, name, help, kind string) {
	fmt.Fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

func counter(out *bytes.Buffer, name, help string, values map[string]int64) {
	head(out, name, help, "counter")
	for _, l := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(out, "%s{%s} %d\n", name, l, values[l])
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
