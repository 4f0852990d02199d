// Package lease carries out work that the ledger gives to one holder at a time: it claims, keeps the lease while the
// work goes on, and writes down what came of it. The same rules hold in a function and in a worker.
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

// ErrStopping is the cause with which a worker cancels work that it hands back because it has to end.
var ErrStopping = errors.New("the worker is being stopped")

// Ledger is what a holder asks of the ledger.
type Ledger interface {
	Claim(ctx context.Context, c ledger.Claim, now, leaseUntil time.Time) (ledger.Outcome, error)
	Acknowledge(ctx context.Context, c ledger.Claim, ack contract.Ack) (bool, error)
	FailChunk(ctx context.Context, c ledger.Claim, reason string) (bool, error)
	Release(ctx context.Context, c ledger.Claim, lastError string) (bool, error)
	HandBack(ctx context.Context, c ledger.Claim) (bool, error)
}

// Holder does claimed work.
type Holder struct {
	Ledger  Ledger
	Lease   time.Duration // of a holder that renews it; 0: one lease up to the context's deadline
	Code    string        // fingerprint of the running binary
	Runtime string        // function version, or worker
	Log     *slog.Logger
	Now     func() time.Time
}

// longest is the lease of a context without a deadline: the longest time that a Lambda invocation can take.
const longest = 15 * time.Minute

// finishing is how long the ledger may take to write down what came of work that was cancelled.
const finishing = 4 * time.Second

// Do does a piece of work. Without an error its message has served its purpose: the work is acknowledged, has failed
// for good, or is another holder's business. After an error the message is to come again.
//
// The claim's owner is the message's id. The same message at another time is another owner's: a holder that died must
// not be mistaken for the next.
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

// keep renews the claim while work goes on. A renewal that fails is tried again at the next beat: the end of the work
// is conditional on the claim, so the worst of it is that somebody else does the same meanwhile.
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

// failed writes a failure down. One that will come back is the work's last word; any other lets the message come again.
// Work that was cancelled has not failed, whatever it says.
func (h *Holder) failed(ctx context.Context, c ledger.Claim, err, cancelled error, log *slog.Logger) error {
	if cancelled == nil && fault.IsPermanent(err) {
		if _, werr := h.Ledger.FailChunk(ctx, c, err.Error()); werr != nil {
			return errors.Join(err, werr)
		}
		log.ErrorContext(ctx, "work failed for good", "error", err)
		return nil
	}
	if errors.Is(cancelled, ErrStopping) {
		_, werr := h.Ledger.HandBack(ctx, c)
		return errors.Join(ErrStopping, werr)
	}
	_, werr := h.Ledger.Release(ctx, c, err.Error())
	return errors.Join(err, werr)
}
