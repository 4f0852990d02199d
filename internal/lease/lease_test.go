package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dip/contract"
	"dip/internal/fault"
	"dip/internal/intercept"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
)

// book is a ledger that contains piece. It logs what a holder does to piece, with the second.
type book struct {
	*ledgertest.Fake
	began  time.Time
	log    []string
	claims int
	// before is called before each operation, with the number of the claim.
	before func(b *book, name string, claim int) error
}

func newBook(before func(b *book, name string, claim int) error) *book {
	b := &book{Fake: ledgertest.New(), began: time.Now(), before: before}
	b.Seed(ledger.Load{ID: "L"}, ledger.Chunk{Index: 3, Attempt: 1})
	b.Before = func(op ledgertest.Op) (err error) {
		if b.before != nil {
			err = b.before(b, op.Name, b.claims)
		}
		if op.Name == "Claim" {
			b.claims++
		}
		if err != nil {
			b.note("%s: %v", op.Name, err)
		}
		return err
	}
	b.After = func(op ledgertest.Op) error {
		switch c := b.Piece("L", 3); op.Name {
		case "Claim":
			if c.Attempt == 1 && strings.HasPrefix(c.Owner, "m/") {
				b.note("held until %.0f", c.LeaseUntil.Sub(b.began).Seconds())
			} else {
				b.note("refused")
			}
		case "Acknowledge":
			b.note("acknowledged by %s %s", c.Ack.Code, c.Ack.Runtime)
		case "FailChunk":
			b.note("failed: %s", c.Failure)
		case "Release":
			b.note("released: %s", c.LastError)
		case "HandBack":
			b.note("handed back %d", c.HandedBack)
		}
		return nil
	}
	return b
}

func (b *book) note(format string, args ...any) {
	b.log = append(b.log, fmt.Sprintf("%.0f ", time.Since(b.began).Seconds())+fmt.Sprintf(format, args...))
}

// another is the ledger as another process uses it meanwhile.
func (b *book) another() *ledgertest.Fake { return b.With(intercept.Hooks[ledgertest.Op]{}) }

func holder(b *book) *Holder {
	return &Holder{Ledger: b, Lease: time.Minute, Code: "c0de", Runtime: "worker/a", Log: slog.New(slog.DiscardHandler),
		Now: time.Now}
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
	breaks := func(name string, claim int) func(*book, string, int) error {
		return func(_ *book, op string, n int) error {
			if op == name && (op != "Claim" || n == claim) {
				return throttled
			}
			return nil
		}
	}
	for _, c := range []struct {
		name   string
		before func(b *book, name string, claim int) error
		work   func(context.Context) (contract.Ack, error)
		stop   time.Duration // when the worker cancels the work; 0: never
		err    error
		want   []string
	}{
		{
			name: "the lease is renewed", work: takes(50*time.Second, nil),
			want: []string{"0 held until 60", "20 held until 80", "40 held until 100", "50 acknowledged by c0de worker/a"},
		},
		{
			name: "a renewal may fail", work: takes(50*time.Second, nil), before: breaks("Claim", 1),
			want: []string{"0 held until 60", "20 Claim: throttled", "40 held until 100", "50 acknowledged by c0de worker/a"},
		},
		{
			name: "another holder took over", work: takes(50*time.Second, nil),
			before: func(b *book, _ string, claim int) error {
				if claim == 1 {
					_, err := b.another().Resend(context.Background(), "L", b.Piece("L", 3), nil, 0)
					return err
				}
				return nil
			},
			want: []string{"0 held until 60", "20 refused"},
		},
		{
			name: "another holder has it", work: takes(time.Second, nil),
			before: func(b *book, _ string, _ int) error {
				other := piece
				other.Owner = "other"
				_, err := b.another().Claim(context.Background(), other, time.Now(), time.Now().Add(time.Hour))
				return err
			},
			want: []string{"0 refused"},
		},
		{
			name: "the ledger is unavailable", work: takes(time.Second, nil), before: breaks("Claim", 0), err: throttled,
			want: []string{"0 Claim: throttled"},
		},
		{
			name: "the acknowledgement fails", work: takes(time.Second, nil), before: breaks("Acknowledge", 0), err: throttled,
			want: []string{"0 held until 60", "1 Acknowledge: throttled"},
		},
		{
			name: "a transient failure", work: takes(time.Second, reset), err: reset,
			want: []string{"0 held until 60", "1 released: reset"},
		},
		{
			name: "a permanent failure", work: takes(time.Second, long),
			want: []string{"0 held until 60", "1 failed: too long"},
		},
		{
			name: "the worker stops", work: takes(time.Hour, nil), stop: 25 * time.Second, err: ErrStopping,
			want: []string{"0 held until 60", "20 held until 80", "25 handed back 1"},
		},
		{
			name: "the worker stops, and the work reports a permanent failure", stop: 5 * time.Second, err: ErrStopping,
			work: func(ctx context.Context) (contract.Ack, error) { <-ctx.Done(); return contract.Ack{}, long },
			want: []string{"0 held until 60", "5 handed back 1"},
		},
		{
			name: "the work is done as the worker stops", stop: 5 * time.Second,
			work: func(ctx context.Context) (contract.Ack, error) { <-ctx.Done(); return contract.Ack{}, nil },
			want: []string{"0 held until 60", "5 acknowledged by c0de worker/a"},
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			if c.stop > 0 {
				time.AfterFunc(c.stop, func() { cancel(ErrStopping) })
			}
			b := newBook(c.before)
			if err := holder(b).Do(ctx, piece, c.work); !errors.Is(err, c.err) || c.err == nil && err != nil {
				t.Errorf("%s: got %v, want %v", c.name, err, c.err)
			}
			if !slices.Equal(b.log, c.want) {
				t.Errorf("%s:\ngot  %q\nwant %q", c.name, b.log, c.want)
			}
		})
	}
}

// A function's lease is its invocation's time: nothing is renewed.
func TestDoWithoutRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook(nil)
		h := holder(b)
		h.Lease = 0
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		if err := h.Do(ctx, piece, takes(80*time.Second, nil)); err != nil {
			t.Fatal(err)
		}
		if want := []string{"0 held until 90", "80 acknowledged by c0de worker/a"}; !slices.Equal(b.log, want) {
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
		_, stop := Keep(t.Context(), time.Second,
			func(context.Context) bool { beat <- struct{}{}; <-beat; over = true; return true })
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
