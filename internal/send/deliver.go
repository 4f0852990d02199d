package send

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"dip/internal/gateway"
)

// Bounds of the pause before a batch is sent again, without what the gateway asks for.
const (
	firstPause = 200 * time.Millisecond
	maxPause   = 30 * time.Second
)

// answerTimeout is how long an answer may take: the gateway takes up to a minute for a slow body, and 17 s for Kinesis.
const answerTimeout = 90 * time.Second

// maxAnswer bounds an answer, bytes: each of 500 records with its reason.
const maxAnswer = 4 << 20

// deliver sends a batch until each of its records is settled.
func (s *Sender) deliver(ctx context.Context, target string, b *batch, p *progress) error {
	if b.tooLong > 0 {
		s.Counts.Records.Add(b.tooLong)
		s.Counts.Refused.Add(b.tooLong)
	}
	for attempt := 0; ; attempt++ {
		sent := s.pending(b)
		if len(sent) == 0 {
			s.Counts.Bytes.Add(b.end - b.offset)
			return nil
		}
		a := s.post(ctx, target, b, sent)
		if a.fatal != nil {
			return a.fatal
		}
		if s.settle(b, sent, a) {
			p.made()
			attempt = -1
		}
		if len(s.pending(b)) == 0 {
			continue
		}
		if stalled := p.stalled(); stalled > s.Patience {
			return fmt.Errorf("nothing was accepted for %s: %w", stalled.Round(time.Second), a.again)
		}
		s.Counts.Retries.Add(1)
		if err := s.Pause(ctx, pause(max(attempt, 0), a.after, s.Chance())); err != nil {
			return err
		}
	}
}

// pending are the indexes of the records to send. Ids that are made of the key depend on the place in the body, so that
// a body that is sent again is the same; records that name themselves are sent without those that have arrived.
func (s *Sender) pending(b *batch) []int {
	var open []int
	for i, e := range b.entries {
		if !e.settled {
			open = append(open, i)
		}
	}
	if s.Member == "" && len(open) > 0 {
		open = open[:0]
		for i := range b.entries {
			open = append(open, i)
		}
	}
	return open
}

// settle notes what became of the records that were sent; false: nothing new.
func (s *Sender) settle(b *batch, sent []int, a answer) (made bool) {
	if !a.read {
		return false
	}
	failed := map[int]gateway.Result{}
	for _, r := range a.results {
		failed[r.Index] = r
	}
	for at, i := range sent {
		e := &b.entries[i]
		r, bad := failed[at]
		if e.settled || bad && retryable(r.Status) {
			continue
		}
		e.settled, made = true, true
		s.Counts.Records.Add(1)
		if bad {
			s.Counts.Refused.Add(1)
			b.refused = append(b.refused, Refused{Line: e.line, Offset: e.offset, Status: r.Status, Reason: r.Reason,
				Record: beginning(e.data)})
		}
	}
	slices.SortFunc(b.refused, func(x, y Refused) int { return int(x.Line - y.Line) })
	return made
}

// answer is what a request came to. Exactly one of read, again and fatal is set, or read and again.
type answer struct {
	read    bool // results are those of the records that were not accepted
	results []gateway.Result
	again   error         // why it has to be sent again
	after   time.Duration // and not before
	fatal   error         // why that would not help
}

// post sends records of a batch.
func (s *Sender) post(ctx context.Context, target string, b *batch, sent []int) answer {
	body, err := pack(b, sent)
	if err != nil {
		return answer{fatal: err}
	}
	limited, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(limited, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return answer{fatal: err}
	}
	r.Header.Set("Authorization", "Bearer "+s.Token)
	r.Header.Set("Content-Type", "application/x-ndjson")
	r.Header.Set("Content-Encoding", "gzip")
	if s.Member == "" {
		r.Header.Set("Idempotency-Key", s.Source+"-"+strconv.FormatInt(b.offset, 10))
	}
	w, err := s.Client.Do(r)
	if ctx.Err() != nil {
		return answer{fatal: errors.Join(context.Cause(ctx), closed(w))}
	}
	if err != nil { // it may have arrived all the same
		return answer{again: err}
	}
	data, err := io.ReadAll(io.LimitReader(w.Body, maxAnswer))
	if err = errors.Join(err, w.Body.Close()); err != nil {
		return answer{again: fmt.Errorf("read the answer: %w", err)}
	}
	return judge(w.StatusCode, w.Header, data, len(sent), s.Now())
}

func closed(w *http.Response) error {
	if w == nil {
		return nil
	}
	return w.Body.Close()
}

// pack makes a body of records, one a line.
func pack(b *batch, sent []int) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	for _, i := range sent {
		if _, err := z.Write(append(b.entries[i].data, '\n')); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func retryable(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
}

// judge says what an answer means for n records.
func judge(status int, h http.Header, data []byte, n int, now time.Time) answer {
	a := answer{after: retryAfter(h.Get("Retry-After"), now)}
	var p gateway.Problem
	switch {
	case status == http.StatusOK || status == http.StatusMultiStatus:
		var all gateway.Answer
		if err := json.Unmarshal(data, &all); err != nil || all.Records != n {
			a.again = fmt.Errorf("the answer is not that of a gateway to %d records: %.100q", n, data)
			return a
		}
		a.read, a.results = true, all.Results
		if slices.ContainsFunc(all.Results, func(r gateway.Result) bool { return retryable(r.Status) }) {
			a.again = fmt.Errorf("%d records were not accepted", len(all.Results))
		}
		return a
	case json.Unmarshal(data, &p) == nil && len(p.Results) == n:
		a.read, a.results, a.again = true, p.Results, errors.New(p.Detail)
		return a
	}
	err := fmt.Errorf("the gateway answered %d %s: %s", status, http.StatusText(status), detail(p, data))
	switch {
	case retryable(status), status == http.StatusRequestTimeout, status >= http.StatusInternalServerError:
		a.again = err
	default:
		a.fatal = err
	}
	return a
}

func detail(p gateway.Problem, data []byte) string {
	if p.Detail != "" {
		return p.Detail
	}
	return strconv.Quote(beginning(data))
}

// retryAfter reads the header of that name: seconds, or a date.
func retryAfter(text string, now time.Time) time.Duration {
	text = strings.TrimSpace(text)
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return min(time.Duration(n)*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return min(at.Sub(now), maxRetryAfter)
	}
	return 0
}

// maxRetryAfter bounds what a gateway, or something in its place, may ask for.
const maxRetryAfter = 5 * time.Minute

// pause is how long a batch waits after an attempt, counted from 0: half of a doubling time, and up to as much again by
// chance, so that senders do not retry in step; and never less than it was asked to wait.
func pause(attempt int, asked time.Duration, chance float64) time.Duration {
	full := maxPause
	if attempt < 8 {
		full = min(full, firstPause<<attempt)
	}
	jitter := time.Duration(chance * float64(full/2))
	return max(full/2, asked) + jitter
}
