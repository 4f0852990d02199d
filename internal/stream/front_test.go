package stream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"dip/contract"
	"dip/internal/gateway"
	"dip/internal/interval"
)

// front is a gateway before the stream of a world. It lives until it is killed in the middle of a call.
type front struct {
	*testing.T
	*world
	handler http.Handler
	dead    bool
	stop    func()
}

// bearer is the producer's token, and producers the document that has its hash.
const bearer = "simulated"

type producers struct{}

func (producers) Read(context.Context) ([]byte, error) {
	sum := sha256.Sum256([]byte(bearer))
	return fmt.Appendf(nil, `{"producers":{"plant":{"segments":["readings"],"tokens":[{"sha256":%q}]}}}`,
		hex.EncodeToString(sum[:])), nil
}

// newFront starts a gateway in a bubble, where its pauses cost no time.
func (w *world) newFront(t *testing.T) *front {
	f := &front{T: t, world: w}
	ctx, cancel := context.WithCancel(t.Context())
	tokens := &gateway.Tokens{Document: producers{}, Log: quiet}
	go tokens.Watch(ctx)
	synctest.Wait()
	g := gateway.New(contract.Catalog{Segments: map[string]contract.Segment{"readings": {
		Dialect: contract.Dialect{Encoding: contract.NDJSON}, Stream: &w.settings}}}, f, nil, tokens, 1<<20, quiet)
	f.handler, f.stop = g.Handler(), func() { g.Close(); cancel() }
	return f
}

// Put is the stream as the gateway meets it.
func (f *front) Put(ctx context.Context, _ string, records []*gateway.Record) ([]gateway.Outcome, error) {
	if f.dead {
		return nil, errDied
	}
	fate := f.IntN(20)
	if f.faults == 0 {
		fate = -1
	}
	switch fate {
	case 0:
		return nil, &types.ProvisionedThroughputExceededException{}
	case 1: // the call is lost
		<-ctx.Done()
		return nil, ctx.Err()
	case 2:
		f.dead = true
		return nil, errDied
	}
	outcomes := make([]gateway.Outcome, len(records))
	for i, r := range records {
		if fate > 0 && fate < 8 && f.IntN(4) == 0 { // some of them fail
			outcomes[i] = []gateway.Outcome{gateway.Throttled, gateway.Unavailable}[f.IntN(2)]
			continue
		}
		data, key := r.Data(), r.PartitionKey()
		m := interval.Parse(data, 0)
		f.puts = append(f.puts, put{value: valueOf(m.Record), id: m.ID})
		f.stream.append(hash(key)%keys, key, data, 0)
	}
	switch fate {
	case 8: // the reply is lost
		<-ctx.Done()
		return nil, ctx.Err()
	case 9:
		f.dead = true
		return nil, errDied
	}
	return outcomes, nil
}

// valueOf is the first number of a record: all of a world's are different.
func valueOf(record []byte) string {
	return strings.FieldsFunc(string(record), func(r rune) bool { return r < '0' || r > '9' })[0]
}

// sends has clients send requests through gateways, which may die. A client that hears nothing, or that not all is
// taken, may send all of it again.
func (w *world) sends(requests int) {
	synctest.Test(w.T, func(t *testing.T) {
		f := w.newFront(t)
		for range requests {
			r := w.newRequest()
			for range 1 + w.IntN(3) {
				if f.dead {
					f.stop()
					f = w.newFront(t)
				}
				if f.ask(r) {
					break
				}
				w.now = w.now.Add(time.Duration(w.IntN(3000)) * time.Millisecond)
			}
		}
		f.stop()
	})
}

// request is what a client sends, as often as it has to.
type request struct {
	path, key string
	body      []byte
	values    []string // of the records; "": it is no record
}

func (w *world) newRequest() request {
	w.requests++
	r := request{path: "/v1/segments/readings/records"}
	if w.IntN(2) == 0 {
		r.path += "?id=id"
	} else {
		r.key = fmt.Sprint("key", w.requests)
	}
	var body bytes.Buffer
	for range 1 + w.IntN(6) {
		value := fmt.Sprint(w.values)
		w.values++
		switch w.IntN(10) {
		case 0:
			fmt.Fprintf(&body, `{"v":"x%s","id":"r%s"}`, value, value)
		case 1:
			fmt.Fprintf(&body, `{"v":%s`, value)
			value = ""
		default:
			fmt.Fprintf(&body, `{"v":%s,"id":"r%s","room":"hall"}`, value, value)
		}
		body.WriteByte('\n')
		r.values = append(r.values, value)
	}
	r.body = body.Bytes()
	return r
}

// ask sends a request, and notes the records that were answered with a success. It reports whether all were.
func (f *front) ask(r request) bool {
	q := httptest.NewRequest(http.MethodPost, r.path, bytes.NewReader(r.body))
	q.Header.Set("Authorization", "Bearer "+bearer)
	q.Header.Set("Content-Type", "application/x-ndjson")
	if r.key != "" {
		q.Header.Set("Idempotency-Key", r.key)
	}
	answer := httptest.NewRecorder()
	f.handler.ServeHTTP(answer, q)
	if f.dead {
		return false // nobody hears it
	}
	var told struct{ Results []gateway.Result }
	if err := json.Unmarshal(answer.Body.Bytes(), &told); err != nil {
		f.Fatalf("seed %d: %s: %v", f.seed, answer.Body, err)
	}
	refused := map[int]int{}
	for _, one := range told.Results {
		refused[one.Index] = one.Status
	}
	all := true
	for i, value := range r.values {
		status, failed := refused[i]
		switch {
		case (value == "") != (status == http.StatusBadRequest):
			f.Errorf("seed %d: record %d of %s is answered %d: %s", f.seed, i, r.body, status, answer.Body)
		case failed:
			all = all && status == http.StatusBadRequest
		case answer.Code == http.StatusOK || answer.Code == http.StatusMultiStatus:
			f.promised[value] = true
		default:
			all = false
		}
	}
	return all
}
