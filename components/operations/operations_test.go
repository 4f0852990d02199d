package operations_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/componenttest"
	"dip/components/operations"
	"dip/config"
)

const (
	metricAlarm    = "aws:cloudwatch/metricAlarm:MetricAlarm"
	compositeAlarm = "aws:cloudwatch/compositeAlarm:CompositeAlarm"
	eventRule      = "aws:cloudwatch/eventRule:EventRule"
	eventTarget    = "aws:cloudwatch/eventTarget:EventTarget"
	other          = "arn:aws:sns:us-east-1:123456789012:other"
	topic          = "arn:aws:sns:us-east-1:123456789012:ops-topic"
)

func args() *operations.Args {
	minute := config.Duration(time.Minute)
	of := func(name string) config.Series {
		return config.Series{
			Namespace: "n", Metric: "m", Statistic: config.Sum, Of: config.Target{Kind: config.OfQueue, Name: name},
		}
	}
	bad, all := of("a"), of("b")
	bad.ID, all.ID = "bad", "all"
	limit := 0.5
	return &operations.Args{
		Alarms: []config.Alarm{
			{
				Name: "late", Page: "trips", Series: []config.Series{of("late")}, Operator: config.Above, Threshold: 7,
				Period: 2 * minute, Of: 5, At: 3, Missing: config.Breaching, Reason: "Why", Runbook: "what-to-do",
			},
			{
				Name: "share", Page: "trips", Series: []config.Series{bad, all}, Math: "bad / all", Operator: config.Below,
				Period: minute, Of: 1, At: 1, Missing: config.NotBreaching,
			},
			{
				Name: "broken", Page: "system", Series: []config.Series{of("broken")}, Operator: config.Above, Period: minute,
				Of: 1, At: 1, Missing: config.NotBreaching,
			},
		},
		Graphs: []config.Graph{
			{Title: "input", Page: "trips", Series: []config.Series{of("input"), of("more")}, Period: 5 * minute},
			{Title: "share", Page: "trips", Series: []config.Series{bad, all}, Limit: &limit, Period: minute,
				Lines: []config.Line{{Label: "share", Math: "bad / all"}}},
			{Title: "other", Page: "system", Series: []config.Series{of("other")}, Period: minute},
			{Title: "costs", Page: "Cost", Series: []config.Series{bad, all}, Labels: []string{"B", "A"}, Unit: "USD", Period: minute,
				Lines: []config.Line{{Label: "less", Math: "bad * 2"}, {Label: "more", Math: "all * 2"}}},
		},
		Sections: []config.Section{
			{Title: "trips"}, {Title: "quiet"}, {Title: "system"}, {Title: "Nodes"}, {Title: "Cost", Text: "Estimates."},
		},
		Region: "us-east-1", Pages: []string{"trips", "quiet", "system"}, NamePrefix: "dip-test",
		Stack: "test", Account: componenttest.Account,
		Dimensions: func(t config.Target) (pulumi.StringMap, error) {
			return pulumi.StringMap{"QueueName": pulumi.String(t.Name)}, nil
		},
		Bus: pulumi.String("bus"), Rollouts: true,
		Emails: []string{"ops@example.com"}, Webhooks: []string{"https://example.com/secret"}, Topics: []string{other},
	}
}

func run(t *testing.T) *componenttest.Recorder {
	t.Helper()
	return componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		_, err := operations.New(ctx, "ops", args())
		return err
	})
}

func TestAlarms(t *testing.T) {
	r := run(t)
	late := r.Find(t, metricAlarm, "ops-late").Inputs.Mappable()
	for key, want := range map[string]any{
		"namespace": "n", "metricName": "m", "statistic": "Sum", "dimensions": map[string]any{"QueueName": "late"},
		"period": 120.0, "evaluationPeriods": 5.0, "datapointsToAlarm": 3.0, "treatMissingData": "breaching",
		"comparisonOperator": "GreaterThanThreshold", "threshold": 7.0,
		"alarmDescription": "Why. See docs/runbook.md#what-to-do",
	} {
		if !reflect.DeepEqual(late[key], want) {
			t.Errorf("%s is %v, want %v", key, late[key], want)
		}
	}
	if late["alarmActions"] != nil {
		t.Error("an alarm notifies somebody beside its page")
	}
	share := r.Find(t, metricAlarm, "ops-share").Inputs.Mappable()
	query := func(id, queue string) map[string]any {
		return map[string]any{"id": id, "returnData": false, "metric": map[string]any{
			"namespace": "n", "metricName": "m", "stat": "Sum", "period": 60.0, "dimensions": map[string]any{"QueueName": queue},
		}}
	}
	want := []any{query("bad", "a"), query("all", "b"), map[string]any{
		"id": "result", "expression": "bad / all", "label": "share", "returnData": true,
	}}
	if !reflect.DeepEqual(share["metricQueries"], want) || share["metricName"] != nil {
		t.Errorf("share is %v, want the queries %v", share, want)
	}
}

