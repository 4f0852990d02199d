package alarms

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"dip/config"
	"dip/contract"
	"dip/internal/emf"
	"dip/internal/intake"
	"dip/internal/lake/laketest"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
	"dip/internal/sweep"
	"dip/local/emulator/emulatortest"
	"dip/local/metrics"
)

// pipeline is a landing bucket whose events are suppressed, a ledger, the sweeper with what its log becomes, and the
// local stack's lost-event alarm in CloudWatch, with a page.
type pipeline struct {
	t       *testing.T
	now     time.Time
	rate    time.Duration
	ledger  *ledgertest.Fake
	landing *laketest.Fake
	queue   []string
	watch   *cloudwatch.Client
	alarms  *Evaluator
}

const watched, page = "lost-events of trips", "page of trips"

func newPipeline(t *testing.T) *pipeline {
	t.Helper()
	s, err := config.Parse([]byte(`{"environment": "local", "segments": {"trips": {}}}`),
		config.Options{Files: os.DirFS("../..")})
	if err != nil {
		t.Fatal(err)
	}
	p := &pipeline{
		t: t, now: time.Now().Truncate(time.Hour), rate: time.Duration(s.Sweep.Rate), ledger: ledgertest.New(),
		landing: laketest.New("lake"),
		watch: cloudwatch.NewFromConfig(emulatortest.Config(t), func(o *cloudwatch.Options) {
			o.DisableRequestCompression = true
		}),
	}
	p.alarms = &Evaluator{Client: p.watch, Now: func() time.Time { return p.now }, Log: slog.New(slog.DiscardHandler)}
	declare(t, p.watch, s, "trips-lost-events", watched)
	_, err = p.watch.PutCompositeAlarm(t.Context(), &cloudwatch.PutCompositeAlarmInput{
		AlarmName: aws.String(page), AlarmRule: aws.String(`ALARM("` + watched + `")`),
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// declare puts an alarm of a stack's table into CloudWatch under a name.
func declare(t *testing.T, watch *cloudwatch.Client, s *config.Stack, alarm, name string) {
	t.Helper()
	table := s.Alarms()
	a := table[slices.IndexFunc(table, func(a config.Alarm) bool { return a.Name == alarm })]
	_, err := watch.PutMetricAlarm(t.Context(), &cloudwatch.PutMetricAlarmInput{
		AlarmName: &name, Namespace: &a.Series[0].Namespace, MetricName: &a.Series[0].Metric,
		Dimensions: []types.Dimension{
			{Name: aws.String(contract.StackDimension), Value: aws.String("local")},
			{Name: aws.String(contract.SegmentDimension), Value: aws.String(a.Series[0].Of.Name)},
		},
		Statistic: types.Statistic(a.Series[0].Statistic), Period: aws.Int32(int32(a.Period.Seconds())),
		EvaluationPeriods: aws.Int32(int32(a.Of)), DatapointsToAlarm: aws.Int32(int32(a.At)), Threshold: &a.Threshold,
		ComparisonOperator: types.ComparisonOperator(a.Operator), TreatMissingData: aws.String(string(a.Missing)),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// publish has CloudWatch get what a function printed, as it does on this machine.
func publish(t *testing.T, watch *cloudwatch.Client, out *bytes.Buffer) {
	t.Helper()
	publisher := &metrics.Publisher{Client: watch, Log: slog.New(slog.DiscardHandler)}
	for line := range bytes.Lines(out.Bytes()) {
		publisher.Line(line)
	}
	publisher.Flush(t.Context())
	out.Reset()
}

// states are those of alarms after an evaluation.
func states(t *testing.T, e *Evaluator, watch *cloudwatch.Client, names ...string) []types.StateValue {
	t.Helper()
	if err := e.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	out, err := watch.DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{
		AlarmNames: names, AlarmTypes: []types.AlarmType{types.AlarmTypeMetricAlarm, types.AlarmTypeCompositeAlarm},
	})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]types.StateValue{}
	for _, a := range out.MetricAlarms {
		found[*a.AlarmName] = a.StateValue
	}
	for _, a := range out.CompositeAlarms {
		found[*a.AlarmName] = a.StateValue
	}
	var all []types.StateValue
	for _, name := range names {
		all = append(all, found[name])
	}
	return all
}

// Send is the intake queue.
func (p *pipeline) Send(_ context.Context, _ string, bodies []string) error {
	p.queue = append(p.queue, bodies...)
	return nil
}

// sweep runs the sweeper; what it prints reaches CloudWatch as it does on this machine.
func (p *pipeline) sweep() sweep.Report {
	p.t.Helper()
	var out bytes.Buffer
	clock, log := func() time.Time { return p.now }, slog.New(slog.DiscardHandler)
	s := &sweep.Sweeper{
		Bucket: "landing", Intake: "queue", Grace: time.Minute, Horizon: 48 * time.Hour, Full: 24 * time.Hour, Owner: "a",
		Ledger: p.ledger, Landing: p.landing, Queue: p, Log: log, Now: clock,
		Metrics: &emf.Emitter{Stack: "local", Out: &out, Now: clock},
	}
	report, err := s.Sweep(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	publish(p.t, p.watch, &out)
	return report
}

// intake works off the queue: a load for each object.
func (p *pipeline) intake() {
	p.t.Helper()
	for _, body := range p.queue {
		objects, err := intake.Objects(body)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, o := range objects {
			p.ledger.Seed(ledger.Load{
				ID: contract.LoadID(o), Segment: "trips", Object: o, Status: contract.Published, Received: p.now, Updated: p.now,
			})
		}
	}
	p.queue = nil
}

// A suppressed event makes the lost-event alarm fire, and whoever is on duty is paged. The sweeper's repair ends both.
func TestALostEventRingsUntilItIsRepaired(t *testing.T) {
	p := newPipeline(t)
	p.landing.Now = func() time.Time { return p.now }
	quiet, rings := []types.StateValue{ok, ok}, []types.StateValue{alarm, alarm}
	period := func(step string, lost int, want []types.StateValue) {
		t.Helper()
		if report := p.sweep(); report.Enqueued != lost {
			t.Errorf("%s: the sweep found %d lost events, want %d", step, report.Enqueued, lost)
		}
		p.now = p.now.Add(p.rate)
		if got := states(t, p.alarms, p.watch, watched, page); !slices.Equal(got, want) {
			t.Errorf("%s: alarm and page are %v, want %v", step, got, want)
		}
	}
	period("nothing landed", 0, quiet)
	p.landing.Put("landing", "trips/a.csv", []byte("a\n1\n")) // and no event tells
	period("it may still be on its way", 0, quiet)
	period("it is lost", 1, rings)
	period("its intake does not answer", 1, rings)
	p.intake()
	for range extra { // an older data point counts as long as there is no newer one
		period("repaired", 0, rings)
	}
	period("repaired for a while", 0, quiet)
}
