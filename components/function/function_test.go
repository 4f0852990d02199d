package function_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/artifact"
	"dip/components/componenttest"
	"dip/components/function"
	"dip/components/policy"
	"dip/components/queue"
	"dip/config"
	"dip/contract"
)

const minute = config.Duration(time.Minute)

func common() contract.Common[pulumi.StringInput] {
	return contract.Common[pulumi.StringInput]{
		Stack: pulumi.String("test"), Code: pulumi.String("c0de"), LedgerTable: pulumi.String("table"),
		LakeBucket: pulumi.String("lake"),
	}
}

func args() *function.Args {
	return &function.Args{
		Settings:     config.Function{MemoryMB: 1000, Timeout: minute, LogRetentionDays: 7},
		Architecture: config.ARM64,
		Artifact:     artifact.Artifact{Path: "testdata/f.zip", Code: "c0de"},
		Env:          contract.SegmentEnv[pulumi.StringInput]{Common: common(), Segment: pulumi.String("trips")},
		Allow: []policy.Statement{{
			Actions: []string{"s3:GetObject"}, Resources: []pulumi.StringInput{pulumi.String("arn:aws:s3:::b/*")},
		}},
	}
}

func run(t *testing.T, a *function.Args) *componenttest.Recorder {
	t.Helper()
	return componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		_, err := function.New(ctx, "f", a)
		return err
	})
}

// A URL is the alias's, and takes signed requests alone.
func TestURL(t *testing.T) {
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		f, err := function.New(ctx, "f", args())
		if err != nil {
			return err
		}
		_, err = f.Serve(ctx)
		return err
	})
	in := r.Find(t, "aws:lambda/functionUrl:FunctionUrl", "f-url").Inputs
	if in["authorizationType"].StringValue() != "AWS_IAM" || in["qualifier"].StringValue() != function.Alias {
		t.Errorf("the URL is %v", in)
	}
}

func TestChildren(t *testing.T) {
	want := []string{
		"aws:cloudwatch/logGroup:LogGroup::f-logs",
		"aws:iam/role:Role::f-role",
		"aws:iam/rolePolicy:RolePolicy::f-policy",
		"aws:lambda/alias:Alias::f-live",
		"aws:lambda/function:Function::f-function",
	}
	if got := run(t, args()).Children(function.TypeToken, "f"); !slices.Equal(got, want) {
		t.Errorf("children are %v, want %v", got, want)
	}
	a := args()
	a.DeadLetters = minute
	want = append(want, "aws:sqs/queue:Queue::f-dead-letters")
	if got := run(t, a).Children(function.TypeToken, "f"); !slices.Equal(got, want) {
		t.Errorf("children with dead letters are %v, want %v", got, want)
	}
}

func TestFunction(t *testing.T) {
	f := run(t, args()).Find(t, "aws:lambda/function:Function", "f-function")
	if !slices.Contains(f.After, "f-policy") || !slices.Contains(f.After, "f-logs") {
		t.Errorf("the function comes after %v: want its policy and its log group", f.After)
	}
	for key, want := range map[resource.PropertyKey]any{
		"runtime": "provided.al2023", "handler": "bootstrap", "memorySize": 1000.0, "timeout": 60.0, "publish": true,
		"role":          "arn:aws:iam::123456789012:role/f-role",
		"architectures": []any{"arm64"},
		"environment": map[string]any{"variables": map[string]any{
			"DIP_STACK": "test", "DIP_CODE": "c0de", "DIP_LEDGER_TABLE": "table", "DIP_LAKE_BUCKET": "lake",
			"DIP_SEGMENT": "trips",
			"GOMEMLIMIT":  "700MiB",
		}},
		"loggingConfig": map[string]any{"logFormat": "JSON", "logGroup": "f-logs"},
	} {
		if got := resource.NewProperty(f.Inputs).ObjectValue()[key]; !got.DeepEquals(resource.NewPropertyValue(want)) {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	if _, ok := f.Inputs["reservedConcurrentExecutions"]; ok {
		t.Error("concurrency is reserved though none is asked for")
	}
	if got := f.Inputs["code"].ArchiveValue().Path; got != "testdata/f.zip" {
		t.Errorf("code comes from %s", got)
	}
}

func TestOptionsReachLambda(t *testing.T) {
	a := args()
	a.Settings.ReservedConcurrency, a.Architecture, a.DeadLetters = 20, config.AMD64, 2*minute
	r := run(t, a)
	f := r.Find(t, "aws:lambda/function:Function", "f-function").Inputs
	if f["reservedConcurrentExecutions"].NumberValue() != 20 ||
		f["architectures"].ArrayValue()[0].StringValue() != "x86_64" {
		t.Errorf("function is %v", f)
	}
	const deadLetters = "arn:aws:sqs:us-east-1:123456789012:f-dead-letters"
	if got := f["deadLetterConfig"].ObjectValue()["targetArn"].StringValue(); got != deadLetters {
		t.Errorf("dead letters go to %s", got)
	}
	if got := r.Find(t, "aws:sqs/queue:Queue",
		"f-dead-letters").Inputs["messageRetentionSeconds"].NumberValue(); got != 120 {
		t.Errorf("dead letters are kept %v s", got)
	}
	if got := r.Find(t, "aws:cloudwatch/logGroup:LogGroup", "f-logs").Inputs["retentionInDays"].NumberValue(); got != 7 {
		t.Errorf("logs are kept %v days", got)
	}
}

// Pulumi moves the alias, but of a function that is rolled out: it would move all of its traffic at once, behind
// CodeDeploy's back.
func TestAlias(t *testing.T) {
	for rolledOut, ignored := range map[bool]string{false: "", true: "ignoreChanges: [functionVersion, routingConfig]"} {
		a := args()
		a.RolledOut = rolledOut
		r := run(t, a)
		in := r.Find(t, "aws:lambda/alias:Alias", "f-live").Inputs
		if in["functionVersion"].StringValue() != "1" || in["name"].StringValue() != "live" {
			t.Errorf("the alias is %v", in)
		}
		report := string(r.Report(t, func(componenttest.Resource) bool { return false }))
		if got := strings.Contains(report, "ignoreChanges"); got != rolledOut || !strings.Contains(report, ignored) {
			t.Errorf("rolled out: %t: %s", rolledOut, report)
		}
	}
}

// A call is made with each new input, through the alias.
func TestCall(t *testing.T) {
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		f, err := function.New(ctx, "f", args())
		if err != nil {
			return err
		}
		other, err := function.New(ctx, "g", args())
		if err != nil {
			return err
		}
		return f.Call(ctx, "start", pulumi.String("{}"), other)
	})
	call := r.Find(t, "aws:lambda/invocation:Invocation", "f-start")
	if call.Inputs["functionName"].StringValue() != "f-function" || call.Inputs["qualifier"].StringValue() != "live" ||
		call.Inputs["input"].StringValue() != "{}" || !slices.Contains(call.After, "f-live") {
		t.Errorf("the call is %v, after %v", call.Inputs, call.After)
	}
}

