package chunk

import (
	"reflect"
	"testing"
)

func TestChain(t *testing.T) {
	ranges := Plan(10, 410, 100) // [10,110) [110,210) [210,310) [310,410)
	link := func(start, end, rows int64) *Link { return &Link{Start: start, End: end, Rows: rows} }
	tests := map[string]struct {
		links []*Link
		want  Verdict
	}{
		"closed": {
			[]*Link{link(10, 120, 5), link(120, 210, 5), link(210, 400, 5), link(400, 410, 1)},
			Verdict{Accepted: 4, Position: 410, Closed: true},
		},
		"nothing reported": {
			nil,
			Verdict{Position: 10, Missing: []int{0, 1, 2, 3}},
		},
		"only the first mismatch is proven": {
			[]*Link{link(10, 120, 5), link(130, 220, 5), link(230, 320, 5), link(330, 410, 5)},
			Verdict{Accepted: 1, Position: 120, Rerun: []Rerun{{1, 120}}},
		},
		"missing hides what follows": {
			[]*Link{link(10, 120, 5), nil, link(230, 320, 5), nil},
			Verdict{Accepted: 1, Position: 120, Missing: []int{1, 3}},
		},
		"first chunk must start at the body": {
			[]*Link{link(11, 120, 5), link(120, 210, 5), link(210, 400, 5), link(400, 410, 1)},
			Verdict{Position: 10, Rerun: []Rerun{{0, 10}}},
		},
		"one record over three chunks": {
			[]*Link{link(10, 320, 5), link(150, 150, 0), link(310, 310, 0), link(320, 410, 3)},
			Verdict{Accepted: 4, Position: 410, Closed: true},
		},
		"chunks inside a record read records": {
			[]*Link{link(10, 320, 5), link(150, 220, 3), link(220, 330, 1), link(330, 410, 3)},
			Verdict{Accepted: 1, Position: 320, Rerun: []Rerun{{1, 320}, {2, 320}, {3, 320}}},
		},
		"bytes without rows inside a record": {
			[]*Link{link(10, 320, 5), link(150, 220, 0), link(320, 320, 0), link(320, 410, 3)},
			Verdict{Accepted: 1, Position: 410, Rerun: []Rerun{{1, 320}}},
		},
		"rows without bytes inside a record": {
			[]*Link{link(10, 320, 5), link(150, 150, 1), link(320, 320, 0), link(320, 410, 3)},
			Verdict{Accepted: 1, Position: 410, Rerun: []Rerun{{1, 320}}},
		},
		"missing inside a record": {
			[]*Link{link(10, 320, 5), nil, link(200, 220, 2), link(320, 410, 3)},
			Verdict{Accepted: 1, Position: 410, Rerun: []Rerun{{2, 320}}, Missing: []int{1}},
		},
		"record to the end of the input": {
			[]*Link{link(10, 120, 5), link(120, 410, 1), link(410, 410, 0), link(390, 390, 0)},
			Verdict{Accepted: 4, Position: 410, Closed: true},
		},
		"blank lines count no rows": {
			[]*Link{link(10, 120, 5), link(120, 210, 5), link(210, 310, 5), link(310, 410, 0)},
			Verdict{Accepted: 4, Position: 410, Closed: true},
		},
		"chunk that wrongly reports no records": {
			[]*Link{link(10, 120, 5), link(210, 210, 0), link(210, 310, 5), link(310, 410, 2)},
			Verdict{Accepted: 1, Position: 120, Rerun: []Rerun{{1, 120}}},
		},
		"empty where records start": {
			[]*Link{link(10, 120, 5), link(120, 120, 0), link(210, 310, 5), link(310, 410, 2)},
			Verdict{Accepted: 1, Position: 120, Rerun: []Rerun{{1, 120}}},
		},
		"stopped before its range's end": {
			[]*Link{link(10, 120, 5), link(120, 209, 5), link(210, 310, 5), link(310, 410, 2)},
			Verdict{Accepted: 1, Position: 120, Rerun: []Rerun{{1, 120}}},
		},
		"last chunk short of the end": {
			[]*Link{link(10, 120, 5), link(120, 210, 5), link(210, 310, 5), link(310, 409, 2)},
			Verdict{Accepted: 3, Position: 310, Rerun: []Rerun{{3, 310}}},
		},
		"past the end of the input": {
			[]*Link{link(10, 120, 5), link(120, 210, 5), link(210, 411, 5), link(411, 411, 0)},
			Verdict{Accepted: 2, Position: 210, Rerun: []Rerun{{2, 210}}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Chain(10, 410, ranges, tt.links); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("Chain = %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestChainWithoutChunks(t *testing.T) {
	if v := Chain(20, 20, nil, nil); !v.Closed {
		t.Errorf("an input without records: %+v, want it closed", v)
	}
	if v := Chain(20, 30, nil, nil); v.Closed {
		t.Errorf("ten bytes without a chunk: %+v, want it open", v)
	}
}
