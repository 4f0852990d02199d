package emulator_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dip/local/emulator/emulatortest"
)

func watch(t *testing.T) *cloudwatch.Client {
	t.Helper()
	return cloudwatch.NewFromConfig(emulatortest.Config(t), func(o *cloudwatch.Options) {
		o.DisableRequestCompression = true
	})
}

// topicWith is the ARN of a new SNS topic whose messages go to a queue. SNS has no client among this module's
// dependencies.
func topicWith(t *testing.T, queueARN string) string {
	t.Helper()
	call := func(action string, parameters url.Values) string {
		cfg := emulatortest.Config(t)
		parameters.Set("Action", action)
		body := []byte(parameters.Encode())
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, *cfg.BaseEndpoint, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		key, err := cfg.Credentials.Retrieve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(body)
		if err := v4.NewSigner().SignHTTP(t.Context(), key, req, hex.EncodeToString(sum[:]), "sns", cfg.Region,
			time.Now()); err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %s %v", action, resp.Status, text, err)
		}
		return string(text)
	}
	made := call("CreateTopic", url.Values{"Name": {t.Name()}})
	topic := regexp.MustCompile(`<TopicArn>([^<]+)<`).FindStringSubmatch(made)[1]
	call("Subscribe", url.Values{"TopicArn": {topic}, "Protocol": {"sqs"}, "Endpoint": {queueARN}})
	return topic
}

// An alarm begins without data, keeps its state when it is put again, and tells its topic of each change once.
func TestAlarmsKeepTheirStateAndTellChanges(t *testing.T) {
	t.Parallel()
	q, client := newQueue(t, "told", nil), watch(t)
	topic := topicWith(t, q.arn)
	name := t.Name()
	put := func() {
		t.Helper()
		must[*cloudwatch.PutMetricAlarmOutput](t)(client.PutMetricAlarm(t.Context(), &cloudwatch.PutMetricAlarmInput{
			AlarmName: &name, Namespace: aws.String("n"), MetricName: aws.String("m"), Statistic: types.StatisticSum,
			Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1),
			ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold,
			AlarmActions:       []string{topic}, OKActions: []string{topic},
		}))
	}
	state := func() types.StateValue {
		t.Helper()
		out := must[*cloudwatch.DescribeAlarmsOutput](t)(client.DescribeAlarms(t.Context(),
			&cloudwatch.DescribeAlarmsInput{AlarmNames: []string{name}}))
		return out.MetricAlarms[0].StateValue
	}
	put()
	if got := state(); got != types.StateValueInsufficientData {
		t.Errorf("a new alarm is %s", got)
	}
	for _, to := range []types.StateValue{types.StateValueAlarm, types.StateValueAlarm, types.StateValueOk} {
		must[*cloudwatch.SetAlarmStateOutput](t)(client.SetAlarmState(t.Context(), &cloudwatch.SetAlarmStateInput{
			AlarmName: &name, StateValue: to, StateReason: aws.String("because"),
		}))
		if put(); state() != to {
			t.Errorf("an alarm that is put again is %s, was %s", state(), to)
		}
	}
	told := ""
	for _, m := range q.receive(t, 10) {
		told += *m.Body
	}
	if strings.Count(told, `NewStateValue\": \"ALARM`) != 1 || strings.Count(told, `NewStateValue\": \"OK`) != 1 {
		t.Errorf("told %s", told)
	}
}

func TestCompositeAlarms(t *testing.T) {
	t.Parallel()
	client, name := watch(t), t.Name()
	must[*cloudwatch.PutCompositeAlarmOutput](t)(client.PutCompositeAlarm(t.Context(), &cloudwatch.PutCompositeAlarmInput{
		AlarmName: &name, AlarmRule: aws.String(`ALARM("a")`), AlarmDescription: aws.String("text"),
		AlarmActions: []string{"arn:aws:sns:us-east-1:123456789012:t"},
	}))
	for kind, want := range map[types.AlarmType]int{types.AlarmTypeCompositeAlarm: 1, types.AlarmTypeMetricAlarm: 0} {
		out := must[*cloudwatch.DescribeAlarmsOutput](t)(client.DescribeAlarms(t.Context(),
			&cloudwatch.DescribeAlarmsInput{AlarmNames: []string{name}, AlarmTypes: []types.AlarmType{kind}}))
		if len(out.CompositeAlarms) != want || len(out.MetricAlarms) != 0 {
			t.Errorf("%s: %+v", kind, out)
		}
		for _, a := range out.CompositeAlarms {
			if *a.AlarmRule != `ALARM("a")` || *a.AlarmDescription != "text" || len(a.AlarmActions) != 1 {
				t.Errorf("%+v", a)
			}
		}
	}
}