// However many alarms of a page fire, it notifies once, and tells when all is well again.
func TestPages(t *testing.T) {
	r := run(t)
	for name, rule := range map[string]string{
		"trips": `ALARM("ops-late") OR ALARM("ops-share")`, "system": `ALARM("ops-broken")`,
	} {
		page := r.Find(t, compositeAlarm, "ops-"+name)
		in := page.Inputs.Mappable()
		if in["alarmName"] != "dip-test-"+name || in["alarmRule"] != rule {
			t.Errorf("page %s is %v", name, in)
		}
		for _, key := range []string{"alarmActions", "okActions"} {
			if want := []any{topic, other}; !reflect.DeepEqual(in[key], want) {
				t.Errorf("page %s: %s are %v, want %v", name, key, in[key], want)
			}
		}
		if !slices.Contains(page.After, "ops-topic") {
			t.Errorf("page %s may fire before the topic admits it: %v", name, page.After)
		}
	}
	if got := r.Children(operations.TypeToken, "ops"); slices.Contains(got, compositeAlarm+"::ops-quiet") {
		t.Error("a page without alarms has a rule that AWS refuses")
	}
}

func TestTopic(t *testing.T) {
	r := run(t)
	if got := r.Find(t, "aws:sns/topic:Topic",
		"ops-topic").Inputs["kmsMasterKeyId"].StringValue(); got != "arn:aws:kms:us-east-1:123456789012:key/ops-key" {
		t.Errorf("the topic is encrypted with %s", got)
	}
	got := r.Find(t, "aws:sns/topicPolicy:TopicPolicy", "ops-topic").Inputs["policy"].StringValue()
	want := `{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Allow","Principal":{"Service":["cloudwatch.amazonaws.com"]},"Action":["sns:Publish"],` +
		`"Resource":["` + topic + `"],"Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"}}},` +
		`{"Effect":"Allow","Principal":{"Service":["events.amazonaws.com"]},"Action":["sns:Publish"],` +
		`"Resource":["` + topic + `"],"Condition":{"ArnEquals":{"aws:SourceArn":` +
		`"arn:aws:events:us-east-1:123456789012:rule/ops-failed-loads"},` +
		`"StringEquals":{"aws:SourceAccount":"123456789012"}}},` +
		`{"Effect":"Allow","Principal":{"Service":["events.amazonaws.com"]},"Action":["sns:Publish"],` +
		`"Resource":["` + topic + `"],"Condition":{"ArnEquals":{"aws:SourceArn":` +
		`"arn:aws:events:us-east-1:123456789012:rule/ops-failed-rollouts"},` +
		`"StringEquals":{"aws:SourceAccount":"123456789012"}}}]}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	key := r.Find(t, "aws:kms/key:Key", "ops-key").Inputs["policy"].StringValue()
	for _, want := range []string{
		`{"Effect":"Allow","Principal":{"Service":["cloudwatch.amazonaws.com"]},` +
			`"Action":["kms:Decrypt","kms:GenerateDataKey"],"Resource":["*"],` +
			`"Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"}}}`,
		`{"Effect":"Allow","Principal":{"Service":["events.amazonaws.com"]},"Action":["kms:Decrypt","kms:GenerateDataKey"],` +
			`"Resource":["*"]}`,
		`"Principal":{"AWS":["arn:aws:iam::123456789012:root"]},"Action":["kms:DescribeKey",`,
	} {
		if !strings.Contains(key, want) {
			t.Errorf("the key's policy lacks %s: %s", want, key)
		}
	}
}

func TestSubscriptions(t *testing.T) {
	found := map[string]string{}
	for _, r := range run(t).Resources() {
		if r.Type == "aws:sns/topicSubscription:TopicSubscription" {
			in := r.Inputs.Mappable()
			found[in["endpoint"].(string)] = in["protocol"].(string)
			if in["topic"] != topic || strings.Contains(r.Name, "secret") || strings.Contains(r.Name, "example") {
				t.Errorf("%s subscribes to %v", r.Name, in["topic"])
			}
		}
	}
	want := map[string]string{"ops@example.com": "email", "https://example.com/secret": "https"}
	if !reflect.DeepEqual(found, want) {
		t.Errorf("subscribed are %v, want %v", found, want)
	}
}

// What fails is told with its reason, and with the command that says more.
func TestMessages(t *testing.T) {
	r := run(t)
	for role, want := range map[string]struct {
		kind, text string
		paths      map[string]any
	}{
		"failed-loads": {"Load Failed", `"Load <load> of segment <segment> failed in stack test: <reason>"` + "\n" +
			`"Input: <key>. More: dip --stack test status <load>"`, map[string]any{"load": "$.detail.load",
			"segment": "$.detail.segment", "reason": "$.detail.reason", "key": "$.detail.object.key"}},
		"failed-rollouts": {"Rollout Failed",
			`"Version <target> of segment <segment> was not rolled out in stack test: <reason>"` + "\n" +
				`"More: dip --stack test rollout. Once more: dip --stack test rollout --retry <segment>"`,
			map[string]any{"target": "$.detail.target", "segment": "$.detail.segment", "reason": "$.detail.reason"}},
	} {
		rule := r.Find(t, eventRule, "ops-"+role).Inputs.Mappable()
		if rule["eventBusName"] != "bus" || rule["eventPattern"] != `{"detail-type":["`+want.kind+`"],"source":["dip"]}` {
			t.Errorf("the rule of %s is %v", role, rule)
		}
		made := r.Find(t, eventTarget, "ops-"+role)
		target := made.Inputs.Mappable()
		if target["arn"] != topic || target["eventBusName"] != "bus" || target["rule"] != "ops-"+role ||
			!reflect.DeepEqual(target["inputTransformer"],
				map[string]any{"inputPaths": want.paths, "inputTemplate": want.text}) {
			t.Errorf("the target of %s is %v", role, target)
		}
		if !slices.Contains(made.After, "ops-topic") {
			t.Errorf("%s may be told before the topic admits it: %v", role, made.After)
		}
	}
	r = componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		a := args()
		a.Rollouts = false
		_, err := operations.New(ctx, "ops", a)
		return err
	})
	var rules []string
	for _, child := range r.Children(operations.TypeToken, "ops") {
		if strings.HasPrefix(child, eventRule) || strings.HasPrefix(child, eventTarget) {
			rules = append(rules, child)
		}
	}
	if want := []string{eventRule + "::ops-failed-loads", eventTarget + "::ops-failed-loads"}; !slices.Equal(rules, want) {
		t.Errorf("without rollouts, it hears by %v, want %v", rules, want)
	}
}

// A section's alarms or title come first, then its graphs, row by row.
func TestDashboard(t *testing.T) {
	d := run(t).Find(t, "aws:cloudwatch/dashboard:Dashboard", "ops-dashboard").Inputs
	if got := d["dashboardName"].StringValue(); got != "dip-test" {
		t.Errorf("it is called %s", got)
	}
	const (
		arn  = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:"
		head = `{"widgets":[{"type":"alarm","x":0,"y":0,"width":24,"height":2,"properties":` +
			`{"alarms":["` + arn + `ops-late","` + arn + `ops-share"],"title":"trips"}},`
		input = `{"type":"metric","x":0,"y":2,"width":6,"height":5,"properties":{"metrics":` +
			`[["n","m","QueueName","input",{"stat":"Sum"}],["n","m","QueueName","more",{"stat":"Sum"}]],"period":300,` +
			`"region":"us-east-1","title":"input","view":"timeSeries"}},`
		share = `{"type":"metric","x":6,"y":2,"width":6,"height":5,"properties":{"annotations":{"horizontal":` +
			`[{"label":"alarm","value":0.5}]},"metrics":[["n","m","QueueName","a",{"id":"bad","stat":"Sum","visible":false}],` +
			`["n","m","QueueName","b",{"id":"all","stat":"Sum","visible":false}],` +
			`[{"expression":"bad / all","id":"result","label":"share"}]],"period":60,"region":"us-east-1","title":"share",` +
			`"view":"timeSeries"}},`
		system = `{"type":"alarm","x":0,"y":7,"width":24,"height":2,"properties":` +
			`{"alarms":["` + arn + `ops-broken"],"title":"system"}},` +
			`{"type":"metric","x":0,"y":9,"width":6,"height":5,"properties":{"metrics":` +
			`[["n","m","QueueName","other",{"stat":"Sum"}]],"period":60,"region":"us-east-1","title":"other",` +
			`"view":"timeSeries"}},`
		cost = `{"type":"text","x":0,"y":14,"width":24,"height":3,"properties":{"markdown":"## Cost\nEstimates."}},` +
			`{"type":"metric","x":0,"y":17,"width":6,"height":5,"properties":{"metrics":` +
			`[["n","m","QueueName","a",{"id":"bad","label":"B","stat":"Sum","visible":false}],` +
			`["n","m","QueueName","b",{"id":"all","label":"A","stat":"Sum","visible":false}],` +
			`[{"expression":"bad * 2","id":"result","label":"less"}],[{"expression":"all * 2","id":"result1","label":"more"}]],` +
			`"period":60,"region":"us-east-1","title":"costs","view":"timeSeries",` +
			`"yAxis":{"left":{"label":"USD","min":0,"showUnits":false}}}}]}`
	)
	if got, want := d["dashboardBody"].StringValue(), head+input+share+system+cost; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestWithoutADashboard(t *testing.T) {
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		a := args()
		a.Graphs = nil
		_, err := operations.New(ctx, "ops", a)
		return err
	})
	got := r.Children(operations.TypeToken, "ops")
	if slices.Contains(got, "aws:cloudwatch/dashboard:Dashboard::ops-dashboard") {
		t.Errorf("children are %v", got)
	}
}

func TestBadArgsRegisterNothing(t *testing.T) {
	componenttest.MustRefuse(t, "operations ops", func(ctx *pulumi.Context) error {
		_, err := operations.New(ctx, "ops", &operations.Args{
			Alarms: []config.Alarm{{Name: "a", Page: "nobody"}}, Graphs: []config.Graph{{Title: "g", Page: "nobody"}},
			BudgetUSD: 5,
		})
		return err
	}, "Pages: missing", `Alarms: a pages "nobody", which is not one of Pages`, "Dimensions: missing",
		`Graphs: g is of "nobody", which is not one of Sections`, "BudgetUSD: 5, and no Emails that would be told",
		"Region: missing", "NamePrefix: missing", "Stack: missing",
		"Bus: missing", "Account: missing")
}

func TestATargetThatIsNotThere(t *testing.T) {
	failure := errors.New("no such queue")
	_, err := componenttest.Run("test", nil, func(ctx *pulumi.Context) error {
		a := args()
		a.Dimensions = func(config.Target) (pulumi.StringMap, error) { return nil, failure }
		_, err := operations.New(ctx, "ops", a)
		return err
	})
	if !errors.Is(err, failure) || !strings.Contains(err.Error(), "alarm late") {
		t.Errorf("%v", err)
	}
}

// A budget counts what has the stack's tag, and tells mail addresses.
func TestBudget(t *testing.T) {
	const kind = "aws:budgets/budget:Budget"
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		a := args()
		a.BudgetUSD, a.Emails = 500, []string{"ops@example.com"}
		_, err := operations.New(ctx, "ops", a)
		return err
	})
	in := r.Find(t, kind, "ops-budget").Inputs.Mappable()
	filter := in["costFilters"].([]any)[0].(map[string]any)
	if in["limitAmount"] != "500" || in["limitUnit"] != "USD" || in["timeUnit"] != "MONTHLY" || in["budgetType"] != "COST" ||
		filter["name"] != "TagKeyValue" || filter["values"].([]any)[0] != "user:dip:stack$"+args().Stack {
		t.Errorf("the budget is %v", in)
	}
	var tells []string
	for _, n := range in["notifications"].([]any) {
		n := n.(map[string]any)
		tells = append(tells, fmt.Sprint(n["notificationType"], " ", n["threshold"], " ", n["subscriberEmailAddresses"]))
	}
	want := []string{"ACTUAL 80 [ops@example.com]", "ACTUAL 100 [ops@example.com]", "FORECASTED 100 [ops@example.com]"}
	if !slices.Equal(tells, want) {
		t.Errorf("it tells %q, want %q", tells, want)
	}
}
