package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"dip/contract"
	"dip/internal/lake/laketest"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
)

// fakeQueues is a dead-letter queue and the messages sent to its source. Received letters stay hidden until released.
type fakeQueues struct {
	letters      []types.Message
	hidden       map[string]bool
	sent         []string
	refuse       string // body that the source queue rejects
	deleteBroken bool
	log          []string // order of sends and deletes
}

func (f *fakeQueues) ReceiveMessage(
	_ context.Context, in *sqs.ReceiveMessageInput, _ ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error,
) {
	var out []types.Message
	for _, m := range f.letters {
		if !f.hidden[*m.MessageId] && len(out) < int(in.MaxNumberOfMessages) {
			f.hidden[*m.MessageId] = true
			out = append(out, m)
		}
	}
	return &sqs.ReceiveMessageOutput{Messages: out}, nil
}

func (f *fakeQueues) SendMessageBatch(
	_ context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error,
) {
	if len(in.Entries) == 0 || len(in.Entries) > 10 {
		return nil, fmt.Errorf("a batch of %d", len(in.Entries))
	}
	out := &sqs.SendMessageBatchOutput{}
	for _, e := range in.Entries {
		if *e.MessageBody == f.refuse {
			out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: e.Id, Code: aws.String("InternalError")})
			continue
		}
		f.sent = append(f.sent, *e.MessageBody)
		f.log = append(f.log, "send "+*e.MessageBody)
		out.Successful = append(out.Successful, types.SendMessageBatchResultEntry{Id: e.Id})
	}
	return out, nil
}

func (f *fakeQueues) DeleteMessageBatch(
	_ context.Context, in *sqs.DeleteMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error,
) {
	if f.deleteBroken {
		return nil, errors.New("connection reset")
	}
	for _, e := range in.Entries {
		f.letters = slices.DeleteFunc(f.letters, func(m types.Message) bool {
			if *m.ReceiptHandle != *e.ReceiptHandle {
				return false
			}
			f.log = append(f.log, "delete "+*m.Body)
			return true
		})
	}
	return &sqs.DeleteMessageBatchOutput{}, nil
}

func (f *fakeQueues) ChangeMessageVisibilityBatch(_ context.Context, in *sqs.ChangeMessageVisibilityBatchInput,
	_ ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	for _, e := range in.Entries {
		if e.VisibilityTimeout == 0 {
			delete(f.hidden, strings.TrimPrefix(*e.ReceiptHandle, "r"))
		}
	}
	return &sqs.ChangeMessageVisibilityBatchOutput{}, nil
}

func deadLetters(bodies ...string) *fakeQueues {
	f := &fakeQueues{hidden: map[string]bool{}}
	for i, body := range bodies {
		id := fmt.Sprint(i)
		f.letters = append(f.letters, types.Message{MessageId: &id, ReceiptHandle: aws.String("r" + id), Body: &body})
	}
	return f
}

