package chunk_test

import (
	"fmt"

	"dip/internal/chunk"
)

// The records start after a header of 20 bytes. The last 10 bytes are too few for a chunk of their own: they join the
// previous one.
func ExamplePlan() {
	for _, r := range chunk.Plan(20, 1020+10, 250) {
		fmt.Println(r.Start, r.End)
	}
	// Output:
	// 20 270
	// 270 520
	// 520 770
	// 770 1030
}

// Two chunks of one input. The cut at 520 falls inside a record that ends at 533, so the second chunk must start there.
// It guessed 527: the chain requests a rerun from the proven start, and closes with the second link.
func ExampleChain() {
	ranges := chunk.Plan(20, 1020, 500)
	links := []*chunk.Link{{Start: 20, End: 533, Rows: 9}, {Start: 527, End: 1020, Rows: 8}}
	v := chunk.Chain(20, 1020, ranges, links)
	fmt.Printf("closed %t, proven up to byte %d, rerun %+v\n", v.Closed, v.Position, v.Rerun)

	links[1] = &chunk.Link{Start: 533, End: 1020, Rows: 8}
	v = chunk.Chain(20, 1020, ranges, links)
	fmt.Printf("closed %t, proven up to byte %d\n", v.Closed, v.Position)
	// Output:
	// closed false, proven up to byte 533, rerun [{Index:1 From:533}]
	// closed true, proven up to byte 1020
}
