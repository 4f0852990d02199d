package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"dip/contract"
	"dip/internal/fault"
	"dip/internal/ledger"
)

// book logs its calls, each with the second of the call.
type book struct {
	began    time.Time
	outcomes []ledger.Outcome // of successive claims; then Granted
	claimErr map[int]error    // by claim
	endErr   error
	log      []string
	claims   int
}

func (b *book) note(format string, args ...any) {
	b.log = append(b.log, fmt.Sprintf("%.0f ", time.Since(b.began).Seconds())+fmt.Sprintf(format, args...))
}

func (b *book) Claim(_ context.Context, c ledger.Claim, now, until time.Time) (ledger.Outcome, error) {
	n := b.claims
	b.claims++
	b.note("claim until %.0f", until.Sub(b.began).Seconds())
	if err := b.claimErr[n]; err != nil {
		return ledger.Busy, err
	}
	if n < len(b.outcomes) {
		return b.outcomes[n], nil
	}
	return ledger.Granted, nil
}

func (b *book) end(ctx context.Context, format string, args ...any) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	b.note(format, args...)
	return true, b.endErr
}

func (b *book) Acknowledge(ctx context.Context, c ledger.Claim, a contract.Ack) (bool, error) {
	return b.end(ctx, "acknowledge %s by %s %s", c.Name(), a.Code, a.Runtime)
}

func (b *book) FailChunk(ctx context.Context, _ ledger.Claim, reason string) (bool, error) {
	return b.end(ctx, "fail: %s", reason)
}

func (b *book) Release(ctx context.Context, _ ledger.Claim, why string) (bool, error) {
	return b.end(ctx, "release: %s", why)
}

func (b *book) HandBack(ctx context.Context, _ ledger.Claim) (bool, error) {
	return b.end(ctx, "hand back")
}

func holder(b *book) *Holder {
	b.began = time.Now()
	return &Holder{Ledger: b, Lease: time.Minute, Code: "c0de", Runtime: "worker/a", Log: slog.New(slog.DiscardHandler), Now: time.Now}
}

func takes(d time.Duration, err error) func(context.Context) (contract.Ack, error) {
	return func(ctx context.Context) (contract.Ack, error) {
		select {
		case <-ctx.Done():
			return contract.Ack{}, ctx.Err()
		case <-time.After(d):
			return contract.Ack{}, err
		}
	}
}

var piece = ledger.Claim{Load: "L", Chunk: 3, Attempt: 1, Owner: "m"}

func TestDo(t *testing.T) {
	throttled, reset := errors.New("throttled"), errors.New("reset")
	long := fault.Permanent(errors.New("too long"))
	for _, c := range []struct {
		name string
		book book
		work func(context.Context) (contract.Ack, error)
		stop time.Duration // when the worker cancels the work; 0: never
		err  error
		want []string
	}{
		{
			name: "the lease is renewed", work: takes(50*time.Second, nil),
			want: []string{"0 claim until 60", "20 claim until 80", "40 claim until 100", "50 acknowledge chunk 3 by c0de worker/a"},
		},
		{
			name: "a renewal may fail", work: takes(50*time.Second, nil), book: book{claimErr: map[int]error{1: throttled}},
			want: []string{"0 claim until 60", "20 claim until 80", "40 claim until 100", "50 acknowledge chunk 3 by c0de worker/a"},
		},
		{
			name: "another holder took over", work: takes(50*time.Second, nil), book: book{outcomes: []ledger.Outcome{ledger.Granted, ledger.Superseded}},
			want: []string{"0 claim until 60", "20 claim until 80"},
		},
		{
			name: "another holder has it", work: takes(time.Second, nil), book: book{outcomes: []ledger.Outcome{ledger.Busy}},
			want: []string{"0 claim until 60"},
		},
		{
			name: "the ledger is unavailable", work: takes(time.Second, nil), book: book{claimErr: map[int]error{0: throttled}}, err: throttled,
			want: []string{"0 claim until 60"},
		},
		{
			name: "the acknowledgement fails", work: takes(time.Second, nil), book: book{endErr: throttled}, err: throttled,
			want: []string{"0 claim until 60", "1 acknowledge chunk 3 by c0de worker/a"},
		},
		{
			name: "a transient failure", work: takes(time.Second, reset), err: reset,
			want: []string{"0 claim until 60", "1 release: reset"},
		},
		{
			name: "a permanent failure", work: takes(time.Second, long),
			want: []string{"0 claim until 60", "1 fail: too long"},
		},
		{
			name: "the worker stops", work: takes(time.Hour, nil), stop: 25 * time.Second, err: ErrStopping,
			want: []string{"0 claim until 60", "20 claim until 80", "25 hand back"},
		},
		{
			name: "the worker stops, and the work reports a permanent failure", stop: 5 * time.Second, err: ErrStopping,
			work: func(ctx context.Context) (contract.Ack, error) { <-ctx.Done(); return contract.Ack{}, long },
			want: []string{"0 claim until 60", "5 hand back"},
		},
		{
			name: "the work is done as the worker stops", stop: 5 * time.Second,
			work: func(ctx context.Context) (contract.Ack, error) { <-ctx.Done(); return contract.Ack{}, nil },
			want: []string{"0 claim until 60", "5 acknowledge chunk 3 by c0de worker/a"},
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			if c.stop > 0 {
				time.AfterFunc(c.stop, func() { cancel(ErrStopping) })
			}
			if err := holder(&c.book).Do(ctx, piece, c.work); !errors.Is(err, c.err) || c.err == nil && err != nil {
				t.Errorf("%s: got %v, want %v", c.name, err, c.err)
			}
			if !slices.Equal(c.book.log, c.want) {
				t.Errorf("%s:\ngot  %q\nwant %q", c.name, c.book.log, c.want)
			}
		})
	}
}

// A function's lease is its invocation's time: nothing is renewed.
func TestDoWithoutRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &book{}
		h := holder(b)
		h.Lease = 0
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		if err := h.Do(ctx, piece, takes(80*time.Second, nil)); err != nil {
			t.Fatal(err)
		}
		if want := []string{"0 claim until 90", "80 acknowledge chunk 3 by c0de worker/a"}; !slices.Equal(b.log, want) {
			t.Errorf("got %q", b.log)
		}
	})
}

func TestKeepStopsBeating(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// An extra beat would block forever, and the bubble would not end.
		beat := make(chan struct{})
		kept, stop := Keep(t.Context(), time.Second, func(context.Context) bool { beat <- struct{}{}; return true })
		<-beat
		<-beat
		if cause := stop(); cause != nil || kept.Err() == nil {
			t.Errorf("stopped with %v; the context, which its parent would keep, ended with %v", cause, kept.Err())
		}
		if cause := stop(); cause != nil {
			t.Errorf("stopped again with %v", cause)
		}
	})
}

// A beat must not run after its holder's next step, such as handing the work back.
func TestKeepWaitsForABeatUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		beat, over := make(chan struct{}), false
		_, stop := Keep(t.Context(), time.Second, func(context.Context) bool { beat <- struct{}{}; <-beat; over = true; return true })
		<-beat
		stopped := make(chan struct{})
		go func() {
			if err := stop(); err != nil || !over {
				t.Errorf("stopped with %v; the beat was over: %t", err, over)
			}
			close(stopped)
		}()
		synctest.Wait() // stop is blocked, unless it is wrong
		beat <- struct{}{}
		<-stopped
	})
}
