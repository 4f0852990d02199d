package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"

	"dip/config"
	"dip/internal/simulate"
)

// ReadMetrics is the action in AWS that reading usage takes.
const ReadMetrics = "cloudwatch:GetMetricData"

// ErrNoRight says that whoever asks may not do so.
var ErrNoRight = errors.New("a right is missing")

// maxQueries is how many metrics one request asks for ("GetMetricData" in the CloudWatch API reference). It answers with
// up to 100,800 data points, and the rest on more pages.
const maxQueries = 500

// usagePeriod is that of usage's data points: CloudWatch keeps those of an hour for 455 days, those of a minute for 15
// ("Metrics retention" in the CloudWatch User Guide).
const usagePeriod = time.Hour

// UsageSince is when usage begins that is read since a time: with an hour.
func UsageSince(since time.Time) time.Time { return since.UTC().Truncate(usagePeriod) }

// ReadUsage reads from CloudWatch how many functions of the account and of the stack ran at once in each hour, and how
// many calls of the segments' functions were throttled. The error is ErrNoRight for those who may not read metrics.
func ReadUsage(
	ctx context.Context, watch cloudwatch.GetMetricDataAPIClient, o Outputs, since, now time.Time,
) (simulate.Usage, error) {
	u := simulate.Usage{Throttled: map[string]int{}}
	hours := map[time.Time]*simulate.Hour{}
	of := func(at time.Time) *simulate.Hour {
		if hours[at] == nil {
			hours[at] = &simulate.Hour{At: at}
		}
		return hours[at]
	}
	queries := []usageQuery{{config.FunctionConcurrency, "", types.StatisticMaximum, func(at time.Time, value int) {
		of(at).Account = value
	}}}
	for _, function := range ownFunctions(o) {
		queries = append(queries, usageQuery{config.FunctionConcurrency, function, types.StatisticMaximum,
			func(at time.Time, value int) { of(at).Own += value }})
	}
	for name, s := range o.Segments {
		queries = append(queries, usageQuery{config.FunctionThrottles, functionName(s.Function), types.StatisticSum,
			func(_ time.Time, value int) {
				if value > 0 {
					u.Throttled[name] += value
				}
			}})
	}
	for some := range slices.Chunk(queries, maxQueries) {
		if err := readUsage(ctx, watch, some, since, now); err != nil {
			return simulate.Usage{}, err
		}
	}
	for _, h := range hours {
		if h.Account > 0 { // a stack's functions are its account's, too: without those, nothing can be compared
			u.Hours = append(u.Hours, *h)
		}
	}
	slices.SortFunc(u.Hours, func(a, b simulate.Hour) int { return a.At.Compare(b.At) })
	return u, nil
}

// usageQuery is a metric of a function, or of all of the account, and what takes its data points.
type usageQuery struct {
	metric, function string
	statistic        types.Statistic
	take             func(at time.Time, value int)
}

func readUsage(
	ctx context.Context, watch cloudwatch.GetMetricDataAPIClient, queries []usageQuery, since, now time.Time,
) error {
	in := &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(UsageSince(since)), EndTime: aws.Time(now.UTC().Truncate(usagePeriod).Add(usagePeriod)),
	}
	byID := map[string]usageQuery{}
	for i, q := range queries {
		id := fmt.Sprintf("q%d", i)
		byID[id] = q
		metric := &types.Metric{Namespace: aws.String(config.FunctionMetrics), MetricName: &q.metric}
		if q.function != "" {
			metric.Dimensions = []types.Dimension{{Name: aws.String("FunctionName"), Value: &q.function}}
		}
		in.MetricDataQueries = append(in.MetricDataQueries, types.MetricDataQuery{Id: &id, MetricStat: &types.MetricStat{
			Metric: metric, Period: aws.Int32(int32(usagePeriod / time.Second)), Stat: aws.String(string(q.statistic)),
		}})
	}
	for pages := cloudwatch.NewGetMetricDataPaginator(watch, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		var api smithy.APIError
		if errors.As(err, &api) && strings.HasPrefix(api.ErrorCode(), "AccessDenied") { // the suffix is the protocol's
			return fmt.Errorf("%w: %s", ErrNoRight, ReadMetrics)
		}
		if err != nil {
			return fmt.Errorf("read the metrics of functions: %w", err)
		}
		for _, r := range page.MetricDataResults {
			q := byID[aws.ToString(r.Id)]
			if r.StatusCode != types.StatusCodeComplete && r.StatusCode != types.StatusCodePartialData {
				return fmt.Errorf("read %s of functions: %s", q.metric, r.StatusCode)
			}
			for i, at := range r.Timestamps {
				q.take(at.UTC(), int(math.Ceil(r.Values[i])))
			}
		}
	}
	return nil
}

// ownFunctions are the names of a stack's functions, in order. Outputs know nothing of a gateway's.
func ownFunctions(o Outputs) []string {
	arns := slices.Collect(maps.Values(o.Functions))
	for _, s := range o.Segments {
		arns = append(arns, s.Function)
		if s.Stream != nil {
			arns = append(arns, s.Stream.Witness, s.Stream.Closer)
		}
	}
	if o.Maintenance != nil {
		arns = append(arns, o.Maintenance.Function)
	}
	names := make([]string, len(arns))
	for i, arn := range arns {
		names[i] = functionName(arn)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
