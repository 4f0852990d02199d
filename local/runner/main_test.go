package runner

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/emf"
	"dip/internal/testenv"
	"dip/local/emulator"
	"dip/local/emulator/emulatortest"

	"github.com/aws/aws-lambda-go/events"
	lambdago "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// asFunction turns the test binary into a Lambda function: the zip of every function under test is a script that
// starts this binary with the variable set.
const asFunction = "DIP_TEST_FUNCTION"

func TestMain(m *testing.M) {
	if os.Getenv(asFunction) != "" {
		runFunction()
		return
	}
	code := m.Run()
	if shared.stop != nil {
		shared.stop()
	}
	os.Exit(code)
}

// runFunction is the function under test. A record's body (or an event's "do") says what to do:
// ok, bad (reported as failed), flaky (bad at the first receive), panic, exit, hang, env, echo, alloc.
func runFunction() {
	if os.Getenv("INIT") == "exit" {
		fmt.Println("no start today")
		os.Exit(7)
	}
	lambdago.Start(handle)
}

var invocations atomic.Int64

func handle(ctx context.Context, raw json.RawMessage) (any, error) {
	var event struct {
		Do           string `json:"do"`
		Records      []json.RawMessage
		DeploymentID string
	}
	if err := json.Unmarshal(raw, &event); err != nil {
		return nil, err
	}
	if event.DeploymentID != "" {
		return nil, handleHook(ctx, raw)
	}
	if len(event.Records) == 0 {
		return handleDirect(ctx, event.Do, raw)
	}
	if strings.Contains(string(raw), `"aws:kinesis"`) {
		return handleKinesis(ctx, raw)
	}
	var batch events.SQSEvent
	if err := json.Unmarshal(raw, &batch); err != nil {
		return nil, err
	}
	var answer events.SQSEventResponse
	for _, m := range batch.Records {
		fmt.Printf(`{"body":%q,"batch":%d}`+"\n", m.Body, len(batch.Records))
		switch {
		case strings.HasPrefix(m.Body, "bad"), m.Body == "flaky" && m.Attributes["ApproximateReceiveCount"] == "1":
			answer.BatchItemFailures = append(answer.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		case m.Body == "unknown":
			answer.BatchItemFailures = append(answer.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: "no such id"})
		default:
			if _, err := handleDirect(ctx, m.Body, nil); err != nil {
				return nil, err
			}
		}
	}
	return answer, nil
}

func handleDirect(ctx context.Context, do string, raw json.RawMessage) (any, error) {
	switch do {
	case "panic":
		panic("boom")
	case "exit":
		os.Exit(3)
	case "hang":
		<-make(chan struct{})
	case "fail":
		return nil, errors.New("it failed")
	case "alloc":
		hog := make([]byte, 512<<20)
		for i := 0; i < len(hog); i += 4096 {
			hog[i] = 1
		}
		<-make(chan struct{})
	case "measure":
		e := &emf.Emitter{Stack: "local", Out: os.Stdout, Now: time.Now}
		e.Emit("trips", emf.Values{contract.RecordsIn: 42}, nil)
	case "big":
		return strings.Repeat("x", maxPayload+1), nil
	case "env":
		env := map[string]string{}
		for _, pair := range os.Environ() {
			name, value, _ := strings.Cut(pair, "=")
			env[name] = value
		}
		return env, nil
	}
	called, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	return map[string]any{
		"pid": os.Getpid(), "count": invocations.Add(1), "version": lambdacontext.FunctionVersion,
		"arn":  called.InvokedFunctionArn,
		"left": time.Until(deadline).Seconds(), "greeting": os.Getenv("GREETING"), "echo": raw,
	}, nil
}

// world is an emulator with a runner on it.
type world struct {
	*Runner
	emulator *emulator.Emulator
	logDir   string

	mu   sync.Mutex
	seen []Invocation
	more chan struct{}
}

var shared struct {
	once sync.Once
	w    *world
	err  error
	stop func()
}

