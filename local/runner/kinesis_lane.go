package runner

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	kintypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// lane runs the batches of a part of a shard's partition keys, one at a time.
type lane struct {
	p     *streamPoller
	shard string
	track *progress
	// next is the record that did not fit into the last batch.
	next *kintypes.Record
}

// run collects and processes batches until the channel is closed or ctx ends.
func (l *lane) run(ctx context.Context, records <-chan kintypes.Record) {
	for batch := l.collect(ctx, records); len(batch) > 0 && ctx.Err() == nil; batch = l.collect(ctx, records) {
		l.work(ctx, batch, nil)
	}
}

// collect waits for a record and adds those that are available, and those that arrive within the window, as far as
// one batch holds them. It returns none once the channel is closed or ctx ends.
func (l *lane) collect(ctx context.Context, records <-chan kintypes.Record) (batch []kintypes.Record) {
	size := 0
	// add reports whether a record fits into the batch.
	add := func(record kintypes.Record) bool {
		size += eventSize(record)
		if len(batch) > 0 && size > maxEvent {
			l.next = &record
			return false
		}
		batch = append(batch, record)
		return len(batch) < l.p.batchSize
	}
	if first := l.next; first != nil {
		l.next = nil
		if !add(*first) {
			return batch
		}
	} else {
		select {
		case record, ok := <-records:
			if !ok || !add(record) {
				return batch
			}
		case <-ctx.Done():
			return nil
		}
	}
	window := time.NewTimer(l.p.window)
	defer window.Stop()
	for {
		select {
		case record, ok := <-records:
			if !ok || !add(record) {
				return batch
			}
			continue
		default:
		}
		if l.p.window == 0 {
			return batch
		}
		select {
		case record, ok := <-records:
			if !ok || !add(record) {
				return batch
			}
		case <-window.C:
			return batch
		case <-ctx.Done():
			return batch
		}
	}
}

// work invokes the function with a batch until each record is done or discarded, or ctx ends.
func (l *lane) work(ctx context.Context, batch []kintypes.Record, failedBefore *attempt) {
	last := failedBefore
	for count := 1; len(batch) > 0 && ctx.Err() == nil; count++ {
		if old := l.tooOld(batch); old > 0 {
			l.discard(ctx, "RecordAgeExceeded", batch[:old], last, count-1)
			batch = batch[old:]
			continue
		}
		a, err := l.invoke(ctx, batch)
		if err != nil { // throttled, or no instance: this does not count as an attempt
			if errors.Is(err, errClosed) {
				return
			}
			pause(ctx, throttlePause)
			count--
			continue
		}
		last = &a
		plan := planBatch(len(batch), a.failedAt, count, l.p.retry)
		l.finish(batch[:plan.done])
		switch {
		case plan.discard:
			l.discard(ctx, "RetryAttemptsExhausted", batch, last, count)
			return
		case plan.sameBatch:
			pause(ctx, retryWait(count+1))
		case len(plan.next) == 2:
			for _, half := range plan.next {
				l.work(ctx, batch[half.from:half.to], last)
			}
			return
		case len(plan.next) == 1:
			batch, count = batch[plan.next[0].from:], 0
		default:
			return
		}
	}
}

// tooOld counts the records at the start of a batch that are past the maximum age.
func (l *lane) tooOld(batch []kintypes.Record) int {
	if l.p.retry.maxAge == 0 {
		return 0
	}
	limit := l.p.now().Add(-l.p.retry.maxAge)
	old := 0
	for old < len(batch) && aws.ToTime(batch[old].ApproximateArrivalTimestamp).Before(limit) {
		old++
	}
	return old
}

// finish moves the checkpoint past the finished records.
func (l *lane) finish(records []kintypes.Record) {
	if len(records) == 0 {
		return
	}
	sequences := make([]string, len(records))
	for i, r := range records {
		sequences[i] = aws.ToString(r.SequenceNumber)
	}
	if checkpoint := l.track.finish(sequences); checkpoint != "" {
		if err := l.p.checkpoints.set(l.shard, shardState{Sequence: checkpoint}); err != nil {
			l.p.log.Error("checkpoint failed", "shard", l.shard, "error", err)
		}
	}
}
