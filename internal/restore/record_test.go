package restore

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/ledger"
	"dip/internal/load"
	"dip/internal/reconcile"
)

var began = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// certified is a load of n chunks as the ledger has it when all of them are acknowledged.
func certified(r *rand.Rand, c contract.Compression, restage bool, n int) (ledger.Load, []ledger.Chunk) {
	at := func() time.Time { return began.Add(time.Duration(1+r.IntN(1000)) * time.Second) }
	plan := ledger.Plan{Compression: c, Body: 10, Columns: []int{1, -1}, Width: 2, Chunks: n, At: began.Add(time.Second),
		Front: contract.Skipped{Lines: 1, Bytes: 4}, Restage: restage, Lane: contract.Workers}
	l := ledger.Load{Segment: "things", Catalog: "catalog/1.json", Received: began, Status: contract.Published,
		Object: contract.Object{Bucket: "landing", Key: "things/a", VersionID: "v1", Size: int64(10 + 100*n), ETag: "e"},
		Plan:   &plan, Link: &contract.Link{Number: 3, Load: "before", SHA256: "sum"}, Execution: 2}
	l.ID = contract.LoadID(l.Object)
	end, footer := l.Object.Size, contract.Skipped{Lines: 1, Bytes: 7}
	var chunks []ledger.Chunk
	for i := range n {
		k := ledger.Chunk{Index: i, Start: int64(10 + 100*i), End: int64(110 + 100*i), Attempt: 1 + r.IntN(3), Owner: "a",
			Sent: began, Failures: r.IntN(2)}
		if i == 0 {
			k.Start = 10
			if !restage {
				k.From = &plan.Body
			}
		} else if !restage && k.Attempt > 1 {
			from := k.Start
			k.From = &from
		}
		if restage {
			k.Staged = &contract.Object{Bucket: "lake", Key: "staging/x", Size: 100}
		}
		k.Ack = &contract.Ack{Start: k.Start, End: k.End, RowsIn: 1, RowsOut: 1, Attempt: k.Attempt, At: at(), Code: "c0de",
			HashOut: "00000000000000000000000000000001", HashBad: "00000000000000000000000000000000",
			Outputs: []contract.Output{{Key: "data/x", Rows: 1, Bytes: 3}}}
		chunks = append(chunks, k)
	}
	switch {
	case restage:
		l.Restage = &ledger.Chunk{Index: ledger.RestageIndex, Start: 10, End: -1, Attempt: 2,
			Ack: &contract.Ack{Start: 10, End: end, Footer: footer, Attempt: 2, At: at(), Code: "c0de"}}
		plan.Chunks = 0
	case !c.Splittable():
		chunks[0].End, chunks[0].Ack.Footer = -1, footer
	default:
		plan.Footer = footer
		l.Object.Size += footer.Bytes
		l.ID = contract.LoadID(l.Object)
	}
	return l, chunks
}

// A certificate that is built from the rebuilt record is the one that the record was rebuilt from.
func TestTheRecordProvesItsCertificate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		n, compression, restage := 1+r.IntN(6), contract.Plain, false
		switch r.IntN(3) {
		case 0:
			compression, n = contract.Gzip, 1
		case 1:
			compression, restage = contract.Zstd, true
			if n = r.IntN(6); n == 0 {
				n = 1
			}
		}
		l, chunks := certified(r, compression, restage, n)
		c, err := reconcile.Certificate("dev", l, load.Planned(l, chunks))
		if err != nil {
			t.Fatal(err)
		}
		got := Record(c, "hash", true)
		again, err := reconcile.Certificate("dev", got.Load, load.Planned(got.Load, got.Chunks))
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("%v\nthe record gives\n%+v\nwant\n%+v", err, again, c)
		}
		want := *l.Plan // the lane is not known, nor when it was planned: some time after its receipt
		want.Lane, want.At = "", began
		if !reflect.DeepEqual(*got.Load.Plan, want) {
			t.Fatalf("the plan is %+v, want %+v", *got.Load.Plan, want)
		}
		if got.Load.ID != l.ID || got.Load.SHA256 != "hash" || got.Load.Plan.Restage != restage ||
			got.Load.Plan.Chunks != l.Plan.Chunks || (got.Load.Restage == nil) == restage {
			t.Fatalf("the load is %+v", got.Load)
		}
	}
}

// An input without a record has no chunk, and is certified at the time of its plan.
func TestTheRecordOfAnEmptyLoad(t *testing.T) {
	l, _ := certified(rand.New(rand.NewPCG(1, 2)), contract.Plain, false, 0)
	c, err := reconcile.Certificate("dev", l, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := Record(c, "", true)
	again, err := reconcile.Certificate("dev", got.Load, nil)
	if err != nil || !reflect.DeepEqual(again, c) || !got.Load.Plan.At.Equal(l.Plan.At) {
		t.Errorf("%+v, %v", got.Load, err)
	}
}

// A load without a manifest is certified, and open: the sweeper has it published. One from before there were links has
// none in the ledger either.
func TestTheRecordOfWhatIsNotPublished(t *testing.T) {
	l, chunks := certified(rand.New(rand.NewPCG(1, 2)), contract.Plain, false, 2)
	c, err := reconcile.Certificate("dev", l, chunks)
	if err != nil {
		t.Fatal(err)
	}
	if got := Record(c, "hash", false); got.Load.Status != contract.Certified || !got.Open {
		t.Errorf("%+v", got)
	}
	if got := Record(c, "hash", true); got.Load.Status != contract.Published || got.Open {
		t.Errorf("%+v", got)
	}
	c.Link = nil
	if got := Record(c, "hash", true); got.Load.Link != nil || got.Load.SHA256 != "" {
		t.Errorf("%+v", got.Load)
	}
}
