// Package worker receives messages from a queue and processes several concurrently, until it is told to stop. It is to
// a pod what Lambda's event source mapping is to a function.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"dip/internal/lease"
)

// Message is a received message.
type Message struct {
	ID      string
	Receipt string // receipt handle of this receive
	Body    string
}

// Queue is where messages come from.
type Queue interface {
	// Receive waits up to the queue's maximum poll for up to n messages, and hides them for the given time.
	Receive(ctx context.Context, n int, hidden time.Duration) ([]Message, error)
	// Hide hides a message for the given time from now; 0 makes it visible at once.
	Hide(ctx context.Context, m Message, hidden time.Duration) error
	// Delete removes a message from the queue.
	Delete(ctx context.Context, m Message) error
}

// Worker processes a queue's messages.
type Worker struct {
	Queue  Queue
	Handle func(ctx context.Context, id, body string) error // after an error the message is redelivered
	Slots  int                                              // concurrent messages
	Lease  time.Duration                                    // see hidden
	Grace  time.Duration                                    // from the end of Run's context to the end of the process
	Log    *slog.Logger
}

// pause is the wait after a failed receive.
const pause = 5 * time.Second

// Run processes messages until the context ends. It then receives no more, hands back those not started, finishes what
// it can within the grace period and hands back the rest shortly before that ends: another worker can receive them at
// once. It returns when no message is in progress.
//
// A poll in flight when the context ends runs to its end: messages that it receives would otherwise stay hidden.
func (w *Worker) Run(ctx context.Context) {
	work, cancel := w.graceful(ctx)
	defer cancel(nil)
	slots := newSlots(w.Slots)
	for {
		n := slots.take(ctx)
		if n == 0 {
			break
		}
		messages, err := w.Queue.Receive(work, n, w.hidden())
		slots.give(n - len(messages))
		if err != nil && ctx.Err() == nil {
			w.Log.ErrorContext(ctx, "receive failed", "error", err)
			sleep(ctx, pause)
		}
		for _, m := range messages {
			slots.busy.Go(func() {
				defer slots.give(1)
				w.log(ctx, m, w.one(ctx, work, m))
			})
		}
	}
	slots.busy.Wait()
}

// Once processes one message, if the queue has one. When the context ends, the work gets the grace period, as in Run.
func (w *Worker) Once(ctx context.Context) error {
	work, cancel := w.graceful(ctx)
	defer cancel(nil)
	messages, err := w.Queue.Receive(context.WithoutCancel(ctx), 1, w.hidden())
	if err != nil {
		return err
	}
	for _, m := range messages {
		if err := w.one(ctx, work, m); err != nil && !errors.Is(err, lease.ErrStopping) {
			return fmt.Errorf("message %s: %w", m.ID, err)
		}
	}
	return nil
}

// hidden is how long a message stays hidden after a heartbeat. It is one heartbeat longer than the lease in the ledger,
// so that the next receiver of a dead worker's message finds the lease expired.
func (w *Worker) hidden() time.Duration { return w.Lease + w.Lease/lease.Beats }

// handingBack is the maximum part of the grace period reserved for handing messages back.
const handingBack = 10 * time.Second

// graceful makes the context of the work: it ends when only the time for handing messages back is left of the grace
// period.
func (w *Worker) graceful(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		sleep(work, w.Grace-min(w.Grace/2, handingBack))
		cancel(lease.ErrStopping)
	})
	return work, cancel
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// one processes one message. ctx, Run's context, decides whether to start at all; work whether to continue.
func (w *Worker) one(ctx, work context.Context, m Message) error {
	err := lease.ErrStopping
	if ctx.Err() == nil {
		err = w.handle(work, m)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(work), handingBack)
	defer cancel()
	switch {
	case err == nil:
		err = w.Queue.Delete(last, m)
	case errors.Is(err, lease.ErrStopping), context.Cause(work) != nil:
		err = errors.Join(err, w.Queue.Hide(last, m, 0))
	}
	return err // after any other error the message is redelivered once its visibility timeout ends
}

func (w *Worker) handle(ctx context.Context, m Message) error {
	kept, stop := lease.Keep(ctx, w.Lease/lease.Beats, func(ctx context.Context) bool {
		if err := w.Queue.Hide(ctx, m, w.hidden()); err != nil {
			w.Log.WarnContext(ctx, "visibility timeout not extended", "message", m.ID, "error", err)
		}
		return true
	})
	defer func() { _ = stop() }() // only the work's own error counts
	return w.Handle(kept, m.ID, m.Body)
}

func (w *Worker) log(ctx context.Context, m Message, err error) {
	switch {
	case errors.Is(err, lease.ErrStopping):
		w.Log.InfoContext(ctx, "message handed back", "message", m.ID, "error", err)
	case err != nil:
		w.Log.ErrorContext(ctx, "message failed", "message", m.ID, "error", err)
	}
}

// slots counts the messages that may be received.
type slots struct {
	free chan struct{}
	busy sync.WaitGroup
}

func newSlots(n int) *slots {
	s := &slots{free: make(chan struct{}, n)}
	s.give(n)
	return s
}

// take waits for a free slot and takes all free ones; none once the context has ended.
func (s *slots) take(ctx context.Context) (n int) {
	select {
	case <-ctx.Done():
		return 0
	case <-s.free:
	}
	if ctx.Err() != nil {
		s.give(1)
		return 0
	}
	for n = 1; n < cap(s.free); n++ {
		select {
		case <-s.free:
		default:
			return n
		}
	}
	return n
}

func (s *slots) give(n int) {
	for range n {
		s.free <- struct{}{}
	}
}
