package client

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"dip/contract"
	"dip/internal/ledger"
	"dip/internal/simulate"
)

// ReadWorkload reads from the ledger which loads arrived since a time, and how long their chunks took: those of the
// newest finished loads. share is the part of a vCPU that a segment's chunks have in a lane; with cores above zero
// it is not asked: all chunks share the cores of one machine. Loads of segments that the stack no longer has, repeated contents and intervals of streams do not
// count.
func ReadWorkload(
	ctx context.Context, l Ledger, segments []string, since, now time.Time, cores int,
	share func(segment string, lane contract.Lane) float64,
) (simulate.Workload, map[string]simulate.Pace, error) {
	w := simulate.Workload{Span: now.Sub(since)}
	loads, err := ListLoads(ctx, l, Filter{Since: since}, now)
	if err != nil {
		return w, nil, err
	}
	loads = slices.DeleteFunc(loads, func(l ledger.Load) bool {
		return !slices.Contains(segments, l.Segment) || l.Status == contract.Duplicate || l.Interval != nil
	})
	var measured []ledger.Load
	for _, load := range loads { // newest first
		arrival := simulate.Arrival{
			Segment: load.Segment, At: load.Received.Sub(since), Bytes: sizeOf(load),
			Whole: load.Plan != nil && !load.Plan.Compression.Splittable(),
		}
		arrival.Open = now.Sub(load.Received)
		if load.Status.Final() {
			arrival.Open = load.Updated.Sub(load.Received)
		}
		if load.Status == contract.Published && load.Execution == 0 {
			arrival.Took = load.Updated.Sub(load.Received)
		}
		w.Loads = append(w.Loads, arrival)
		if load.Status == contract.Published && load.Plan != nil && len(measured) < mostChunkReads {
			measured = append(measured, load)
		}
	}
	slices.Reverse(w.Loads)
	samples, err := readSamples(ctx, l, measured, cores, share)
	if err != nil {
		return w, nil, err
	}
	paces := map[string]simulate.Pace{}
	for _, name := range segments {
		paces[name] = simulate.Measure(samples[name])
	}
	return w, paces, nil
}

// readSamples reads the chunks of loads, by segment.
func readSamples(
	ctx context.Context, l Ledger, loads []ledger.Load, cores int, share func(string, contract.Lane) float64,
) (map[string][]simulate.Sample, error) {
	chunks := make([][]ledger.Chunk, len(loads))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(dayReaders)
	for i, load := range loads {
		group.Go(func() (err error) {
			chunks[i], err = l.Chunks(gctx, load.ID)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var of []string // segment of each sample
	var samples []simulate.Sample
	var periods []simulate.Period
	for i, load := range loads {
		for _, c := range chunks[i] {
			if c.Ack == nil {
				continue
			}
			took := time.Duration(c.Ack.Millis) * time.Millisecond
			sample := simulate.Sample{Bytes: c.Ack.End - c.Ack.Start, Seconds: took.Seconds()}
			if cores == 0 {
				sample.VCPU = share(load.Segment, load.Plan.Lane)
			}
			of, samples = append(of, load.Segment), append(samples, sample)
			periods = append(periods, simulate.Period{Start: c.Ack.At.Add(-took), End: c.Ack.At})
		}
	}
	if cores > 0 {
		for i, part := range simulate.Shares(periods, cores) {
			samples[i].Seconds, samples[i].VCPU = samples[i].Seconds*part, 1
		}
	}
	by := map[string][]simulate.Sample{}
	for i, s := range samples {
		by[of[i]] = append(by[of[i]], s)
	}
	return by, nil
}
