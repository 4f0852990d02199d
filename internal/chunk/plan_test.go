package chunk

import (
	"math"
	"slices"
	"testing"
)

func TestPlan(t *testing.T) {
	tests := map[string]struct {
		body, size, target int64
		want               []Range
	}{
		"no bytes":                    {0, 0, 100, nil},
		"header only":                 {20, 20, 100, nil},
		"body past the end":           {21, 20, 100, nil},
		"one byte":                    {3, 4, 100, []Range{{3, 4}}},
		"one chunk exactly":           {0, 100, 100, []Range{{0, 100}}},
		"below a quarter is merged":   {10, 134, 100, []Range{{10, 134}}},
		"a quarter is a chunk":        {10, 135, 100, []Range{{10, 110}, {110, 135}}},
		"quarter of an odd target":    {0, 8, 7, []Range{{0, 8}}},
		"two of an odd target":        {0, 9, 7, []Range{{0, 7}, {7, 9}}},
		"three":                       {5, 305, 100, []Range{{5, 105}, {105, 205}, {205, 305}}},
		"target below one":            {0, 3, -5, []Range{{0, 1}, {1, 2}, {2, 3}}},
		"target larger than an int64": {1, 10, math.MaxInt64, []Range{{1, 10}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Plan(tt.body, tt.size, tt.target); !slices.Equal(got, tt.want) {
				t.Errorf("Plan(%d, %d, %d) = %v, want %v", tt.body, tt.size, tt.target, got, tt.want)
			}
		})
	}
}

func TestPlanLeavesNoGapAndStaysInItsLimits(t *testing.T) {
	for _, body := range []int64{0, 3, 1000} {
		for _, total := range []int64{1, 9_999, 10_000, 10_001, 12_345_678, 5 << 40} {
			for _, target := range []int64{1, 2, 3, 1000, 64 << 20} {
				ranges := Plan(body, body+total, target)
				if len(ranges) == 0 || len(ranges) > MaxChunks {
					t.Fatalf("%d bytes at target %d: %d chunks", total, target, len(ranges))
				}
				target := max(target, (total-1)/MaxChunks+1)
				at := body
				for i, r := range ranges {
					if r.Start != at || r.End <= r.Start {
						t.Fatalf("%d bytes at target %d: chunk %d is %v, want it to start at %d", total, target, i, r, at)
					}
					if length := r.End - r.Start; len(ranges) > 1 && (4*length < target || 4*length >= 5*target) {
						t.Fatalf("%d bytes at target %d: chunk %d of %d has %d bytes", total, target, i, len(ranges), length)
					}
					at = r.End
				}
				if at != body+total {
					t.Fatalf("%d bytes at target %d: the plan ends at %d, want %d", total, target, at, body+total)
				}
			}
		}
	}
}

func TestWindow(t *testing.T) {
	tests := map[string]struct {
		step int
		room int64
		size int64
		last bool
	}{
		"first":             {0, 64 << 20, MinWindow, false},
		"second":            {1, 64 << 20, 2 * MinWindow, false},
		"largest":           {7, 64 << 20, MaxWindow, true},
		"past the largest":  {1000, 64 << 20, MaxWindow, true},
		"small chunk":       {0, 100, 100, true},
		"exactly one":       {0, MinWindow, MinWindow, true},
		"chunk cuts it off": {1, MinWindow + 1, MinWindow + 1, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if size, last := Window(tt.step, tt.room); size != tt.size || last != tt.last {
				t.Errorf("Window(%d, %d) = %d, %t, want %d, %t", tt.step, tt.room, size, last, tt.size, tt.last)
			}
		})
	}
}
