package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
)

// putter records the requests: namespace and number of data points.
type putter struct {
	puts []string
	err  error
}

func (p *putter) PutMetricData(
	_ context.Context, in *cloudwatch.PutMetricDataInput, _ ...func(*cloudwatch.Options),
) (*cloudwatch.PutMetricDataOutput, error) {
	p.puts = append(p.puts, fmt.Sprintf("%s %d", *in.Namespace, len(in.MetricData)))
	return &cloudwatch.PutMetricDataOutput{}, p.err
}

func line(namespace, metric string) []byte {
	return fmt.Appendf(nil,
		`{"_aws":{"CloudWatchMetrics":[{"Namespace":%q,"Dimensions":[[]],"Metrics":[{"Name":%q}]}]},"a":1}`,
		namespace, metric)
}

func TestPublishesInBatches(t *testing.T) {
	client := &putter{}
	p := &Publisher{Client: client, Log: slog.New(slog.DiscardHandler)}
	for range maxData + 1 {
		p.Line(line("dip", "a"))
	}
	p.Line(line("other", "a"))
	p.Flush(t.Context())
	p.Flush(t.Context()) // nothing is left
	slices.Sort(client.puts)
	if want := []string{"dip 1", "dip 1000", "other 1"}; !slices.Equal(client.puts, want) {
		t.Errorf("got %q, want %q", client.puts, want)
	}
}

// Refused data points are dropped and reported; the next ones are published.
func TestRefusedByCloudWatch(t *testing.T) {
	var log strings.Builder
	client := &putter{err: errors.New("throttled")}
	p := &Publisher{Client: client, Log: slog.New(slog.NewTextHandler(&log, nil))}
	p.Line(line("dip", "a"))
	p.Flush(t.Context())
	p.Line(line("dip", "a"))
	p.Flush(t.Context())
	want := []string{"dip 1", "dip 1"}
	if !slices.Equal(client.puts, want) || !strings.Contains(log.String(), "throttled") {
		t.Errorf("got %q, log %s", client.puts, &log)
	}
}

func TestInvalidMetricsAreReportedOnce(t *testing.T) {
	var log strings.Builder
	p := &Publisher{Client: &putter{}, Log: slog.New(slog.NewTextHandler(&log, nil))}
	for range 3 {
		p.Line(line("dip", "b"))
	}
	if strings.Count(log.String(), "metric b") != 1 {
		t.Errorf("log: %s", &log)
	}
}

func TestRunPublishesAtIntervalsAndAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &putter{}
		p := &Publisher{Client: client, Every: time.Second, Log: slog.New(slog.DiscardHandler)}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { p.Run(ctx); close(done) }()
		p.Line(line("dip", "a"))
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		if !slices.Equal(client.puts, []string{"dip 1"}) {
			t.Errorf("after an interval: %q", client.puts)
		}
		p.Line(line("dip", "a"))
		stop()
		<-done
		if !slices.Equal(client.puts, []string{"dip 1", "dip 1"}) {
			t.Errorf("at the end: %q", client.puts)
		}
	})
}
