package runner

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

func TestInstanceIsReused(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	name := w.createFunction(t, nil)
	first, _ := w.invoke(t, name, `{}`)
	second, _ := w.invoke(t, name, `{}`)
	if first["pid"] != second["pid"] || second["count"] != 2.0 {
		t.Errorf("not the same instance: %v, %v", first, second)
	}
	if left := second["left"].(float64); left < 1 || left > 5 {
		t.Errorf("%v s left of a timeout of 5 s", left)
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	name := w.createFunction(t, func(in *lambda.CreateFunctionInput) {
		in.Environment.Variables = map[string]string{"GREETING": "hi", "AWS_REGION": "mars-1"}
	})
	env, _ := w.invoke(t, name, `{"do":"env"}`)
	for variable, want := range map[string]string{
		"GREETING": "hi", "AWS_REGION": "us-east-1", "AWS_LAMBDA_FUNCTION_NAME": name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_ENDPOINT_URL": w.emulator.Endpoint(), "_HANDLER": "bootstrap",
		"AWS_EXECUTION_ENV": "AWS_Lambda_provided.al2023", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/" + name,
	} {
		if env[variable] != want {
			t.Errorf("%s = %v, want %q", variable, env[variable], want)
		}
	}
	if stream, _ := env["AWS_LAMBDA_LOG_STREAM_NAME"].(string); !strings.Contains(stream, "[$LATEST]") {
		t.Errorf("log stream %q", stream)
	}
	if env["PULUMI_HOME"] != nil || env["GOPATH"] != nil {
		t.Error("the environment of the runner leaks into functions")
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	name := w.createFunction(t, func(in *lambda.CreateFunctionInput) { in.Timeout = aws.Int32(1) })
	for _, c := range []struct{ do, errorType, text string }{
		{"fail", "errorString", "it failed"},
		{"panic", "string", "boom"},
		{"exit", "Runtime.ExitError", "exit status 3"},
		{"hang", "Sandbox.Timedout", "Task timed out after 1.00 seconds"},
		{"big", "Function.ResponseSizeTooLarge", "exceeded maximum allowed payload size"},
	} {
		t.Run(c.do, func(t *testing.T) {
			answer, functionError := w.invoke(t, name, `{"do":"`+c.do+`"}`)
			if functionError != "Unhandled" || answer["errorType"] != c.errorType ||
				!strings.Contains(answer["errorMessage"].(string), c.text) {
				t.Errorf("%q %v", functionError, answer)
			}
		})
	}
	// After these failures the function runs on a new instance.
	if answer, functionError := w.invoke(t, name, `{}`); functionError != "" || answer["count"] != 1.0 {
		t.Errorf("after failures: %q %v", functionError, answer)
	}
}

func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	name := w.createFunction(t, func(in *lambda.CreateFunctionInput) { in.Timeout = aws.Int32(60) })
	answer, _ := w.invoke(t, name, `{"do":"alloc"}`)
	if answer["errorType"] != errExit || !strings.Contains(answer["errorMessage"].(string), "more than 256 MB") {
		t.Errorf("%v", answer)
	}
}

func TestFailedInit(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	name := w.createFunction(t, func(in *lambda.CreateFunctionInput) {
		in.Environment.Variables = map[string]string{"INIT": "exit"}
	})
	answer, functionError := w.invoke(t, name, `{}`)
	if functionError != "Unhandled" || answer["errorType"] != "Runtime.ExitError" {
		t.Errorf("%q %v", functionError, answer)
	}
}

func TestVersionsKeepTheirCode(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	name := w.createFunction(t, func(in *lambda.CreateFunctionInput) { in.Publish = true })
	_, err := w.lambda.CreateAlias(t.Context(),
		&lambda.CreateAliasInput{FunctionName: &name, Name: aws.String("live"), FunctionVersion: aws.String("1")})
	if err != nil {
		t.Fatal(err)
	}
	code := func(qualifier string) any {
		env, _ := w.invoke(t, name+":"+qualifier, `{"do":"env"}`)
		return env["CODE"]
	}
	if got := code("live"); got != "one" {
		t.Fatalf("first code: %v", got)
	}
	_, err = w.lambda.UpdateFunctionCode(t.Context(),
		&lambda.UpdateFunctionCodeInput{FunctionName: &name, ZipFile: functionCode(t, "two"), Publish: true})
	if err != nil {
		t.Fatal(err)
	}
	for qualifier, want := range map[string]string{"live": "one", "1": "one", "2": "two", "$LATEST": "two"} {
		if got := code(qualifier); got != want {
			t.Errorf("%s runs code %v, want %s", qualifier, got, want)
		}
	}
	_, err = w.lambda.UpdateAlias(t.Context(),
		&lambda.UpdateAliasInput{FunctionName: &name, Name: aws.String("live"), FunctionVersion: aws.String("2"),
			RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{"1": 1}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := code("live"); got != "one" {
		t.Errorf("the whole weight is on version 1, but %v runs", got)
	}
}

func TestReservedConcurrency(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	name := w.createFunction(t, nil)
	_, err := w.lambda.PutFunctionConcurrency(t.Context(),
		&lambda.PutFunctionConcurrencyInput{FunctionName: &name, ReservedConcurrentExecutions: aws.Int32(0)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.lambda.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name},
		func(o *lambda.Options) { o.RetryMaxAttempts = 1 })
	if err == nil || !strings.Contains(err.Error(), "TooManyRequestsException") {
		t.Errorf("%v", err)
	}
}

func TestUnknownFunction(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	_, err := w.lambda.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("nobody")})
	if err == nil || !strings.Contains(err.Error(), "ResourceNotFoundException") {
		t.Errorf("%v", err)
	}
}

func TestAsyncRetriesThenDestination(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	name := w.createFunction(t, nil)
	url, arn := w.queue(t, "failed", "30", "", 0)
	_, err := w.lambda.PutFunctionEventInvokeConfig(t.Context(),
		&lambda.PutFunctionEventInvokeConfigInput{FunctionName: &name,
			DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: &arn}}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.lambda.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name, Payload: []byte(`{"do":"fail","n":7}`),
		InvocationType: types.InvocationTypeEvent})
	if err != nil {
		t.Fatal(err)
	}
	var record struct {
		RequestContext struct {
			Condition              string
			ApproximateInvokeCount int
		}
		RequestPayload  struct{ N int }
		ResponsePayload struct{ ErrorMessage string }
	}
	if err := json.Unmarshal([]byte(w.waitMessages(t, url, 1)[0]), &record); err != nil {
		t.Fatal(err)
	}
	if record.RequestContext.Condition != "RetriesExhausted" || record.RequestContext.ApproximateInvokeCount != 3 ||
		record.RequestPayload.N != 7 || record.ResponsePayload.ErrorMessage != "it failed" {
		t.Errorf("%+v", record)
	}
	runs := w.waitInvocations(t, name, "three attempts", func(list []Invocation) bool { return ended(list) == 3 })
	if runs[0].RequestID != runs[4].RequestID {
		t.Error("a retry has another request id")
	}
}