// Statistics are of one series alone, and of periods that begin at multiples of their length.
func TestStatistics(t *testing.T) {
	t.Parallel()
	client, namespace := watch(t), t.Name()
	minute := time.Now().Truncate(time.Hour)
	of := func(segment string) []types.Dimension {
		return []types.Dimension{{Name: aws.String("segment"), Value: &segment}}
	}
	put := func(dimensions []types.Dimension, after time.Duration, values ...float64) {
		t.Helper()
		must[*cloudwatch.PutMetricDataOutput](t)(client.PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{
			Namespace: &namespace, MetricData: []types.MetricDatum{{
				MetricName: aws.String("m"), Dimensions: dimensions, Values: values, Timestamp: aws.Time(minute.Add(after)),
			}},
		}))
	}
	put(of("a"), 50*time.Second, 1, 2)
	put(of("a"), 70*time.Second, 4)
	put(of("b"), 50*time.Second, 8)
	put(append(of("a"), types.Dimension{Name: aws.String("stack"), Value: aws.String("s")}), 50*time.Second, 16)
	out := must[*cloudwatch.GetMetricStatisticsOutput](t)(client.GetMetricStatistics(t.Context(),
		&cloudwatch.GetMetricStatisticsInput{
			Namespace: &namespace, MetricName: aws.String("m"), Dimensions: of("a"), Period: aws.Int32(60),
			StartTime: &minute, EndTime: aws.Time(minute.Add(time.Hour)),
			Statistics: []types.Statistic{types.StatisticSum, types.StatisticMinimum},
		}))
	got := ""
	for _, d := range out.Datapoints {
		got += fmt.Sprintf("%s sum %v min %v; ", d.Timestamp.Sub(minute), *d.Sum, *d.Minimum)
	}
	if want := "0s sum 3 min 1; 1m0s sum 4 min 4; "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for by, want := range map[types.ScanBy]string{"": "[4 3]", types.ScanByTimestampAscending: "[3 4]"} {
		data := must[*cloudwatch.GetMetricDataOutput](t)(client.GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
			StartTime: &minute, EndTime: aws.Time(minute.Add(time.Hour)), ScanBy: by,
			MetricDataQueries: []types.MetricDataQuery{{Id: aws.String("a"), MetricStat: &types.MetricStat{
				Metric: &types.Metric{Namespace: &namespace, MetricName: aws.String("m"), Dimensions: of("a")},
				Period: aws.Int32(60), Stat: aws.String("Sum"),
			}}},
		}))
		if r := data.MetricDataResults; len(r) != 1 || *r[0].Id != "a" || fmt.Sprint(r[0].Values) != want {
			t.Errorf("scanned by %q: %+v, want %s", by, r, want)
		}
	}
}

// A rule tells a topic in words: a template that is text arrives as it is, filled in.
func TestRulesTellTopics(t *testing.T) {
	t.Parallel()
	q := newQueue(t, "told", nil)
	topic, client, rule := topicWith(t, q.arn), eventbridge.NewFromConfig(emulatortest.Config(t)), t.Name()
	must[*eventbridge.PutRuleOutput](t)(client.PutRule(t.Context(), &eventbridge.PutRuleInput{
		Name: &rule, EventPattern: aws.String(`{"source": ["` + rule + `"]}`),
	}))
	must[*eventbridge.PutTargetsOutput](t)(client.PutTargets(t.Context(), &eventbridge.PutTargetsInput{
		Rule: &rule, Targets: []ebtypes.Target{{Id: aws.String("t"), Arn: &topic,
			InputTransformer: &ebtypes.InputTransformer{
				InputPathsMap: map[string]string{"load": "$.detail.load", "reason": "$.detail.reason"},
				InputTemplate: aws.String("\"Load <load> failed: <reason>\"\n\"More: dip status <load>\""),
			}}},
	}))
	must[*eventbridge.PutEventsOutput](t)(client.PutEvents(t.Context(), &eventbridge.PutEventsInput{
		Entries: []ebtypes.PutEventsRequestEntry{{
			Source: &rule, DetailType: aws.String("Load Failed"), Detail: aws.String(`{"load": "3f2a", "reason": "it is late"}`),
		}},
	}))
	messages := q.receive(t, 1)
	if len(messages) != 1 || !strings.Contains(*messages[0].Body,
		`"Message": "\"Load 3f2a failed: it is late\"\n\"More: dip status 3f2a\""`) {
		t.Errorf("told %+v", messages)
	}
}

// What AWS measures of queues is there, too: alarms on dead letters and on the age of messages ring on this machine.
func TestMetricsOfQueues(t *testing.T) {
	t.Parallel()
	q, client := newQueue(t, "told", nil), watch(t)
	must[*sqs.SendMessageOutput](t)(q.client.SendMessage(t.Context(), &sqs.SendMessageInput{
		QueueUrl: &q.url, MessageBody: aws.String("a"),
	}))
	name := q.arn[strings.LastIndexByte(q.arn, ':')+1:]
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for now := range look.C {
		out := must[*cloudwatch.GetMetricStatisticsOutput](t)(client.GetMetricStatistics(t.Context(),
			&cloudwatch.GetMetricStatisticsInput{
				Namespace: aws.String("AWS/SQS"), MetricName: aws.String("ApproximateNumberOfMessagesVisible"),
				Dimensions: []types.Dimension{{Name: aws.String("QueueName"), Value: &name}}, Period: aws.Int32(3600),
				StartTime: aws.Time(now.Add(-time.Hour)), EndTime: aws.Time(now.Add(time.Hour)),
				Statistics: []types.Statistic{types.StatisticMaximum},
			}))
		if len(out.Datapoints) > 0 {
			if *out.Datapoints[0].Maximum != 1 {
				t.Errorf("got %v messages", *out.Datapoints[0].Maximum)
			}
			return
		}
	}
}
