// Package send puts the records of a file into a segment through the gateway. A run may be killed at any point and
// started again: batches and their idempotency keys follow from the file alone, so that whatever is sent twice has the
// same ids, and the segment's closer removes the repeats.
package send

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"dip/internal/gateway"
)

// Sender sends the records of one input.
type Sender struct {
	Gateway string // its URL, such as https://gateway.example.com
	Segment string
	Token   string // never part of an error
	Client  Doer
	// Source names the input: the same content has the same one. With the offset of each batch it makes the keys.
	Source string
	// Member is the member of the records that is their id; "": ids are made of the key, the place and the content.
	Member   string
	Limits   gateway.Limits
	Parallel int           // batches in flight
	Patience time.Duration // without any progress before the run ends with an error
	Journal  Journal
	Pause    func(ctx context.Context, d time.Duration) error
	Chance   func() float64 // in [0, 1)
	Now      func() time.Time
	Counts   *Counts
}

// Doer makes requests. *http.Client implements it.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Journal keeps what a run has reached, so that another one goes on there.
type Journal interface {
	// Save keeps the records that were refused, and then how far the run is.
	Save(s State, refused []Refused) error
}

// State is how far a run is. The records before Offset have been answered.
type State struct {
	Source  string `json:"source"`
	Segment string `json:"segment"`
	Offset  int64  `json:"offset"`
	Line    int64  `json:"line"`    // lines before Offset
	Records int64  `json:"records"` // in them
	Refused int64  `json:"refused"` // of these
	// RefusedBytes is the length of the file of refused records: what is behind it was written by a run that died.
	RefusedBytes int64 `json:"refusedBytes"`
}

// Refused is a record that the gateway does not take, however often it is sent.
type Refused struct {
	Line   int64  `json:"line"` // from 1
	Offset int64  `json:"offset"`
	Status int    `json:"status"` // 400 or 413
	Reason string `json:"reason"`
	Record string `json:"record"` // its beginning, if it is too long
}

// Counts are what a run has done so far. They may be read while it goes on.
type Counts struct {
	Bytes, Records, Refused, Retries atomic.Int64
}

// Run sends what is left of the input from a state on. The error says why it stopped; the journal has what was reached.
func (s *Sender) Run(ctx context.Context, in io.Reader, from State) (State, error) {
	target, err := s.target()
	if err != nil {
		return from, err
	}
	group, ctx := errgroup.WithContext(ctx)
	order, work := make(chan *batch, s.Parallel), make(chan *batch)
	progress := &progress{now: s.Now, last: s.Now()}
	group.Go(func() error {
		defer close(order)
		defer close(work)
		c := newCutter(in, from, s.Limits.Record)
		for {
			b, err := c.next()
			if err != nil || b == nil {
				return err
			}
			for _, to := range []chan *batch{order, work} {
				select {
				case to <- b:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
		}
	})
	for range s.Parallel {
		group.Go(func() error {
			for b := range work {
				if err := s.deliver(ctx, target, b, progress); err != nil {
					return fmt.Errorf("send lines %d to %d: %w", b.firstLine, b.line, err)
				}
				close(b.done)
			}
			return nil
		})
	}
	reached := from
	group.Go(func() error {
		for b := range order {
			select {
			case <-b.done:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			next := reached
			next.Offset, next.Line = b.end, b.line
			next.Records, next.Refused = next.Records+b.records(), next.Refused+int64(len(b.refused))
			if err := s.Journal.Save(next, b.refused); err != nil {
				return fmt.Errorf("keep how far it is: %w", err)
			}
			reached = next
		}
		return nil
	})
	err = group.Wait()
	return reached, err
}

// target is where records are posted to.
func (s *Sender) target() (string, error) {
	u, err := url.Parse(s.Gateway)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", errors.New("the gateway's URL: want https://HOST")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("the gateway's URL: want neither a user nor a query; the token has a place of its own")
	}
	u.Path = strings.TrimSuffix(u.Path, "/") + "/v1/segments/" + s.Segment + "/records"
	if s.Member != "" {
		u.RawQuery = url.Values{"id": {s.Member}}.Encode()
	}
	return u.String(), nil
}

// progress is when the run last got on.
type progress struct {
	now  func() time.Time
	last time.Time
	at   atomic.Int64 // nanoseconds after last
}

func (p *progress) made() { p.at.Store(int64(p.now().Sub(p.last))) }

func (p *progress) stalled() time.Duration { return p.now().Sub(p.last) - time.Duration(p.at.Load()) }