// readLog returns the objects that a function printed, in order.
func readLog(t *testing.T, dir, function string) []map[string]any {
	t.Helper()
	text, err := os.ReadFile(LogFile(dir, function))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var printed []map[string]any
	for line := range strings.Lines(string(text)) {
		var r struct {
			Type   string
			Record json.RawMessage
		}
		var object map[string]any
		if json.Unmarshal([]byte(line), &r) == nil && r.Type == "function" && json.Unmarshal(r.Record, &object) == nil {
			printed = append(printed, object)
		}
	}
	return printed
}

func TestLogFile(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	name := w.createFunction(t, nil)
	w.invoke(t, name, `{}`)
	text, err := os.ReadFile(LogFile(w.logDir, name))
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for line := range strings.Lines(string(text)) {
		var r struct {
			Type, RequestID string
			Record          struct {
				Status  string
				Metrics reportMetrics
			}
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		kinds = append(kinds, r.Type)
		if r.Type == "platform.report" && (r.Record.Status != "success" || r.Record.Metrics.InitDurationMs <= 0 ||
			r.Record.Metrics.MemorySizeMB != 256 || r.RequestID == "") {
			t.Errorf("report %s", line)
		}
	}
	if got := strings.Join(kinds, " "); got != "platform.start platform.report" {
		t.Errorf("records: %s", got)
	}
}
