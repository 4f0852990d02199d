package process

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/emf"
	"dip/internal/lake/laketest"
	"dip/internal/lease"
	"dip/internal/ledger"
	"dip/internal/trace/tracetest"
)

// measured is what a handler emits for one message.
func measured(t *testing.T, b *bench, ctx context.Context) map[string]any {
	t.Helper()
	var out bytes.Buffer
	b.Metrics = &emf.Emitter{Stack: "dev", Out: &out, Now: func() time.Time { return received }}
	b.handle(t, ctx, b.message(nil))
	line := map[string]any{}
	if out.Len() > 0 {
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatalf("%v: %s", err, &out)
		}
	}
	delete(line, "_aws")
	return line
}

func TestMetricsOfAChunk(t *testing.T) {
	b := newBench(t, "1,x,a\n2,y,b\nbad\n")
	want := map[string]any{
		"stack": "dev", "segment": "things", "load": "L", "chunk": "4", "code": "c0de",
		"ChunksAcknowledged": 1.0, "ChunkAttempts": 2.0, "ChunkSeconds": 0.001, "ChunkRate": 16 / 1e6 / 0.001,
		"BytesIn": 16.0, "RecordsIn": 3.0, "RecordsOut": 2.0, "RecordsQuarantined": 1.0,
	}
	if got := measured(t, b, t.Context()); !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	// A chunk that another invocation has acknowledged does not count twice.
	if got := measured(t, b, t.Context()); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestMetricsOfErrors(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*bench)
		input   string
		counts  bool
	}{
		"retryable": {input: "1,x,a\n", prepare: func(b *bench) { b.world.Wrap = broken(3) }, counts: true},
		"permanent": {input: "1,\"" + strings.Repeat("never closed\n", 400_000), counts: true},
		"lost claim": {input: "1,x,a\n", prepare: func(b *bench) {
			b.world.After = func(op laketest.Op) error {
				if op.Write {
					b.open(func(c *ledger.Chunk) { c.Attempt = 3 })
				}
				return nil
			}
		}},
		"no claim": {input: "1,x,a\n", prepare: func(b *bench) { b.refused["Claim"] = errors.New("throttled") }},
	} {
		b := newBench(t, c.input)
		if c.prepare != nil {
			c.prepare(b)
		}
		got := measured(t, b, t.Context())
		if counted := got[contract.ChunkErrors.Name] == 1.0; counted != c.counts || (!c.counts && len(got) != 0) {
			t.Errorf("%s: got %v", name, got)
		}
	}
	// A worker that hands its chunk back has not failed.
	b := newBench(t, "1,x,a\n")
	ctx, stop := context.WithCancelCause(t.Context())
	b.world.After = func(laketest.Op) error { stop(lease.ErrStopping); return context.Canceled }
	got := measured(t, b, ctx)
	if _, failed := got[contract.ChunkErrors.Name]; failed || got[contract.ChunksHandedBack.Name] != 1.0 {
		t.Errorf("stopping: got %v", got)
	}
}

// The trace of a chunk can be found by its load, and says whether it failed.
func TestChunksAreTraced(t *testing.T) {
	for _, fault := range []bool{false, true} {
		b := newBench(t, "1,x,a\n")
		if fault {
			b.world.Wrap = broken(3)
		}
		traces, next := tracetest.Start(t)
		b.Traces = traces
		b.handle(t, tracetest.Invocation(t.Context(), tracetest.Header), b.message(nil))
		got := next()
		if !strings.Contains(got, `"annotations":{"chunk":"4","code":"c0de","load":"L"}`) ||
			strings.Contains(got, `"fault":true`) != fault {
			t.Errorf("recorded %s", got)
		}
	}
}
