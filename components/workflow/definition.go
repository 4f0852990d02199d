package workflow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"dip/contract"
)

// Functions are the ARNs, qualified by an alias, of the functions that the workflow calls.
type Functions struct {
	Splitter   string
	Reconciler string
}

// The states.
const (
	plan, planned, dispatch                   = "Plan", "Planned?", "Dispatch"
	await, reconcile, reconciled              = "Await", "Reconcile", "Reconciled?"
	certify, certified, publish, done         = "Certify", "Certified?", "Publish", "Done"
	caught, unexpected, recordFailure, failed = "Caught", "Unexpected", "Record failure", "Failed"
)

// Definition is the state machine in the Amazon States Language. It is the same text for the same functions.
//
// The state between two steps is a contract.StepResponse: small, however many chunks a load has.
func Definition(f Functions) (string, error) {
	b := builder{functions: f}
	states := map[string]any{
		plan: b.task(f.Splitter, allOfInput, planned),
		planned: b.choose(map[contract.Action]string{
			contract.ActionWait: dispatch, contract.ActionCertify: certify, contract.ActionFail: recordFailure,
			contract.ActionDone: done,
		}),
		dispatch:  b.step(contract.Dispatch, await),
		await:     wait{Type: "Wait", SecondsPath: b.path(contract.StepResponse{}, "WaitSeconds"), Next: reconcile},
		reconcile: b.look(reconciled),
		reconciled: b.choose(map[contract.Action]string{
			contract.ActionWait: await, contract.ActionCertify: certify, contract.ActionFail: recordFailure,
		}),
		certify:   b.step(contract.Certify, certified),
		certified: b.choose(map[contract.Action]string{contract.ActionDone: publish, contract.ActionFail: recordFailure}),
		publish:   b.step(contract.Publish, done),
		done:      end{Type: "Succeed"},
		caught:    b.cause("States.Format('{}: {}', $.error.Error, $.error.Cause)"),
		unexpected: b.cause(fmt.Sprintf("States.Format('a step answered with the unknown action {}', %s)",
			b.path(contract.StepResponse{}, "Action"))),
		recordFailure: b.recordFailure(),
		failed:        end{Type: "Fail", Error: "LoadFailed", CausePath: b.path(contract.StepResponse{}, "Cause")},
	}
	if b.err != nil {
		return "", fmt.Errorf("workflow definition: %w", b.err)
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(machine{Comment: "A load, from its plan to its publication", StartAt: plan, States: states})
	if err != nil {
		return "", fmt.Errorf("workflow definition: %w", err)
	}
	return strings.TrimSpace(text.String()), nil
}

// builder makes states and keeps the first error.
type builder struct {
	functions Functions
	err       error
}

// allOfInput passes a state's whole input to a function.
var allOfInput = reference("$")

// reference is a path or an intrinsic function instead of a value.
type reference string

func (b *builder) task(arn string, payload any, next string) task {
	return task{
		Type:       "Task",
		Resource:   "arn:" + partition(arn) + ":states:::lambda:invoke",
		Parameters: b.template(map[string]any{"FunctionName": arn, "Payload": payload}),
		OutputPath: "$.Payload",
		// Lambda answers within 15 minutes, or the answer is lost ("Best practices", Step Functions): an execution that waits
		// for it stands still until it is a year old.
		TimeoutSeconds: 16 * 60,
		Retry:          retries,
		Catch:          []catcher{{ErrorEquals: []string{"States.ALL"}, ResultPath: "$.error", Next: caught}},
		Next:           next,
	}
}

// step asks the reconciler for a step.
func (b *builder) step(s contract.Step, next string) task {
	request := contract.StepRequest{Version: contract.Version, Step: s}
	return b.task(b.functions.Reconciler, b.request(request, "Load"), next)
}

// look asks the reconciler for a look at the ledger. How often it looks again depends on the execution's age.
func (b *builder) look(next string) task {
	sample := contract.StepRequest{Version: contract.Version, Step: contract.Reconcile}
	fields := b.request(sample, "Load")
	fields[b.key(sample, "Started")] = reference("$$.Execution.StartTime")
	return b.task(b.functions.Reconciler, fields, next)
}

// recordFailure catches nothing: when the failure itself cannot be recorded, the execution's error says so.
func (b *builder) recordFailure() task {
	t := b.task(b.functions.Reconciler,
		b.request(contract.StepRequest{Version: contract.Version, Step: contract.Fail}, "Load", "Cause"), failed)
	t.Catch = nil
	return t
}

// request turns a sample into a template: the named fields are taken from the state's input, under the names that they
// have in contract.StepResponse.
func (b *builder) request(sample contract.StepRequest, fromInput ...string) map[string]any {
	data, err := json.Marshal(sample)
	b.keep(err)
	fields := map[string]any{}
	b.keep(json.Unmarshal(data, &fields))
	for _, name := range fromInput {
		fields[b.key(sample, name)] = reference(b.path(contract.StepResponse{}, name))
	}
	return fields
}

// cause makes a failed contract.StepResponse with a cause that an intrinsic function writes.
func (b *builder) cause(intrinsic string) pass {
	data, err := json.Marshal(contract.StepResponse{Action: contract.ActionFail})
	b.keep(err)
	fields := map[string]any{}
	b.keep(json.Unmarshal(data, &fields))
	fields[b.key(contract.StepResponse{}, "Load")] = reference(b.path(contract.StepResponse{}, "Load"))
	fields[b.key(contract.StepResponse{}, "Cause")] = reference(intrinsic)
	return pass{Type: "Pass", Parameters: b.template(fields), Next: recordFailure}
}

// choose goes on by the action of a contract.StepResponse.
func (b *builder) choose(next map[contract.Action]string) choice {
	c := choice{Type: "Choice", Default: unexpected}
	for _, action := range []contract.Action{
		contract.ActionWait, contract.ActionCertify, contract.ActionDone, contract.ActionFail,
	} {
		if state, ok := next[action]; ok {
			c.Choices = append(c.Choices, rule{
				Variable: b.path(contract.StepResponse{}, "Action"), StringEquals: string(action), Next: state,
			})
		}
	}
	return c
}

// template marks the references among the values by the suffix that the language wants on their keys.
func (b *builder) template(fields map[string]any) map[string]any {
	out := map[string]any{}
	for key, value := range fields {
		switch v := value.(type) {
		case reference:
			out[key+".$"] = v
		case map[string]any:
			out[key] = b.template(v)
		default:
			out[key] = v
		}
	}
	return out
}

// partition is that of an ARN: aws, aws-cn, aws-us-gov.
func partition(arn string) string {
	_, rest, _ := strings.Cut(arn, ":")
	name, _, _ := strings.Cut(rest, ":")
	return name
}

// path is the JSON path of a field, by its name in Go.
func (b *builder) path(of any, field string) string { return "$." + b.key(of, field) }

func (b *builder) key(of any, field string) string {
	f, ok := reflect.TypeOf(of).FieldByName(field)
	if !ok {
		b.keep(fmt.Errorf("%T has no field %s", of, field))
	}
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

func (b *builder) keep(err error) {
	if b.err == nil {
		b.err = err
	}
}
