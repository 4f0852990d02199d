package adapters

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"dip/contract"
	"dip/internal/trace/tracetest"
	"dip/internal/worker"
)

// service responds to every request by its target, and records the requests.
type service struct {
	mu     sync.Mutex
	calls  []map[string]any
	answer func(target string, call map[string]any) (status int, body string)
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var call map[string]any
	if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.mu.Lock()
	s.calls = append(s.calls, call)
	status, body := s.answer(r.Header.Get("X-Amz-Target"), call)
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(status)
	fmt.Fprint(w, body)
}

func start(t *testing.T, answer func(target string, call map[string]any) (int, string)) (*service, aws.Config) {
	t.Helper()
	s := &service{answer: answer}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, aws.Config{
		Region: "us-east-1", BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}
}

// bodies are the messages of a SendMessageBatch call.
func bodies(call map[string]any) (got []string) {
	for _, e := range call["Entries"].([]any) {
		got = append(got, e.(map[string]any)["MessageBody"].(string))
	}
	return got
}

func TestSendFillsBatches(t *testing.T) {
	small := make([]string, 43)
	for i := range small {
		small[i] = fmt.Sprintf("message %02d", i)
	}
	third := strings.Repeat("x", batchBytes/3)
	for _, c := range []struct {
		name     string
		messages []string
		want     []int // messages in each batch, sorted
	}{
		{"none", nil, nil},
		{"one", small[:1], []int{1}},
		{"ten", small[:10], []int{10}},
		{"eleven", small[:11], []int{1, 10}},
		{"more than there are senders", small, []int{3, 10, 10, 10, 10}},
		{"bounded by bytes", []string{third, third, third, third, third}, []int{2, 3}},
		{"a message of the largest size stands alone", []string{"a", strings.Repeat("x", batchBytes), "b"}, []int{1, 1, 1}},
	} {
		s, cfg := start(t, func(string, map[string]any) (int, string) {
			return http.StatusOK,
				`{"Successful":[],"Failed":[]}`
		})
		if err := NewQueues(cfg).Send(t.Context(), "http://queue", c.messages); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		var sizes []int
		var sent []string
		for _, call := range s.calls {
			batch := bodies(call)
			sizes, sent = append(sizes, len(batch)), append(sent, batch...)
			if call["QueueUrl"] != "http://queue" {
				t.Errorf("%s: sent to %v", c.name, call["QueueUrl"])
			}
		}
		slices.Sort(sizes)
		slices.Sort(sent)
		want := slices.Sorted(slices.Values(c.messages))
		if !slices.Equal(sizes, c.want) || !slices.Equal(sent, want) {
			t.Errorf("%s: batches of %v, want %v", c.name, sizes, c.want)
		}
	}
}

func TestSendReportsWhatWasNotAccepted(t *testing.T) {
	_, cfg := start(t, func(string, map[string]any) (int, string) {
		return http.StatusOK,
			`{"Successful":[{"Id":"0","MessageId":"m","MD5OfMessageBody":"0cc175b9c0f1b6a831c399e269772661"}],` +
				`"Failed":[{"Id":"1","Code":"InternalError","Message":"try again","SenderFault":false},` +
				`{"Id":"2","Code":"Other","SenderFault":true}]}`
	})
	err := NewQueues(cfg).Send(t.Context(), "http://queue", []string{"a", "b", "c"})
	if err == nil || !strings.Contains(err.Error(), "send to http://queue: InternalError: try again") ||
		!strings.Contains(err.Error(), "Other") {
		t.Errorf("got %v", err)
	}
	_, cfg = start(t, func(string, map[string]any) (int, string) {
		return http.StatusBadRequest, `{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no queue"}`
	})
	if err := NewQueues(cfg).Send(t.Context(), "http://queue", []string{"a"}); err == nil ||
		!strings.Contains(err.Error(), "send 1 messages to http://queue") {
		t.Errorf("got %v", err)
	}
}

func TestReceiver(t *testing.T) {
	s, cfg := start(t, func(target string, _ map[string]any) (int, string) {
		if target == "AmazonSQS.ReceiveMessage" {
			return http.StatusOK,
				`{"Messages":[{"MessageId":"m","ReceiptHandle":"r","Body":"b","MD5OfBody":"92eb5ffee6ae2fec3ad71c777531578f"}]}`
		}
		return http.StatusOK, "{}"
	})
	r := NewReceiver(cfg, "http://queue")
	got, err := r.Receive(t.Context(), 12, 1500*time.Millisecond)
	want := worker.Message{ID: "m", Receipt: "r", Body: "b"}
	if err != nil || len(got) != 1 || got[0] != want {
		t.Fatalf("%+v, %v", got, err)
	}
	if err := errors.Join(r.Hide(t.Context(), want, 80*time.Second), r.Hide(t.Context(), want, 0),
		r.Delete(t.Context(), want)); err != nil {
		t.Fatal(err)
	}
	for i, call := range []map[string]any{
		{"QueueUrl": "http://queue", "MaxNumberOfMessages": 10., "WaitTimeSeconds": 20., "VisibilityTimeout": 2.},
		{"QueueUrl": "http://queue", "ReceiptHandle": "r", "VisibilityTimeout": 80.},
		{"QueueUrl": "http://queue", "ReceiptHandle": "r", "VisibilityTimeout": 0.},
		{"QueueUrl": "http://queue", "ReceiptHandle": "r"},
	} {
		if !maps.Equal(s.calls[i], call) {
			t.Errorf("call %d is %v, want %v", i, s.calls[i], call)
		}
	}
	s.answer = func(string, map[string]any) (int, string) {
		return http.StatusBadRequest, `{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no queue"}`
	}
	_, err = r.Receive(t.Context(), 1, time.Second)
	for what, err := range map[string]error{
		"receive from http://queue": err, "hide message m of http://queue for 1s": r.Hide(t.Context(), want, time.Second),
		"delete message m of http://queue": r.Delete(t.Context(), want),
	} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("want %q: %v", what, err)
		}
	}
}