// theWorld is shared by the tests; each names its own functions and queues.
func theWorld(t *testing.T) *world {
	t.Helper()
	requireEmulator(t)
	shared.once.Do(func() {
		dir, err := os.MkdirTemp("", "dip-runner-test-")
		if err != nil {
			shared.err = err
			return
		}
		ctx, cancel := context.WithCancel(context.Background())
		w, stopped, err := newWorld(ctx, dir, nil)
		shared.w, shared.err = w, err
		shared.stop = func() {
			cancel()
			if stopped != nil {
				<-stopped
				if err := w.emulator.Stop(); err != nil {
					fmt.Fprintln(os.Stderr, err)
				}
			}
			if err := os.RemoveAll(dir); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.w
}

func requireEmulator(t *testing.T) {
	t.Helper()
	if err := emulator.Available(t.Context(), ""); err != nil {
		testenv.Missing(t, err)
	}
}

func newWorld(ctx context.Context, dir string, now func() time.Time) (*world, <-chan error, error) {
	e, err := emulator.Start(context.WithoutCancel(ctx), emulator.Options{Log: os.Stderr})
	if err != nil {
		return nil, nil, err
	}
	w := &world{emulator: e, logDir: dir + "/logs", more: make(chan struct{})}
	r, err := New(Options{
		Endpoint: e.Endpoint(), Key: e.Key(), Dir: dir, LogDir: w.logDir, AsyncRetryDelay: 10 * time.Millisecond,
		Now: now, OnInvoke: w.observe,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return nil, nil, errors.Join(err, e.Stop())
	}
	w.Runner = r
	stopped := make(chan error, 1)
	go func() { stopped <- r.Run(ctx) }()
	return w, stopped, nil
}

func (w *world) observe(i Invocation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, i)
	close(w.more)
	w.more = make(chan struct{})
}

// waitInvocations waits until the condition holds for the function's invocations so far.
func (w *world) waitInvocations(t *testing.T, function, what string, ok func([]Invocation) bool) []Invocation {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		w.mu.Lock()
		var own []Invocation
		for _, i := range w.seen {
			if i.Function == function {
				own = append(own, i)
			}
		}
		more := w.more
		w.mu.Unlock()
		if ok(own) {
			return own
		}
		select {
		case <-more:
		case <-timeout:
			t.Fatalf("timed out waiting for %s: %+v", what, own)
		}
	}
}

func ended(list []Invocation) (n int) {
	for _, i := range list {
		if i.Ended {
			n++
		}
	}
	return n
}

// functionCode is the zip of the function under test.
func functionCode(t *testing.T, salt string) []byte {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	header := &zip.FileHeader{Name: "bootstrap"}
	header.SetMode(0o755)
	f, err := z.CreateHeader(header)
	if err == nil {
		_, err = fmt.Fprintf(f, "#!/bin/sh\n# %s\nexport CODE=%q\nexec %q\n", salt, salt, self)
	}
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// createFunction makes a function that is named after the test; change may adjust the request.
func (w *world) createFunction(t *testing.T, change func(*lambda.CreateFunctionInput)) string {
	t.Helper()
	name := strings.NewReplacer("/", "-", "_", "-").Replace(t.Name())
	w.ensureRole(t)
	in := &lambda.CreateFunctionInput{
		FunctionName: &name, Role: aws.String(roleARN), Runtime: types.RuntimeProvidedal2023,
		Handler: aws.String("bootstrap"),
		Timeout: aws.Int32(5), MemorySize: aws.Int32(256), Code: &types.FunctionCode{ZipFile: functionCode(t, "one")},
		Environment: &types.Environment{Variables: map[string]string{}},
	}
	if change != nil {
		change(in)
	}
	in.Environment.Variables[asFunction] = "1"
	if _, err := w.lambda.CreateFunction(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	return name
}

const roleARN = "arn:aws:iam::123456789012:role/runner-test"

func (w *world) ensureRole(t *testing.T) {
	t.Helper()
	createRole.Do(func() { _, createRoleErr = emulatortest.PutRole(w.emulator, "runner-test") })
	if createRoleErr != nil {
		t.Fatal(createRoleErr)
	}
}

var (
	createRole    sync.Once
	createRoleErr error
)

// queue creates a queue with the given visibility timeout in seconds, and optionally a dead-letter queue.
func (w *world) queue(t *testing.T, name, visibility string, deadLetters string, receives int) (url, arn string) {
	t.Helper()
	name = strings.NewReplacer("/", "-").Replace(t.Name()) + "-" + name
	attributes := map[string]string{"VisibilityTimeout": visibility}
	if deadLetters != "" {
		attributes["RedrivePolicy"] = fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, deadLetters, receives)
	}
	out, err := w.sqs.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	return *out.QueueUrl, "arn:aws:sqs:us-east-1:123456789012:" + name
}

func (w *world) send(t *testing.T, url string, bodies ...string) {
	t.Helper()
	var entries []sqstypes.SendMessageBatchRequestEntry
	for i, body := range bodies {
		entries = append(entries, sqstypes.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), MessageBody: &body})
	}
	if _, err := w.sqs.SendMessageBatch(t.Context(),
		&sqs.SendMessageBatchInput{QueueUrl: &url, Entries: entries}); err != nil {
		t.Fatal(err)
	}
}

// waitMessages receives (and keeps) messages until there are n, and returns their sorted bodies.
func (w *world) waitMessages(t *testing.T, url string, n int) []string {
	t.Helper()
	var bodies []string
	for deadline := time.Now().Add(30 * time.Second); len(bodies) < n; {
		if time.Now().After(deadline) {
			t.Fatalf("%d messages instead of %d: %q", len(bodies), n, bodies)
		}
		out, err := w.sqs.ReceiveMessage(t.Context(),
			&sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10, WaitTimeSeconds: 5})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range out.Messages {
			bodies = append(bodies, *m.Body)
		}
	}
	return bodies
}

