package workflowtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dip/contract"
	"dip/internal/lake/laketest"
	"dip/internal/ledger/ledgertest"
)

// live runs a load whose event was lost, and looks at the world after a while.
func live(t *testing.T, content string, after time.Duration, before func(w *world, id string),
	look func(w *world, id string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id := contract.LoadID(w.land(content))
		w.sweeps()
		if before != nil {
			before(w, id)
		}
		time.Sleep(after)
		look(w, id)
	})
}

// published checks that a load was certified, announced once, and that each chunk was sent the given number of times.
func (w *world) published(id string, rows int64, sent int) {
	w.t.Helper()
	load, err := w.ledger.Load(w.ctx, id)
	if err != nil {
		w.t.Fatal(err)
	}
	if load.Status != contract.Published || load.Totals == nil {
		w.t.Fatalf("the load is %s (%q): %+v", load.Status, load.Reason, w.executions[id])
	}
	if load.Totals.RowsOut != rows || load.Totals.RowsIn != rows {
		w.t.Errorf("the load is %s (%q), totals %+v", load.Status, load.Reason, load.Totals)
	}
	if len(w.events) != 1 || w.events[0].Certificate != contract.CertificateKey("things", id) {
		w.t.Errorf("announced %+v", w.events)
	}
	if got := len(w.queues["workers"].bodies); got != sent*load.Plan.Chunks {
		w.t.Errorf("%d messages were sent for %d chunks, want %d each", got, load.Plan.Chunks, sent)
	}
}

// No spot capacity, or workers busy with other loads: that is no failure of this one, and nothing is sent twice.
func TestALoadWaits5HoursForAWorker(t *testing.T) {
	live(t, rows(100), 6*time.Hour, func(w *world, _ string) {
		time.AfterFunc(5*time.Hour, w.work)
	}, func(w *world, id string) { w.published(id, 100, 1) })
}

// Messages expire on the way, which is no failure either, and the history of one execution is long enough.
func TestALoadLives10Days(t *testing.T) {
	const days = 24 * time.Hour
	live(t, rows(100), 11*days, func(w *world, _ string) {
		time.AfterFunc(10*days+6*time.Hour, w.work)
	}, func(w *world, id string) {
		w.published(id, 100, 2)
		e := w.executions[id]
		if len(w.executions) != 1 || e.Status != Succeeded || e.Events > 20_000 || e.Events < 5_000 {
			t.Errorf("%d executions, the first one %s after %d events", len(w.executions), e.Status, e.Events)
		}
	})
}

// Whenever an execution is stopped, the sweeper resumes the load, and what was sent is not sent again.
func TestAKilledExecutionIsResumed(t *testing.T) {
	for _, killedAt := range []string{
		"Plan", "Dispatched", "Chunks", "Certify", "Publish", "Announced",
	} {
		t.Run(killedAt, func(t *testing.T) {
			live(t, rows(100), 9*time.Hour, func(w *world, id string) {
				killed := false
				w.ledger.Before = func(op ledgertest.Op) error {
					if op.Name != killedAt || killed {
						return nil
					}
					killed = true
					w.kill(id)
					return errors.New("killed")
				}
				time.AfterFunc(2*time.Hour, w.work)
			}, func(w *world, id string) {
				events := 1
				if killedAt == "Announced" {
					events = 2 // nobody knows whether the first one was sent
				}
				if len(w.events) != events {
					w.t.Fatalf("announced %+v", w.events)
				}
				w.events = w.events[:1]
				sent := 1
				if killedAt == "Dispatched" {
					sent = 2 // nor that these were
				}
				w.published(id, 100, sent)
				first, second := w.executions[id], w.executions[id+"-1"]
				if first.Status != Aborted || (second == nil) != (killedAt == "Announced") {
					t.Errorf("the executions are %+v and %+v", first, second)
				}
			})
		})
	}
}

