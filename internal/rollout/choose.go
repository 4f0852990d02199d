package rollout

import (
	"context"
	"slices"
	"time"

	"dip/contract"
	"dip/internal/ledger"
	"dip/internal/load"
)

// sample is a certified chunk that a version can be tried on.
type sample struct {
	load  ledger.Load
	chunk ledger.Chunk
}

// bytes is how much input the chunk has.
func (s sample) bytes() int64 { return s.chunk.Ack.End - s.chunk.Ack.Start }

// message asks for the chunk as it was acknowledged, from its proven start on.
func (s sample) message() contract.ChunkMessage {
	m := load.Message(s.load, s.chunk)
	m.From = &s.chunk.Ack.Start
	return m
}

const (
	// maxShadowBytes bounds what a shadow costs: 2 GiB, some minutes of Lambda time.
	maxShadowBytes = 2 << 30
	// shadowDays is how far back certified loads are looked for.
	shadowDays = 14
	// mostLoads is how many loads are looked at: a check has minutes.
	mostLoads = 200
)

// fits says whether a chunk can be processed again by a function with a timeout: its input was not restaged, for
// pieces expire, and it took no more than half of the timeout, wherever it ran.
func fits(c ledger.Chunk, timeout time.Duration) bool {
	return c.Ack != nil && c.Staged == nil && c.Ack.RowsIn > 0 &&
		time.Duration(c.Ack.Millis)*time.Millisecond <= timeout/2
}

// choose takes at most n samples with at most so many bytes. It takes one of each load before it takes a second one of
// any: of a load, those with quarantined records come first, for they show both ways of a record. loads has the samples
// of each load, the newest load first.
func choose(loads [][]sample, n int, bytes int64) (chosen []sample) {
	ordered := make([][]sample, len(loads))
	longest := 0
	for i, samples := range loads {
		ordered[i] = slices.Clone(samples)
		slices.SortStableFunc(ordered[i], func(a, b sample) int { return rank(a) - rank(b) })
		longest = max(longest, len(samples))
	}
	for round := range longest {
		for _, samples := range ordered {
			if round < len(samples) && len(chosen) < n && samples[round].bytes() <= bytes {
				chosen = append(chosen, samples[round])
				bytes -= samples[round].bytes()
			}
		}
	}
	return chosen
}

func rank(s sample) int {
	if s.chunk.Ack.Quarantined > 0 {
		return 0
	}
	return 1
}

// chain visits the certified loads of a segment, the newest first, at most mostLoads, as long as visit says so.
func (r *Rollouts) chain(ctx context.Context, segment string, visit func(ledger.Load) (more bool, err error)) error {
	head, err := r.Ledger.Head(ctx, segment)
	if err != nil {
		return err
	}
	for id, n := head.Load, 0; id != "" && n < mostLoads; n++ {
		l, err := r.Ledger.Load(ctx, id)
		if err != nil {
			return err
		}
		if more, err := visit(l); err != nil || !more || l.Link == nil {
			return err
		}
		id = l.Link.Load
	}
	return nil
}

// samples finds certified chunks of a segment: those of its newest loads.
func (r *Rollouts) samples(ctx context.Context, s contract.RolloutStart) ([]sample, error) {
	var loads [][]sample
	timeout, oldest := time.Duration(s.TimeoutSeconds)*time.Second, r.now().AddDate(0, 0, -shadowDays)
	err := r.chain(ctx, s.Segment, func(l ledger.Load) (bool, error) {
		if l.Received.Before(oldest) {
			return false, nil
		}
		chunks, err := r.Ledger.Chunks(ctx, l.ID)
		if err != nil {
			return false, err
		}
		var of []sample
		for _, c := range load.Planned(l, chunks) {
			if fits(c, timeout) {
				of = append(of, sample{l, c})
			}
		}
		if len(of) > 0 {
			loads = append(loads, of)
		}
		return len(loads) < s.Shadow, nil
	})
	return choose(loads, s.Shadow, maxShadowBytes), err
}
