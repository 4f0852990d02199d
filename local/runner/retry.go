package runner

import "time"

// retryPolicy is a stream mapping's policy for failed batches.
type retryPolicy struct {
	// maxRetries after the first attempt, -1: unlimited. maxAge of a record, 0: unlimited.
	maxRetries int
	maxAge     time.Duration
	bisect     bool
}

// span is a part [from, to) of a batch that is tried next.
type span struct{ from, to int }

// batchPlan is what happens to a batch of records after an attempt.
type batchPlan struct {
	// done records at the start of the batch are finished: the checkpoint may pass them.
	done int
	// next are the batches to try from here on, in order: one, two halves, or none.
	next []span
	// sameBatch is true when next is the batch that just failed, so that the attempt counts against its retries.
	sameBatch bool
	// discard sends the rest of the batch to the on-failure destination.
	discard bool
}

// planBatch decides after an attempt (the first is 1) on a batch of n records of which the first failed one is at
// index failedAt; n means that all succeeded. Records before the failed one are done, because order is kept. A batch
// that made no progress is halved if the mapping bisects, which costs no retry; otherwise it is retried until its
// retries are used up (https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html).
func planBatch(n, failedAt, attempt int, p retryPolicy) batchPlan {
	switch {
	case failedAt >= n:
		return batchPlan{done: n}
	case failedAt > 0:
		return batchPlan{done: failedAt, next: []span{{failedAt, n}}}
	case p.bisect && n > 1:
		return batchPlan{next: []span{{0, n / 2}, {n / 2, n}}}
	case p.maxRetries >= 0 && attempt > p.maxRetries:
		return batchPlan{discard: true}
	default:
		return batchPlan{next: []span{{0, n}}, sameBatch: true}
	}
}

// retryWait is the pause before the given attempt (the first retry is attempt 2).
func retryWait(attempt int) time.Duration {
	return min(100*time.Millisecond<<min(attempt-2, 10), 10*time.Second)
}
