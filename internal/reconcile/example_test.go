package reconcile_test

import (
	"fmt"
	"time"

	"dip/contract"
	"dip/internal/ledger"
	"dip/internal/reconcile"
)

// One of two chunks is acknowledged, and the holder of the other one died: it is sent again. With its acknowledgement
// the chain closes, and the load can be certified.
func ExampleDecide() {
	planned := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	load := ledger.Load{
		ID:     "3f2a",
		Object: contract.Object{Size: 1020},
		Plan:   &ledger.Plan{Compression: contract.Plain, Body: 20, Chunks: 2, At: planned},
	}
	chunks := []ledger.Chunk{
		{Index: 0, Start: 20, End: 520, Attempt: 1, Sent: planned,
			Ack: &contract.Ack{Start: 20, End: 533, RowsIn: 9, RowsOut: 9, At: planned.Add(10 * time.Second)}},
		{Index: 1, Start: 520, End: 1020, Attempt: 1, Sent: planned, Owner: "a", LeaseUntil: planned.Add(30 * time.Second)},
	}
	limits := reconcile.Limits{DueAfter: time.Minute, MaxAttempts: 5, Keep: 24 * time.Hour}
	look := reconcile.Look{Now: planned.Add(time.Minute), Started: planned}
	d := reconcile.Decide(look, load, chunks, limits)
	fmt.Printf("%s %s, send %d: chunk %d\n", d.Action, d.Wait, len(d.Send), d.Send[0].Chunk.Index)

	chunks[1].Ack = &contract.Ack{Start: 533, End: 1020, RowsIn: 8, RowsOut: 8, At: planned.Add(70 * time.Second)}
	look.Now = planned.Add(72 * time.Second)
	d = reconcile.Decide(look, load, chunks, limits)
	fmt.Println(d.Action)
	// Output:
	// wait 30s, send 1: chunk 1
	// certify
}
