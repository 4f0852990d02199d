package metrics

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// Putter is the part of CloudWatch's client that a publisher needs.
type Putter interface {
	PutMetricData(
		ctx context.Context, in *cloudwatch.PutMetricDataInput, opts ...func(*cloudwatch.Options),
	) (*cloudwatch.PutMetricDataOutput, error)
}

// maxData is the number of data points that one request takes ("PutMetricData" in the API reference).
const maxData = 1000

// Publisher collects the data points in lines and puts them into CloudWatch, batch by batch.
type Publisher struct {
	Client Putter
	Every  time.Duration // pause between batches
	Log    *slog.Logger

	mu      sync.Mutex
	pending map[string][]types.MetricDatum // by namespace
	refused bool
}

// Line takes a line that a function printed.
func (p *Publisher) Line(line []byte) {
	data, err := Parse(line)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil && !p.refused { // CloudWatch drops them in silence; once is enough to find the mistake
		p.refused = true
		p.Log.Warn("invalid metrics dropped", "error", err)
	}
	for _, d := range data {
		p.add(d)
	}
}

// Add takes a data point.
func (p *Publisher) Add(d Datum) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.add(d)
}

func (p *Publisher) add(d Datum) {
	if p.pending == nil {
		p.pending = map[string][]types.MetricDatum{}
	}
	p.pending[d.Namespace] = append(p.pending[d.Namespace], d.MetricDatum)
}

// Run publishes until ctx ends, and once more what came last.
func (p *Publisher) Run(ctx context.Context) {
	tick := time.NewTicker(p.Every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.Flush(ctx)
		case <-ctx.Done():
			p.Flush(context.WithoutCancel(ctx))
			return
		}
	}
}

// Flush puts what is pending. Data points that CloudWatch refuses are dropped.
func (p *Publisher) Flush(ctx context.Context) {
	p.mu.Lock()
	pending := p.pending
	p.pending = nil
	p.mu.Unlock()
	for namespace, data := range pending {
		for len(data) > 0 {
			batch := data[:min(maxData, len(data))]
			data = data[len(batch):]
			_, err := p.Client.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{
				Namespace: aws.String(namespace), MetricData: batch,
			})
			if err != nil {
				p.Log.Warn("metrics not published", "namespace", namespace, "count", len(batch), "error", err)
			}
		}
	}
}
