package client

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"golang.org/x/sync/errgroup"

	"dip/config"
	"dip/contract"
	"dip/internal/graph"
	"dip/internal/ledger"
)

// Statistics is the part of CloudWatch that a history reads.
type Statistics interface {
	GetMetricStatistics(
		ctx context.Context, in *cloudwatch.GetMetricStatisticsInput, opts ...func(*cloudwatch.Options),
	) (*cloudwatch.GetMetricStatisticsOutput, error)
}

// mostChunkReads is how many of the newest finished loads have their chunks read: a load may have 10,000.
const mostChunkReads = 50

// ReadHistory reads what a stack did since a time: loads and chunks from the ledger, the age of queues from CloudWatch.
func ReadHistory(
	ctx context.Context, name string, o Outputs, l Ledger, watch Statistics, since, now time.Time,
) (*graph.History, error) {
	h := graph.New(name, since, now, slices.Collect(maps.Keys(o.Segments)))
	loads, err := ListLoads(ctx, l, Filter{Since: h.From}, now)
	if err != nil {
		return nil, err
	}
	chunked := map[string][]string{} // ids of loads, by segment
	n := 0
	for _, load := range loads { // newest first
		s := h.Segment(load.Segment)
		if s == nil {
			continue
		}
		h.AddBytes(load.Segment, load.Received, sizeOf(load))
		if load.Status != contract.Published && load.Status != contract.Failed {
			continue
		}
		s.Loads = append(s.Loads, graph.Load{
			Received: load.Received, Seconds: load.Updated.Sub(load.Received).Seconds(), Failed: load.Status == contract.Failed,
		})
		if load.Plan != nil && n < mostChunkReads {
			n++
			chunked[load.Segment] = append(chunked[load.Segment], load.ID)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(dayReaders)
	for i := range h.Segments {
		s := &h.Segments[i]
		group.Go(func() (err error) {
			s.Chunks, err = chunkSeconds(ctx, l, chunked[s.Name])
			return err
		})
		if chunks := o.Segments[s.Name].QueueOutputs; chunks != nil {
			group.Go(func() (err error) {
				s.Age, err = queueAge(ctx, watch, path.Base(chunks.Queue), h)
				return err
			})
		}
	}
	return h, group.Wait()
}

// sizeOf is the content of a load, or the size of its object as long as nobody knows more.
func sizeOf(l ledger.Load) int64 {
	if l.Totals != nil {
		return l.Totals.Bytes
	}
	return l.Object.Size
}

func chunkSeconds(ctx context.Context, l Ledger, ids []string) (took []float64, err error) {
	for _, id := range ids {
		chunks, err := l.Chunks(ctx, id)
		if err != nil {
			return nil, err
		}
		for _, c := range chunks {
			if c.Ack != nil {
				took = append(took, float64(c.Ack.Millis)/1000)
			}
		}
	}
	return took, nil
}

// queueAge reads how old the oldest message of a queue was in each step.
func queueAge(ctx context.Context, watch Statistics, queue string, h *graph.History) (ages []graph.Sample, err error) {
	out, err := watch.GetMetricStatistics(ctx, &cloudwatch.GetMetricStatisticsInput{
		Namespace: aws.String(config.QueueMetrics), MetricName: aws.String(config.QueueAge),
		Dimensions: []types.Dimension{{Name: aws.String("QueueName"), Value: &queue}},
		StartTime:  &h.From, EndTime: &h.To, Period: aws.Int32(int32(h.Step / time.Second)),
		Statistics: []types.Statistic{types.StatisticMaximum},
	})
	if err != nil {
		return nil, fmt.Errorf("read the age of queue %s: %w", queue, err)
	}
	for _, d := range out.Datapoints {
		ages = append(ages, graph.Sample{At: later(*d.Timestamp, h.From), Value: aws.ToFloat64(d.Maximum)})
	}
	slices.SortFunc(ages, func(a, b graph.Sample) int { return a.At.Compare(b.At) })
	return ages, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
