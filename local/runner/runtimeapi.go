package runner

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"dip/internal/child"
	"dip/local/emulator"
)

const (
	// initLimit is how long a runtime may take to request its first invocation. A slower one is restarted, with the
	// invocation's own timeout (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html).
	initLimit = 10 * time.Second
	// maxPayload is the limit of a synchronous request and response.
	maxPayload = 6 << 20
	// memoryCheck is how often a busy instance's memory is compared with its limit.
	memoryCheck = 250 * time.Millisecond

	runtimePath = "/2018-06-01/runtime/"
)

// Error types that Lambda reports for failures that a function does not report itself.
const (
	errUnhandled = "Unhandled"
	errTimeout   = "Sandbox.Timedout"
	errExit      = "Runtime.ExitError"
	errTooLarge  = "Function.ResponseSizeTooLarge"
)

// call is one invocation in an instance.
type call struct {
	id, arn  string
	payload  []byte
	deadline time.Time
	results  chan result
}

// result of an invocation: the function's response, or an error object and its type.
type result struct {
	body      []byte
	errorType string
}

func failed(errorType, message string) result {
	body, err := json.Marshal(map[string]string{"errorType": errorType, "errorMessage": message})
	if err != nil {
		body = []byte("{}")
	}
	return result{body: body, errorType: errorType}
}

// instance is one process that runs one invocation at a time, with its own Runtime API.
type instance struct {
	version *version
	name    string
	scratch string
	cmd     *exec.Cmd
	server  *http.Server
	log     *logFile
	init    time.Duration

	// work hands a call to the runtime's request for the next invocation; asked holds a token per such request.
	work    chan *call
	asked   chan struct{}
	exited  chan struct{}
	current atomic.Pointer[call]
	// initError is what the runtime reported to init/error.
	initError atomic.Pointer[result]
	// overMemory is set when the instance was killed for exceeding its memory.
	overMemory atomic.Bool
	tail       *logTail
	// observe gets every line that the function prints.
	observe func(line []byte)
}

// settings of an instance that are the same for all functions.
type settings struct {
	endpoint, region, scratch string
	key                       emulator.Key
	observe                   func(line []byte)
}

// startInstance starts a process and waits, at most for the given time, until its runtime requests an invocation.
func startInstance(
	ctx context.Context, v *version, code string, s settings, log *logFile, limit time.Duration) (*instance, error,
) {
	in := &instance{version: v, name: newID(), log: log, tail: &logTail{}, observe: s.observe,
		work: make(chan *call), asked: make(chan struct{}, 1), exited: make(chan struct{})}
	in.scratch = filepath.Join(s.scratch, in.name)
	if err := os.MkdirAll(in.scratch, 0o755); err != nil {
		return nil, fmt.Errorf("create an instance's scratch folder: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for a runtime: %w", err)
	}
	in.server = &http.Server{Handler: fromPrograms(in.runtimeAPI()), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = in.server.Serve(listener) }() // ends with Close, which is the only error

	output := &lineWriter{emit: in.printed}
	in.cmd = exec.Command(filepath.Join(code, "bootstrap"))
	in.cmd.Dir = code
	in.cmd.Env = environment(v, s, code, in.scratch, listener.Addr().String(), in.name)
	in.cmd.Stdout, in.cmd.Stderr = output, output
	// A child of the function that holds the pipe must not keep a dead instance.
	in.cmd.WaitDelay = time.Second
	begin := time.Now()
	if err := child.Start(in.cmd); err != nil {
		return nil, errors.Join(fmt.Errorf("Runtime.InvalidEntrypoint: start bootstrap: %w", err),
			in.server.Close(), os.RemoveAll(in.scratch))
	}
	go in.reap(output)

	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-in.asked:
		in.init = time.Since(begin)
		return in, nil
	case <-in.exited:
		if reported := in.initError.Load(); reported != nil {
			return nil, &initError{*reported}
		}
		return nil, &initError{failed(errExit, "Runtime exited during initialization: "+in.cmd.ProcessState.String())}
	case <-timer.C:
		in.kill()
		return nil, errInitTimeout
	case <-ctx.Done():
		in.kill()
		return nil, errClosed
	}
}