func TestStartWorkflow(t *testing.T) {
	s, cfg := start(t, func(target string, _ map[string]any) (int, string) {
		if target != "AWSStepFunctions.StartExecution" {
			return http.StatusNotFound, "{}"
		}
		return http.StatusOK, `{"executionArn":"arn:e","startDate":1}`
	})
	w := NewWorkflows(cfg, "arn:workflow")
	if err := w.Start(t.Context(), "L-1", contract.WorkflowInput{Version: 1, Load: "L"}); err != nil {
		t.Fatal(err)
	}
	call := s.calls[0]
	if call["stateMachineArn"] != "arn:workflow" || call["name"] != "L-1" || call["input"] != `{"v":1,"load":"L"}` {
		t.Errorf("asked for %v", call)
	}
	for failure, fine := range map[string]bool{"ExecutionAlreadyExists": true, "StateMachineDoesNotExist": false} {
		s.answer = func(string, map[string]any) (int, string) {
			return http.StatusBadRequest, `{"__type":"com.amazonaws.swf.service.v2.model#` + failure + `","message":"no"}`
		}
		if err := w.Start(t.Context(), "L", contract.WorkflowInput{}); (err == nil) != fine {
			t.Errorf("%s: %v", failure, err)
		}
	}
}

func TestPutEvent(t *testing.T) {
	s, cfg := start(t, func(string, map[string]any) (int, string) {
		return http.StatusOK, `{"FailedEntryCount":0,"Entries":[{"EventId":"e"}]}`
	})
	b := NewBus(cfg, "bus")
	if err := b.Put(t.Context(), contract.EventFailed,
		contract.LoadEvent{Version: 1, Load: "L", Reason: "why"}); err != nil {
		t.Fatal(err)
	}
	entry := s.calls[0]["Entries"].([]any)[0].(map[string]any)
	var detail contract.LoadEvent
	if err := json.Unmarshal([]byte(entry["Detail"].(string)), &detail); err != nil {
		t.Fatal(err)
	}
	if entry["EventBusName"] != "bus" || entry["Source"] != "dip" || entry["DetailType"] != "Load Failed" ||
		detail.Load != "L" || detail.Reason != "why" {
		t.Errorf("published %v", entry)
	}
	if err := b.RolloutFailed(t.Context(), contract.RolloutEvent{Segment: "trips", Reason: "why"}); err != nil {
		t.Fatal(err)
	}
	if entry := s.calls[1]["Entries"].([]any)[0].(map[string]any); entry["DetailType"] != "Rollout Failed" ||
		entry["Source"] != "dip" || entry["EventBusName"] != "bus" || entry["Detail"] !=
		`{"v":0,"stack":"","segment":"trips","target":"","deployment":"","reason":"why"}` {
		t.Errorf("published %v", entry)
	}
	// The call succeeds although the event was rejected.
	s.answer = func(string, map[string]any) (int, string) {
		return http.StatusOK,
			`{"FailedEntryCount":1,"Entries":[{"ErrorCode":"ThrottlingException","ErrorMessage":"slow down"}]}`
	}
	if err := b.Put(t.Context(), contract.EventFailed, contract.LoadEvent{}); err == nil ||
		!strings.Contains(err.Error(), `publish "Load Failed" on bus bus: ThrottlingException: slow down`) {
		t.Errorf("got %v", err)
	}
	s.answer = func(string, map[string]any) (int, string) {
		return http.StatusInternalServerError, `{"__type":"InternalException"}`
	}
	if err := b.Put(t.Context(), contract.EventFailed, contract.LoadEvent{}); err == nil ||
		!strings.Contains(err.Error(), "publish") {
		t.Errorf("got %v", err)
	}
}