func TestRoleAllowsWhatIsStated(t *testing.T) {
	a := args()
	a.DeadLetters = minute
	got := run(t, a).Find(t, "aws:iam/rolePolicy:RolePolicy", "f-policy").Inputs["policy"].StringValue()
	want := `{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents"],` +
		`"Resource":["arn:aws:logs:us-east-1:123456789012:log-group:f-logs:*"]},` +
		`{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::b/*"]},` +
		`{"Effect":"Allow","Action":["sqs:SendMessage"],"Resource":["arn:aws:sqs:us-east-1:123456789012:f-dead-letters"]}]}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestMapping(t *testing.T) {
	r := componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		f, err := function.New(ctx, "f", args())
		if err != nil {
			return err
		}
		q, err := queue.New(ctx, "q", &queue.Args{
			Settings: config.Queues{MaxReceives: 5, Retention: minute, DeadLettersRetention: 2 * minute, MaxAge: minute},
			Timeout:  minute,
		})
		if err != nil {
			return err
		}
		return f.Take(ctx, q, function.Batches{Size: 3, Window: minute, Concurrency: 9})
	})
	m := r.Find(t, "aws:lambda/eventSourceMapping:EventSourceMapping", "f-mapping")
	if !slices.Contains(m.After, "q-redrive") {
		t.Errorf("messages are taken after %v: want the redrive policy to be there", m.After)
	}
	for key, want := range map[resource.PropertyKey]any{
		"functionName":   "arn:aws:lambda:us-east-1:123456789012:function:f-function:live",
		"eventSourceArn": "arn:aws:sqs:us-east-1:123456789012:q-queue",
		"batchSize":      3.0, "maximumBatchingWindowInSeconds": 60.0,
		"functionResponseTypes": []any{"ReportBatchItemFailures"},
		"scalingConfig":         map[string]any{"maximumConcurrency": 9.0},
	} {
		if got := m.Inputs[key]; !got.DeepEquals(resource.NewPropertyValue(want)) {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
}

func TestBadArgsRegisterNothing(t *testing.T) {
	refuse := func(env any, want ...string) {
		t.Helper()
		componenttest.MustRefuse(t, "function f", func(ctx *pulumi.Context) error {
			_, err := function.New(ctx, "f", &function.Args{Env: env})
			return err
		}, append([]string{
			"Settings.logRetentionDays: 0: want 1 to 3653", "Settings.memoryMB: 0: want 128 to 10240",
			"Settings.timeout: 0s: want 1s to 15m", `Architecture: "", want one of`, "Artifact: missing",
		}, want...)...)
	}
	refuse(nil, "Env: missing")
	env := contract.SegmentEnv[pulumi.StringInput]{Common: common()}
	env.LakeBucket = nil
	refuse(env, "Env: DIP_LAKE_BUCKET ", "Env: DIP_SEGMENT ")
}

// A function that is traced says so, and may send what X-Ray is told.
func TestTracing(t *testing.T) {
	for _, tracing := range []bool{false, true} {
		a := args()
		a.Tracing = tracing
		r := run(t, a)
		mode := r.Find(t, "aws:lambda/function:Function", "f-function").Inputs["tracingConfig"]
		allowed := r.Find(t, "aws:iam/rolePolicy:RolePolicy", "f-policy").Inputs["policy"].StringValue()
		right := `{"Effect":"Allow","Action":["xray:PutTraceSegments","xray:PutTelemetryRecords"],"Resource":["*"]}`
		if active := mode.IsObject() && mode.ObjectValue()["mode"].StringValue() == "Active"; active != tracing ||
			strings.Contains(allowed, right) != tracing {
			t.Errorf("tracing %v: %v, %s", tracing, mode, allowed)
		}
	}
}
