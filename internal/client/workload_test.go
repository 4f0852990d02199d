package client

import (
	"reflect"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
	"dip/internal/simulate"
)

func TestReadWorkload(t *testing.T) {
	f := ledgertest.New()
	plain := &ledger.Plan{Compression: contract.Plain, Chunks: 2}
	chunks := []ledger.Chunk{
		{Index: 0, Ack: &contract.Ack{Start: 10, End: 50_000_010, Millis: 1200}}, {Index: 1},
	}
	for id, l := range map[string]ledger.Load{
		"a": {Status: contract.Published, Received: noon.Add(-2 * time.Hour), Plan: plain,
			Totals: &contract.Totals{Bytes: 500}},
		"b": {Status: contract.Running, Received: noon.Add(-3 * time.Hour), Object: contract.Object{Size: 7},
			Plan: &ledger.Plan{Compression: contract.Gzip, Chunks: 1}},
		"c": {Status: contract.Duplicate, Received: noon.Add(-time.Hour)},
		"d": {Status: contract.Published, Received: noon.Add(-25 * time.Hour)},
		"e": {Status: contract.Published, Received: noon.Add(-time.Hour), Interval: &contract.Interval{}},
	} {
		l.ID, l.Segment, l.Updated = loadID(id), "trips", l.Received.Add(time.Minute)
		f.Seed(l, chunks...)
	}
	f.Seed(ledger.Load{ID: loadID("f"), Segment: "gone", Status: contract.Published, Received: noon.Add(-time.Hour)})
	asked := []contract.Lane{}
	w, paces, err := ReadWorkload(t.Context(), f, []string{"events", "trips"}, noon.Add(-24*time.Hour), noon, 0,
		func(_ string, lane contract.Lane) float64 {
			asked = append(asked, lane)
			return 0.5
		})
	if err != nil {
		t.Fatal(err)
	}
	want := simulate.Workload{Span: 24 * time.Hour, Loads: []simulate.Arrival{
		{Segment: "trips", At: 21 * time.Hour, Bytes: 7, Whole: true, Open: 3 * time.Hour},
		{Segment: "trips", At: 22 * time.Hour, Bytes: 500, Took: time.Minute, Open: time.Minute},
	}}
	if !reflect.DeepEqual(w, want) {
		t.Errorf("%+v", w)
	}
	if p := paces["trips"]; p.Measured != 1 || p.Mean(50_000_000, 0.5).Round(time.Millisecond) != 1200*time.Millisecond {
		t.Errorf("%+v", p)
	}
	if p := paces["events"]; p.Measured != 0 || len(asked) != 1 {
		t.Errorf("%+v, asked for %v", p, asked)
	}
}

// Chunks that share one machine's cores are measured by what they had of them.
func TestReadWorkloadOfOneMachine(t *testing.T) {
	f := ledgertest.New()
	ack := func(bytes, millis int64) *contract.Ack { return &contract.Ack{End: bytes, Millis: millis, At: noon} }
	f.Seed(ledger.Load{ID: loadID("a"), Segment: "trips", Status: contract.Published, Received: noon.Add(-time.Hour),
		Plan: &ledger.Plan{Compression: contract.Plain, Chunks: 2}},
		ledger.Chunk{Index: 0, Ack: ack(50e6, 2000)}, ledger.Chunk{Index: 1, Ack: ack(50e6, 2000)})
	_, paces, err := ReadWorkload(t.Context(), f, []string{"trips"}, noon.Add(-24*time.Hour), noon, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	// both ran for 2 s on one core: 1 s of work each
	if p := paces["trips"]; p.Mean(50e6, 1).Round(10*time.Millisecond) != time.Second {
		t.Errorf("%+v: %s", p, p.Mean(50e6, 1))
	}
}
