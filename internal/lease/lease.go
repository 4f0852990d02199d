// Package lease runs work that the ledger grants to one holder at a time: it claims the work, renews the lease while
// the work runs, and records the outcome. The same rules hold in a function and in a worker.
package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"dip/contract"
	"dip/internal/fault"
	"dip/internal/ledger"
)

// ErrStopping is the cause of work that a worker cancels and hands back because it is shutting down.
var ErrStopping = errors.New("the worker is shutting down")

// Ledger is the part of the ledger that a holder needs.
type Ledger interface {
	Claim(ctx context.Context, c ledger.Claim, now, leaseUntil time.Time) (ledger.Outcome, error)
	Acknowledge(ctx context.Context, c ledger.Claim, ack contract.Ack) (bool, error)
	FailChunk(ctx context.Context, c ledger.Claim, reason string) (bool, error)
	Release(ctx context.Context, c ledger.Claim, lastError string, at time.Time) (bool, error)
	HandBack(ctx context.Context, c ledger.Claim) (bool, error)
}

// Holder runs claimed work.
type Holder struct {
	Ledger  Ledger
	Lease   time.Duration // duration of a renewed lease; 0: a single lease until the context's deadline
	Code    string        // fingerprint of the running binary
	Runtime string        // function version, or worker pod
	Log     *slog.Logger
	Now     func() time.Time

	// Acknowledged is called with every acknowledgement that counts; nil: nobody counts them. A holder that dies right
	// after the ledger's write never calls it.
	Acknowledged func(contract.Ack)
}

// longest is the lease for a context without a deadline: the maximum duration of a Lambda invocation.
const longest = 15 * time.Minute

// finishing is how long the ledger may take to record the outcome of cancelled work.
const finishing = 4 * time.Second

// Do runs a piece of work. If it returns nil, the message can be deleted: the work is acknowledged, has failed
// permanently, or belongs to another holder. If it returns an error, the message must be redelivered.
//
// The claim's owner is the message's id plus the time, so that a holder that died is not mistaken for the one that
// receives the same message next.
func (h *Holder) Do(ctx context.Context, c ledger.Claim, work func(context.Context) (contract.Ack, error)) error {
	log := h.Log.With("load", c.Load, "work", c.Name(), "attempt", c.Attempt)
	began := h.Now()
	c.Owner = fmt.Sprintf("%s/%d", c.Owner, began.UnixNano())
	switch outcome, err := h.Ledger.Claim(ctx, c, began, h.until(ctx, began)); {
	case err != nil:
		return err
	case outcome != ledger.Granted:
		log.InfoContext(ctx, "work skipped", "outcome", outcome)
		return nil
	}
	kept, stop := h.keep(ctx, c, log)
	ack, err := work(kept)
	cancelled := stop()
	if errors.Is(cancelled, errLost) {
		log.WarnContext(ctx, "claim lost", "error", err)
		return nil
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishing)
	defer cancel()
	if err != nil {
		return h.failed(last, c, err, cancelled, log)
	}
	ack.Code, ack.Runtime, ack.Attempt = h.Code, h.Runtime, c.Attempt
	ack.At = h.Now().UTC().Truncate(time.Millisecond)
	ack.Millis = ack.At.Sub(began).Milliseconds()
	counts, err := h.Ledger.Acknowledge(last, c, ack)
	if err != nil {
		return err
	}
	log.InfoContext(ctx, "work acknowledged", "counts", counts, "rows", ack.RowsOut, "quarantined", ack.Quarantined,
		"bytes", ack.End-ack.Start, "millis", ack.Millis)
	if counts && h.Acknowledged != nil {
		h.Acknowledged(ack)
	}
	return nil
}

func (h *Holder) until(ctx context.Context, now time.Time) time.Time {
	if h.Lease > 0 {
		return now.Add(h.Lease)
	}
	if deadline, ok := ctx.Deadline(); ok {
		return deadline
	}
	return now.Add(longest)
}

// keep renews the claim while the work runs. A failed renewal is retried at the next heartbeat: recording the outcome
// is conditional on the claim, so at worst another holder does the same work meanwhile.
func (h *Holder) keep(ctx context.Context, c ledger.Claim, log *slog.Logger) (kept context.Context, stop func() error) {
	if h.Lease == 0 {
		return ctx, func() error { return context.Cause(ctx) }
	}
	return Keep(ctx, h.Lease/Beats, func(ctx context.Context) bool {
		now := h.Now()
		outcome, err := h.Ledger.Claim(ctx, c, now, now.Add(h.Lease))
		if err != nil {
			log.WarnContext(ctx, "claim not renewed", "error", err)
			return true
		}
		return outcome == ledger.Granted
	})
}

// failed records a failure. A permanent one is final; after any other the message is redelivered. Cancelled work has
// not failed, whatever its error.
func (h *Holder) failed(ctx context.Context, c ledger.Claim, err, cancelled error, log *slog.Logger) error {
	if cancelled == nil && fault.IsPermanent(err) {
		if _, werr := h.Ledger.FailChunk(ctx, c, err.Error()); werr != nil {
			return errors.Join(err, werr)
		}
		log.ErrorContext(ctx, "work failed permanently", "error", err)
		return nil
	}
	if errors.Is(cancelled, ErrStopping) {
		_, werr := h.Ledger.HandBack(ctx, c)
		return errors.Join(ErrStopping, werr)
	}
	_, werr := h.Ledger.Release(ctx, c, err.Error(), h.Now())
	return errors.Join(err, werr)
}
