package rights

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dip/internal/testenv"
	"dip/local/emulator"
)

const (
	account, region = "123456789012", "us-east-1"
	roleARN         = "arn:aws:iam::123456789012:role/"
	opsKey          = "arn:aws:kms:us-east-1:123456789012:key/ops"
	opsTopic        = "arn:aws:sns:us-east-1:123456789012:ops"
	failedRule      = "arn:aws:events:us-east-1:123456789012:rule/events/failed"
	lakeKey         = "arn:aws:kms:us-east-1:123456789012:key/lake"
	ledgerTable     = "arn:aws:dynamodb:us-east-1:123456789012:table/ledger"
	workQueue       = "arn:aws:sqs:us-east-1:123456789012:work"
	loadMachine     = "arn:aws:states:us-east-1:123456789012:stateMachine:load"
	tripsFunction   = "arn:aws:lambda:us-east-1:123456789012:function:trips"
)

func res(kind, name string, outputs map[string]any) Resource {
	return Resource{Type: kind, URN: "urn:pulumi:local::dip::x$" + kind + "::" + name, Outputs: outputs}
}

// allow is a statement.
func allow(actions, resources string, condition string) string {
	quoted := func(words string) string { return `["` + strings.ReplaceAll(words, " ", `","`) + `"]` }
	text := fmt.Sprintf(`{"Effect":"Allow","Action":%s,"Resource":%s`, quoted(actions), quoted(resources))
	if condition != "" {
		text += `,"Condition":` + condition
	}
	return text + "}"
}

func policy(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + "]}"
}

func trust(service string) string {
	condition := `,"Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"}}`
	if service == "lambda.amazonaws.com" {
		condition = ""
	}
	return policy(fmt.Sprintf(`{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":%q}%s}`,
		service, condition))
}