func chunkBody(t *testing.T, load string, chunk int) string {
	t.Helper()
	data, err := json.Marshal(contract.ChunkMessage{
		Version: 1, Load: load, Segment: "trips", Catalog: "c", Object: contract.Object{Key: "k"}, Attempt: 1, Chunk: chunk,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestRedriveMovesOnlyTheChosen(t *testing.T) {
	var bodies []string
	for i := range 25 {
		bodies = append(bodies, chunkBody(t, []string{"mine", "other"}[i%2], i))
	}
	bodies = append(bodies, "not a chunk message")
	f := deadLetters(bodies...)
	moved, err := Redrive(t.Context(), f, "dlq", "queue", ChooseChunks("mine"))
	if err != nil || moved != (Moved{Queue: "queue", Sent: 13, Kept: 12, Unreadable: 1}) {
		t.Fatalf("%+v, %v", moved, err)
	}
	for _, body := range f.sent {
		if !strings.Contains(body, "mine") {
			t.Errorf("sent %s", body)
		}
	}
	if len(f.letters) != 13 || len(f.hidden) != 13 { // the fake keeps the deleted ones marked
		t.Errorf("%d letters left, %d hidden: want those not chosen, visible", len(f.letters), len(f.hidden))
	}
	for _, m := range f.letters {
		if f.hidden[*m.MessageId] {
			t.Errorf("letter %s was not released", *m.MessageId)
		}
	}
}

func TestRedriveDeletesNothingThatWasNotSent(t *testing.T) {
	f := deadLetters("a", "b", "c")
	f.refuse = "b"
	moved, err := Redrive(t.Context(), f, "dlq", "queue", ChooseAll)
	if err == nil || moved.Sent != 2 || len(f.letters) != 1 || *f.letters[0].Body != "b" {
		t.Errorf("%+v, %v, left %d", moved, err, len(f.letters))
	}
	if want := []string{"send a", "send c", "delete a", "delete c"}; !slices.Equal(f.log, want) {
		t.Errorf("order %v, want %v", f.log, want)
	}
}

func TestRedriveTellsOfLettersThatComeTwice(t *testing.T) {
	f := deadLetters("a", "b")
	f.deleteBroken = true
	moved, err := Redrive(t.Context(), f, "dlq", "queue", ChooseAll)
	if err == nil || moved.Sent != 2 || moved.Twice != 2 {
		t.Errorf("%+v, %v", moved, err)
	}
}

func TestRedriveEndsWhenHiddenLettersComeBack(t *testing.T) {
	f := deadLetters("a")
	f.hidden = nil // a nil map hides nothing
	endless := &forgetful{f}
	moved, err := Redrive(t.Context(), endless, "dlq", "queue", ChooseChunks(""))
	if err != nil || moved.Unreadable != 1 {
		t.Errorf("%+v, %v", moved, err)
	}
}

// forgetful returns the same letter on every receive.
type forgetful struct{ *fakeQueues }

func (f *forgetful) ReceiveMessage(
	context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error,
) {
	return &sqs.ReceiveMessageOutput{Messages: f.letters}, nil
}

// fakeWorkflows knows the executions that exist, and whether they are running.
type fakeWorkflows struct {
	running map[string]bool
	started []string
}

func (f *fakeWorkflows) State(_ context.Context, execution string) (known, running bool, err error) {
	running, known = f.running[execution]
	return known, running, nil
}

func (f *fakeWorkflows) Start(_ context.Context, execution string, in contract.WorkflowInput) error {
	if !strings.HasPrefix(execution, in.Load) || in.Version != contract.Version {
		return fmt.Errorf("execution %s of %+v", execution, in)
	}
	f.started = append(f.started, execution)
	return nil
}

func TestRetry(t *testing.T) {
	id := loadID("a")
	for name, c := range map[string]struct {
		status    contract.Status
		execution int
		over      []string // executions that have ended
		runs      string   // the one that is running
		want      Retried
		redriven  int
		started   []string
	}{
		"failed":                     {contract.Failed, 0, []string{id}, "", Restarted, 1, []string{id + "-1"}},
		"failed a second time":       {contract.Failed, 1, []string{id, id + "-1"}, "", Restarted, 1, []string{id + "-2"}},
		"redriven, never started":    {contract.Running, 1, []string{id}, "", GoingOn, 0, []string{id + "-1"}},
		"received, never started":    {contract.Received, 0, nil, "", GoingOn, 0, []string{id}},
		"its workflow was lost":      {contract.Running, 0, []string{id}, "", Restarted, 1, []string{id + "-1"}},
		"the content of another":     {contract.Duplicate, 0, []string{id}, "", AllDone, 0, nil},
		"certified already":          {contract.Published, 0, []string{id}, "", AllDone, 0, nil},
		"certified, being published": {contract.Certified, 0, nil, "", GoingOn, 0, []string{id}},
		"running":                    {contract.Running, 1, []string{id}, id + "-1", GoingOn, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f, w := ledgertest.New(), &fakeWorkflows{running: map[string]bool{}}
			f.Seed(ledger.Load{ID: id, Status: c.status, Execution: c.execution})
			for _, o := range c.over {
				w.running[o] = false
			}
			if c.runs != "" {
				w.running[c.runs] = true
			}
			got, err := Retry(t.Context(), f, laketest.New("lake"), w, id, time.Now())
			load, lerr := f.Load(t.Context(), id)
			redriven := load.Execution - c.execution
			if err != nil || lerr != nil || got != c.want || redriven != c.redriven || !slices.Equal(w.started, c.started) {
				t.Errorf("%s, %v; redriven %d, started %v: want %s, %d, %v", got, err, redriven, w.started, c.want, c.redriven,
					c.started)
			}
		})
	}
}

// A load that is redriven after its pieces have expired is restaged; one whose pieces are there, or not needed, is not.
func TestRetryOfExpiredPieces(t *testing.T) {
	for name, c := range map[string]struct {
		gone, needed, restaged bool
	}{
		"expired": {true, true, true}, "there": {false, true, false}, "not needed": {true, false, false},
	} {
		f, lake := ledgertest.New(), laketest.New("lake")
		piece := lake.Put("lake", "staging/things/a/0", []byte("x"))
		piece.VersionID = ""
		if c.gone {
			lake.Delete("lake", piece.Key)
		}
		chunk := ledger.Chunk{Start: 0, End: 1, Attempt: 1, Staged: &piece}
		if !c.needed {
			chunk.Ack = &contract.Ack{}
		}
		f.Seed(ledger.Load{
			ID: loadID("a"), Status: contract.Failed, Plan: &ledger.Plan{Restage: true},
			Restage: &ledger.Chunk{Index: ledger.RestageIndex, Attempt: 1, Ack: &contract.Ack{End: 1}},
		}, chunk)
		_, err := Retry(t.Context(), f, lake, &fakeWorkflows{}, loadID("a"), time.Now())
		load, lerr := f.Load(t.Context(), loadID("a"))
		if err != nil || lerr != nil || load.Execution != 1 || (load.Restage.Ack == nil) != c.restaged {
			t.Errorf("%s: %v, %v, restage %+v", name, err, lerr, load.Restage)
		}
	}
}
