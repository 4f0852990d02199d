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
	w, paces, err := ReadWorkload(t.Context(), f, []string{"events", "trips"}, noon.Add(-24*time.Hour), noon,
		func(_ string, lane contract.Lane) float64 {
			asked = append(asked, lane)
			return 0.5
		})
	if err != nil {
		t.Fatal(err)
	}
	want := simulate.Workload{Span: 24 * time.Hour, Loads: []simulate.Arrival{
		{Segment: "trips", At: 21 * time.Hour, Bytes: 7, Whole: true}, {Segment: "trips", At: 22 * time.Hour, Bytes: 500},
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
