package load_test

import (
	"testing"
	"time"

	"dip/contract"
	"dip/internal/ledger"
	"dip/internal/load"
)

// A plan that died halfway leaves more chunks than the plan that stands: they are not part of the load.
func TestPlanned(t *testing.T) {
	staged := &contract.Object{Bucket: "lake", Key: "staging/a", Size: 10}
	chunks := []ledger.Chunk{{Index: 0, Staged: staged}, {Index: 1}, {Index: 2, Staged: staged}}
	for name, c := range map[string]struct {
		plan ledger.Plan
		want []int
	}{
		"as many as planned":         {ledger.Plan{Chunks: 2}, []int{0, 1}},
		"fewer written than planned": {ledger.Plan{Chunks: 9}, []int{0, 1, 2}},
		"the pieces of a restage":    {ledger.Plan{Restage: true}, []int{0, 2}},
		"a plan of an empty input":   {ledger.Plan{}, nil},
	} {
		got := load.Planned(ledger.Load{Plan: &c.plan}, chunks)
		if len(got) != len(c.want) {
			t.Errorf("%s: %d chunks, want %v", name, len(got), c.want)
			continue
		}
		for i := range got {
			if got[i].Index != c.want[i] {
				t.Errorf("%s: chunk %d, want %d", name, got[i].Index, c.want[i])
			}
		}
	}
	if len(chunks) != 3 || chunks[1].Index != 1 {
		t.Error("the ledger's chunks were changed")
	}
}

// A piece is plain whatever its input was, and its offsets stay those of the whole content.
func TestMessage(t *testing.T) {
	from := int64(100)
	l := ledger.Load{
		ID: "L", Segment: "trips", Catalog: "catalog/1.json", Object: contract.Object{Key: "trips/a.gz", Size: 50},
		Received: time.Date(2026, 1, 31, 23, 30, 0, 0, time.FixedZone("", -3600)),
		Plan:     &ledger.Plan{Compression: contract.Gzip, Width: 3},
	}
	c := ledger.Chunk{Index: 2, Start: 100, End: 200, From: &from, Attempt: 4}
	whole := load.Message(l, c)
	if whole.Object != l.Object || whole.Base != 0 || whole.Compression != contract.Gzip || whole.Width != 3 {
		t.Errorf("a chunk of the input: %+v", whole)
	}
	if whole.LoadDate != "2026-02-01" { // in UTC
		t.Errorf("load date %s", whole.LoadDate)
	}
	if whole.Load != "L" || whole.Chunk != 2 || whole.Attempt != 4 || whole.Start != 100 || whole.End != 200 ||
		whole.From != &from {
		t.Errorf("the chunk's own fields: %+v", whole)
	}
	c.Staged = &contract.Object{Bucket: "lake", Key: "staging/a", Size: 100}
	piece := load.Message(l, c)
	if piece.Object != *c.Staged || piece.Base != 100 || piece.Compression != contract.Plain || piece.Start != 100 {
		t.Errorf("a piece: %+v", piece)
	}
}
