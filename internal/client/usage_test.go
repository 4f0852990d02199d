package client

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"

	"dip/contract"
	"dip/internal/simulate"
	"dip/local/emulator/emulatortest"
)

// functionARN is that of a function's alias.
func functionARN(name string) string {
	return "arn:aws:lambda:us-east-1:123456789012:function:" + name + ":live"
}

// What AWS measured of the account and of two segments, as CloudWatch answers.
func TestReadUsage(t *testing.T) {
	watch := cloudwatch.NewFromConfig(emulatortest.Config(t), func(o *cloudwatch.Options) {
		o.DisableRequestCompression = true
	})
	now := time.Now().UTC()
	hour := now.Truncate(time.Hour)
	put := func(metric, function string, at time.Time, values ...float64) {
		t.Helper()
		d := types.MetricDatum{MetricName: &metric, Values: values, Timestamp: &at}
		if function != "" {
			d.Dimensions = []types.Dimension{{Name: aws.String("FunctionName"), Value: &function}}
		}
		if _, err := watch.PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{
			Namespace: aws.String("AWS/Lambda"), MetricData: []types.MetricDatum{d},
		}); err != nil {
			t.Fatal(err)
		}
	}
	earlier := hour.Add(-2 * time.Hour)
	put("ConcurrentExecutions", "", earlier, 60, 90)
	put("ConcurrentExecutions", "", hour, 40)
	put("ConcurrentExecutions", "", hour.Add(-6*time.Hour), 900) // before the time that is asked for
	for i, own := range []string{"trips-1", "readings-1", "witness-1", "closer-1", "maintenance-1", "intake-1"} {
		put("ConcurrentExecutions", own, earlier.Add(time.Duration(i)*time.Minute), 1, 3)
	}
	put("ConcurrentExecutions", "other", earlier, 50)
	put("ConcurrentExecutions", "trips-1", hour.Add(-time.Hour), 5) // without the account's
	put("Throttles", "trips-1", earlier, 4, 0, 5)
	put("Throttles", "trips-1", hour, 3)
	put("Throttles", "readings-1", hour, 0)
	put("Throttles", "intake-1", hour, 7)
	o := Outputs{
		Functions: map[string]string{"intake": functionARN("intake-1")},
		Segments: map[string]contract.SegmentOutputs[string]{
			"trips": {Function: functionARN("trips-1")},
			"readings": {Function: functionARN("readings-1"), Stream: &contract.StreamOutputs[string]{
				Witness: functionARN("witness-1"), Closer: functionARN("closer-1"),
			}},
		},
		Maintenance: &contract.MaintenanceOutputs[string]{Function: functionARN("maintenance-1")},
	}
	u, err := ReadUsage(t.Context(), watch, o, earlier.Add(30*time.Minute), now)
	if err != nil {
		t.Fatal(err)
	}
	want := simulate.Usage{
		Hours:     []simulate.Hour{{At: earlier, Account: 90, Own: 18}, {At: hour, Account: 40}},
		Throttled: map[string]int{"trips": 12},
	}
	if !reflect.DeepEqual(u, want) {
		t.Errorf("%+v, want %+v", u, want)
	}
}

// paged is a CloudWatch with a data point of 2 for each metric, one metric a page.
type paged struct {
	asked  []int // metrics of each request
	status types.StatusCode
	err    error
}

func (p *paged) GetMetricData(
	_ context.Context, in *cloudwatch.GetMetricDataInput, _ ...func(*cloudwatch.Options),
) (*cloudwatch.GetMetricDataOutput, error) {
	if p.err != nil {
		return nil, p.err
	}
	n := 0
	if in.NextToken != nil {
		fmt.Sscan(*in.NextToken, &n)
	} else {
		p.asked = append(p.asked, len(in.MetricDataQueries))
	}
	out := &cloudwatch.GetMetricDataOutput{MetricDataResults: []types.MetricDataResult{{
		Id: in.MetricDataQueries[n].Id, StatusCode: p.status, Timestamps: []time.Time{noon}, Values: []float64{2},
	}}}
	if n++; n < len(in.MetricDataQueries) {
		out.NextToken = aws.String(fmt.Sprint(n))
	}
	return out, nil
}

// A stack with more functions than one request asks for, and answers of many pages.
func TestReadUsageOfManyFunctions(t *testing.T) {
	o := Outputs{Segments: map[string]contract.SegmentOutputs[string]{}}
	for i := range 300 {
		name := fmt.Sprintf("s%d", i)
		o.Segments[name] = contract.SegmentOutputs[string]{Function: functionARN(name)}
	}
	watch := &paged{status: types.StatusCodePartialData}
	u, err := ReadUsage(t.Context(), watch, o, noon.Add(-time.Hour), noon)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(watch.asked, []int{500, 101}) || len(u.Throttled) != 300 || u.Throttled["s299"] != 2 ||
		!reflect.DeepEqual(u.Hours, []simulate.Hour{{At: noon, Account: 2, Own: 600}}) {
		t.Errorf("asked for %v, got %+v", watch.asked, u)
	}
}

func TestReadUsageSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		watch  paged
		want   string
		denied bool
	}{
		{paged{err: &smithy.GenericAPIError{Code: "AccessDenied"}}, "a right is missing: cloudwatch:GetMetricData", true},
		{paged{err: &smithy.GenericAPIError{Code: "AccessDeniedException"}}, "a right is missing: cloudwatch:GetMetricData",
			true},
		{paged{err: errors.New("no route")}, "read the metrics of functions: no route", false},
		{paged{status: types.StatusCodeInternalError}, "read ConcurrentExecutions of functions: InternalError", false},
	} {
		u, err := ReadUsage(t.Context(), &c.watch, Outputs{}, noon.Add(-time.Hour), noon)
		if err == nil || err.Error() != c.want || errors.Is(err, ErrNoRight) != c.denied || u.Hours != nil {
			t.Errorf("%+v, %v, want %s", u, err, c.want)
		}
	}
}