// waitDepth returns when the queue holds n messages, visible or not.
func (w *world) waitDepth(t *testing.T, url string, n string) {
	t.Helper()
	eventually(t, "depth "+n, func() bool {
		out, err := w.sqs.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url,
			AttributeNames: []sqstypes.QueueAttributeName{"ApproximateNumberOfMessages",
				"ApproximateNumberOfMessagesNotVisible"}})
		if err != nil {
			t.Fatal(err)
		}
		var visible, hidden int
		fmt.Sscan(out.Attributes["ApproximateNumberOfMessages"], &visible)
		fmt.Sscan(out.Attributes["ApproximateNumberOfMessagesNotVisible"], &hidden)
		return fmt.Sprint(visible+hidden) == n
	})
}

// eventually polls a condition that has no event.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("timed out waiting for %s", what)
		}
	}
}

// mapping connects a queue or a stream with a function.
func (w *world) mapping(
	t *testing.T, function, sourceARN string, change func(*lambda.CreateEventSourceMappingInput),
) string {
	t.Helper()
	in := &lambda.CreateEventSourceMappingInput{FunctionName: &function, EventSourceArn: &sourceARN,
		FunctionResponseTypes: []types.FunctionResponseType{types.FunctionResponseTypeReportBatchItemFailures}}
	if change != nil {
		change(in)
	}
	out, err := w.lambda.CreateEventSourceMapping(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := w.lambda.DeleteEventSourceMapping(context.Background(),
			&lambda.DeleteEventSourceMappingInput{UUID: out.UUID}); err != nil {
			t.Error(err)
		}
	})
	return *out.UUID
}

// invoke calls a function directly; it returns the answer and the function error.
func (w *world) invoke(t *testing.T, function, event string) (map[string]any, string) {
	t.Helper()
	out, err := w.lambda.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &function, Payload: []byte(event)})
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(out.Payload, &answer); err != nil {
		t.Fatalf("%s: %v", out.Payload, err)
	}
	return answer, aws.ToString(out.FunctionError)
}
