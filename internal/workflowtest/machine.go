// Package workflowtest runs a state machine in memory: the part of the Amazon States Language that the load's workflow
// uses, with the limits at which Step Functions ends an execution whatever it catches. Waits take the time of the
// clock, which testing/synctest makes pass at once.
package workflowtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Limits of a standard workflow ("Service quotas", Step Functions).
const (
	maxEvents = 25_000
	maxState  = 256 << 10 // bytes of a state's input or output
)

// Status of an execution.
type Status string

// The statuses.
const (
	Running   Status = "RUNNING"
	Succeeded Status = "SUCCEEDED"
	Failed    Status = "FAILED"
	Aborted   Status = "ABORTED"
)

// Error is an error by the name that Retry and Catch know it by. One without a name is any error of a function.
type Error struct{ Name, Cause string }

func (e *Error) Error() string { return e.Name + ": " + e.Cause }

// Function is a Lambda function: JSON in, JSON out.
type Function func(ctx context.Context, payload []byte) ([]byte, error)

// Machine is a state machine and the functions that it calls, by ARN.
type Machine struct {
	StartAt   string
	States    map[string]State
	Functions map[string]Function `json:"-"`
}

// State is a state of any type.
type State struct {
	Type, Next, Default string

	Resource, OutputPath string // Task
	TimeoutSeconds       int
	Parameters           map[string]any // Task, Pass
	Retry                []struct {
		ErrorEquals     []string
		MaxAttempts     int
		IntervalSeconds float64
		BackoffRate     float64
		MaxDelaySeconds float64
		JitterStrategy  string
	}
	Catch []struct {
		ErrorEquals      []string
		ResultPath, Next string
	}

	SecondsPath string // Wait
	Choices     []struct{ Variable, StringEquals, Next string }

	Error, CausePath string // Fail
}

// Parse reads a definition. It refuses what it cannot run.
func Parse(definition []byte) (*Machine, error) {
	var m Machine
	decoder := json.NewDecoder(strings.NewReader(string(definition)))
	if err := decoder.Decode(&m); err != nil {
		return nil, fmt.Errorf("definition: %w", err)
	}
	for name, s := range m.States {
		if !slices.Contains([]string{"Task", "Wait", "Choice", "Pass", "Succeed", "Fail"}, s.Type) ||
			s.Type == "Task" && !strings.HasSuffix(s.Resource, ":states:::lambda:invoke") {
			return nil, fmt.Errorf("state %s: cannot run a %s of %s", name, s.Type, s.Resource)
		}
	}
	return &m, nil
}

// Execution is one run of a machine.
type Execution struct {
	Status Status
	Err    *Error // why it failed
	Events int    // of its history

	machine *Machine
	started time.Time
}

// Run runs the machine to its end or to the end of ctx, which aborts it.
func (e *Execution) Run(ctx context.Context, m *Machine, input any) {
	e.Status, e.machine, e.started = Running, m, time.Now()
	_ = e.count(1) // started
	data, err := round(input)
	for name := m.StartAt; err == nil && name != ""; {
		data, name, err = e.enter(ctx, m.States[name], data)
	}
	var failed *Error
	switch {
	case ctx.Err() != nil:
		e.Status = Aborted
	case errors.As(err, &failed):
		e.Status, e.Err = Failed, failed
	case err != nil:
		e.Status, e.Err = Failed, &Error{Name: "States.Runtime", Cause: err.Error()}
	default:
		e.Status = Succeeded
	}
}

// enter runs a state. It returns the output and the next state, "" after the last one.
func (e *Execution) enter(ctx context.Context, s State, data any) (out any, next string, err error) {
	if err := e.count(2); err != nil { // entered and exited
		return nil, "", err
	}
	switch s.Type {
	case "Succeed":
		return data, "", nil
	case "Fail":
		return nil, "", &Error{Name: s.Error, Cause: fmt.Sprint(at(data, s.CausePath))}
	case "Wait":
		seconds, ok := at(data, s.SecondsPath).(float64)
		if !ok {
			return nil, "", fmt.Errorf("%s is no number", s.SecondsPath)
		}
		return data, s.Next, sleep(ctx, time.Duration(seconds*float64(time.Second)))
	case "Choice":
		for _, c := range s.Choices {
			if at(data, c.Variable) == c.StringEquals {
				return data, c.Next, nil
			}
		}
		return data, s.Default, nil
	case "Pass":
		out, err := round(e.template(s.Parameters, data))
		return out, s.Next, err
	}
	return e.task(ctx, s, data)
}

