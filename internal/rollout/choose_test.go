package rollout

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/ledger"
)

func chunkOf(index int, bytes, bad int64) ledger.Chunk {
	return ledger.Chunk{Index: index, Ack: &contract.Ack{Start: 5, End: 5 + bytes, RowsIn: 10, Quarantined: bad}}
}

func TestChoose(t *testing.T) {
	of := func(id string, chunks ...ledger.Chunk) (list []sample) {
		for _, c := range chunks {
			list = append(list, sample{ledger.Load{ID: id}, c})
		}
		return list
	}
	loads := [][]sample{
		of("new", chunkOf(0, 10, 0), chunkOf(1, 20, 1), chunkOf(2, 10, 2)),
		of("old", chunkOf(0, 30, 0)),
		of("older", chunkOf(0, 10, 0), chunkOf(1, 10, 0)),
	}
	for name, c := range map[string]struct {
		n     int
		bytes int64
		want  []string
	}{
		"none":                           {0, 1000, nil},
		"one of each load, newest first": {3, 1000, []string{"new 1", "old 0", "older 0"}},
		"fewer than loads":               {2, 1000, []string{"new 1", "old 0"}},
		"then a second one of each":      {5, 1000, []string{"new 1", "old 0", "older 0", "new 2", "older 1"}},
		"all":                            {20, 1000, []string{"new 1", "old 0", "older 0", "new 2", "older 1", "new 0"}},
		"as far as the bytes reach":      {20, 45, []string{"new 1", "older 0", "new 2"}},
		"a bound that all exceed":        {20, 9, nil},
	} {
		var got []string
		for _, s := range choose(loads, c.n, c.bytes) {
			got = append(got, fmt.Sprintf("%s %d", s.load.ID, s.chunk.Index))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if loads[0][0].chunk.Index != 0 {
		t.Error("the loads were reordered")
	}
}

func TestFits(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*ledger.Chunk)
		want   bool
	}{
		"a chunk":             {func(*ledger.Chunk) {}, true},
		"half of the timeout": {func(c *ledger.Chunk) { c.Ack.Millis = 30_000 }, true},
		"more than that":      {func(c *ledger.Chunk) { c.Ack.Millis = 30_001 }, false},
		"a piece":             {func(c *ledger.Chunk) { c.Staged = &contract.Object{} }, false},
		"not acknowledged":    {func(c *ledger.Chunk) { c.Ack = nil }, false},
		"no record":           {func(c *ledger.Chunk) { c.Ack.RowsIn = 0 }, false},
	} {
		k := chunkOf(1, 100, 0)
		c.change(&k)
		if got := fits(k, time.Minute); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// A shadow begins where the chunk began that was certified: it does not guess.
func TestSampleMessage(t *testing.T) {
	s := sample{ledger.Load{ID: "L", Segment: "trips", Plan: &ledger.Plan{Width: 3}}, chunkOf(4, 100, 0)}
	m := s.message()
	if m.From == nil || *m.From != 5 || m.Load != "L" || m.Chunk != 4 || m.Width != 3 {
		t.Errorf("got %+v", m)
	}
}