// An IP address and localhost have no subdomains for buckets.
func TestBucketsAreAddressedByPathLocally(t *testing.T) {
	for endpoint, want := range map[string]bool{"http://127.0.0.1:4566": true, "http://localhost:4566": true,
		"https://s3.eu-west-1.amazonaws.com": false, "": false} {
		cfg := aws.Config{}
		if endpoint != "" {
			cfg.BaseEndpoint = &endpoint
		}
		if got := S3(cfg).Options().UsePathStyle; got != want {
			t.Errorf("%q: path style %t", endpoint, got)
		}
	}
}

// A message that is received or delayed is in the queue; what SQS does not say is not known to be zero.
func TestEmpty(t *testing.T) {
	const all = `{"Attributes":{"ApproximateNumberOfMessages":"%s","ApproximateNumberOfMessagesNotVisible":"%s",` +
		`"ApproximateNumberOfMessagesDelayed":"%s"}}`
	for _, c := range []struct {
		answer string
		want   bool
	}{
		{fmt.Sprintf(all, "0", "0", "0"), true}, {fmt.Sprintf(all, "1", "0", "0"), false},
		{fmt.Sprintf(all, "0", "1", "0"), false}, {fmt.Sprintf(all, "0", "0", "1"), false},
		{`{"Attributes":{"ApproximateNumberOfMessages":"0"}}`, false}, {`{}`, false},
	} {
		s, cfg := start(t, func(string, map[string]any) (int, string) { return http.StatusOK, c.answer })
		got, err := NewQueues(cfg).Empty(t.Context(), "http://queue")
		if err != nil || got != c.want || s.calls[0]["QueueUrl"] != "http://queue" {
			t.Errorf("%s: %t, %v", c.answer, got, err)
		}
	}
	_, cfg := start(t, func(string, map[string]any) (int, string) { return http.StatusInternalServerError, `{}` })
	if _, err := NewQueues(cfg).Empty(t.Context(), "http://queue"); err == nil {
		t.Error("a queue that does not answer is empty")
	}
}

func TestStateOfAnExecution(t *testing.T) {
	const alias = "arn:aws-cn:states:cn-north-1:1:stateMachine:load-machine-7:live"
	for _, c := range []struct {
		status         int
		answer         string
		known, running bool
		fails          bool
	}{
		{http.StatusOK, `{"status":"RUNNING"}`, true, true, false},
		{http.StatusOK, `{"status":"PENDING_REDRIVE"}`, true, true, false},
		{http.StatusOK, `{"status":"SUCCEEDED"}`, true, false, false},
		{http.StatusOK, `{"status":"FAILED"}`, true, false, false},
		{http.StatusOK, `{"status":"TIMED_OUT"}`, true, false, false},
		{http.StatusOK, `{"status":"ABORTED"}`, true, false, false},
		{http.StatusBadRequest, `{"__type":"ExecutionDoesNotExist"}`, false, false, false},
		{http.StatusBadRequest, `{"__type":"AccessDeniedException"}`, false, false, true},
	} {
		s, cfg := start(t, func(string, map[string]any) (int, string) { return c.status, c.answer })
		known, running, err := NewWorkflows(cfg, alias).State(t.Context(), "3f2a-1")
		if known != c.known || running != c.running || (err != nil) != c.fails {
			t.Errorf("%s: %t, %t, %v", c.answer, known, running, err)
		}
		if got := s.calls[0]["executionArn"]; got != "arn:aws-cn:states:cn-north-1:1:execution:load-machine-7:3f2a-1" {
			t.Errorf("asked for %v", got)
		}
	}
	for machine, want := range map[string]string{
		"arn:aws:states:r:1:stateMachine:m": "arn:aws:states:r:1:execution:m:e", "arn:aws:lambda:r:1:function:f:live": "",
		"m": "",
	} {
		if got, err := executionARN(machine, "e"); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", machine, got, err)
		}
	}
}

// What follows from an invocation is in its trace.
func TestTracesGoOn(t *testing.T) {
	const header = "Root=1-a-b;Parent=c;Sampled=1"
	for _, c := range []struct{ header, want string }{{header, header}, {"", ""}, {header + strings.Repeat("x", 256), ""}} {
		ctx := tracetest.Invocation(t.Context(), c.header)
		s, cfg := start(t, func(string, map[string]any) (int, string) {
			return http.StatusOK, `{"Successful":[],"Failed":[],"executionArn":"arn","startDate":1}`
		})
		if err := NewQueues(cfg).Send(ctx, "http://queue", []string{"a"}); err != nil {
			t.Fatal(err)
		}
		if err := NewWorkflows(cfg, "arn").Start(ctx, "x", contract.WorkflowInput{}); err != nil {
			t.Fatal(err)
		}
		attributes, _ := s.calls[0]["Entries"].([]any)[0].(map[string]any)["MessageSystemAttributes"].(map[string]any)
		sent, _ := attributes["AWSTraceHeader"].(map[string]any)
		passed, _ := sent["StringValue"].(string)
		started, _ := s.calls[1]["traceHeader"].(string)
		if passed != c.want || started != c.want || (c.want != "" && sent["DataType"] != "String") {
			t.Errorf("%q: a message has %v, an execution %q", c.header, attributes, started)
		}
	}
}