var errInitTimeout = errors.New("the runtime did not request an invocation in time")

// initError is a failed start that counts as the function's own error.
type initError struct{ result result }

func (e *initError) Error() string { return string(e.result.body) }

// reap waits for the process, then releases everything that belongs to the instance.
func (in *instance) reap(output *lineWriter) {
	waitErr := in.cmd.Wait()
	output.flush()
	// Children that outlived their parent.
	err := errors.Join(child.Kill(in.cmd.Process.Pid), in.server.Close(), os.RemoveAll(in.scratch))
	if err != nil {
		in.platform("platform.cleanup", "", err.Error())
	}
	if waitErr != nil {
		in.platform("platform.exit", "", waitErr.Error())
	}
	close(in.exited)
}

func (in *instance) kill() {
	if err := child.Kill(in.cmd.Process.Pid); err != nil {
		in.platform("platform.cleanup", "", err.Error())
	}
	<-in.exited
}

func (in *instance) dead() bool {
	select {
	case <-in.exited:
		return true
	default:
		return false
	}
}

func (in *instance) runtimeAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+runtimePath+"invocation/next", in.serveNext)
	mux.HandleFunc("POST "+runtimePath+"invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) {
		in.serveResult(w, r, "")
	})
	mux.HandleFunc("POST "+runtimePath+"invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) {
		in.serveResult(w, r, errUnhandled)
	})
	mux.HandleFunc("POST "+runtimePath+"init/error", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		in.initError.Store(&result{body: body, errorType: errUnhandled})
		w.WriteHeader(http.StatusAccepted)
	})
	return mux
}

func (in *instance) serveNext(w http.ResponseWriter, r *http.Request) {
	select {
	case in.asked <- struct{}{}:
	default: // the last request is still pending: the runtime asked twice
	}
	select {
	case c := <-in.work:
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", c.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(c.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", c.arn)
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0")
		// A runtime that dies here is noticed by its exit.
		_, _ = w.Write(c.payload)
	case <-r.Context().Done():
	case <-in.exited:
	}
}