func (e *Execution) task(ctx context.Context, s State, data any) (out any, next string, err error) {
	tries := make([]int, len(s.Retry))
	for {
		if err := e.count(3); err != nil { // scheduled, started and its end
			return nil, "", err
		}
		out, err := e.call(ctx, s, data)
		var failed *Error
		if err == nil || ctx.Err() != nil || !errors.As(err, &failed) || failed.Name == tooLarge {
			return out, s.Next, err
		}
		pause, again := s.retry(failed.Name, tries)
		if again {
			if err := sleep(ctx, pause); err != nil {
				return nil, "", err
			}
			continue
		}
		for _, c := range s.Catch {
			if caught(c.ErrorEquals, failed.Name) {
				with := map[string]any{}
				for key, value := range data.(map[string]any) {
					with[key] = value
				}
				with[strings.TrimPrefix(c.ResultPath, "$.")] = map[string]any{"Error": failed.Name, "Cause": failed.Cause}
				out, err := round(with)
				return out, c.Next, err
			}
		}
		return nil, "", failed
	}
}

// retry says whether a failed task is repeated, and after which pause: with full jitter, half of the delay on average.
func (s State) retry(name string, tries []int) (pause time.Duration, again bool) {
	for i, r := range s.Retry {
		if !caught(r.ErrorEquals, name) {
			continue
		}
		if tries[i]++; tries[i] > r.MaxAttempts {
			return 0, false
		}
		seconds := r.IntervalSeconds
		for range tries[i] - 1 {
			seconds = min(seconds*r.BackoffRate, r.MaxDelaySeconds)
		}
		if r.JitterStrategy == "FULL" {
			seconds /= 2
		}
		return time.Duration(seconds * float64(time.Second)), true
	}
	return 0, false
}

// caught says whether a list of names takes an error: States.TaskFailed takes any error of a task but a timeout.
func caught(names []string, name string) bool {
	return slices.Contains(names, name) || slices.Contains(names, "States.ALL") ||
		slices.Contains(names, "States.TaskFailed") && name != "States.Timeout"
}

func (e *Execution) call(ctx context.Context, s State, data any) (any, error) {
	parameters := e.template(s.Parameters, data).(map[string]any)
	function := e.machine.Functions[fmt.Sprint(parameters["FunctionName"])]
	if function == nil {
		return nil, fmt.Errorf("no function %v", parameters["FunctionName"])
	}
	payload, err := json.Marshal(parameters["Payload"])
	if err != nil {
		return nil, err
	}
	if s.TimeoutSeconds == 0 {
		s.TimeoutSeconds = 99_999_999 // the language's default
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.TimeoutSeconds)*time.Second)
	defer cancel()
	answer, err := function(ctx, payload)
	var named *Error
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, &Error{Name: "States.Timeout"}
	case err != nil && !errors.As(err, &named):
		cause, jerr := json.Marshal(map[string]string{"errorMessage": err.Error(), "errorType": "errorString"})
		err = errors.Join(jerr, check(&Error{Name: "errorString", Cause: string(cause)}))
	}
	if err != nil {
		return nil, err
	}
	return round(json.RawMessage(answer)) // OutputPath: $.Payload
}

// tooLarge cannot be retried or caught.
const tooLarge = "States.DataLimitExceeded"

// check is an error as a state's data.
func check(e *Error) error {
	if len(e.Cause) > maxState {
		return &Error{Name: tooLarge, Cause: fmt.Sprintf("%d bytes", len(e.Cause))}
	}
	return e
}

// round passes data through JSON and refuses more of it than a state holds.
func round(data any) (out any, err error) {
	text, err := json.Marshal(data)
	if err != nil {
		return nil, err
	}
	if len(text) > maxState {
		return nil, &Error{Name: tooLarge, Cause: fmt.Sprintf("%d bytes", len(text))}
	}
	return out, json.Unmarshal(text, &out)
}

// count adds events to the history.
func (e *Execution) count(events int) error {
	if e.Events += events; e.Events > maxEvents {
		return &Error{Name: "States.Runtime", Cause: "the execution reached the maximum number of history events (25000)"}
	}
	return nil
}

// template fills in the references of parameters: keys that end with ".$".
func (e *Execution) template(value, data any) any {
	fields, ok := value.(map[string]any)
	if !ok {
		return value
	}
	out := map[string]any{}
	for key, v := range fields {
		if name, reference := strings.CutSuffix(key, ".$"); reference {
			out[name] = e.reference(v.(string), data)
		} else {
			out[key] = e.template(v, data)
		}
	}
	return out
}

func (e *Execution) reference(path string, data any) any {
	if path == "$$.Execution.StartTime" {
		return e.started.UTC().Format(time.RFC3339Nano)
	}
	call, ok := strings.CutPrefix(path, "States.Format('")
	if !ok {
		return at(data, path)
	}
	format, arguments, _ := strings.Cut(strings.TrimSuffix(call, ")"), "', ")
	for _, argument := range strings.Split(arguments, ", ") {
		format = strings.Replace(format, "{}", fmt.Sprint(at(data, argument)), 1)
	}
	return format
}

// at is the value at a path such as $.error.Cause.
func at(data any, path string) any {
	for _, name := range strings.Split(path, ".")[1:] {
		fields, _ := data.(map[string]any)
		data = fields[name]
	}
	return data
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