// small is the resources of a small stack: a function that takes messages and reads and writes what a key encrypts, a
// workflow that calls it, a schedule.
func small() []Resource {
	logs := "logs:CreateLogDelivery logs:GetLogDelivery logs:UpdateLogDelivery logs:DeleteLogDelivery " +
		"logs:ListLogDeliveries logs:PutResourcePolicy logs:DescribeResourcePolicies logs:DescribeLogGroups"
	return []Resource{
		res("aws:iam/role:Role", "trips-role", map[string]any{"arn": roleARN + "trips-1",
			"assumeRolePolicy": trust("lambda.amazonaws.com")}),
		res("aws:iam/rolePolicy:RolePolicy", "trips-policy", map[string]any{"role": "trips-1", "policy": policy(
			allow("logs:CreateLogStream logs:PutLogEvents", "arn:aws:logs:us-east-1:123456789012:log-group:trips:*", ""),
			allow("xray:PutTraceSegments xray:PutTelemetryRecords", "*", ""),
			allow("sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes", workQueue, ""),
			allow("s3:GetObject", "arn:aws:s3:::lake/catalog/*", ""),
			allow("s3:PutObject", "arn:aws:s3:::lake/data/trips/*", ""),
			allow("kms:Decrypt", lakeKey, ""), allow("kms:GenerateDataKey", lakeKey, ""),
			allow("dynamodb:UpdateItem", ledgerTable, `{"ForAllValues:StringEquals":{"dynamodb:Attributes":["load","ack"]}}`),
			allow("states:StartExecution", loadMachine,
				`{"ForAnyValue:StringEquals":{"states:StateMachineQualifier":["live"]}}`),
		)}),
		res("aws:iam/role:Role", "load-role", map[string]any{"arn": roleARN + "load-1",
			"assumeRolePolicy": trust("states.amazonaws.com")}),
		res("aws:iam/rolePolicy:RolePolicy", "load-policy", map[string]any{"role": "load-1",
			"policy": policy(allow("lambda:InvokeFunction", tripsFunction+":live", ""), allow(logs, "*", ""),
				allow("xray:PutTraceSegments xray:PutTelemetryRecords xray:GetSamplingRules xray:GetSamplingTargets", "*", ""))}),
		res("aws:iam/role:Role", "sweep-role", map[string]any{"arn": roleARN + "sweep-1",
			"assumeRolePolicy": trust("scheduler.amazonaws.com")}),
		res("aws:iam/rolePolicy:RolePolicy", "sweep-policy", map[string]any{"role": "sweep-1",
			"policy": policy(allow("lambda:InvokeFunction", tripsFunction+":live", ""))}),
		res("aws:lambda/function:Function", "trips-function", map[string]any{"arn": tripsFunction,
			"role": roleARN + "trips-1", "loggingConfig": map[string]any{"logGroup": "trips"},
			"tracingConfig": map[string]any{"mode": "Active"}}),
		res("aws:lambda/eventSourceMapping:EventSourceMapping", "trips-mapping", map[string]any{
			"functionName": tripsFunction + ":live", "eventSourceArn": workQueue}),
		res("aws:sfn/stateMachine:StateMachine", "load-machine", map[string]any{"arn": loadMachine,
			"roleArn": roleARN + "load-1", "loggingConfiguration": map[string]any{"level": "ERROR"},
			"tracingConfiguration": map[string]any{"enabled": true}}),
		res("aws:scheduler/schedule:Schedule", "sweep", map[string]any{
			"target": map[string]any{"arn": tripsFunction + ":live", "roleArn": roleARN + "sweep-1"}}),
		res("aws:kms/key:Key", "lake-key", map[string]any{"arn": lakeKey}),
		res("aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2", "lake-encryption",
			map[string]any{"bucket": "lake", "rules": []any{map[string]any{
				"applyServerSideEncryptionByDefault": map[string]any{"kmsMasterKeyId": lakeKey}}}}),
		res("aws:s3/bucketPolicy:BucketPolicy", "lake-policy", map[string]any{"bucket": "lake", "policy": policy(
			`{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::lake/data/*",` +
				`"Condition":{"Null":{"s3:if-none-match":"true"},"Bool":{"s3:ObjectCreationOperation":"true"}}}`)}),
		res("aws:sqs/queue:Queue", "work-queue", map[string]any{"arn": workQueue}),
		res("aws:sqs/queuePolicy:QueuePolicy", "work-policy", map[string]any{
			"queueUrl": "http://127.0.0.1:1/123456789012/work", "policy": policy(
				fmt.Sprintf(`{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"sqs:SendMessage",`+
					`"Resource":%q,"Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:s3:::landing"}}}`, workQueue))}),
		res("aws:s3/bucketNotification:BucketNotification", "landing-notification", map[string]any{"bucket": "landing",
			"queues": []any{map[string]any{"queueArn": workQueue}}}),
		res("aws:kms/key:Key", "ops-key", map[string]any{"arn": opsKey, "policy": policy(
			`{"Effect":"Allow","Principal":{"Service":"cloudwatch.amazonaws.com"},`+
				`"Action":["kms:Decrypt","kms:GenerateDataKey"],"Resource":"*",`+
				`"Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"}}}`,
			`{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},`+
				`"Action":["kms:Decrypt","kms:GenerateDataKey"],"Resource":"*"}`)}),
		res("aws:sns/topic:Topic", "ops-topic", map[string]any{"arn": opsTopic, "kmsMasterKeyId": opsKey}),
		res("aws:sns/topicPolicy:TopicPolicy", "ops-topic", map[string]any{"arn": opsTopic, "policy": policy(
			`{"Effect":"Allow","Principal":{"Service":"cloudwatch.amazonaws.com"},"Action":"sns:Publish","Resource":"*",`+
				`"Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"}}}`,
			`{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sns:Publish","Resource":"*",`+
				`"Condition":{"ArnEquals":{"aws:SourceArn":"`+failedRule+`"}}}`)}),
		res("aws:cloudwatch/eventRule:EventRule", "failed", map[string]any{"name": "failed", "arn": failedRule}),
		res("aws:cloudwatch/eventTarget:EventTarget", "failed", map[string]any{"rule": "failed", "arn": opsTopic}),
		res("aws:cloudwatch/eventTarget:EventTarget", "ended", map[string]any{"rule": "failed",
			"arn": tripsFunction + ":live"}),
		res("aws:lambda/permission:Permission", "ended", map[string]any{"function": "trips", "qualifier": "live",
			"action": "lambda:InvokeFunction", "principal": "events.amazonaws.com", "sourceArn": failedRule}),
		res("aws:cloudwatch/compositeAlarm:CompositeAlarm", "page", map[string]any{
			"arn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:page", "alarmActions": []any{opsTopic}}),
	}
}

// observed is what the small stack's roles did.
func observed() []emulator.Call {
	call := func(role, action, resource string, context map[string]any) emulator.Call {
		if context == nil {
			context = map[string]any{}
		}
		return emulator.Call{Principal: roleARN + role, Action: action, Resource: resource, Context: context}
	}
	return []emulator.Call{
		call("trips-1", "s3:GetObject", "arn:aws:s3:::lake/catalog/1", nil),
		call("trips-1", "s3:PutObject", "arn:aws:s3:::lake/data/trips/1",
			map[string]any{"s3:if-none-match": "*", "s3:ObjectCreationOperation": "true", multipart: "true"}),
		call("trips-1", "dynamodb:UpdateItem", ledgerTable, map[string]any{"dynamodb:Attributes": []any{"ack", "load"}}),
		call("trips-1", "states:StartExecution", loadMachine,
			map[string]any{"states:StateMachineQualifier": []any{"live"}}),
		call("load-1", "lambda:InvokeFunction", tripsFunction+":live", nil),
	}
}