func (in *instance) serveResult(w http.ResponseWriter, r *http.Request, errorType string) {
	c := in.current.Load()
	if c == nil || c.id != r.PathValue("id") {
		http.Error(w, `{"errorType":"InvalidRequestID","errorMessage":"no such invocation"}`, http.StatusBadRequest)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	var tooLarge *http.MaxBytesError
	res := result{body: body, errorType: errorType}
	switch {
	case errors.As(err, &tooLarge):
		res = failed(errTooLarge, fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).",
			maxPayload))
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	default:
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"status":"OK"}`)
	}
	select {
	case c.results <- res:
	default: // a second response to one invocation
	}
}

// run passes the current call to the runtime and waits for its response. It returns the response and whether the
// instance may serve another call. The call's deadline covers all of it.
func (in *instance) run(c *call) (result, bool) {
	select {
	case <-in.asked: // the runtime asked again while idle
	default:
	}
	defer in.current.Store(nil)
	timer := time.NewTimer(time.Until(c.deadline))
	defer timer.Stop()
	memory := time.NewTicker(memoryCheck)
	defer memory.Stop()

	work := in.work
	var answer *result
	for {
		select {
		case work <- c:
			work = nil // the runtime has the call
		case res := <-c.results:
			answer = &res
		case <-in.asked:
			// The runtime requests the next invocation: this one has ended.
			if work != nil {
				continue
			}
			if answer == nil {
				return in.lastAnswer(c,
					failed(errExit, "RequestId: "+c.id+" Error: the runtime did not respond to the invocation")), false
			}
			return *answer, true
		case <-in.exited:
			if answer != nil {
				return *answer, false
			}
			return in.lastAnswer(c,
				failed(errExit, fmt.Sprintf("RequestId: %s Error: Runtime exited with error: %s", c.id, in.exitReason()))), false
		case <-memory.C:
			if used, _ := memoryOf(in.cmd.Process.Pid); used > in.version.memoryMB {
				in.overMemory.Store(true)
				in.kill()
			}
		case <-timer.C:
			in.kill()
			if answer != nil {
				return *answer, false
			}
			return failed(errTimeout,
				fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", c.id, in.version.timeout.Seconds())), false
		}
	}
}

// lastAnswer prefers a response that arrived just before the process ended: a panic reports, then exits.
func (in *instance) lastAnswer(c *call, otherwise result) result {
	select {
	case res := <-c.results:
		return res
	default:
		return otherwise
	}
}

func (in *instance) exitReason() string {
	if in.overMemory.Load() {
		return fmt.Sprintf("signal: killed (more than %d MB of memory)", in.version.memoryMB)
	}
	return in.cmd.ProcessState.String()
}

// printed logs a line of the function's output with its invocation.
func (in *instance) printed(line []byte) {
	in.tail.add(line)
	in.observe(line)
	requestID := ""
	if c := in.current.Load(); c != nil {
		requestID = c.id
	}
	in.log.write(logRecord{Type: "function", Version: in.version.number, Instance: in.name, RequestID: requestID,
		Record: recordOf(line)})
}

func (in *instance) platform(kind, requestID string, record any) {
	in.log.write(logRecord{Type: kind, Version: in.version.number, Instance: in.name, RequestID: requestID,
		Record: record})
}

// environment of an instance: the function's own variables, overridden by those that Lambda reserves
// (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html).
func environment(v *version, s settings, code, scratch, api, name string) []string {
	env := map[string]string{
		"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "en_US.UTF-8", "TZ": ":UTC", "HOME": scratch,
		// /tmp belongs to one instance on AWS.
		"TMPDIR": scratch,
	}
	maps.Copy(env, v.env)
	maps.Copy(env, map[string]string{
		"_HANDLER":                        v.handler,
		"LAMBDA_TASK_ROOT":                code,
		"LAMBDA_RUNTIME_DIR":              code,
		"AWS_LAMBDA_RUNTIME_API":          api,
		"AWS_LAMBDA_FUNCTION_NAME":        v.function,
		"AWS_LAMBDA_FUNCTION_VERSION":     v.number,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(v.memoryMB),
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + v.function,
		"AWS_LAMBDA_LOG_STREAM_NAME":      time.Now().UTC().Format("2006/01/02/") + "[" + v.number + "]" + name,
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_EXECUTION_ENV":               "AWS_Lambda_" + v.runtime,
		"AWS_REGION":                      s.region,
		"AWS_DEFAULT_REGION":              s.region,
		"AWS_ACCESS_KEY_ID":               s.key.ID,
		"AWS_SECRET_ACCESS_KEY":           s.key.Secret,
		"AWS_SESSION_TOKEN":               s.key.Token,
		"AWS_ENDPOINT_URL":                s.endpoint,
	})
	list := make([]string, 0, len(env))
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return list
}

// logTail keeps the last 4 KB that an instance printed, for X-Amz-Log-Type: Tail.
type logTail struct {
	mu   sync.Mutex
	text []byte
}

const logTailBytes = 4 << 10

func (t *logTail) add(line []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(append(t.text, line...), '\n')
	if over := len(t.text) - logTailBytes; over > 0 {
		t.text = append([]byte(nil), t.text[over:]...)
	}
}

func (t *logTail) take() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := t.text
	t.text = nil
	return text
}

// newID is a random UUID.
func newID() string {
	var b [16]byte
	// crypto/rand.Read never fails: it crashes the program instead.
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
