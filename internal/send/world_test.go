package send

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dip/contract"
	"dip/internal/gateway"
)

var errDied = errors.New("died")

// world is a gateway with its real handlers over a stream in memory, and a network between it and the sender. The
// network loses requests and answers, the stream throttles and loses replies, and the sender dies now and then.
type world struct {
	*rand.Rand
	mu      sync.Mutex
	gateway *gateway.Gateway
	calm    bool              // no faults
	dead    bool              // the run was killed: nothing that it does counts
	kill    int               // in 1,000 operations
	stream  map[string]string // records by id
	puts    int
	state   State
	refused []Refused
	token   string
}

const token = "a token that must not be seen"

type document struct{}

func (document) Read(context.Context) ([]byte, error) {
	sum := sha256.Sum256([]byte(token))
	return fmt.Appendf(nil, `{"producers":{"plant":{"segments":["readings"],"tokens":[{"sha256":%q}]}}}`,
		hex.EncodeToString(sum[:])), nil
}

// newWorld runs in a bubble: stop ends what it has started.
func newWorld(t *testing.T, seed uint64) (w *world, stop func()) {
	w = &world{Rand: rand.New(rand.NewPCG(seed, 1)), stream: map[string]string{}, token: token}
	quiet := slog.New(slog.DiscardHandler)
	tokens := &gateway.Tokens{Document: document{}, Log: quiet}
	ctx, cancel := context.WithCancel(t.Context())
	go tokens.Watch(ctx)
	synctest.Wait() // they are loaded
	w.gateway = gateway.New(contract.Catalog{Segments: map[string]contract.Segment{"readings": {
		Stream: &contract.Stream{Name: "s"}, Dialect: contract.Dialect{Encoding: contract.NDJSON}}}}, w, nil, tokens,
		64<<20, quiet)
	return w, func() {
		cancel()
		w.gateway.Close()
	}
}

func (w *world) chance(in1000 int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.calm && w.IntN(1000) < in1000
}

// Put is the stream: it throttles records, and loses replies.
func (w *world) Put(_ context.Context, _ string, records []*gateway.Record) ([]gateway.Outcome, error) {
	if w.chance(100) {
		return nil, errors.New("reset before")
	}
	// For 15 seconds of a minute a shard takes nothing: longer than the gateway tries.
	storm := !w.calm && time.Now().Unix()%60 < 15
	outcomes := make([]gateway.Outcome, len(records))
	for i, r := range records {
		if storm && r.PartitionKey() < "8" || w.chance(20) {
			outcomes[i] = gateway.Throttled
			continue
		}
		head, line, _ := bytes.Cut(r.Data(), []byte("\n"))
		w.mu.Lock()
		w.stream[strings.TrimPrefix(string(head), "\x00dip id ")] = string(line)
		w.puts++
		w.mu.Unlock()
	}
	if w.chance(100) {
		return nil, errors.New("reset after")
	}
	return outcomes, nil
}

// alive says whether the run goes on; it may die here.
func (w *world) alive() bool {
	die := w.chance(w.kill)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = w.dead || die
	return !w.dead
}

// Do is the network.
func (w *world) Do(r *http.Request) (*http.Response, error) {
	switch {
	case !w.alive():
		return nil, errDied
	case w.chance(80):
		return nil, errors.New("refused")
	case w.chance(80):
		h := http.Header{"Retry-After": {[]string{"1", "7", "Sat, 01 Jan 2000 00:00:30 GMT", "soon"}[w.IntN(4)]}}
		return &http.Response{StatusCode: []int{429, 503, 502, 500, 408}[w.IntN(5)], Header: h, Body: http.NoBody}, nil
	}
	out := httptest.NewRecorder()
	w.gateway.Handler().ServeHTTP(out, r)
	answer := out.Result()
	switch {
	case !w.alive(), w.chance(80):
		return nil, errors.New("the answer is lost")
	case w.chance(50): // it breaks off
		answer.Body = io.NopCloser(io.MultiReader(bytes.NewReader(out.Body.Bytes()[:out.Body.Len()/2]), broken{}))
	}
	return answer, nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Save is a journal that dies before, between or after its two writes.
func (w *world) Save(s State, refused []Refused) error {
	if !w.alive() {
		return errDied
	}
	w.refused = append(w.refused, refused...)
	if !w.alive() {
		return errDied
	}
	s.RefusedBytes = int64(len(w.refused))
	w.state = s
	if !w.alive() {
		return errDied
	}
	return nil
}

func (w *world) sender(member string) *Sender {
	return &Sender{
		Gateway: "https://gateway", Segment: "readings", Token: w.token, Client: w, Source: "source", Member: member,
		Limits: gateway.DefaultLimits, Parallel: 3, Patience: 10 * time.Minute, Journal: w, Now: time.Now,
		Counts: &Counts{},
		Pause: func(ctx context.Context, d time.Duration) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(d):
			}
			if !w.alive() {
				return errDied
			}
			return nil
		},
		Chance: func() float64 { return 0.5 },
	}
}