// A header may be as long as a record. The reason quotes it, and would not fit into the state of any workflow.
func TestALongHeaderFailsItsLoadWithAShortReason(t *testing.T) {
	header := strings.Repeat("column", 180_000) + ",b\n1,x\n"
	live(t, header, time.Hour, nil, func(w *world, id string) {
		load, err := w.ledger.Load(w.ctx, id)
		if err != nil {
			w.t.Fatal(err)
		}
		if load.Status != contract.Failed || !strings.Contains(load.Reason, "the header does not match the schema") ||
			len(load.Reason) > 4096 {
			t.Errorf("the load is %s, %d bytes of reason: %.200s", load.Status, len(load.Reason), load.Reason)
		}
		if len(w.events) != 1 || w.events[0].Reason != load.Reason {
			t.Errorf("%d events", len(w.events))
		}
		if e := w.executions[id]; e.Status != Failed || e.Err.Name != "LoadFailed" {
			t.Errorf("the execution is %s: %v", e.Status, e.Err)
		}
	})
}

// While other functions use the account's concurrency up, the workflow's are throttled.
func TestHalfAnHourOfThrottlingIsEndured(t *testing.T) {
	live(t, rows(10), 2*time.Hour, func(w *world, _ string) {
		w.work()
		until := time.Now().Add(15*time.Minute + 29*time.Minute) // the sweeper comes after a quarter of an hour
		for name, f := range w.machine.Functions {
			w.machine.Functions[name] = func(ctx context.Context, payload []byte) ([]byte, error) {
				if time.Now().Before(until) {
					return nil, &Error{Name: "Lambda.TooManyRequestsException", Cause: "Rate Exceeded."}
				}
				return f(ctx, payload)
			}
		}
	}, func(w *world, id string) { w.published(id, 10, 1) })
}

// A worker that dies again and again is a failure: five of them fail the load, with what is known.
func TestDeadWorkersFailTheirLoad(t *testing.T) {
	live(t, rows(10), 9*time.Hour, func(w *world, _ string) {
		w.lake.Before = func(op laketest.Op) error {
			if op.Name == "Stream" && op.Bucket == "landing" && op.From > 0 {
				return errors.New("the connection was reset")
			}
			return nil
		}
		w.work()
	}, func(w *world, id string) {
		load, err := w.ledger.Load(w.ctx, id)
		if err != nil {
			w.t.Fatal(err)
		}
		if load.Status != contract.Failed || !strings.Contains(load.Reason, "failed 5 times; last error: ") ||
			!strings.Contains(load.Reason, "the connection was reset") {
			t.Errorf("the load is %s: %s", load.Status, load.Reason)
		}
	})
}

// The interpreter ends what Step Functions ends, uncaught.
func TestLimitsOfAnExecution(t *testing.T) {
	const loop = `{"StartAt": "A", "States": {"A": {"Type": "Wait", "SecondsPath": "$.s", "Next": "B"},
		"B": {"Type": "Choice", "Choices": [], "Default": "A"}}}`
	const call = `{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
		"TimeoutSeconds": 9, "Parameters": {"FunctionName": "f", "Payload.$": "$"}, "Next": "B",
		"Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "B"}]}, "B": {"Type": "Succeed"}}}`
	run := func(definition string, fail error) *Execution {
		m, err := Parse([]byte(definition))
		if err != nil {
			t.Fatal(err)
		}
		m.Functions = map[string]Function{"f": func(ctx context.Context, _ []byte) ([]byte, error) {
			if fail == nil {
				<-ctx.Done()
			}
			return nil, fail
		}}
		var e Execution
		synctest.Test(t, func(t *testing.T) { e.Run(t.Context(), m, map[string]int{"s": 1}) })
		return &e
	}
	for name, c := range map[string]struct {
		e    *Execution
		want string
	}{
		"25,000 events":           {run(loop, nil), "FAILED States.Runtime"},
		"a cause that is caught":  {run(call, errors.New("x")), "SUCCEEDED "},
		"a cause that is too big": {run(call, fmt.Errorf("%0300000d", 0)), "FAILED States.DataLimitExceeded"},
		"a timeout":               {run(call, nil), "SUCCEEDED "},
	} {
		got := string(c.e.Status) + " "
		if c.e.Err != nil {
			got += c.e.Err.Name
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
