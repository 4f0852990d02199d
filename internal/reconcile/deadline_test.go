package reconcile

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/emf"
	"dip/internal/ledger"
)

// tenChunks is a load of 1000 bytes in ten chunks, received 20 s and planned 10 s before its chunks are looked at, at 100 s.
func tenChunks() (ledger.Load, []ledger.Chunk) {
	load := ledger.Load{
		Status: contract.Running, Received: at(80), Object: contract.Object{Size: 1000},
		Plan: &ledger.Plan{Compression: contract.Plain, Chunks: 10, At: at(90)},
	}
	chunks := make([]ledger.Chunk, 10)
	for i := range chunks {
		chunks[i] = ledger.Chunk{Index: i, Start: int64(i) * 100, End: int64(i+1) * 100}
	}
	return load, chunks
}

func TestPredict(t *testing.T) {
	const now = 100
	for name, c := range map[string]struct {
		change func(l *ledger.Load, c []ledger.Chunk)
		want   float64 // seconds
	}{
		"nothing is done: as long again": {func(*ledger.Load, []ledger.Chunk) {}, 120},
		"not planned":                    {func(l *ledger.Load, _ []ledger.Chunk) { l.Plan = nil }, 120},
		"a fifth is done: four times as long as that took": {func(_ *ledger.Load, c []ledger.Chunk) {
			ack(&c[0], 0, 100, 95)
			ack(&c[1], 100, 200, 95)
		}, 140},
		"what is held is half done": {func(_ *ledger.Load, c []ledger.Chunk) {
			for i := range 4 {
				c[i].Owner, c[i].LeaseUntil = "a", at(101)
			}
		}, 140},
		"whose lease is over is not": {func(_ *ledger.Load, c []ledger.Chunk) {
			ack(&c[0], 0, 100, 95)
			c[1].Owner, c[1].LeaseUntil = "a", at(100)
		}, 190},
		"all is done": {func(_ *ledger.Load, c []ledger.Chunk) {
			for i := range c {
				ack(&c[i], c[i].Start, c[i].End, 95)
			}
		}, 100},
		"a length that nobody knows": {func(_ *ledger.Load, c []ledger.Chunk) {
			ack(&c[0], 0, 100, 95)
			c[1].End = -1
		}, 120},
		"pieces are still cut": {func(l *ledger.Load, c []ledger.Chunk) {
			l.Restage = &ledger.Chunk{Index: ledger.RestageIndex}
			ack(&c[0], 0, 100, 95)
		}, 120},
		"it is over": {func(l *ledger.Load, _ []ledger.Chunk) { l.Status, l.Updated = contract.Published, at(97) }, 97},
	} {
		load, chunks := tenChunks()
		c.change(&load, chunks)
		if got := Predict(at(now), load, chunks); !got.Equal(at(c.want)) {
			t.Errorf("%s: %s, want %s", name, got, at(c.want))
		}
	}
}

// However little is done, the prediction is later than now.
func TestPredictionsDoNotOverflow(t *testing.T) {
	load, chunks := tenChunks()
	chunks[9].End = 1 << 60
	ack(&chunks[0], 0, 1, 95)
	if got := Predict(at(90+30*24*3600), load, chunks); got.Before(at(90 + 60*24*3600)) {
		t.Errorf("predicted %s", got)
	}
}

func TestSlack(t *testing.T) {
	load, chunks := tenChunks() // received at 80 s, predicted at 100 s to end at 120 s
	for _, c := range []struct {
		deadline, now int
		status        contract.Status
		slack         time.Duration
		late, ok      bool
	}{
		{0, 100, contract.Running, 0, false, false},
		{60, 100, contract.Running, 20 * time.Second, false, true},
		{30, 100, contract.Running, -10 * time.Second, false, true}, // at risk
		{20, 100, contract.Running, -20 * time.Second, false, true}, // right now
		{19, 100, contract.Running, -21 * time.Second, true, true},
		{20, 999, contract.Published, 0, false, true}, // it was published at 100 s
		{19, 999, contract.Published, -time.Second, true, true},
	} {
		load.Status, load.Updated = c.status, at(100)
		slack, late, ok := Slack(at(float64(c.now)), contract.Segment{DeadlineSeconds: c.deadline}, load, chunks)
		if slack != c.slack || late != c.late || ok != c.ok {
			t.Errorf("%+v: %s, late: %v, %v", c, slack, late, ok)
		}
	}
}

// A load with a deadline is measured each time that it waits, and once as it is published.
func TestMetricsOfADeadline(t *testing.T) {
	w, r := newWorld(2)
	w.deadline = 60
	var out bytes.Buffer
	r.Metrics = &emf.Emitter{Stack: "dev", Out: &out, Now: r.Now}
	w.now = w.load().Received.Add(10 * time.Second)
	w.step(t, r, contract.Reconcile, "")
	w.done()
	w.step(t, r, contract.Reconcile, "")
	w.step(t, r, contract.Certify, "")
	w.now = w.load().Received.Add(100 * time.Second)
	w.step(t, r, contract.Publish, "")
	w.step(t, r, contract.Publish, "")
	var got []map[string]any
	for line := range strings.Lines(out.String()) {
		if !strings.Contains(line, contract.DeadlineSlack.Name) {
			continue
		}
		var one map[string]any
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatal(err)
		}
		got = append(got, one)
	}
	want := [][2]float64{{60 - 20.002, 0}, {60 - 100.001, 1}}
	if len(got) != len(want) {
		t.Fatalf("measured %d times, want %d: %s", len(got), len(want), &out)
	}
	for i, w := range want {
		slack, late := got[i][contract.DeadlineSlack.Name].(float64), got[i][contract.LateLoads.Name]
		if slack < w[0]-0.01 || slack > w[0]+0.01 || late != w[1] || got[i]["segment"] != "things" {
			t.Errorf("%d: %v, want %v", i, got[i], w)
		}
	}
}
