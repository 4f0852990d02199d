package client

import (
	"math"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/ledger"
)

func running(size int64, c contract.Compression, chunks int) ledger.Load {
	return ledger.Load{
		ID: loadID("ab"), Segment: "trips", Status: contract.Running, Received: noon, Updated: noon,
		Object: contract.Object{Key: "trips/a b.csv", Size: size},
		Plan:   &ledger.Plan{Compression: c, Body: 100, Chunks: chunks, At: noon.Add(2 * time.Second)},
	}
}

func done(i int, start, end int64) ledger.Chunk {
	return ledger.Chunk{Index: i, Start: start, End: end, Attempt: 1, Ack: &contract.Ack{
		Start: start, End: end, RowsIn: 10, RowsOut: 9, Quarantined: 1, Millis: 1500,
	}}
}

func TestMeasureStatesOfChunks(t *testing.T) {
	now := noon.Add(12 * time.Second)
	for name, c := range map[string]struct {
		chunk ledger.Chunk
		want  State
		error string
	}{
		"queued":             {ledger.Chunk{Attempt: 1}, Waiting, ""},
		"with a worker":      {ledger.Chunk{Attempt: 1, Owner: "r1", LeaseUntil: now.Add(time.Second)}, Running, ""},
		"lease expired":      {ledger.Chunk{Attempt: 1, Owner: "r1", LeaseUntil: now}, Waiting, ""},
		"released":           {ledger.Chunk{Attempt: 2, LastError: "timeout"}, Waiting, "timeout"},
		"acknowledged":       {ledger.Chunk{Attempt: 2, LastError: "timeout", Ack: &contract.Ack{}}, Done, ""},
		"failed permanently": {ledger.Chunk{Attempt: 1, Failure: "truncated gzip", LastError: "x"}, Broken, "truncated gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			p := Measure(running(1000, contract.Plain, 1), []ledger.Chunk{c.chunk}, now)
			if got := p.States[0]; got.State != c.want || got.LastError != c.error {
				t.Errorf("state %s, error %q, want %s, %q", got.State, got.LastError, c.want, c.error)
			}
			if p.Retried != c.chunk.Attempt-1 {
				t.Errorf("retried %d of attempt %d", p.Retried, c.chunk.Attempt)
			}
			if p.Waiting+p.Running+p.Done+p.Broken != 1 {
				t.Errorf("a chunk is counted %d times", p.Waiting+p.Running+p.Done+p.Broken)
			}
		})
	}
}

func TestMeasureRateAndTimeLeft(t *testing.T) {
	// 400 of 1,000 bytes in the 8 s since the plan: 50 a second, 12 s left.
	p := Measure(running(1100, contract.Plain, 3),
		[]ledger.Chunk{done(0, 100, 300), done(1, 300, 500), {Index: 2, Attempt: 1}}, noon.Add(10*time.Second))
	if p.Total != 1000 || p.Bytes != 400 || p.BytesPerSecond != 50 || p.ETASeconds == nil || *p.ETASeconds != 12 {
		t.Errorf("total %d, bytes %d, rate %v, left %v", p.Total, p.Bytes, p.BytesPerSecond, p.ETASeconds)
	}
	if p.ElapsedSeconds != 10 || p.Share() != 0.4 || p.RowsIn != 20 || p.RowsOut != 18 || p.Quarantined != 2 {
		t.Errorf("elapsed %v, share %v, rows %d %d %d", p.ElapsedSeconds, p.Share(), p.RowsIn, p.RowsOut, p.Quarantined)
	}
}

func TestMeasureKnowsNoTotalOfCompressedInput(t *testing.T) {
	p := Measure(running(1100, contract.Gzip, 2), []ledger.Chunk{done(0, 0, 5000), {Index: 1, Attempt: 1}},
		noon.Add(10*time.Second))
	if p.Total != 0 || p.ETASeconds != nil || p.Share() != 0.5 {
		t.Errorf("total %d, left %v, share %v: want unknown, and the share of chunks", p.Total, p.ETASeconds, p.Share())
	}
}

func TestMeasureBeforeAnythingIsDone(t *testing.T) {
	load := running(1000, contract.Plain, 1)
	load.Plan = nil
	for _, l := range []ledger.Load{load, running(1000, contract.Plain, 1)} {
		p := Measure(l, nil, noon)
		if p.BytesPerSecond != 0 || p.ETASeconds != nil || p.Share() != 0 || math.IsNaN(p.ElapsedSeconds) {
			t.Errorf("%+v", p)
		}
	}
}

func TestMeasureOfAPublishedLoadStandsStill(t *testing.T) {
	load := running(1100, contract.Gzip, 2)
	load.Status, load.Updated = contract.Published, noon.Add(20*time.Second)
	load.Totals = &contract.Totals{Chunks: 2, RowsIn: 30, RowsOut: 28, Quarantined: 2, Bytes: 4000}
	for _, later := range []time.Duration{20 * time.Second, time.Hour} {
		p := Measure(load, []ledger.Chunk{done(0, 0, 3000)}, noon.Add(later))
		if p.ElapsedSeconds != 20 || p.BytesPerSecond != 200 || p.Share() != 1 || p.RowsIn != 30 || p.Bytes != 4000 ||
			p.Done != 2 {
			t.Errorf("after %s: %+v", later, p)
		}
		if p.Verdict() != "CERTIFIED" || p.File() != "a b.csv" {
			t.Errorf("verdict %s, file %s", p.Verdict(), p.File())
		}
	}
}
