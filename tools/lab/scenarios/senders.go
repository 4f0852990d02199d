package scenarios

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"dip/tools/lab/balancer"
)

const (
	senderCount   = 6                      // every other one connects anew for each request
	senderEvery   = 250 * time.Millisecond // from one request of a sender to its next
	senderRecords = 5                      // of a request
	senderBad     = 50                     // every so many records is one that the schema refuses
	answerLimit   = 30 * time.Second       // of an answer: longer than the gateway waits for Kinesis
	deliveryLimit = 2 * time.Minute        // of a request with its retries
	mostFailures  = 10                     // that are listed
)

// senders send records through the gateway at a steady rate. They retry what is answered 429 or 503, and nothing else:
// a request without an answer has failed. A record is known by its value, which no other one has.
type senders struct {
	url, path, token string
	balancer         *balancer.Balancer
	roots            *x509.CertPool

	mu       sync.Mutex
	sent     int          // records
	promised map[int]bool // values that were answered with a success
	failures []string     // the first ones
	tally    tally        // since it was last taken
}

// tally counts requests by their answers.
type tally struct {
	answers map[int]int   // by status; 0: none
	longest time.Duration // from a request to its success, retries included
}

func (t *tally) total() (n int) {
	for _, count := range t.answers {
		n += count
	}
	return n
}

func newSenders(gateway, segment, token string, b *balancer.Balancer) *senders {
	s := &senders{
		url: gateway, path: "/v1/segments/" + segment + "/records?id=id", token: token, balancer: b,
		roots: x509.NewCertPool(), promised: map[int]bool{}, tally: tally{answers: map[int]int{}},
	}
	s.roots.AppendCertsFromPEM(b.CA)
	return s
}

// run sends until ctx ends, and then until all that was begun has its outcome.
func (s *senders) run(ctx context.Context) {
	var group sync.WaitGroup
	for i := range senderCount {
		client := s.client(i%2 == 0)
		group.Go(func() {
			ticker := time.NewTicker(senderEvery)
			defer ticker.Stop()
			for {
				select {
				case <-ctx.Done():
					client.CloseIdleConnections()
					return
				case <-ticker.C:
					s.deliver(context.WithoutCancel(ctx), client)
				}
			}
		})
	}
	group.Wait()
}

// client connects to the load balancer, whatever name a URL has.
func (s *senders) client(keep bool) *http.Client {
	return &http.Client{Timeout: answerLimit, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.balancer.Address)
		},
		TLSClientConfig: &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12}, DisableKeepAlives: !keep,
	}}
}

// deliver sends a request until it has an outcome.
func (s *senders) deliver(ctx context.Context, client *http.Client) {
	values, body := s.compose()
	for began := time.Now(); ; {
		a, err := s.post(ctx, client, s.url, body)
		again := s.note(values, a, err, time.Since(began))
		switch {
		case !again:
			return
		case time.Since(began) > deliveryLimit:
			s.fail("no success within %s", deliveryLimit)
			return
		}
		<-time.After(a.retryAfter)
	}
}

// compose makes a body of records that were never sent.
func (s *senders) compose() (values []int, body []byte) {
	s.mu.Lock()
	first := s.sent
	s.sent += senderRecords
	s.mu.Unlock()
	var text bytes.Buffer
	for v := first; v < first+senderRecords; v++ {
		unit := "C"
		if v%senderBad == 0 {
			unit = "kelvin"
		}
		values = append(values, v)
		fmt.Fprintf(&text, `{"id":"%s%d","sensor":"hall-0001","site":"hall","quantity":"temperature","value":%d,"unit":%q,`+
			`"measured_at":"2026-01-31T10:00:00Z"}`+"\n", senderPrefix, v, v, unit)
	}
	return values, text.Bytes()
}

// senderPrefix begins the ids of the records.
const senderPrefix = "lab-"

// answer is what was answered to a request.
type answer struct {
	status     int
	text       []byte
	retryAfter time.Duration
	refused    map[int]int // status by place in the body
}

func (s *senders) post(ctx context.Context, client *http.Client, url string, body []byte) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+s.path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	r.GetBody = nil // else net/http would retry by itself on a connection that was closed
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/x-ndjson")
	response, err := client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	a := answer{status: response.StatusCode, refused: map[int]int{}}
	if a.text, err = io.ReadAll(response.Body); err != nil {
		return answer{}, err
	}
	if a.status == http.StatusOK || a.status == http.StatusMultiStatus {
		var results struct{ Results []struct{ Index, Status int } }
		if err := json.Unmarshal(a.text, &results); err != nil {
			return answer{}, err
		}
		for _, one := range results.Results {
			a.refused[one.Index] = one.Status
		}
	}
	if a.retries() {
		seconds, err := strconv.Atoi(response.Header.Get("Retry-After"))
		if err != nil {
			return answer{}, fmt.Errorf("answered %s without Retry-After", response.Status)
		}
		a.retryAfter = time.Duration(seconds) * time.Second
	}
	return a, nil
}

// retries says whether the request, or a part of it, is to be sent again.
func (a answer) retries() bool {
	busy := func(status int) bool {
		return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
	}
	return busy(a.status) || slices.ContainsFunc(slices.Collect(maps.Values(a.refused)), busy)
}

// note counts an answer, and says whether the request is to be sent again.
func (s *senders) note(values []int, a answer, err error, took time.Duration) (again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally.answers[a.status]++
	if a.status == http.StatusOK || a.status == http.StatusMultiStatus {
		for i, v := range values {
			if a.refused[i] == 0 {
				s.promised[v] = true
			}
		}
	}
	switch {
	case err == nil && a.retries():
		return true
	case err == nil && a.status == http.StatusOK:
		s.tally.longest = max(s.tally.longest, took)
	default:
		s.failLocked(errors.Join(err, fmt.Errorf("status %d: %.200s", a.status, a.text)))
	}
	return false
}

func (s *senders) fail(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failLocked(fmt.Errorf(format, args...))
}

func (s *senders) failLocked(err error) {
	if len(s.failures) < mostFailures {
		s.failures = append(s.failures, time.Now().Format("15:04:05.000 ")+err.Error())
	}
}

// answered is how many requests were answered since the counts were taken.
func (s *senders) answered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tally.total()
}

// take gives the counts since it was last called.
func (s *senders) take() tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tally
	s.tally = tally{answers: map[int]int{}}
	return t
}

// err lists the first requests that failed.
func (s *senders) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.failures) == 0 {
		return nil
	}
	return fmt.Errorf("requests failed:\n  %s", strings.Join(s.failures, "\n  "))
}