// judge is the evaluator, installed into the project's cache.
func judge(t *testing.T) Simulator {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			testenv.Missing(t, errors.New("install Node.js 20 or later"))
		}
	}
	cache := os.Getenv("DIP_CACHE")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(home, ".cache", "dip")
	}
	return Evaluator(cache)
}

func check(t *testing.T, resources []Resource, calls []emulator.Call, reasons ...Reason) Report {
	t.Helper()
	s, err := Read(account, region, resources)
	if err != nil {
		t.Fatal(err)
	}
	report, err := s.Check(t.Context(), calls, reasons, judge(t))
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestASmallStack(t *testing.T) {
	if report := check(t, small(), observed()); report.Err() != nil || report.Calls < 20 {
		t.Errorf("%d calls: %v", report.Calls, report.Err())
	}
}

// Whatever is broken in the policies is found.
func TestBrokenStatements(t *testing.T) {
	for _, c := range []struct{ old, broken, want string }{
		{"catalog/*", "catalogue/*", "role trips-role: s3:GetObject on arn:aws:s3:::lake/catalog/1 is not allowed"},
		{`"s3:PutObject"],"Resource":["arn:aws:s3:::lake/data/trips/*`,
			`"s3:PutObject"],"Resource":["arn:aws:s3:::lake/data/events/*`,
			"role trips-role: s3:PutObject on arn:aws:s3:::lake/data/trips/1 is not allowed (ImplicitlyDenied)"},
		{"kms:Decrypt", "kms:Encrypt", "needed because s3:GetObject on what a key encrypts"},
		{"kms:GenerateDataKey", "kms:Encrypt", "needed because s3:PutObject on what a key encrypts"},
		{"sqs:GetQueueAttributes", "sqs:GetQueueUrl", "needed because Lambda polls for trips-mapping"},
		{"log-group:trips:*", "log-group:events:*", "needed because Lambda writes the log of trips-function"},
		{`["load","ack"]`, `["load"]`, "role trips-role: dynamodb:UpdateItem on " + ledgerTable + " is not allowed"},
		// The right that no load would ever have started with.
		{`"` + loadMachine + `"],"Condition":{"ForAnyValue:StringEquals":{"states:StateMachineQualifier":["live"]}}`,
			`"` + loadMachine + `:live"]`,
			"nearest: statement 9 of trips-policy: Allow states:StartExecution on " + loadMachine + ":live"},
		{"states:StateMachineQualifier", "states:StateMachineAlias", "role trips-role: states:StartExecution"},
		{"logs:UpdateLogDelivery", "logs:CreateLogGroup", "needed because Step Functions delivers the log of load-machine"},
		{"function:trips:live", "function:trips", "role load-role: lambda:InvokeFunction"},
		{"scheduler.amazonaws.com", "events.amazonaws.com",
			"scheduler.amazonaws.com: sts:AssumeRole on " + roleARN + "sweep-1"},
		{`"aws:SourceArn":"arn:aws:s3:::landing"`, `"aws:SourceArn":"arn:aws:s3:::lake"`,
			"s3.amazonaws.com: sqs:SendMessage on " + workQueue + " is not allowed"},
		{`"ArnEquals":{"aws:SourceArn":"` + failedRule, `"ArnEquals":{"aws:SourceArn":"` + failedRule + "x",
			"events.amazonaws.com: sns:Publish on " + opsTopic + " is not allowed"},
		{`"cloudwatch.amazonaws.com"},"Action":"sns:Publish"`, `"s3.amazonaws.com"},"Action":"sns:Publish"`,
			"cloudwatch.amazonaws.com: sns:Publish on " + opsTopic + " is not allowed"},
		{`"Null":{"s3:if-none-match":"true"}`, `"Null":{"s3:if-none-match":"false"}`, "(ExplicitlyDenied)"},
	} {
		resources, found := small(), 0
		for i := range resources {
			for _, name := range []string{"policy", "assumeRolePolicy"} {
				if text, ok := resources[i].Outputs[name].(string); ok && strings.Contains(text, c.old) {
					resources[i].Outputs[name] = strings.ReplaceAll(text, c.old, c.broken)
					found++
				}
			}
		}
		report := check(t, resources, observed())
		if found == 0 || !slices.ContainsFunc(report.Denied, func(d string) bool { return strings.Contains(d, c.want) }) {
			t.Errorf("%s instead of %s: want %q among %q", c.broken, c.old, c.want, report.Denied)
		}
	}
}

// A rule calls a function by the permission that names it, the function and the alias.
func TestBrokenPermissions(t *testing.T) {
	for name, broken := range map[string]string{
		"function": "events", "qualifier": "1", "action": "lambda:GetFunction", "principal": "s3.amazonaws.com",
		"sourceArn": failedRule + "x",
	} {
		resources := small()
		i := slices.IndexFunc(resources, func(r Resource) bool { return r.Type == "aws:lambda/permission:Permission" })
		resources[i].Outputs[name] = broken
		report := check(t, resources, observed())
		if want := "events.amazonaws.com: lambda:InvokeFunction on " + tripsFunction + ":live is not allowed"; len(
			report.Denied) != 1 || !strings.HasPrefix(report.Denied[0], want) {
			t.Errorf("%s is %s: got %q, want %s", name, broken, report.Denied, want)
		}
	}
}

// A call that the recorder does not know, and one of a role that is not the stack's, are found too.
func TestUnknownCalls(t *testing.T) {
	calls := append(observed(), emulator.Call{Principal: roleARN + "trips-1", Resource: "s3 GET /x ['acl']"},
		emulator.Call{Principal: roleARN + "other", Action: "s3:GetObject", Resource: "arn:aws:s3:::lake/x"})
	report := check(t, small(), calls)
	want := []string{"role trips-role: the emulator does not know which right this call needs: s3 GET /x ['acl']",
		"the stack has no such role"}
	if len(report.Denied) != 3 || !strings.Contains(report.Denied[0], want[0]) ||
		!strings.Contains(report.Denied[1], want[1]) {
		t.Errorf("got %q", report.Denied)
	}
}

func TestUnusedRights(t *testing.T) {
	calls := slices.DeleteFunc(observed(), func(c emulator.Call) bool { return c.Action == "s3:GetObject" })
	right := Right{"trips-role", "s3:GetObject", "arn:aws:s3:::lake/catalog/*"}
	if report := check(t, small(), calls); !slices.Equal(report.Unused, []Right{right}) {
		t.Errorf("unused are %v", report.Unused)
	}
	reason := Reason{Right{"trips-*", "s3:GetObject", "arn:aws:s3:::lake*/catalog/*"}, "later", false}
	if report := check(t, small(), calls, reason); report.Err() != nil {
		t.Errorf("the reason does not count: %v", report.Err())
	}
	// A reason for a right that is used is out of date.
	report := check(t, small(), observed(), reason)
	if len(report.Useless) != 1 || !strings.Contains(report.Err().Error(), "later") {
		t.Errorf("useless are %v", report.Useless)
	}
	reason.Sometimes = true
	if report := check(t, small(), observed(), reason); report.Err() != nil {
		t.Errorf("a right that is used sometimes: %v", report.Err())
	}
	// A role that nobody takes.
	resources := slices.DeleteFunc(small(), func(r Resource) bool { return r.Type == "aws:scheduler/schedule:Schedule" })
	unused := check(t, resources, observed()).Unused
	if len(unused) != 2 || unused[0].Role != "sweep-role" || unused[1].Action != "sts:AssumeRole" {
		t.Errorf("unused are %v", unused)
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		form, text string
		want       bool
	}{
		{"a*c", "abbc", true}, {"a*c", "abbd", false}, {"*", "", true}, {"a?", "ab", true}, {"a?", "a", false},
		{"", "", true}, {"a", "ab", false}, {"*a*b", "xaxb", true}, {"*a*b", "xbxa", false},
	} {
		if matches(c.form, c.text) != c.want {
			t.Errorf("%q and %q: want %v", c.form, c.text, c.want)
		}
	}
}

func TestPoliciesOfKeys(t *testing.T) {
	text := `{"Version":"2012-10-17","Id":"key-default-1",` +
		`"Statement":[{"Sid":"Enable IAM User Permissions","Effect":"Allow",
		"Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"kms:*","Resource":"*"}]}`
	if d, err := parseDocument(text); err != nil || !d.Statement[0].grants("kms:Sign", lakeKey) {
		t.Errorf("%v, %v", d, err)
	}
}

func TestPoliciesThatAreNotRead(t *testing.T) {
	for _, text := range []string{"", "{", `{"Statement":[{"Effect":"Allow","NotAction":"s3:*"}]}`} {
		if _, err := parseDocument(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}
